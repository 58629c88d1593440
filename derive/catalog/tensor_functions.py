"""Functions of whole tensors, one entry each: reductions, products, and what builds or rearranges.

The parser reads calls by these signatures, ``chainrule list functions`` and the documentation
print them; how each becomes definitions in index notation is said in ``notation/functions.py``,
under the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.derive.catalog.linalg import MATRIX_FUNCTIONS

#: What an argument is: a tensor, several tensors, blocks of tensors in brackets, labels (integers that
#: select entries), an axis, one or more axes, an order of all axes, a switch, a length, a shape (one in
#: which -1 stands for what is left), a quoted text, a condition, an integer that may be negative, several
#: of them, or such integers in brackets.
ArgumentKind = Literal[
    "tensor", "tensors", "blocks", "labels", "axis", "axes", "order", "switch", "length", "shape", "new shape", "text",
    "condition", "integer", "integers", "numbers",
]
Group = Literal["reduction", "along an axis", "product", "linear algebra", "structure", "constructor", "choice"]


@dataclass(frozen=True)
class Argument:
    """One argument of a function.

    Attributes:
        name: its keyword.
        kind: what it is.
        default: the default as text; empty if the argument must be given.
        keyword_only: whether it must be given by name.
    """

    name: str
    kind: ArgumentKind
    default: str = ""
    keyword_only: bool = False


@dataclass(frozen=True)
class TensorFunction:
    """A function of whole tensors.

    Attributes:
        name: as written in a formula; further spellings in ``aliases``.
        group: what kind of function it is.
        arguments: its arguments in order.
        about: one line of what it is, with its formula.
        numpy: the same in NumPy.
        aliases: further spellings.
        method: whether ``x.name(..)`` may be written for ``name(x, ..)``.
    """

    name: str
    group: Group
    arguments: tuple[Argument, ...]
    about: str
    numpy: str
    aliases: tuple[str, ...] = ()
    method: bool = False

    @property
    def signature(self) -> str:
        """The call as documentation prints it, such as ``sum(x, axis=None, keepdims=False)``."""
        shown: list[str] = []
        for argument in self.arguments:
            if argument.keyword_only and "*" not in shown and not any(a.kind == "tensors" for a in self.arguments):
                shown.append("*")
            stars = "*" if argument.kind == "tensors" else ""
            shown.append(f"{stars}{argument.name}" + (f"={argument.default}" if argument.default else ""))
        return f"{self.name}({', '.join(shown)})"


X = Argument("x", "tensor")
MATRIX = Argument("A", "tensor")
AXES = (Argument("axis", "axes", "None"), Argument("keepdims", "switch", "False"))
NAMED_AXES = (Argument("axis", "axes", "None", True), Argument("keepdims", "switch", "False", True))
LAST_AXIS = Argument("axis", "axis", "-1")
FIRST_AXIS = Argument("axis", "axis", "0", True)
PAIR = (Argument("a", "tensor"), Argument("b", "tensor"))
ONE_AXIS = Argument("axis", "axes", "None")
ANY_AXIS = Argument("axis", "axes", "None")
DIAGONAL_K = Argument("k", "integer", "0")
DIAGONAL = (Argument("offset", "integer", "0"), Argument("axis1", "axis", "0"), Argument("axis2", "axis", "1"))


def _reduction(name: str, about: str, numpy: str = "", arguments: tuple[Argument, ...] = AXES) -> TensorFunction:
    method = hasattr(np.ndarray, name)
    return TensorFunction(name, "reduction", (X, *arguments), about, numpy or f"np.{name}", method=method)


def _along(name: str, about: str, numpy: str, axis: Argument = LAST_AXIS) -> TensorFunction:
    return TensorFunction(name, "along an axis", (X, axis), about, numpy, method=hasattr(np.ndarray, name))


TENSOR_FUNCTIONS: tuple[TensorFunction, ...] = (
    _reduction("sum", "sum of the entries"),
    _reduction("mean", "sum of the entries over their number"),
    _reduction("prod", "product of the entries"),
    # The axis of max and min is given by name only: max(x, 0) is the larger of x and 0 to many.
    _reduction("max", "largest entry; where several are largest, the derivative is shared", "np.max", NAMED_AXES),
    _reduction("min", "smallest entry; where several are smallest, the derivative is shared", "np.min", NAMED_AXES),
    _reduction("var", "mean of the squared distances from the mean", "np.var"),
    _reduction("std", "square root of var", "np.std"),
    _reduction("logsumexp", "log of the sum of exp(x), without overflow", "scipy.special.logsumexp"),
    _reduction("norm", "sqrt(sum(x**2)): 2-norm of a vector, Frobenius norm of a matrix", "np.linalg.norm", NAMED_AXES),
    _reduction("norm1", "sum(abs(x))", "np.abs(x).sum", NAMED_AXES),
    _reduction("norm2", "sqrt(sum(x**2)), the same as norm", "np.linalg.norm", NAMED_AXES),
    _reduction("norminf", "max(abs(x))", "np.abs(x).max", NAMED_AXES),
    _along("softmax", "exp(x) / sum(exp(x)) along the axis", "scipy.special.softmax"),
    _along("log_softmax", "x - logsumexp(x) along the axis", "scipy.special.log_softmax"),
    _along("hardmax", "share of each largest entry: 1 over their number there, 0 elsewhere", "x == np.max(x)"),
    _along("cumsum", "sums of the entries up to each one; all axes as one if none is named", "np.cumsum", ONE_AXIS),
    _along("cumprod", "products of the entries up to each one; all axes as one if none is named", "np.cumprod",
           ONE_AXIS),
    TensorFunction(
        "diff", "along an axis", (X, Argument("n", "integer", "1"), LAST_AXIS),
        "x[1:] - x[:-1] along the axis, n times", "np.diff",
    ),
    TensorFunction("dot", "product", PAIR, "a @ b; for scalars a * b", "np.dot", method=True),
    TensorFunction("outer", "product", PAIR, "the matrix a[i] * b[j] of two vectors", "np.outer"),
    TensorFunction("kron", "product", PAIR, "blocks a[i, j] * b: a[i // p, j // q] * b[i % p, j % q]", "np.kron"),
    TensorFunction(
        "tensordot", "product", (*PAIR, Argument("axes", "numbers", "2")),
        "sum over the last axes of a and the first of b, or over the axes named ((..), (..))", "np.tensordot",
    ),
    TensorFunction(
        "einsum", "product", (Argument("subscripts", "text"), Argument("operands", "tensors")),
        "sum of products over the letters that the output lacks; ... stands for the other axes", "np.einsum",
    ),
    *(
        TensorFunction(entry.name, "linear algebra", (MATRIX,), entry.about, entry.numpy, entry.aliases)
        for entry in MATRIX_FUNCTIONS
    ),
    TensorFunction(
        "solve", "linear algebra", (MATRIX, Argument("b", "tensor")), "the x with A @ x = b, that is inv(A) @ b",
        "np.linalg.solve",
    ),
    TensorFunction(
        "matrix_power", "linear algebra", (MATRIX, Argument("k", "integer")),
        "A @ A @ .. @ A, or of inv(A) for a negative k", "np.linalg.matrix_power",
    ),
    TensorFunction(
        "nuclear_norm", "linear algebra", (MATRIX,), "sum of the singular values", "np.linalg.norm(A, 'nuc')"
    ),
    TensorFunction("spectral_norm", "linear algebra", (MATRIX,), "largest singular value", "np.linalg.norm(A, 2)"),
    TensorFunction(
        "trace", "structure", (X, *DIAGONAL), "sum of the diagonal of a square matrix, or along two axes", "np.trace",
        ("tr",), True,
    ),
    TensorFunction(
        "diag", "structure", (X, DIAGONAL_K), "diagonal matrix of a vector, or diagonal of a square matrix", "np.diag"
    ),
    TensorFunction("diagonal", "structure", (X, *DIAGONAL), "diagonal along two axes, as the last axis",
                   "np.diagonal", method=True),
    TensorFunction("transpose", "structure", (X, Argument("axes", "order", "None")),
                   "x.T, the axes in reverse order, or in the order given", "np.transpose", method=True),
    TensorFunction("swapaxes", "structure", (X, Argument("axis1", "axis"), Argument("axis2", "axis")),
                   "two axes exchanged", "np.swapaxes", method=True),
    TensorFunction("moveaxis", "structure", (X, Argument("source", "axes"), Argument("destination", "axes")),
                   "axes moved to other places", "np.moveaxis"),
    TensorFunction("expand_dims", "structure", (X, Argument("axis", "axes")), "new axes of length 1", "np.expand_dims"),
    TensorFunction("squeeze", "structure", (X, ANY_AXIS), "without axes of length 1", "np.squeeze", method=True),
    TensorFunction(
        "reshape", "structure", (X, Argument("shape", "new shape")),
        "the entries, row by row, in another shape; -1 is the length that is left", "np.reshape", method=True,
    ),
    TensorFunction("ravel", "structure", (X,), "all entries in one axis, row by row", "np.ravel", ("flatten",), True),
    TensorFunction(
        "vec", "structure", (X,), "the columns of a matrix under one another (Magnus and Neudecker)",
        "x.reshape(-1, order='F')",
    ),
    TensorFunction("broadcast_to", "structure", (X, Argument("shape", "shape")),
                   "repeated along new axes and axes of length 1", "np.broadcast_to"),
    TensorFunction("flip", "structure", (X, ANY_AXIS), "x[::-1] along the axis, or all axes", "np.flip"),
    TensorFunction("roll", "structure", (X, Argument("shift", "integer"), ANY_AXIS),
                   "every entry moved on by shift places, round the end", "np.roll"),
    TensorFunction("repeat", "structure", (X, Argument("repeats", "length"), ANY_AXIS),
                   "every entry several times in a row", "np.repeat", method=True),
    TensorFunction("tile", "structure", (X, Argument("reps", "shape")), "the whole several times along each axis",
                   "np.tile"),
    TensorFunction("pad", "structure", (X, Argument("pad_width", "numbers")),
                   "zeros before and after each axis: n, (before, after), or a pair for each axis", "np.pad"),
    TensorFunction("tril", "structure", (X, DIAGONAL_K), "lower triangle, zeros above the diagonal k", "np.tril"),
    TensorFunction("triu", "structure", (X, DIAGONAL_K), "upper triangle, zeros below the diagonal k", "np.triu"),
    TensorFunction(
        "concat", "structure", (Argument("x", "tensors"), FIRST_AXIS), "tensors one after the other along an axis",
        "np.concatenate", ("concatenate",),
    ),
    TensorFunction(
        "stack", "structure", (Argument("x", "tensors"), FIRST_AXIS), "tensors side by side along a new axis",
        "np.stack",
    ),
    TensorFunction("hstack", "structure", (Argument("x", "tensors"),), "tensors side by side", "np.hstack"),
    TensorFunction("vstack", "structure", (Argument("x", "tensors"),), "tensors under one another", "np.vstack"),
    TensorFunction("column_stack", "structure", (Argument("x", "tensors"),), "vectors as the columns of a matrix",
                   "np.column_stack"),
    TensorFunction("block", "structure", (Argument("x", "blocks"),), "a matrix of blocks: block([[A, B], [C, D]])",
                   "np.block"),
    TensorFunction("take", "structure", (X, Argument("indices", "labels"), ANY_AXIS),
                   "the entries with the given labels along an axis", "np.take", method=True),
    TensorFunction(
        "take_along_axis", "structure", (X, Argument("indices", "labels"), Argument("axis", "axis", "-1")),
        "the entries with the given labels along one axis, the others side by side", "np.take_along_axis",
    ),
    TensorFunction("eye", "constructor", (Argument("n", "length"), Argument("m", "length", "None"), DIAGONAL_K),
                   "identity matrix; ones on the diagonal k", "np.eye"),
    TensorFunction("arange", "constructor", (Argument("bounds", "integers"),),
                   "the numbers 0, 1, .., n - 1, or from a start to a stop in steps", "np.arange"),
    TensorFunction("onehot", "constructor", (Argument("y", "labels"), Argument("k", "length")),
                   "1 where the label is c, for every c below k: y[:, None] == arange(k)",
                   "(y[..., None] == np.arange(k))", ("one_hot",)),
    TensorFunction("ones", "constructor", (Argument("shape", "shape"),), "a tensor of ones", "np.ones"),
    TensorFunction("zeros", "constructor", (Argument("shape", "shape"),), "a tensor of zeros", "np.zeros"),
    TensorFunction("full", "constructor", (Argument("shape", "shape"), Argument("value", "tensor")),
                   "a tensor whose entries are all the same", "np.full"),
    TensorFunction(
        "where", "choice", (Argument("condition", "condition"), *PAIR), "a where the condition holds, else b",
        "np.where",
    ),
)  # fmt: skip

#: Every spelling of every function of tensors.
TENSOR_BY_NAME: dict[str, TensorFunction] = {
    name: entry for entry in TENSOR_FUNCTIONS for name in (entry.name, *entry.aliases)
}

#: Functions that are known by name and give more than one tensor, with what to write instead.
NOT_A_TENSOR: dict[str, str] = {
    "slogdet": "the logarithm of the absolute determinant is logdet(A)",
    "eigh": "the eigenvalues are eigvalsh(A), the eigenvectors eigvectors(A)",
    "eig": "eigenvalues of a symmetric matrix are eigvalsh(A)",
    "svd": "the singular values are svdvals(A), the vectors left_singular(A) and right_singular(A)",
    "qr": "the triangular factor of A.T @ A is cholesky(A.T @ A)",
}
