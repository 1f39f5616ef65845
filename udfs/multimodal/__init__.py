"""Functions over texts together with images or videos, one a file."""
