"""Strong convexity and smoothness: bounds of the Hessian by those of second derivatives.

A sum of ``c h(u)`` over the entries of an affine ``u = A w + b`` has the Hessian ``c A.T @ diag(h''(u)) @ A``, which
lies between ``c m`` times the smallest and ``c M`` times the largest eigenvalue of ``A.T @ A``, if ``m <= h'' <= M``.
Source: Boyd and Vandenberghe, Convex Optimization (2004), section 9.1.2; Nesterov, Introductory Lectures on Convex
Optimization (2004), theorems 2.1.6 and 2.1.11.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Add, Expr, Mul, Rational, S, Symbol

from chainrule.derive.catalog.elementwise import softplus
from chainrule.derive.formula import Formula, formula
from chainrule.derive.program import Definition, Index, Input, Ref
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.claims import Claim, Scalar
from chainrule.learning.convexity.few import eigenvalue_bounds
from chainrule.learning.convexity.intervals import REALS, at_least, elementary
from chainrule.learning.convexity.jacobians import Placed, jacobian
from chainrule.learning.convexity.leaves import parameters
from chainrule.learning.convexity.scalar import is_convex_in, pieces, second_derivatives

#: Places at which a second derivative is looked at for a guess of its bounds, which is then proved.
PLACES = np.concatenate([np.linspace(-6, 6, 49), [-40.0, -15.0, 15.0, 40.0]])

#: Second derivatives beyond which none is bounded.
MAX_BOUND = 1e6


_U = Symbol("u", real=True)
#: Between 0 and 1/2 lie the eigenvalues of the Hessian of log-sum-exp.
#: Source: Boehning, Multinomial logistic regression algorithm (1992), theorem 1.
LOG_SUM_EXP = Scalar(2 * softplus.function(_U), ((_U, REALS),), (_U,))


@dataclass(frozen=True)
class Term:
    """``weight`` times the sum of ``h(u)`` over entries; ``matrix`` is ``A`` of ``u = A w + b`` as text.

    The log-sum-exp of rows has the bounds of ``h(u) = 2 softplus(u)``, but is not ``strict``: no sum over entries.
    """

    weight: Expr
    scalar: Scalar
    matrix: str
    scale: Expr
    variables: frozenset[str] = frozenset()
    strict: bool = True


@dataclass(frozen=True)
class Constants:
    """What is known of the Hessian's eigenvalues.

    Attributes:
        strong: the modulus of strong convexity, a formula of the inputs; ``None`` if none is known.
        smooth: a Lipschitz constant of the gradient; ``None`` if none is known.
        certain: whether the modulus is certainly positive, whatever the data.
        strict: whether the formula is certainly strictly convex.
        coercive: whether it certainly grows beyond every bound.
        strict_rank, coercive_rank: a matrix whose full column rank makes it strictly convex, or coercive.
    """

    strong: Formula | None
    smooth: Formula | None
    certain: bool
    strict: bool
    coercive: bool
    strict_rank: str = ""
    coercive_rank: str = ""


def constants(f: Formula, names: Sequence[str]) -> Constants | None:
    """The constants of a convex formula by variables together, as far as its terms show them."""
    calculus = Calculus(f.program, names)
    free = all(calculus.whole.space.input(name).domain.name == "real" for name in names)
    few = _of_few(f, names, free) if len(names) > 1 else None
    if few is not None:
        return few
    parts = list(_terms(calculus, names, f.program.output.name, S.One))
    found = [part for part in parts if part is not None]
    if not found or not all(is_convex_in(_body(t), *t.scalar.box[0]) for t in found):
        return None
    whole = len(found) == len(parts)
    lows = [(term, low) for term in found if (low := _bound(term, 1)) is not None and low != 0]
    highs = [(term, _bound(term, -1)) for term in found]
    convex = whole or _rest_is_convex(calculus, f)
    limited = whole and all(high is not None for _, high in highs)
    smooth = _smooth([(term, high) for term, high in highs if high not in (None, 0)])
    own = [term for term, low in lows if term.matrix == "1" and _has_weight(term)]
    # A linear term may pull a formula below every bound.
    linear = len(list(_terms(calculus, names, f.program.output.name, S.One, linear=True))) > len(parts)
    bounded = whole and free and not linear and all(at_least(t.scalar.body, dict(t.scalar.box)) for t in found)
    return Constants(
        _strong(f, lows, names) if convex else None,
        _formula(f, smooth) if smooth and limited else None,
        convex and _covers(own, names),
        convex and _covers([term for term in found if term.matrix == "1" and _is_strict(term)], names),
        free and ((convex and _covers(own, names)) or (bounded and _covers(_growing(found), names))),
        _ranked(t for t in found if convex and _is_strict(t) and t.variables == set(names)),
        _ranked(t for t in found if bounded and _grows(t) and t.variables == set(names)),
    )


def _of_few(f: Formula, names: Sequence[str], free: bool) -> Constants | None:
    """The constants of a formula of a few numbers, by bounds of all eigenvalues."""
    low, high = eigenvalue_bounds(f.program, names) or (-S.Infinity, S.Infinity)
    strong = low if low.is_finite and low.is_positive else None
    smooth = high if high.is_finite and high.is_positive else None
    if strong is None and smooth is None:
        return None
    texts = [None if value is None else _formula(f, [(value, "")]) for value in (strong, smooth)]
    certain = strong is not None
    return Constants(texts[0], texts[1], certain, certain, certain and free)


def _covers(terms: Iterable[Term], names: Sequence[str]) -> bool:
    """Whether every variable has a term of its own."""
    return {name for term in terms for name in term.variables} == set(names)


def _ranked(terms: Iterable[Term]) -> str:
    """A matrix whose rank decides."""
    return next((term.matrix for term in terms if term.matrix != "1"), "")


def _smooth(highs: Sequence[tuple[Term, Expr | None]]) -> list[tuple[Expr, str]]:
    """A bound for each term; terms of single variables that have the same bound make up one block of a diagonal."""
    sums: dict[frozenset[str], Expr] = {}
    for term, high in highs:
        if term.matrix == "1":
            sums[term.variables] = sums.get(term.variables, S.Zero) + _eigenvalue(term, high, "")[0]
    found: list[tuple[Expr, str]] = []
    for term, high in highs:
        if term.matrix != "1":
            found.append(_eigenvalue(term, high, "max(svdvals({0}))**2"))
        elif (sums[term.variables], "") not in found:
            found.append((sums[term.variables], ""))
    return found


def _strong(f: Formula, lows: Sequence[tuple[Term, Expr]], names: Sequence[str]) -> Formula | None:
    """The sum over the terms that all variables take part in; else the smallest of those of single variables."""
    form = "min(eigvalsh({0}.T @ {0}))"
    joint = [_eigenvalue(term, low, form) for term, low in lows if term.variables == set(names)]
    if joint:
        return _formula(f, joint)
    own = [(term.weight * term.scale * low, term.variables) for term, low in lows if term.matrix == "1"]
    sums = {Add(*(value for value, of in own if of == {name})) for name in names}
    return _formula(f, [(sums.pop(), "")]) if len(sums) == 1 and 0 not in sums else None


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
    calculus: Calculus, variables: Sequence[str], name: str, weight: Expr, linear: bool = False
) -> Iterator[Term | None]:
    """The terms of a definition, with ``linear`` also those that have no curvature; ``None`` for others."""
    item = calculus.program.by_name[name]
    if isinstance(item, Definition) and item.reduce in ("", "sum"):
        yield from _of(calculus, variables, item, item.body, weight, linear)
    elif isinstance(item, Definition) and item.reduce == "logsumexp" and calculus.is_affine(item.body):
        placed = jacobian(calculus, variables, item, item.body)
        usable = placed is not None and calculus.is_nonnegative(weight)
        yield _placed(weight, LOG_SUM_EXP, placed, strict=False) if usable and placed is not None else None
    else:
        yield None


def _of(
    calculus: Calculus, variables: Sequence[str], item: Definition, expr: Expr, weight: Expr, linear: bool
) -> Iterator[Term | None]:
    if not calculus.moves(expr):
        return
    if calculus.is_affine(expr) and not isinstance(expr, Add):
        yield from _linear(calculus, variables, item, expr, weight) if linear else ()
        return
    if isinstance(expr, Add):
        (whole,) = _leaf(calculus, variables, item, expr, weight) if not _reads_parts(calculus, expr) else (None,)
        if whole is not None:
            yield whole
            return
        for arg in expr.args:
            yield from _of(calculus, variables, item, arg, weight, linear)
        return
    factors = Mul.make_args(expr)
    fixed = [factor for factor in factors if not calculus.moves(factor)]
    if fixed:
        scale = Mul(*fixed)
        if scale.atoms(Index):
            yield from _leaf(calculus, variables, item, expr, weight)
        else:
            yield from _of(calculus, variables, item, expr / scale, weight * scale, linear)
    elif isinstance(expr, Ref) and isinstance(calculus.program.by_name[expr.name], Definition):
        yield from _terms(calculus, variables, expr.name, weight, linear)
    else:
        yield from _leaf(calculus, variables, item, expr, weight)


def _linear(
    calculus: Calculus, variables: Sequence[str], item: Definition, expr: Expr, weight: Expr
) -> Iterator[Term | None]:
    """A multiple of an entry of the variable itself."""
    refs = [ref for ref in expr.atoms(Ref) if calculus.moves(ref)]
    scale = sp.expand(expr).coeff(refs[0], 1)
    places = {*item.free, *item.bound_indices}
    plain = len(refs) == 1 and refs[0].name in variables and set(refs[0].indices) == places
    plain = plain and scale.atoms(Index) <= places
    symbol = Symbol("u", real=True)
    inner = Scalar(symbol, ((symbol, REALS),), (refs[0],))
    yield Term(weight * scale, inner, "1", S.One, frozenset({refs[0].name})) if plain else None


def _reads_parts(calculus: Calculus, expr: Expr) -> bool:
    """Whether an expression is affine, or reads definitions that are not."""
    return calculus.is_affine(expr) or any(
        isinstance(item := calculus.program.by_name[ref.name], Definition)
        and item.reduce
        and not calculus.is_affine(ref)
        for ref in expr.atoms(Ref)
    )


def _leaf(
    calculus: Calculus, variables: Sequence[str], item: Definition, expr: Expr, weight: Expr
) -> Iterator[Term | None]:
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
    placed = jacobian(calculus, variables, item, claim.scalar.arguments[0]) if part.curvature == "affine" else None
    weight = weight if positive else -weight
    usable = placed is not None and calculus.is_nonnegative(weight)
    yield _placed(weight, claim.scalar, placed) if usable and placed is not None else None


def _placed(weight: Expr, scalar: Scalar, placed: Placed, strict: bool = True) -> Term:
    return Term(weight, scalar, placed.text, placed.square, placed.variables, strict)


def _is_of_one(claim: Claim) -> bool:
    """Whether a claim is about a scalar function of one number, an affine one."""
    return claim.scalar is not None and [part.curvature for part in claim.parts] == ["affine"]


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
    """Whether a term is a sum over entries with a positive second derivative."""
    symbol, interval = term.scalar.box[0]
    found = pieces(term.scalar.body, symbol, interval)
    if found is None or not term.strict or not _has_weight(term):
        return False
    bends = second_derivatives(found, symbol)
    return all(at_least(b, {symbol: p.interval}, strict=True) for p, b in zip(found, bends, strict=True))


def _growing(terms: Sequence[Term]) -> list[Term]:
    """The terms over variables themselves that grow at both ends."""
    return [term for term in terms if term.matrix == "1" and _grows(term)]


def _grows(term: Term) -> bool:
    """Whether a term is a sum over entries that grows at both ends."""
    return term.strict and _has_weight(term) and _ends(term) == (S.Infinity,) * 2


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
    words = {word for _, form in terms for word in re.findall(r"\w+", form)}
    inputs = [item for item in f.inputs if item.name in names | words]
    sized = [item for item in f.inputs if item not in inputs and _lengths(item) & (names | words)]
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
    found = list(_terms(calculus, (name,), calculus.program.output.name, S.One, linear=True))
    bodies = []
    for term in found:
        argument = term.scalar.arguments[0] if term is not None else None
        if term is None or not isinstance(argument, Ref) or argument.name != name or term.matrix != "1":
            return None
        weight = term.weight.xreplace(parameters(term.weight))
        bodies.append(weight * term.scalar.body.xreplace({term.scalar.box[0][0]: symbol}))
    return Add(*bodies) if bodies else None
