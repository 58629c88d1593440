"""Strong convexity and smoothness: bounds of the Hessian by those of second derivatives.

A sum of ``c h(u)`` over the entries of an affine ``u = A w + b`` has the Hessian ``c A.T @ diag(h''(u)) @ A``, which
lies between ``c m`` times the smallest and ``c M`` times the largest eigenvalue of ``A.T @ A``, if ``m <= h'' <= M``.
Source: Boyd and Vandenberghe, Convex Optimization (2004), section 9.1.2; Nesterov, Introductory Lectures on Convex
Optimization (2004), theorems 2.1.6 and 2.1.11.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Add, Expr, Mul, Rational, S, Symbol

from chainrule.derive.formula import Formula, formula
from chainrule.derive.program import Definition, Index, Input, Ref
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.claims import Claim, Scalar
from chainrule.learning.convexity.intervals import REALS, at_least, elementary
from chainrule.learning.convexity.leaves import parameters
from chainrule.learning.convexity.scalar import is_convex_in, pieces, second_derivatives

#: Places at which a second derivative is looked at for a guess of its bounds, which is then proved.
PLACES = np.concatenate([np.linspace(-6, 6, 49), [-40.0, -15.0, 15.0, 40.0]])

#: Second derivatives beyond which none is bounded.
MAX_BOUND = 1e6


@dataclass(frozen=True)
class Term:
    """``weight`` times the sum of ``h(u)`` over entries; ``matrix`` is ``A`` of ``u = A w + b`` as text."""

    weight: Expr
    scalar: Scalar
    matrix: str
    scale: Expr


@dataclass(frozen=True)
class Constants:
    """What is known of the Hessian's eigenvalues.

    Attributes:
        strong: the modulus of strong convexity, a formula of the inputs; ``None`` if none is known.
        smooth: a Lipschitz constant of the gradient; ``None`` if none is known.
        certain: whether the modulus is certainly positive, whatever the data.
        strict: whether the formula is certainly strictly convex.
        coercive: whether it certainly grows beyond every bound.
    """

    strong: Formula | None
    smooth: Formula | None
    certain: bool
    strict: bool
    coercive: bool


def constants(f: Formula, name: str) -> Constants | None:
    """The constants of a convex formula by one variable, as far as its terms show them."""
    calculus = Calculus(f.program, (name,))
    parts = list(_terms(calculus, name, f.program.output.name, S.One))
    found = [part for part in parts if part is not None]
    if not found or not all(is_convex_in(_body(t), *t.scalar.box[0]) for t in found):
        return None
    whole, free = len(found) == len(parts), calculus.whole.space.input(name).domain.name == "real"
    lows = [(term, low) for term in found if (low := _bound(term, 1)) is not None and low != 0]
    highs = [(term, _bound(term, -1)) for term in found]
    own = [term for term, low in lows if term.matrix == "1"]
    strong = [_eigenvalue(term, low, "min(eigvalsh({0}.T @ {0}))") for term, low in lows]
    smooth = [_eigenvalue(term, high, "max(svdvals({0}))**2") for term, high in highs if high not in (None, 0)]
    limited = whole and all(high is not None for _, high in highs)
    convex = whole or _rest_is_convex(calculus, f)
    return Constants(
        _formula(f, strong) if strong and convex else None,
        _formula(f, smooth) if smooth and limited else None,
        convex and any(map(_has_weight, own)),
        convex and any(_is_strict(term) for term in found),
        free and ((convex and any(_has_weight(term) for term in own)) or (whole and _grows(found))),
    )


def _has_weight(term: Term) -> bool:
    return bool((term.weight * term.scale).is_positive)


def _rest_is_convex(calculus: Calculus, f: Formula) -> bool:
    """Whether every term is convex, those without a scalar form included."""
    claim = calculus.definition(f.output.name)
    return claim is not None and claim.is_("convex") and claim.rule in ("weighted-sum", "scaled")


def _body(term: Term) -> Expr:
    return term.scalar.body


# ---- terms --------------------------------------------------------------------------------------------------


def _terms(
    calculus: Calculus, variable: str, name: str, weight: Expr, linear: bool = False
) -> Iterator[Term | None]:
    """The terms of a definition, with ``linear`` also those that have no curvature; ``None`` for others."""
    item = calculus.program.by_name[name]
    if isinstance(item, Definition) and item.reduce in ("", "sum"):
        yield from _of(calculus, variable, item, item.body, weight, linear)
    else:
        yield None


def _of(
    calculus: Calculus, variable: str, item: Definition, expr: Expr, weight: Expr, linear: bool
) -> Iterator[Term | None]:
    if not calculus.moves(expr):
        return
    if calculus.is_affine(expr) and not isinstance(expr, Add):
        yield from _linear(calculus, variable, item, expr, weight) if linear else ()
        return
    if isinstance(expr, Add):
        (whole,) = _leaf(calculus, variable, item, expr, weight) if not _reads_parts(calculus, expr) else (None,)
        if whole is not None:
            yield whole
            return
        for arg in expr.args:
            yield from _of(calculus, variable, item, arg, weight, linear)
        return
    factors = Mul.make_args(expr)
    fixed = [factor for factor in factors if not calculus.moves(factor)]
    if fixed:
        scale = Mul(*fixed)
        if scale.atoms(Index):
            yield from _leaf(calculus, variable, item, expr, weight)
        else:
            yield from _of(calculus, variable, item, expr / scale, weight * scale, linear)
    elif isinstance(expr, Ref) and isinstance(calculus.program.by_name[expr.name], Definition):
        yield from _terms(calculus, variable, expr.name, weight, linear)
    else:
        yield from _leaf(calculus, variable, item, expr, weight)


def _linear(
    calculus: Calculus, variable: str, item: Definition, expr: Expr, weight: Expr
) -> Iterator[Term | None]:
    """A multiple of an entry of the variable itself."""
    refs = [ref for ref in expr.atoms(Ref) if calculus.moves(ref)]
    scale = sp.expand(expr).coeff(refs[0], 1)
    places = {*item.free, *item.bound_indices}
    plain = len(refs) == 1 and refs[0].name == variable and set(refs[0].indices) == places
    plain = plain and scale.atoms(Index) <= places
    symbol = Symbol("u", real=True)
    yield Term(weight * scale, Scalar(symbol, ((symbol, REALS),), (refs[0],)), "1", S.One) if plain else None


def _reads_parts(calculus: Calculus, expr: Expr) -> bool:
    """Whether an expression is affine, or reads definitions that are not."""
    return calculus.is_affine(expr) or any(
        isinstance(item := calculus.program.by_name[ref.name], Definition)
        and item.reduce
        and not calculus.is_affine(ref)
        for ref in expr.atoms(Ref)
    )


def _leaf(calculus: Calculus, variable: str, item: Definition, expr: Expr, weight: Expr) -> Iterator[Term | None]:
    """A scalar function of one affine argument."""
    if calculus.is_affine(expr):
        return
    positive = calculus.is_nonnegative(weight)
    whole = expr if positive else -expr
    candidates = (calculus.composition(form) for form in (whole, calculus.written_out(whole)))
    claim = next((found for found in candidates if found is not None and _is_of_one(found)), None)
    if claim is None or claim.scalar is None or not claim.is_("convex"):
        yield None
        return
    (part,) = claim.parts
    placed = _matrix(calculus, variable, item, claim.scalar.arguments[0]) if part.curvature == "affine" else None
    weight = weight if positive else -weight
    usable = placed is not None and calculus.is_nonnegative(weight)
    yield Term(weight, claim.scalar, *placed) if usable and placed is not None else None


def _is_of_one(claim: Claim) -> bool:
    """Whether a claim is about a scalar function of one number, an affine one."""
    return claim.scalar is not None and [part.curvature for part in claim.parts] == ["affine"]


def _matrix(calculus: Calculus, variable: str, item: Definition, argument: Expr) -> tuple[str, Expr] | None:
    """The matrix of an affine argument as text with its scale squared, if it is one input or a multiple of a unit."""
    refs = [ref for ref in argument.atoms(Ref) if calculus.moves(ref)]
    if len(refs) != 1:
        return None
    (ref,) = refs
    square = _square(calculus, sp.expand(argument).coeff(ref, 1))
    if square is None:
        return None
    if ref.name == variable:
        every = len(set(ref.indices)) == len(ref.indices) and set(ref.indices) == {*item.free, *item.bound_indices}
        return ("1", square) if every else None
    inner = calculus.program.by_name[ref.name]
    if len(set(ref.indices)) < len(ref.indices) or set(ref.indices) != {*item.free, *item.bound_indices}:
        return None
    if isinstance(inner, Definition) and not inner.reduce:
        found = _matrix(calculus, variable, inner, inner.body)
        return None if found is None else (found[0], square * found[1])
    if not isinstance(inner, Definition) or inner.reduce != "sum" or len(inner.bound) != 1:
        return None
    given = [part for part in inner.body.atoms(Ref) if not calculus.moves(part)]
    moving = [part for part in inner.body.atoms(Ref) if part.name == variable]
    if len(given) != 1 or len(moving) != 1 or inner.body != given[0] * moving[0]:
        return None
    text = _transposed(inner, given[0], moving[0], calculus.program.by_name[given[0].name])
    return None if text is None else (text, square)


def _square(calculus: Calculus, scale: Expr) -> Expr | None:
    """The square of a scale that is the same for all entries: also of labels -1 and 1."""
    labels = [ref for ref in scale.atoms(Ref) if _is_sign(calculus, ref)]
    square = sp.expand(scale**2).xreplace({ref**2: S.One for ref in labels})
    return None if square.atoms(Index) or calculus.moves(square) else square


def _is_sign(calculus: Calculus, ref: Ref) -> bool:
    item = calculus.program.by_name[ref.name]
    return isinstance(item, Input) and item.domain.name == "pm1"


def _transposed(inner: Definition, given: Ref, moving: Ref, source: Input | Definition) -> str | None:
    """``X`` or ``X.T``, whose columns are contracted with the variable."""
    (place,) = inner.bound_indices
    if len(given.indices) != 2 or given.indices.count(place) != 1 or not isinstance(source, Input):
        return None
    (row,) = (index for index in given.indices if index != place)
    others = [index for index in moving.indices if index != place]
    if row in others or sorted([row, *others], key=str) != sorted(inner.free, key=str):
        return None
    return given.name if given.indices[1] == place else f"{given.name}.T"


# ---- bounds of second derivatives -----------------------------------------------------------------------------


def _bound(term: Term, sign: int) -> Expr | None:
    """The largest number below (``sign`` 1) or smallest above (-1) a second derivative, guessed and proved."""
    symbol, interval = term.scalar.box[0]
    found = pieces(term.scalar.body, symbol, interval)
    if found is None or (sign < 0 and not _meets_smoothly(found, symbol)):
        return None
    bends = second_derivatives(found, symbol)
    values = [value for bend in bends for value in _values(bend, symbol)]
    end = (min if sign > 0 else max)(values, default=np.inf)
    if not abs(end) < MAX_BOUND:
        return S.Zero if sign > 0 else None
    guess = max(Rational(sp.nsimplify(end, rational=True, tolerance=1e-6)), S.Zero)
    holds = all(
        at_least(sign * (bend - guess), {symbol: piece.interval}) for piece, bend in zip(found, bends, strict=True)
    )
    return guess if holds else (S.Zero if sign > 0 else None)


def _values(bend: Expr, symbol: Symbol) -> Iterator[float]:
    """A second derivative at some places, parameters being 0, or 1 where they have a sign."""
    others = {other: S.One if other.is_nonnegative else S.Zero for other in bend.free_symbols if other != symbol}
    for place in PLACES:
        try:
            value = sp.N(elementary(bend.subs({symbol: sp.Float(float(place)), **others})))
        except ValueError:
            continue
        if value.is_real:
            yield float(value)


def _meets_smoothly(found: Sequence[object], symbol: Symbol) -> bool:
    """Whether the slope does not jump between pieces."""
    for left, right in itertools.pairwise(found):
        jump = sp.diff(right.body - left.body, symbol).subs(symbol, right.interval.low)  # type: ignore[attr-defined]
        if sp.simplify(jump) != 0:
            return False
    return True


def _is_strict(term: Term) -> bool:
    """Whether a term over all entries of the variable itself has a positive second derivative."""
    symbol, interval = term.scalar.box[0]
    found = pieces(term.scalar.body, symbol, interval)
    if found is None or term.matrix != "1" or not _has_weight(term):
        return False
    bends = second_derivatives(found, symbol)
    return all(at_least(b, {symbol: p.interval}, strict=True) for p, b in zip(found, bends, strict=True))


def _grows(terms: Sequence[Term]) -> bool:
    """Whether all terms are bounded below, and one over the variable itself grows at both ends."""
    own = [t for t in terms if t.matrix == "1" and _has_weight(t) and _ends(t) == (S.Infinity,) * 2]
    bounded = all(at_least(t.scalar.body, dict(t.scalar.box)) for t in terms)
    return bool(own) and bounded


def _ends(term: Term) -> tuple[Expr | None, ...]:
    """The limits of a scalar function at both ends of the real line."""
    symbol, interval = term.scalar.box[0]
    found = pieces(term.scalar.body, symbol, interval)
    if not found or found[0].interval.low is not S.NegativeInfinity or found[-1].interval.high is not S.Infinity:
        return ()
    try:
        return (sp.limit(found[0].body, symbol, -sp.oo), sp.limit(found[-1].body, symbol, sp.oo))
    except (NotImplementedError, ValueError, TypeError):
        return ()


# ---- formulas ---------------------------------------------------------------------------------------------------


def _eigenvalue(term: Term, bound: Expr | None, form: str) -> tuple[Expr, str]:
    return term.weight * term.scale * (bound or S.Zero), "" if term.matrix == "1" else form.format(term.matrix)


def _formula(f: Formula, terms: Sequence[tuple[Expr, str]]) -> Formula:
    """A sum of weights times eigenvalues, as a formula of the inputs that it needs."""
    texts = [f"{_text(weight)}*{form}" if form else _text(weight) for weight, form in terms]
    names = {str(symbol) for weight, _ in terms for symbol in weight.free_symbols}
    names |= {ref.name for weight, _ in terms for ref in weight.atoms(Ref)}
    text = " + ".join(texts)
    inputs = [item for item in f.inputs if item.name in names or any(item.name in form for _, form in terms)]
    sized = [item for item in f.inputs if item not in inputs and _lengths(item) & names]
    return formula("; ".join([*map(_declared, [*inputs, *sized]), text]))


def _lengths(item: Input) -> set[str]:
    return {str(symbol) for length in item.shape for symbol in length.free_symbols}


def _text(weight: Expr) -> str:
    return f"({weight})" if isinstance(weight, Add) else str(weight)


def _declared(item: Input) -> str:
    shape = ", ".join(str(length) for length in item.shape)
    return f"{item.name}: {item.domain}" + (f"[{shape}]" if item.shape else "")



def terms_over(calculus: Calculus, name: str, symbol: Symbol) -> Expr | None:
    """A sum over the entries of one variable, as the function of one entry that is summed; ``None`` for others."""
    found = list(_terms(calculus, name, calculus.program.output.name, S.One, linear=True))
    bodies = []
    for term in found:
        argument = term.scalar.arguments[0] if term is not None else None
        if term is None or not isinstance(argument, Ref) or argument.name != name or term.matrix != "1":
            return None
        weight = term.weight.xreplace(parameters(term.weight))
        bodies.append(weight * term.scalar.body.xreplace({term.scalar.box[0][0]: symbol}))
    return Add(*bodies) if bodies else None
