"""Values of a formula in exact arithmetic at small sizes, and intervals that certainly hold a number."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp
from mpmath import iv
from sympy import Expr, Integer, Matrix, Rational, S

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.program import Definition, Dim, Program, Ref

Values = Mapping[str, Any]
Sizes = Mapping[Dim, int]
#: Numbers that a reduction may have, and digits of enclosures.
MAX_ENTRIES, DIGITS = 64, 40


def rational(array: Any) -> Any:
    """An array of doubles as the decimals that they print as."""
    doubles = np.asarray(array, dtype=float)
    exact = np.empty(doubles.shape, dtype=object)
    for place in np.ndindex(*doubles.shape):
        exact[place] = Rational(repr(float(doubles[place])))
    return exact


def exact_value(program: Program, values: Values, sizes: Sizes) -> Expr:
    """The value of a scalar formula at rational inputs, as an expression without rounding.

    Raises:
        UnsupportedError: a part has no exact value here.
    """
    found = written_value(program, values, sizes)
    if not found.is_number or found.has(sp.nan, sp.zoo, S.Infinity, S.NegativeInfinity, sp.I):
        raise UnsupportedError("the formula has no exact value here")
    return found


def written_value(program: Program, values: Values, sizes: Sizes) -> Expr:
    """The value of a scalar formula at numbers or symbols, everything written out.

    Raises:
        UnsupportedError: a part has no exact value here.
    """
    lengths = {length: Integer(size) for length, size in sizes.items()}
    known = dict(values)
    for item in program.definitions:
        known[item.name] = _entries(item, known, lengths)
    found: Expr = known[program.output.name][()]
    return found


def _entries(item: Definition, known: Values, lengths: Mapping[Expr, Expr]) -> Any:
    shape = tuple(int(length.xreplace(lengths)) for length in item.shape)
    bound = tuple(int(length.xreplace(lengths)) for length in item.bound)
    if np.prod(shape + bound, dtype=int) > MAX_ENTRIES:
        raise UnsupportedError("too many entries for exact values")

    def at(place: tuple[int, ...], inner: tuple[int, ...]) -> Expr:
        indices = {index: Integer(n) for index, n in zip(item.free, place, strict=False)}
        indices |= {index: Integer(n) for index, n in zip(item.bound_indices, inner, strict=True)}
        return _read(item.body.xreplace({**lengths, **indices}), known)

    if item.reduce in MATRIX:
        matrix = Matrix(bound[0], bound[1], [at((), place) for place in np.ndindex(*bound)])
        return np.asarray(MATRIX[item.reduce](matrix), dtype=object).reshape(shape)
    result = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        entries = [at(place, inner) for inner in np.ndindex(*bound)]
        result[place] = _reduced(item.reduce, entries)
    return result


def _read(body: Expr, known: Values) -> Expr:
    """A body with the values of what it reads, innermost first, so that labels select entries."""
    while True:
        refs = [ref for ref in body.atoms(Ref) if not any(index.has(Ref) for index in ref.indices)]
        if not refs:
            return body.doit()
        values = {}
        for ref in refs:
            place = tuple(int(index) for index in ref.indices)
            if any(n < 0 for n in place):
                raise UnsupportedError("a subscript lies outside")
            try:
                values[ref] = known[ref.name][place]
            except IndexError as error:
                raise UnsupportedError("a subscript lies outside") from error
        body = body.xreplace(values)


def _reduced(kind: str, entries: list[Expr]) -> Expr:
    if kind not in REDUCTIONS:
        raise UnsupportedError(f"{kind} has no exact values here")
    return REDUCTIONS[kind](entries)


REDUCTIONS: dict[str, Callable[[list[Expr]], Expr]] = {
    "": lambda entries: entries[0],
    "sum": lambda entries: sp.Add(*entries),
    "prod": lambda entries: sp.Mul(*entries),
    "max": lambda entries: sp.Max(*entries),
    "min": lambda entries: sp.Min(*entries),
    "logsumexp": lambda entries: sp.log(sp.Add(*map(sp.exp, entries))),
}


def _spectrum(matrix: Matrix) -> list[Expr]:
    """The eigenvalues of a symmetric matrix of at most two rows, in ascending order."""
    if matrix.rows == 1:
        return [matrix[0, 0]]
    if matrix.rows != 2:
        raise UnsupportedError("eigenvalues of larger matrices have no exact values here")
    half, det = matrix.trace() / 2, matrix.det()
    root = sp.sqrt(half**2 - det)
    return [half - root, half + root]


def _singular(matrix: Matrix) -> list[Expr]:
    gram = matrix.T * matrix if matrix.cols <= matrix.rows else matrix * matrix.T
    return [sp.sqrt(value) for value in reversed(_spectrum(gram))]


MATRIX: dict[str, Callable[[Matrix], Any]] = {
    "inv": lambda matrix: matrix.inv().tolist(),
    "det": lambda matrix: matrix.det(),
    "logdet": lambda matrix: sp.log(sp.Abs(matrix.det())),
    "eigvalsh": lambda matrix: _spectrum((matrix + matrix.T) / 2),
    "svdvals": _singular,
}


# ---- enclosures ---------------------------------------------------------------------------------------------


#: Numbers between two rational ends, in place of a symbol.
Enclosed = Mapping[Expr, tuple[Expr, Expr]]


def is_certainly_positive(number: Expr, near: Enclosed | None = None) -> bool:
    """Whether interval arithmetic shows that a number, or an expression of numbers ``near``, is positive.

    Source: Moore, Kearfott and Cloud, Introduction to Interval Analysis (2009), chapter 3.
    """
    if number.is_Rational:
        return bool(number > 0)
    before, iv.dps = iv.dps, DIGITS
    try:
        known = {symbol: iv.mpf([_exact(low).a, _exact(high).b]) for symbol, (low, high) in (near or {}).items()}
        return bool(_enclosed(number, known).a > 0)
    except (UnsupportedError, ValueError, ZeroDivisionError, TypeError, OverflowError):
        return False
    finally:
        iv.dps = before


def _exact(number: Expr) -> Any:
    return iv.mpf(int(number.p)) / int(number.q)


def _enclosed(expr: Expr, known: Mapping[Expr, Any]) -> Any:
    if expr.is_Rational:
        return _exact(expr)
    if expr in known:
        return known[expr]
    if isinstance(expr, CatalogFunction):
        return _enclosed(expr.entry.expanded(*expr.args).doit(), known)
    if isinstance(expr, sp.Add | sp.Mul):
        total = iv.mpf(0 if isinstance(expr, sp.Add) else 1)
        for arg in expr.args:
            part = _enclosed(arg, known)
            total = total + part if isinstance(expr, sp.Add) else total * part
        return total
    if isinstance(expr, sp.Pow):
        return _power(expr, known)
    if isinstance(expr, sp.Max | sp.Min):
        return _extreme(expr, known)
    return _function(expr, known)


def _function(expr: Expr, known: Mapping[Expr, Any]) -> Any:
    """A function of one number, or a constant."""
    if expr in (sp.pi, sp.E):
        return iv.pi if expr == sp.pi else iv.e
    name = ENCLOSED.get(expr.func)
    if name is not None:
        return getattr(iv, name)(_enclosed(expr.args[0], known))
    own = OWN.get(expr.func)
    if own is not None:
        return own(_enclosed(expr.args[0], known))
    rewritten = expr.rewrite(REWRITTEN.get(expr.func, sp.erf))
    if rewritten == expr:
        raise UnsupportedError("no enclosure")
    return _enclosed(rewritten, known)


#: Functions of SymPy that interval arithmetic has, and those it has through exponentials.
ENCLOSED = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.loggamma: "loggamma",
    sp.gamma: "gamma",
}  # fmt: skip
REWRITTEN = {
    sp.tanh: sp.exp, sp.sinh: sp.exp, sp.cosh: sp.exp, sp.asinh: sp.log, sp.acosh: sp.log, sp.atanh: sp.log,
    sp.asin: sp.atan, sp.acos: sp.atan,
}  # fmt: skip


def _power(expr: sp.Pow, known: Mapping[Expr, Any]) -> Any:
    base, power = expr.base, expr.exp
    if power.is_Integer:
        return _enclosed(base, known) ** int(power)
    if power == S.Half:
        return iv.sqrt(_enclosed(base, known))
    if base == 0:
        return iv.mpf(0)
    return iv.exp(_enclosed(power, known) * iv.log(_enclosed(base, known)))


def _extreme(expr: Expr, known: Mapping[Expr, Any]) -> Any:
    """The larger or smaller of several intervals."""
    pick = max if isinstance(expr, sp.Max) else min
    parts = [_enclosed(arg, known) for arg in expr.args]
    return iv.mpf([pick(part.a for part in parts), pick(part.b for part in parts)])


def _erf(x: Any) -> Any:
    """The series of the error function, with its first omitted term as the bound of the rest."""
    total, term = iv.mpf(0), x
    for n in itertools.count():
        part = term / (2 * n + 1)
        if abs(part).b < iv.mpf(10) ** -DIGITS and n > (abs(x).b ** 2).b:
            rest = abs(part).b
            return (total + iv.mpf([-rest, rest])) * 2 / iv.sqrt(iv.pi)
        if n > 2000:
            raise UnsupportedError("no enclosure")
        total += part
        term = -term * x * x / (n + 1)


def _arctan(x: Any) -> Any:
    """The series of the arc tangent, after its argument has been halved, with a bound of the rest."""
    halvings = 6
    for _ in range(halvings):
        x = x / (1 + iv.sqrt(1 + x * x))
    total, power = iv.mpf(0), x
    for n in itertools.count():
        part = power / (2 * n + 1)
        if abs(part).b < iv.mpf(10) ** -DIGITS or n > DIGITS:
            rest = abs(part).b
            return (total + iv.mpf([-rest, rest])) * 2**halvings
        total += part
        power = -power * x * x
    raise AssertionError("unreachable")


#: Functions whose enclosures are made here.
OWN: dict[type[Expr], Callable[[Any], Any]] = {sp.Abs: abs, sp.erf: _erf, sp.atan: _arctan}


def domain_holds(name: str, array: Any) -> bool:
    """Whether a rational matrix belongs to a declared domain of definite matrices."""
    if name not in ("spd", "psd"):
        return True
    matrix = Matrix(array.tolist())
    definite = matrix.is_positive_definite if name == "spd" else matrix.is_positive_semidefinite
    return bool(matrix == matrix.T and definite)
