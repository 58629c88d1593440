"""Rational algebra of scalar expressions: the shortest of a few equivalent forms.

Entries, functions and roots count as indeterminates; SymPy's ``cancel`` and ``factor`` do the
algebra, within bounds on the size of what they multiply out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

import sympy as sp
from sympy import Add, Expr, Mul, Pow, S, Symbol

from chainrule.derive.program import Ref
from chainrule.derive.walking import atoms, nodes

#: Terms that a polynomial may have when multiplied out, for ``cancel`` and ``factor`` to be tried.
MAX_TERMS = 150
#: The same for polynomials in one or two entries, whose algebra is cheap.
MAX_TERMS_OF_TWO = 1500
#: Different entries and functions that they may have: the cost of a factorisation explodes with them.
MAX_GENERATORS = 14
#: Length that a fraction inside a sum adds to an expression.
NESTED_COST = 1
#: Indeterminates that stand for nothing else.
NO_MEANINGS: Mapping[Expr, Expr] = MappingProxyType({})


@lru_cache(maxsize=2048)
def shortest(body: Expr) -> Expr:
    """The shortest of a few equivalent forms of a scalar expression."""
    if body.is_Atom or isinstance(body, Ref):
        return body
    plain = _shortest(body)
    forms, back = _related(plain)
    if not forms:
        return plain
    other = _shortest(plain.xreplace(forms), back)
    return other if cost(other) < cost(plain) else plain


def _shortest(body: Expr, meanings: Mapping[Expr, Expr] = NO_MEANINGS) -> Expr:
    """The shortest form, every function and every root counting as an indeterminate of its own.

    ``meanings`` are what indeterminates of the body stand for.
    """
    names = {part: sp.Symbol(f"u{position}", **_assumptions(part))
             for position, part in enumerate(_generators(body))}  # fmt: skip
    plain = body.xreplace(names)
    back = {symbol: part.xreplace(meanings) for part, symbol in names.items()}
    if meanings:
        best = _fixed(plain, lambda form: min(_forms(form), key=lambda form: cost(_meant(form, back))))
        return _meant(tidy_signs(best), back)
    return tidy_signs(_fixed(plain, _shortened)).xreplace(back)


def _fixed(expr: Expr, shortened: Callable[[Expr], Expr]) -> Expr:
    """An expression shortened until that changes nothing."""
    while (shorter := shortened(expr)) != expr:
        expr = shorter
    return expr


@lru_cache(maxsize=2048)
def _shortened(plain: Expr) -> Expr:
    """The shortest of an expression in nameless indeterminates and its equivalents."""
    return plain if is_irreducible(plain) else min(_forms(plain), key=cost)


def _forms(plain: Expr) -> list[Expr]:
    """An expression and its equivalents."""
    return [plain, *map(tidy_signs, _equivalents(plain))]


def is_irreducible(plain: Expr) -> bool:
    """Whether an expression is a monomial, or one times a sum that does not factor and cancels against nothing.

    A sum of monomials does not factor if an indeterminate is in one of its terms only, and there to
    the first power, and nothing divides all terms.  Over a denominator the factors before the sum may
    still go into it, ``(1 - 2*u)/(2*v) = (1/2 - u)/v``.
    """
    sums = [factor for factor in Mul.make_args(plain) if not _is_monomial(factor)]
    if len(sums) != 1 or not isinstance(sums[0], Add):
        return not sums
    (total,) = sums
    if not all(map(_is_monomial, total.args)) or not _is_primitive(total):
        return False
    terms = [_powers(term) for term in total.args]
    readers = Counter(base for powers in terms for base in powers)
    single = any(power == 1 and readers[base] == 1 for powers in terms for base, power in powers.items())
    whole = all(power > 0 for powers in terms for power in powers.values())
    outside = _powers(plain / total)
    apart = plain.as_coeff_Mul()[0] == 1 and readers.keys().isdisjoint(outside)
    over = any(power < 0 for power in outside.values())
    return single and whole and (apart or not over) and len(terms) not in readers.values()


def _is_monomial(expr: Expr) -> bool:
    """Whether an expression is a number, or a product of integer powers of indeterminates."""
    factors = (factor.as_base_exp() for factor in Mul.make_args(expr))
    return all(base.is_Rational or (base.is_Symbol and power.is_Integer) for base, power in factors)


def _powers(monomial: Expr) -> dict[Expr, Expr]:
    """The indeterminates of a monomial with their powers."""
    factors = (factor.as_base_exp() for factor in Mul.make_args(monomial))
    return {base: power for base, power in factors if not base.is_Rational}


def _is_primitive(total: Add) -> bool:
    """Whether the coefficients of a sum are whole numbers, not all negative, that nothing divides."""
    numbers = [term.as_coeff_Mul()[0] for term in total.args]
    whole = all(number.is_Integer for number in numbers)
    return whole and math.gcd(*map(int, numbers)) == 1 and any(number > 0 for number in numbers)


def _meant(form: Expr, back: Mapping[Expr, Expr]) -> Expr:
    """A form with what its indeterminates stand for in their place, one power of each base."""
    return sp.powsimp(form.xreplace(back), combine="exp")


def _related(body: Expr) -> tuple[dict[Expr, Expr], dict[Expr, Expr]]:
    """Indeterminates in terms of others, and the way back.

    ``exp(-2 z)`` in terms of ``exp(z)``, ``x^(a + 1)`` of ``x^a``, ``1/sqrt(x)`` of ``sqrt(x)``.
    """
    families: dict[tuple[Expr, Expr], dict[Expr, Expr]] = {}
    generators = _generators(body)
    for part in generators:
        if isinstance(part, sp.exp):
            number, rest = part.args[0].as_coeff_Mul()
            sign = -1 if rest.could_extract_minus_sign() else 1
            families.setdefault((S.Exp1, sign * rest), {})[part] = sign * number
        elif isinstance(part, Pow) and not part.exp.is_number:
            number, rest = part.exp.as_coeff_Add()
            families.setdefault((part.base, rest), {})[part] = number
        elif isinstance(part, Pow):
            families.setdefault((part.base, S.Zero), {})[part] = part.exp
    forms: dict[Expr, Expr] = {}
    back: dict[Expr, Expr] = {}
    for (base, rest), numbers in families.items():
        if rest == 0 and base in generators:
            numbers[base] = S.One
        if len(numbers) < 2:
            continue
        symbol = sp.Dummy("u", positive=True)
        if base is S.Exp1:
            unit = min(map(abs, numbers.values()))
            steps = {part: number / unit for part, number in numbers.items()}
            meaning, made = sp.exp(unit * rest), {part: symbol**step for part, step in steps.items()}
        elif rest == 0:
            unit = S.One / sp.lcm([number.q for number in numbers.values()])
            steps = {part: number / unit for part, number in numbers.items()}
            meaning, made = base**unit, {part: symbol**step for part, step in steps.items()}
        else:
            unit = min(numbers.values())
            steps = {part: number - unit for part, number in numbers.items()}
            meaning, made = base ** (rest + unit), {part: symbol * base**step for part, step in steps.items()}
        if all(step.is_Integer for step in steps.values()):
            forms |= made
            back[symbol] = meaning
    return forms, back


def tidy_signs(product: Expr) -> Expr:
    """The signs of a product's factors as people write them: ``1 - p`` rather than ``p - 1``.

    Every minus that this sets free goes into a difference without a constant, as in
    ``(p - y)/(p (1 - p))`` for ``(y - p)/(p (p - 1))``.
    """
    sign, factors, free = S.One, [], -1
    for factor in Mul.make_args(product):
        base, power = factor.as_base_exp()
        if not (base.is_Add and power.is_Integer and power % 2):
            factors.append(factor)
            continue
        constant = base.as_coeff_Add()[0]
        if constant.is_negative and not all(_leads_with_minus(arg) for arg in base.args):
            sign, base = -sign, -base
        elif constant.is_zero and free < 0 and any(not _leads_with_minus(arg) for arg in base.args):
            free = len(factors)
        factors.append(Pow(base, power, evaluate=False) if power != 1 else base)
    number = product.as_coeff_Mul()[0] if product.is_Mul else S.One
    if (sign * number).is_negative and free >= 0:
        base, power = factors[free].as_base_exp()
        sign, factors[free] = -sign, (-base) ** power
    return sign * Mul(*factors)


def _leads_with_minus(term: Expr) -> bool:
    return bool(term.as_coeff_Mul()[0].is_negative)


def _assumptions(part: Expr) -> dict[str, bool]:
    part = part.args[0] if isinstance(part, Ref) else part
    if part.is_positive:
        return {"positive": True}
    return {"nonnegative": True} if part.is_nonnegative else {"real": True}


def _generators(body: Expr) -> list[Expr]:
    """The maximal parts that rational algebra need not look into, in a stable order."""
    found: dict[Expr, None] = {}

    def visit(node: Expr) -> None:
        if isinstance(node, Add | Mul) or (isinstance(node, Pow) and node.exp.is_Integer):
            for arg in node.args:
                visit(arg)
        elif not node.is_number:
            found[node] = None

    visit(body)
    return sorted(found, key=lambda part: part.sort_key())


def _equivalents(plain: Expr) -> Iterator[Expr]:
    yield sp.factor_terms(plain)
    if isinstance(plain, Mul) and _has_denominator(plain):
        yield from _distributed(plain)
    generators = len(plain.free_symbols)
    bound = MAX_TERMS if generators > 2 else MAX_TERMS_OF_TWO
    if multiplied_terms(plain) > bound or generators > MAX_GENERATORS:
        return
    try:
        cancelled = sp.cancel(plain) if _has_denominator(plain) else plain
        yield sp.factor(cancelled)
        yield cancelled
    except (sp.PolynomialError, NotImplementedError):
        return


def _distributed(product: Mul) -> Iterator[Expr]:
    """``(a*u + b)/a`` as ``u + b/a``."""
    for total in product.args:
        if isinstance(total, Add):
            yield sp.factor_terms(Add(*(product / total * term for term in total.args)))


def _has_denominator(expr: Expr) -> bool:
    return any(isinstance(node, Pow) and node.exp.is_negative for node in nodes(expr))


def multiplied_terms(expr: Expr) -> int:
    """A bound on the number of terms of the expression multiplied out, denominators included."""
    if isinstance(expr, Add):
        return sum(multiplied_terms(arg) for arg in expr.args) * _denominators(expr)
    if isinstance(expr, Mul):
        total = 1
        for arg in expr.args:
            total *= multiplied_terms(arg)
        return total
    if isinstance(expr, Pow) and expr.exp.is_Integer:
        count, power = multiplied_terms(expr.base), abs(int(expr.exp))
        return count if count == 1 else min(10**9, sp.binomial(count + power - 1, power)) if power < 50 else 10**9
    return 1


def _denominators(expr: Add) -> int:
    bases = {part.base for arg in expr.args for part in Mul.make_args(arg)
             if isinstance(part, Pow) and part.exp.is_negative and part.base.is_Add}  # fmt: skip
    return max(1, 2 * len(bases))


def _outside_entries(expr: Expr) -> list[Expr]:
    """Every node of an expression as often as it occurs, without the subscripts of entries."""
    found = [expr]
    for node in found:
        found += () if isinstance(node, Ref) else node.args
    return found


@lru_cache(maxsize=4096)
def cost(expr: Expr) -> int:
    """How long an expression is to read: operations and entries, with a penalty for denominators in sums."""
    operations = int(sp.count_ops(expr))
    entries = sum(isinstance(node, Ref | Symbol) for node in _outside_entries(expr))
    nested = sum(1 for part in atoms(expr, Add) for arg in part.args if _has_denominator(arg) and not arg.is_number)
    return 2 * operations + entries + NESTED_COST * nested
