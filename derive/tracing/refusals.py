"""What cannot be traced, by name, and what to write instead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import UnsupportedError, near_names
from chainrule.derive.tracing.places import frames, is_library, library_call, site, spot
from chainrule.derive.tracing.record import Record


class UnsupportedAttributeError(UnsupportedError, AttributeError):
    """An attribute that traced values lack; ``hasattr`` answers no."""


@dataclass(frozen=True)
class Refusal:
    """Why Python's own protocols stop at a traced value: ``{0}`` is what was called or tested."""

    message: str
    hint: str


#: Python's protocols by their method's name.
PROTOCOLS: dict[str, Refusal] = {
    "bool": Refusal(
        "whether {0} holds depends on the arrays, and the function is traced without them",
        "a choice between values is np.where(condition, a, b); conditions are joined with & and |",
    ),
    "compare": Refusal(
        "{0} compares values, which the function is traced without",
        "a choice between values is np.where(condition, a, b)",
    ),
    "number": Refusal(
        "{0} needs a number, and a traced value has none yet", "use NumPy's function, or leave the conversion out"
    ),
    "index": Refusal(
        "{0} needs an integer, and a traced value or a symbolic length has none yet",
        "loops run over fixed ranges; over an axis with a symbolic length write np.sum, np.cumsum, .. of the whole",
    ),
    "len": Refusal(
        "len gives an integer, and this axis has a symbolic length", "write x.shape[0], which counts as a number"
    ),
    "iter": Refusal(
        "{0} goes over the entries one by one, and this axis has a symbolic length",
        "write np.sum(x), np.mean(x), .. of the whole axis",
    ),
    "array": Refusal(
        "{0} needs an array of numbers, and a traced value has none yet",
        "leave np.asarray and np.array out; several values are put together with np.stack or np.concatenate",
    ),
    "setitem": Refusal(
        "an entry of a traced value cannot be written to",
        "make a new value: np.where(condition, new, x), or np.stack of a list of the entries",
    ),
    "contains": Refusal("whether something is among the entries depends on the arrays", "write np.where(x == a, ..)"),
    "round": Refusal("rounding has a derivative of zero and is not traced", "leave it out"),
}

#: What to write in the place of functions that do not let themselves be traced.
INSTEAD: dict[str, str] = {
    "sum": "write np.sum(x)",
    "max": "write np.maximum(a, b), or np.max(x) for the largest entry",
    "min": "write np.minimum(a, b), or np.min(x) for the smallest entry",
    "any": "checks of values belong outside the traced function",
    "all": "checks of values belong outside the traced function",
    "sorted": "sorting is not traced",
    "list": "an axis with a symbolic length has no list of entries",
    "range": "a loop runs over a fixed range; over an axis write np.sum, np.cumsum, .. of the whole",
    "float": "leave the conversion out: traced values count as real numbers",
    "int": "leave the conversion out",
    "round": "leave the rounding out",
    "np.eye": "write np.eye(n, like=X) for a length n and an argument X of the function",
    "np.identity": "write np.identity(n, like=X) for a length n and an argument X of the function",
    "np.ones": "write np.ones(shape, like=X) for an argument X of the function",
    "np.zeros": "write np.full(shape, 0.0, like=X) for an argument X of the function",
    "np.full": "write np.full(shape, value, like=X) for an argument X of the function",
    "np.arange": "write np.arange(n, like=X) for a length n and an argument X of the function",
    "np.array": "several values are put together with np.stack([a, b])",
    "np.asarray": "leave it out: traced values are arrays already",
    "math.lgamma": "write scipy.special.gammaln(x)",
    "math.erf": "write scipy.special.erf(x)",
    "math.erfc": "write scipy.special.erfc(x)",
    "math.gamma": "write scipy.special.gamma(x)",
    "math.pow": "write x**p",
    "math.fsum": "write np.sum(x)",
    "math.prod": "write np.prod(x)",
    "math.dist": "write np.linalg.norm(x - y)",
    "math.hypot": "write np.hypot(x, y)",
}

#: The same for functions of SciPy that turn their arguments into arrays.
IN_SCIPY: dict[str, str] = {
    "solve_triangular": "write np.linalg.solve(L, b)",
    "cho_solve": "write np.linalg.solve(A, b)",
    "cho_factor": "write np.linalg.solve(A, b), or np.linalg.cholesky(A)",
}

#: NumPy's functions that are refused for a reason of their own, without their package's name.
NOT_TRACED: dict[str, str] = {
    "argmax": "places of entries have no derivative; np.max(x) is the largest entry itself",
    "argmin": "places of entries have no derivative; np.min(x) is the smallest entry itself",
    "argsort": "places of entries have no derivative",
    "sort": "sorting is not traced",
    "median": "order statistics are not traced; a quantile is the minimum of the quantile loss",
    "quantile": "order statistics are not traced; a quantile is the minimum of the quantile loss",
    "percentile": "order statistics are not traced; a quantile is the minimum of the quantile loss",
    "all": "checks of values belong outside the traced function",
    "any": "checks of values belong outside the traced function",
    "allclose": "checks of values belong outside the traced function",
    "isfinite": "checks of values belong outside the traced function",
    "isnan": "checks of values belong outside the traced function",
    "isinf": "checks of values belong outside the traced function",
    "isclose": "checks of values belong outside the traced function",
    "array_equal": "checks of values belong outside the traced function",
    "lstsq": "the least-squares solution is np.linalg.solve(X.T @ X, X.T @ y)",
    "select": "write np.where inside np.where",
    "piecewise": "write np.where inside np.where",
    "vectorize": "write the function with NumPy's operations on whole arrays",
    "apply_along_axis": "write the function with NumPy's operations on whole arrays",
    "nonzero": "write np.where(condition, a, b), or multiply by the condition",
    "copyto": "in-place writes are not traced: make a new value",
    "put": "in-place writes are not traced: make a new value",
    "fill_diagonal": "in-place writes are not traced: write x + np.diag(v)",
    "floor": "rounding has a derivative of zero and is not traced",
    "ceil": "rounding has a derivative of zero and is not traced",
    "rint": "rounding has a derivative of zero and is not traced",
    "round": "rounding has a derivative of zero and is not traced",
    "floor_divide": "rounding has a derivative of zero and is not traced; division is /",
    "remainder": "remainders are not traced",
}


def protocol(kind: str, record: Record) -> UnsupportedError:
    """The error that one of Python's protocols needs a value.

    The function that asked for it is named after the source of the user's line, or, for a
    function of SciPy that is written in Python, after its frame.
    """
    inner = [*frames(record.runner)] if record.runner else []
    user = next((frame for frame in inner if not is_library(frame)), None)
    place = site(spot(user)) if user else None
    library = library_call(inner)
    called = place.called if place and place.called else library
    refusal = PROTOCOLS[_asked(kind, called, library)]
    shown = called or (" ".join(place.span.excerpt.split()) if place else "this")
    hint = _instead(called) or (_in_scipy(called) if library.startswith("scipy.") else "") or refusal.hint
    return UnsupportedError(refusal.message.format(shown), place.span if place else None, hint=hint)


def _asked(kind: str, called: str, library: str) -> str:
    """The protocol to name: what a library function does inside is no matter."""
    if kind == "bool" and called:
        return "compare"
    return "array" if library and kind in {"iter", "len", "number"} else kind


def _instead(called: str) -> str:
    """What to write in the place of a called function."""
    package, _, name = called.replace("numpy.", "np.").rpartition(".")
    known = INSTEAD.get(f"{package}.{name}" if package else name, "")
    if not known and package == "math" and hasattr(math, name) and hasattr(np, name):
        return NOT_TRACED.get(name, f"write np.{name}(..)")
    return known


def _in_scipy(called: str) -> str:
    """What to write for a function of SciPy that does not let itself be traced."""
    name = called.rpartition(".")[2]
    if name in IN_SCIPY:
        return IN_SCIPY[name]
    known = name in BY_NAME or name in TENSOR_BY_NAME
    return f"write cr.functions.{name}(..), which takes arrays too" if known else ""


def untraced(name: str, known: Iterable[str] = ()) -> UnsupportedError:
    """The error that a function of NumPy or SciPy cannot be traced; ``known`` are the names of others."""
    package, _, short = name.rpartition(".")
    return UnsupportedError(
        f"{name} cannot be traced", near=tuple(f"{package}.{near}" for near in near_names(short, known)),
        hint=NOT_TRACED.get(short, "docs/traced.md lists what can be traced"),
    )  # fmt: skip


#: Values of arguments that change nothing, for real numbers that are copied or not.
HARMLESS: dict[str, tuple[object, ...]] = {
    "dtype": (float, np.float64, np.dtype(np.float64), "float64"), "order": ("C", "K", "A"), "casting": ("same_kind",),
    "subok": (True, False), "copy": (True, False), "optimize": (True, False, "greedy", "optimal"),
    "like": (), "offset": (0,), "k": (0,), "device": ("cpu",), "where": (True,), "hermitian": (False,),
    "upper": (False,), "UPLO": ("L", "U"),
}  # fmt: skip
#: What to do about arguments that change something.
OPTION_HINTS = {
    "out": "in-place writes are not traced: give the result a name",
    "dtype": "traced values count as real numbers: leave dtype out",
    "where": "write np.where(condition, x, 0) for the argument",
}


def refuse_options(name: str, keywords: Mapping[str, object]) -> None:
    """Refuse arguments of a NumPy function that change what it does, and are not read.

    Raises:
        UnsupportedError: there is such an argument; it is named.
    """
    for keyword, value in keywords.items():
        if value is None or any(value is known or _same(value, known) for known in HARMLESS.get(keyword, ())):
            continue
        raise UnsupportedError(
            f"{name} with {keyword}= cannot be traced", hint=OPTION_HINTS.get(keyword, f"leave {keyword} out")
        )


def _same(value: object, known: object) -> bool:
    return type(value) is type(known) and bool(value == known)
