"""A contract for import-linter: what some modules may import from the root package, named one by one."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """`importers` import each other and the `allowed` modules, and nothing else of the root packages.

    Only direct imports count: an allowed module may import what it likes.
    """

    type_name = "only"

    importers = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = []
        for importer in sorted(m for m in graph.modules if _inside(m, self.importers)):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if not _inside(imported, self.importers) and imported not in self.allowed:
                    details = graph.get_import_details(importer=importer, imported=imported)
                    broken.append((importer, imported, details[0]["line_number"] if details else None))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported} (line {line})", bold=False)


def _inside(module: str, packages: list[str]) -> bool:
    return any(module == p or module.startswith(p + ".") for p in packages)
