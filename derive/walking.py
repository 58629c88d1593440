"""The nodes of an expression, without the machinery of SymPy's own traversals, which costs more than a small tree."""

from __future__ import annotations

from typing import TypeVar

from sympy import Basic

Kind = TypeVar("Kind", bound=Basic)


def nodes(expr: Basic) -> list[Basic]:
    """Every node of an expression, as often as it occurs: the whole first, what it is made of after it."""
    found = [expr]
    for node in found:
        found += node.args
    return found


def atoms(expr: Basic, kind: type[Kind]) -> set[Kind]:
    """The different nodes of a kind, as ``expr.atoms(kind)``."""
    return {node for node in nodes(expr) if isinstance(node, kind)}
