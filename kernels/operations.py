"""Definitions that one call computes as a whole: matrix products, functions of matrices, solutions.

An inverse of which only products are wanted is never formed: ``inv(A) @ b`` is the solution of a
system.  Everything that needs factors of a matrix shares them, so that a matrix is factorised once,
whether its inverse, its determinant or solutions are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sympy import Expr, Min

from chainrule.derive.matrix_adjoints import batch_axes, is_matrix_function
from chainrule.derive.program import Definition, Program, Ref
from chainrule.kernels.products import MatrixProduct, Shapes, is_plain, matrix_product, shapes_of


@dataclass(frozen=True)
class Decomposition:
    """Arrays that several functions of a matrix are computed from.

    Attributes:
        function: of the library, that writes them.
        arrays: the ending of each array's name, which no other decomposition has, and its shape from
            the numbers of rows and columns.
        whole: the arrays of whole numbers among them.
    """

    function: str
    arrays: dict[str, Callable[[Expr, Expr], tuple[Expr, ...]]]
    whole: frozenset[str] = frozenset()


FACTORS = Decomposition(
    "factorise", {"factors": lambda m, n: (n, n), "rows": lambda m, n: (n + 1,)}, frozenset({"rows"})
)  # fmt: skip
EIGEN = Decomposition("find_eigen", {"eigenvalues": lambda m, n: (n,), "eigenvectors": lambda m, n: (n, n)})
SINGULAR = Decomposition(
    "find_singular",
    {"left": lambda m, n: (m, Min(m, n)), "singular": lambda m, n: (Min(m, n),), "right": lambda m, n: (n, Min(m, n))},
)


@dataclass(frozen=True)
class Way:
    """How a function of a matrix is computed.

    Attributes:
        function: of the library, that writes the value, or returns it if it is a number.
        decomposition: what the function reads; the matrix itself if nothing.
        part: instead of a function, the ending of the array of the decomposition that is the value.
    """

    function: str = ""
    decomposition: Decomposition | None = None
    part: str = ""


WAYS: dict[str, Way] = {
    "inv": Way("invert", FACTORS),
    "det": Way("find_determinant", FACTORS),
    "logdet": Way("find_log_determinant", FACTORS),
    "cholesky": Way("find_cholesky"),
    "expm": Way("find_exponential"),
    "pinv": Way("find_pseudo_inverse", SINGULAR),
    "eigvalsh": Way(decomposition=EIGEN, part="eigenvalues"),
    "eigvectors": Way(decomposition=EIGEN, part="eigenvectors"),
    "svdvals": Way(decomposition=SINGULAR, part="singular"),
    "left_singular": Way(decomposition=SINGULAR, part="left"),
    "right_singular": Way(decomposition=SINGULAR, part="right"),
}

#: The functions of the library that kernels call.
CALLED = frozenset(
    {"solve", "solve_right", *(way.function for way in WAYS.values() if way.function)}
    | {way.decomposition.function for way in WAYS.values() if way.decomposition}
)


@dataclass(frozen=True)
class Applied:
    """A function of the matrices along the last two axes of an array, for each of the axes in front."""

    operand: Ref
    way: Way
    batch: int


@dataclass(frozen=True)
class Solution:
    """A product with an inverse.

    Attributes:
        inverse: the inverse.
        other: the other factor.
        side: on which side the inverse stands.
        product: the axes of both.
    """

    inverse: Applied
    other: Ref
    side: Literal["left", "right"]
    product: MatrixProduct

    @property
    def batched(self) -> bool:
        """Whether there is a matrix for each index of the batch, and not the same one for all."""
        return self.inverse.batch > 0

    @property
    def transposed(self) -> bool:
        """Whether it is the inverse of the transposed matrix."""
        return self.product.flip_first if self.side == "left" else self.product.flip_second


Operation = MatrixProduct | Applied | Solution


def operations(program: Program) -> dict[str, Operation]:
    """The definitions that one call computes, by name."""
    found: dict[str, Operation] = {}
    inverses: dict[str, Applied] = {}
    shapes = shapes_of(program)
    for definition in program.definitions:
        applied = _applied(definition, shapes)
        if applied is not None and definition.reduce == "inv":
            inverses[definition.name] = applied
        operation = applied or _solution(definition, inverses, shapes) or matrix_product(definition, shapes)
        if operation is not None:
            found[definition.name] = operation
    return found


def _applied(definition: Definition, shapes: Shapes) -> Applied | None:
    if not is_matrix_function(definition):
        return None
    batch = batch_axes(definition)
    operand, axes = definition.body, (*definition.free[:batch], *definition.bound_indices)
    if not isinstance(operand, Ref) or operand.indices != axes or not is_plain(operand, definition.lengths, shapes):
        raise ValueError(f"{definition.name} takes a matrix that is no array")
    return Applied(operand, WAYS[definition.reduce], batch)


def _solution(definition: Definition, inverses: dict[str, Applied], shapes: Shapes) -> Solution | None:
    product = matrix_product(definition, shapes, vectors=True) if definition.reads & inverses.keys() else None
    if product is None or len(product.contracted) != 1:
        return None
    first, second = product.first, product.second
    if first.name in inverses and len(product.left) == 1:
        return Solution(inverses[first.name], second, "left", product)
    if second.name in inverses and len(product.right) == 1:
        return Solution(inverses[second.name], first, "right", product)
    return None
