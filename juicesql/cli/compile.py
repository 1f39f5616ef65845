"""`juicesql compile`: the recipe as SQL."""

from __future__ import annotations

from juicesql.cli.options import ProjectFolder, RecipeName, Sources, VarPairs, VarsFile, variables


def compile(
    recipe: RecipeName,
    source: Sources = None,
    project: ProjectFolder = None,
    var: VarPairs = None,
    vars_file: VarsFile = None,
) -> None:
    """Print SQL that runs by itself (`juicesql compile RECIPE | duckdb`) where the recipe needs no Python."""
    from juicesql.compiled import compile_recipe

    print(compile_recipe(recipe, source=source or (), project=project, variables=variables(var, vars_file)), end="")
