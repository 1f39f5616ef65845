"""The components that ship, one file each; importing the package registers them. Their libraries load only at work."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
