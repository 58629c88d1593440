"""Functions of whole matrices as Python source, from the table of the catalogue."""

from __future__ import annotations

import ast

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME


def matrix_source(kind: str, matrix: ast.expr) -> ast.expr:
    """The value of a function of a matrix; for more axes, of the matrices along the last two."""
    tree = ast.parse(MATRIX_FUNCTION_BY_NAME[kind].numpy, mode="eval").body
    value: ast.expr = _Operand(matrix).visit(tree)
    return value


class _Operand(ast.NodeTransformer):
    """Puts a matrix in the place of ``A``, and ``A.mT`` in that of ``A.T``."""

    def __init__(self, matrix: ast.expr) -> None:
        self.matrix = matrix

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.matrix if node.id == "A" else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        return ast.Attribute(node.value, "mT", node.ctx) if node.attr == "T" else node
