"""Closed forms as textbooks write them: differences of locations, ratios of scales, one denominator at a time.

Sums over indices, logarithms and gamma functions count as indeterminates of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import sympy as sp
from sympy import Add, Expr, Mul, S, log

from chainrule.derive.forms.bound_terms import MatrixEntry, Over, indices_of
from chainrule.derive.formula import Formula
from chainrule.derive.program import Index, Input, Program, Ref, Written, fresh_names
from chainrule.derive.rational import cost, shortest
from chainrule.derive.stationarity.building import Builder
from chainrule.derive.stationarity.likeness import merged, same
from chainrule.derive.stationarity.terms import Space, Term, closed, expand, mentions
from chainrule.learning.probability.references import heads, references

Shift = tuple[Input, Input]


def simplified(program: Program, shifts: Sequence[Shift] = ()) -> Formula:
    """The output of a program as short as it is easily made.

    Args:
        program: a number, or an array, as a function of its inputs.
        shifts: pairs of inputs that it may depend on through their difference alone.
    """
    deltas = dict(zip(_names(program, len(shifts)), shifts, strict=True))
    wider = replace(program, inputs=(*program.inputs, *(Input(n, one.shape) for n, (one, _) in deltas.items())))
    space = Space(wider, [item.name for item in wider.inputs])
    item = program.output
    axes = space.axes(item.shape)
    start = space.entry(item.name, axes)
    found = _in_differences(space, start, deltas)
    if not axes:
        found = min((_told(found, space), start), key=cost)
    builder = Builder(wider, space.lengths)
    builder.definitions.pop(item.name, None)
    builder.define(item.name, _nested(_in_ratios(_with_differences(found, deltas))), axes, item.shape)
    plain = builder.formula(item.name, deltas).program
    return Formula(Program(plain.inputs, plain.definitions, plain.outputs, written=Written(traces=True)))


def _names(program: Program, count: int) -> list[str]:
    taken = set(program.by_name)
    found = list[str]()
    for _ in range(count):
        found.append(next(fresh_names(taken, "difference")))
        taken.add(found[-1])
    return found


def _told(found: Expr, space: Space) -> Expr:
    body = grouped(heads(found))
    if body.has(sp.cos, sp.sin):
        body = min((body, sp.trigsimp(body)), key=cost)
    return references(body, space.program.inputs)


def _in_differences(space: Space, start: Expr, deltas: dict[str, Shift]) -> Expr:
    """Multiplied out; in differences of locations where nothing else is left of the two."""
    found = multiplied(space, start)
    for name, (one, other) in deltas.items():
        moved = multiplied(space, _put(found, one, partial(_entry, other, 1, Input(name, one.shape))))
        if not mentions(moved, [one.name, other.name]):
            found = moved
    return found


def _with_differences(found: Expr, deltas: dict[str, Shift]) -> Expr:
    for name, (one, other) in deltas.items():
        found = _put(found, Input(name, one.shape), partial(_entry, one, -1, other))
    return found


def _entry(one: Input, sign: int, other: Input, at: tuple[Expr, ...]) -> Expr:
    return one[at] + sign * other[at]


def _in_ratios(expr: Expr) -> Expr:
    """``log(u) - log(v)`` inside of sums as ``log(u/v)``."""
    return expr.replace(
        lambda e: isinstance(e, Add) and len(e.args) == 2 and {_log_sign(arg) for arg in e.args} == {1, -1},
        lambda e: log(Mul(*((arg if _log_sign(arg) == 1 else -arg).args[0] ** _log_sign(arg) for arg in e.args))),
    )


def _log_sign(term: Expr) -> int:
    return 1 if isinstance(term, log) else -1 if isinstance(-term, log) else 0


def _nested(expr: Expr) -> Expr:
    """Sums over several indices one inside the other where factors allow, as in quadratic forms."""
    return expr.replace(lambda e: isinstance(e, Over) and len(e.limits) == 2, _one_by_one)


def _one_by_one(over: Over) -> Expr:
    factors = Mul.make_args(over.body)
    for index, length in over.limits.items():
        inner = [factor for factor in factors if index in indices_of(factor)]
        if over.kind == "sum" and len(inner) < len(factors):
            outer = [factor for factor in factors if factor not in inner]
            rest = [pair for pair in over.limits.items() if pair[0] != index]
            return Over("sum", Mul(*outer, Over("sum", Mul(*inner), (index, length))), *rest)
    return over


def _put(expr: Expr, item: Input, value: Callable[[tuple[Expr, ...]], Expr]) -> Expr:
    return expr.replace(lambda e: isinstance(e, Ref) and e.name == item.name, lambda e: value(e.indices))


def multiplied(space: Space, expr: Expr) -> Expr:
    """Multiplied out in every input, equal terms added up."""
    if not expr.has(Over, MatrixEntry) and not expr.atoms(Index):
        return references(_opened(heads(expr)), space.program.inputs)
    terms = [Term(S.One, (expr,))]
    for item in space.program.inputs:
        terms = [found for term in terms for found in expand(space, closed(space, term), item.name)]
    return _same_sums(space, Add(*(closed(space, term) for term in merged(space, terms, ""))))


def _same_sums(space: Space, body: Expr) -> Expr:
    """Sums that are equal because matrices are symmetric, written in one way."""
    known, swap = list[Expr](), dict[Expr, Expr]()
    for over in sorted(body.atoms(Over), key=lambda e: e.sort_key()):
        other = next((one for one in known if same(space, one, over)), None)
        if other is None:
            known.append(over)
        else:
            swap[over] = other
    return sp.expand(body.xreplace(swap)) if swap else body


# ---- scalar expressions -------------------------------------------------------------------------------------


def grouped(body: Expr) -> Expr:
    """Terms collected by logarithms, gamma functions and sums; the rest by denominators."""
    groups: dict[Expr, Expr] = {}
    for term in Add.make_args(_opened(body)):
        factors = [f for f in Mul.make_args(term) if not _is_rational(f)]
        key = Mul(*factors)
        groups[key] = groups.get(key, S.Zero) + term / key
    number, rest = groups.pop(S.One, S.Zero).as_coeff_Add()
    terms = {key: shortest(sp.factor_terms(whole)) for key, whole in groups.items()}
    whole = Add(*_ratios({key: whole for key, whole in terms.items() if whole != 0}), fractions(rest), number)
    return _powers(min((whole, sp.factor_terms(whole)), key=cost))


def _powers(body: Expr) -> Expr:
    """Powers with opposite symbolic exponents as one of a ratio, ``(s/t)^k``; one exponential for several."""
    return body.replace(lambda e: isinstance(e, Mul), _joined)


def _joined(product: Expr) -> Expr:
    product = sp.powsimp(product, combine="exp")
    found: dict[Expr, Expr] = {}
    for base, exponent in (factor.as_base_exp() for factor in Mul.make_args(product)):
        if exponent.is_number or base is S.Exp1:
            continue
        sign = -1 if exponent.could_extract_minus_sign() else 1
        found[sign * exponent] = found.get(sign * exponent, S.One) * base**sign
    for exponent, base in found.items():
        plain = Mul(*(f for f in Mul.make_args(product) if f.as_base_exp()[1] not in (exponent, -exponent)))
        product = plain * sp.Pow(base, exponent, evaluate=False)
    return product


def _opened(body: Expr) -> Expr:
    """Multiplied out, logarithms of products taken apart, nothing done to what is inside of functions."""
    body = body.replace(log, lambda argument: sp.expand_log(log(sp.factor_terms(argument)), force=True))
    names = {part: sp.Dummy() for part in body.atoms(Over, MatrixEntry, sp.Function)}
    back = {name: part for part, name in names.items()}
    return sp.expand(body.xreplace(names), log=False, power_base=False, power_exp=False, func=False).xreplace(back)


def _is_rational(factor: Expr) -> bool:
    base, exponent = factor.as_base_exp()
    if isinstance(base, Over | MatrixEntry | sp.Function) and not isinstance(base, sp.Abs):
        return False
    if base.is_Atom or isinstance(factor, sp.exp | sp.Abs | Ref) or isinstance(base, Ref):
        return True
    return bool(exponent.is_Number or (base.is_Add and exponent.is_Integer))


def fractions(body: Expr) -> Expr:
    """A sum with one numerator for each denominator, or over one denominator if that is shorter."""
    above: dict[Expr, Expr] = {}
    for term in Add.make_args(body):
        numerator, denominator = term.as_numer_denom()
        number, denominator = denominator.as_coeff_Mul()
        above[denominator] = above.get(denominator, S.Zero) + numerator / number
    parts = Add(*(shortest(numerator) / denominator for denominator, numerator in above.items()))
    return min((parts, shortest(body)), key=cost)


def _ratios(terms: dict[Expr, Expr]) -> Iterator[Expr]:
    """Logarithms with the same coefficient up to its sign as that of a ratio; those of numbers as one."""
    groups: dict[Expr, list[tuple[Expr, Expr]]] = {}
    for key, whole in terms.items():
        if not isinstance(key, log):
            yield whole * key
            continue
        if key.args[0].is_number and whole.is_Integer:
            key, whole = log(key.args[0] ** whole, evaluate=False), S.One
        name = next((c for c in groups if sp.expand(c - whole) == 0 or sp.expand(c + whole) == 0), whole)
        groups.setdefault(name, []).append((key.args[0], whole))
    for members in groups.values():
        yield from _ratio(members)


def _ratio(members: list[tuple[Expr, Expr]]) -> Iterator[Expr]:
    above = [u for u, whole in members if not _is_negative(whole)]
    below = [u for u, whole in members if _is_negative(whole)]
    positive = next(w if u in above else -w for u, w in members)
    if any(not u.is_number for u in above) and any(not u.is_number for u in below):
        yield positive * log(Mul(*above) / Mul(*below))
        return
    for sign, side in ((1, above), (-1, below)):
        numbers = Mul(*(u for u in side if u.is_number))
        yield from (sign * positive * log(u) for u in side if not u.is_number)
        yield sign * positive * log(numbers)


def _is_negative(factor: Expr) -> bool:
    """Whether a coefficient is negative at a point in the middle of most domains, where it has a value there."""
    found = factor.xreplace(dict.fromkeys(factor.atoms(sp.Symbol, Ref), S.One / 3))
    return bool(found.is_negative) if found.is_number else factor.could_extract_minus_sign()
