"""Signs of LaTeX whose meaning depends on the number of axes of their operands.

Each is one function of the workspace, the node and the operands, collected in :data:`MEANINGS`.
Where two meanings are possible for the same operands, the sign is refused and both are named.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy import Integer

from chainrule.derive.catalog.elementwise import abs_
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.errors import NotationError, ShapeError
from chainrule.derive.notation import scalars
from chainrule.derive.notation.blocks import lower_blocks
from chainrule.derive.notation.functions import LOWERINGS, Axes, matmul
from chainrule.derive.notation.linear_algebra import MATRIX_LOWERINGS, apply_to_matrix, lower_matrix_power
from chainrule.derive.notation.open_lengths import open_identity, open_ones
from chainrule.derive.notation.structure import STRUCTURE_LOWERINGS
from chainrule.derive.notation.syntax import ENTRYWISE, Juxtaposed, Overloaded
from chainrule.derive.notation.tensors import Tensor, Workspace, broadcast_shape, shape_text, spread

ALL_AXES = Axes(None, None)


def _two(node: Overloaded | Juxtaposed, what: str, *readings: str) -> NotationError:
    return NotationError(f"{what} can be read in two ways", node.span, expected=" or ".join(readings))


def _is_square(x: Tensor) -> bool:
    return x.rank == 2 and x.shape[0] == x.shape[1]


# ---- powers --------------------------------------------------------------------------------------


def lower_power(work: Workspace, node: Overloaded, base: Tensor, exponent: Tensor) -> Tensor:
    """A power of a scalar or of entries, a power of a square matrix, or an inverse."""
    if base.rank >= 2 and exponent.rank == 0 and (exponent.body == -1 or base.shape[-1] == base.shape[-2]):
        return _matrix_power(work, node, base, exponent)
    if base.rank == 1 and exponent.body.is_negative:
        raise NotationError(
            f"{base.text} is a vector and has no inverse", node.span,
            expected="1 \\oslash x, or x^{\\odot -1}, for one over each entry",
        )  # fmt: skip
    shape = broadcast_shape([base, exponent], "^")
    return Tensor(shape, scalars.power(spread(base, shape), spread(exponent, shape)), node)


def _matrix_power(work: Workspace, node: Overloaded, base: Tensor, exponent: Tensor) -> Tensor:
    power = exponent.body
    if power == -1:
        return apply_to_matrix(work, node, MATRIX_FUNCTION_BY_NAME["inv"], base)
    if node.detail == ENTRYWISE or not isinstance(power, Integer):
        raise _two(
            node, f"this power of the square matrix {base.text}", "a product such as A A",
            f"a power of each entry, A^{{\\odot {power}}}",
        )  # fmt: skip
    return lower_matrix_power(work, node, base, power)


def lower_exponential(work: Workspace, node: Overloaded, exponent: Tensor) -> Tensor:
    """``e^x``, entry by entry."""
    if _is_square(exponent):
        raise _two(
            node, "e to the power of a square matrix", "\\exp(A) entry by entry", "\\operatorname{expm}(A)"
        )
    return Tensor(exponent.shape, scalars.checked(sp.exp(exponent.body)), node)


# ---- bars ----------------------------------------------------------------------------------------


def lower_bars(work: Workspace, node: Overloaded, x: Tensor) -> Tensor:
    """The determinant of a square matrix, else absolute values."""
    if not _is_square(x):
        return Tensor(x.shape, abs_(x.body), node)
    _refuse_entrywise(node, x)
    return apply_to_matrix(work, node, MATRIX_FUNCTION_BY_NAME["det"], x)


def lower_log_bars(work: Workspace, node: Overloaded, x: Tensor) -> Tensor:
    """``log|A|`` of a square matrix, without the overflow of the determinant, else of absolute values."""
    if not _is_square(x):
        return Tensor(x.shape, scalars.checked(sp.log(abs_(x.body))), node)
    _refuse_entrywise(node, x)
    return apply_to_matrix(work, node, MATRIX_FUNCTION_BY_NAME["logdet"], x)


def _refuse_entrywise(node: Overloaded, x: Tensor) -> None:
    if node.detail == ENTRYWISE:
        raise _two(
            node, f"bars around the square matrix {x.text} inside a sum of entries", "\\det(A)",
            "\\operatorname{abs}(A) entry by entry",
        )  # fmt: skip


#: Functions of the entries by the order of the norm, and those of a matrix as a whole.
_OF_ENTRIES = {"": "norm", "2": "norm", "F": "norm", "1": "norm1", "inf": "norminf"}
_OF_MATRIX = {"F": "norm", "2": "spectral_norm", "nuclear": "nuclear_norm"}
_READINGS = {
    "": ("\\lVert A \\rVert_F", "\\lVert A \\rVert_2, the largest singular value"),
    "1": ("\\lVert \\operatorname{vec}(A) \\rVert_1", "the largest sum of a column, which is not available"),
    "inf": ("\\lVert \\operatorname{vec}(A) \\rVert_\\infty", "the largest sum of a row, which is not available"),
}


def lower_norm(work: Workspace, node: Overloaded, x: Tensor) -> Tensor:
    """The norm of a vector or of a matrix whose order stands below the bars."""
    if x.rank == 2 and node.detail in _READINGS:
        raise _two(node, "this norm of a matrix", *_READINGS[node.detail])
    function = (_OF_MATRIX if x.rank >= 2 else _OF_ENTRIES).get(node.detail, "")
    if not function or (x.rank > 2 and node.detail != "F"):
        raise ShapeError(
            "there is no such norm of an array with this number of axes", node.span,
            found=f"shape {shape_text(x.shape)}",
        )  # fmt: skip
    if x.rank == 0:
        return Tensor((), abs_(x.body), node)
    if function in MATRIX_LOWERINGS:
        value: Tensor = MATRIX_LOWERINGS[function](work, node, x)
    else:
        value = LOWERINGS[function](work, node, x, ALL_AXES, False)
    return value


# ---- products ------------------------------------------------------------------------------------


def lower_inner(work: Workspace, node: Overloaded, a: Tensor, b: Tensor) -> Tensor:
    """The sum of the products of the entries of two arrays of one shape."""
    if a.shape != b.shape:
        raise ShapeError(
            "an inner product is one of arrays of the same shape", node.span, expected=f"shape {shape_text(a.shape)}",
            found=f"shape {shape_text(b.shape)}",
        )  # fmt: skip
    if a.rank == 1:
        return matmul(work, node, a, b)
    axes = tuple(range(a.rank))
    return work.contract([(a, axes), (b, axes)], (), node, "inner product")


def lower_signed(work: Workspace, node: Juxtaposed, a: Tensor, b: Tensor) -> Tensor:
    """A product with a sign: of entries, of matrices by Kronecker, or with a scalar."""
    if node.sign == "⊗":
        return _kronecker(work, node, a, b)
    if node.sign in ("·", "×", "∗") and a.rank and b.rank:
        inner = "x^{\\top} y" if max(a.rank, b.rank) == 1 else "A x"
        raise _two(node, f"{_SHOWN[node.sign]} between two arrays", inner, "x \\odot y entry by entry")
    shape = broadcast_shape([a, b], node.sign)
    factors = [spread(a, shape), spread(b, shape)]
    if node.sign == "⊘":
        factors[1] = scalars.inverse(factors[1])
    return Tensor(shape, scalars.multiply(factors), node, row=(a.row or b.row) and not (a.rank and b.rank))


_SHOWN = {"·": "\\cdot", "×": "\\times", "∗": "*"}


def _kronecker(work: Workspace, node: Juxtaposed, a: Tensor, b: Tensor) -> Tensor:
    if (a.rank, b.rank) == (1, 1):
        raise _two(node, "\\otimes between two vectors", "x y^{\\top}", "\\operatorname{kron}(x, y)")
    if not a.rank or not b.rank:
        raise ShapeError("\\otimes multiplies two matrices", node.span, hint="the product with a scalar is \\cdot")
    product: Tensor = STRUCTURE_LOWERINGS["kron"](work, node, a, b)
    return product


MEANINGS: dict[str, Callable[..., Tensor]] = {
    "power": lower_power,
    "exp": lower_exponential,
    "bars": lower_bars,
    "log bars": lower_log_bars,
    "norm": lower_norm,
    "inner": lower_inner,
    "blocks": lower_blocks,
    "eye": lambda work, node: open_identity(node),
    "ones": lambda work, node: open_ones(node),
}
