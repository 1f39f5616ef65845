"""Looks at a template before it is rendered: names given twice, where options stand, whether it needs to be bounded."""

from __future__ import annotations

from collections.abc import Collection

from jinja2 import nodes

from juicesql.errors import Problem, RecipeError

_HEAD = frozenset({"config", "var", "ref", "source", "fingerprints", "refuse"})
_FILTERS = frozenset({"sql", "identifier"})
# What neither loops nor makes a value larger than its parts, unless something around it does.
_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Call, nodes.Keyword, nodes.List,
    nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Filter, nodes.Neg, nodes.Pos, nodes.If, nodes.CondExpr, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.CallBlock,
)  # fmt: skip


def option_lines(tree: nodes.Template, file: str) -> dict[str, int]:
    """Where each option of `config(...)` stands. RecipeError for a name that is given twice in one call."""
    problems, lines = [], dict[str, int]()
    for call in tree.find_all(nodes.Call):
        named = [k.key for k in call.kwargs]
        for twice in dict.fromkeys(k for k in named if named.count(k) > 1):
            line = [k.lineno for k in call.kwargs if k.key == twice][1]
            problems.append(Problem("given-twice", f"`{twice}` is given twice", "leave one of them", file, line))
        if isinstance(call.node, nodes.Name) and call.node.name == "config":
            lines |= {k.key: k.lineno for k in call.kwargs}
    if problems:
        raise RecipeError(problems)
    return lines


def is_plain(tree: nodes.Template, macros: Collection[str]) -> bool:
    """Whether rendering takes no longer, and gives no more, than its text and a few repetitions of it.

    True for blocks of constants, the functions of the head and one of these `macros` with such arguments: there is no
    loop, no name that is set, no arithmetic, and no macro or filter around another.
    """
    return all(_is_plain(node, macros) for node in tree.iter_child_nodes())


def _is_plain(node: nodes.Node, macros: Collection[str], inside: bool = False) -> bool:
    if not isinstance(node, _PLAIN) or (isinstance(node, nodes.Name) and node.ctx != "load"):
        return False
    if isinstance(node, nodes.Call):
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        repeats = name in macros
        if node.dyn_args or node.dyn_kwargs or not (name in _HEAD or repeats) or (repeats and inside):
            return False
        inside = inside or repeats
    elif isinstance(node, nodes.CallBlock):
        called = not inside and not node.args and _is_plain(node.call, macros)
        return called and all(_is_plain(part, macros, inside=True) for part in node.body)
    elif isinstance(node, nodes.Filter):
        if node.name not in _FILTERS or inside:
            return False
        inside = True
    return all(_is_plain(child, macros, inside) for child in node.iter_child_nodes())
