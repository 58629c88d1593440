"""Equations in which each entry of the unknown stands alone: scalars, variances, rates, probabilities.

The entry is one number ``x``.  The equation is a sum of known quantities times functions of ``x``;
cleared of denominators it must have two terms, whose quotient is a power ``x^p``, an exponential
``exp(p x)``, or a function with a known inverse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy as sp
from sympy import Add, Dummy, Expr, Mul, Pow, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.forms.bound_terms import LogSoftmax, MatrixEntry, Over, indices_of
from chainrule.derive.program import Index, Ref
from chainrule.derive.stationarity.equation import Equation, Kind, NoSolution
from chainrule.derive.stationarity.likeness import tidied
from chainrule.derive.stationarity.signs import with_signs
from chainrule.derive.stationarity.terms import Space, Term, closed

#: Increasing functions that an equation is solved for, and their inverses.
INVERSES: dict[str, Callable[[Expr], Expr]] = {
    "log": sp.exp,
    "sigmoid": lambda value: sp.log(value / (1 - value)),
    "tanh": sp.atanh,
    "sinh": sp.asinh,
    "arctan": sp.tan,
    "arcsinh": sp.sinh,
}


def stands_alone(space: Space, eq: Equation) -> bool:
    """Whether every reading of the unknown is of the entry that the equation is about."""
    own = space.input(eq.unknown)[eq.axes]
    factors = (factor for term in eq.terms for factor in term.factors)
    return all(ref == own for factor in factors for ref in factor.atoms(Ref) if ref.name == eq.unknown)


@dataclass
class Masked:
    """An equation in one number ``x``, everything else being symbols of known sign."""

    name: str
    x: Dummy
    total: Expr = S.Zero
    symbols: dict[Expr, Dummy] = field(default_factory=dict)

    def symbol(self, expr: Expr) -> Expr:
        """The symbol for a known quantity; for a product, those for its factors."""
        if expr.is_number:
            return expr
        if isinstance(expr, Mul):
            return Mul(*(self.symbol(arg) for arg in expr.args))
        if isinstance(expr, Pow) and expr.exp.is_Rational:
            return self.symbol(expr.base) ** expr.exp
        if isinstance(expr, Add) and expr.primitive()[0] != 1:
            number, rest = expr.primitive()
            return number * self.symbol(rest)
        if expr not in self.symbols:
            signed = with_signs(expr)
            sign = "positive" if signed.is_positive else "nonnegative" if signed.is_nonnegative else "real"
            self.symbols[expr] = Dummy(**{sign: True})
        return self.symbols[expr]

    def hidden(self, expr: Expr) -> Expr:
        """The expression with symbols for whatever is free of ``x``."""
        if not expr.has(self.x):
            return self.symbol(expr)
        if isinstance(expr, Add | Mul):
            known, rest = expr.as_independent(self.x, as_Add=isinstance(expr, Add))
            parts = [self.hidden(arg) for arg in expr.func.make_args(rest)]
            return expr.func(self.symbol(known), *parts)
        if isinstance(expr, Over | LogSoftmax | MatrixEntry):
            raise NoSolution(f"{self.name} cannot be taken out of a reduction")
        return expr.func(*(self.hidden(arg) for arg in expr.args)) if expr.args else expr

    def shown(self, expr: Expr) -> Expr:
        """The expression with the quantities that the symbols stand for."""
        return expr.xreplace({symbol: quantity for quantity, symbol in self.symbols.items()})


def masked(space: Space, eq: Equation) -> Masked:
    """The equation in one number.

    Raises:
        NoSolution: if a function of the unknown differs from term to term of a sum.
    """
    unknown = space.input(eq.unknown)
    signs = {"positive": {"positive": True}, "nonnegative": {"nonnegative": True}, "real": {"real": True}}
    found = Masked(eq.unknown, Dummy("x", **signs[unknown.domain.sign]))
    own = unknown[eq.axes]
    for term in eq.terms:
        body = Mul(term.scalar, *term.factors).xreplace({own: found.x})
        for function, number in _separated(found, term, body, eq.free):
            summed = tidied(space, Term(S.One, (number,), term.bound), "")
            found.total += found.symbol(closed(space, summed)) * function
    return found


def _separated(found: Masked, term: Term, body: Expr, free: tuple[Index, ...]) -> list[tuple[Expr, Expr]]:
    """A term as functions of the unknown times what is summed over indices."""
    upper, lower = sp.fraction(sp.together(found.hidden(body)))
    parts: dict[Expr, Expr] = {}
    for arg in Add.make_args(sp.expand(upper, log=False)):
        number, function = (arg / lower).as_independent(found.x, as_Add=False)
        if indices_of(found.shown(function)) & set(term.bound):
            raise NoSolution(
                f"{found.name} stands inside a function that differs from term to term of a sum", term, free
            )
        parts[function] = parts.get(function, S.Zero) + number
    return [(function, found.shown(number)) for function, number in parts.items()]


# ---- two terms ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoTerms:
    """``first * g(x)^power + second = 0``, where ``g`` increases.

    Attributes:
        x: the unknown.
        function: ``g(x)``.
        inverse: the inverse of ``g``.
        power: the power, positive where it is a number.
        first, second: what the two terms have in front of them.
        lower: what both are divided by; positive or negative wherever its sign is known.
        dropped: a power of ``x`` that both terms had in common.
    """

    x: Dummy
    function: Expr
    inverse: Callable[[Expr], Expr]
    power: Expr
    first: Expr
    second: Expr
    lower: Expr
    dropped: Expr = S.Zero


def two_terms(found: Masked) -> TwoTerms:
    """The equation cleared of denominators.

    Raises:
        NoSolution: if it does not have the form of :class:`TwoTerms`.
    """
    upper, lower = sp.fraction(sp.together(found.total))
    upper = sp.powsimp(sp.expand(sp.cancel(upper), log=False))
    for read in (_powers, _exponentials, _inverses):
        family = read(found.x, upper)
        if family is not None and len(family.numbers) <= 2:
            return _ordered(found.x, family, lower)
    raise NoSolution(_reason(found.x, upper, found.name))


@dataclass(frozen=True)
class Family:
    """``sum of numbers[e] * g(x)^e``."""

    function: Expr
    inverse: Callable[[Expr], Expr]
    numbers: dict[Expr, Expr]


def _ordered(x: Dummy, family: Family, lower: Expr) -> TwoTerms:
    exponents = list(family.numbers)
    if len(exponents) == 2 and all(e.is_Rational for e in exponents):
        exponents.sort()
    low, high = exponents[0], exponents[-1]
    if (high - low).could_extract_minus_sign():
        low, high = high, low
    if low == high:
        # One term vanishes only where its power of the unknown does.
        low = S.Zero
        if family.function != x or not (high.is_Rational and high > 0):
            raise NoSolution("the gradient is never zero")
    second = family.numbers.get(low, S.Zero)
    return TwoTerms(x, family.function, family.inverse, high - low, family.numbers[high], second, lower, low)


def _same(value: Expr) -> Expr:
    return value


def _powers(x: Dummy, upper: Expr) -> Family | None:
    numbers: dict[Expr, Expr] = {}
    for arg in Add.make_args(upper):
        number, function = arg.as_independent(x, as_Add=False)
        base, exponent = function.as_base_exp() if function != 1 else (x, S.Zero)
        if base != x or exponent.has(x):
            return None
        numbers[exponent] = numbers.get(exponent, S.Zero) + number
    return Family(x, _same, numbers)


def _exponentials(x: Dummy, upper: Expr) -> Family | None:
    numbers: dict[Expr, Expr] = {}
    for arg in Add.make_args(upper):
        number, function = arg.as_independent(x, as_Add=False)
        exponent = function.args[0] if isinstance(function, sp.exp) else S.Zero if function == 1 else None
        if exponent is None or (exponent / x).has(x):
            return None
        numbers[exponent / x] = numbers.get(exponent / x, S.Zero) + number
    return Family(sp.exp(x), sp.log, numbers)


def _inverses(x: Dummy, upper: Expr) -> Family | None:
    """One function with a known inverse, of the unknown itself."""
    numbers: dict[Expr, Expr] = {}
    functions = {part for part in upper.atoms(sp.Function) if part.has(x)}
    if len(functions) != 1:
        return None
    (function,) = functions
    entry = BY_FUNCTION.get(function.func)
    if entry is None or entry.name not in INVERSES or function.args != (x,):
        return None
    symbol = Dummy(real=True)
    family = _powers(symbol, sp.expand(upper.xreplace({function: symbol})))
    if family is None or family.numbers.keys() - {S.Zero, S.One} or Add(*family.numbers.values()).has(x):
        return None
    numbers = family.numbers
    return Family(function, INVERSES[entry.name], numbers)


def _reason(x: Dummy, upper: Expr, name: str) -> str:
    if upper.is_polynomial(x):
        return f"the equation for {name} is a polynomial of degree {sp.degree(upper, x)} with more than two terms"
    return f"the equation for {name} has several functions of {name} that do not reduce to one"


# ---- the solution ---------------------------------------------------------------------------------------


def quotient(terms: TwoTerms) -> tuple[Expr, Expr]:
    """What ``g(x)^power`` is equal to, and what had to be divided by for that."""
    upper, lower = sp.fraction(sp.factor(sp.cancel(-terms.second / terms.first)))
    sign = -1 if lower.could_extract_minus_sign() else 1
    return sign * upper / (sign * lower), sign * lower


def sides(terms: TwoTerms) -> tuple[Expr, Expr]:
    """Both sides of the equation, in the symbols of :class:`Masked`."""
    value, divisor = quotient(terms)
    return divisor * terms.function**terms.power, value * divisor


def needs_positive(found: Masked, terms: TwoTerms) -> bool:
    """Whether a root or a logarithm of the quotient is taken."""
    whole = terms.power == 1 or (terms.power.is_odd and not found.x.is_nonnegative)
    return isinstance(terms.function, sp.exp) or not whole


def root(found: Masked, terms: TwoTerms) -> Expr:
    """The value of the unknown, in the symbols of :class:`Masked`.

    Raises:
        NoSolution: if the root of a quantity is needed that may be negative.
    """
    value, power = quotient(terms)[0], terms.power
    if power == 1 or value == 0:
        return terms.inverse(value)
    if isinstance(terms.function, sp.exp):
        return sp.log(value) / power
    if found.x.is_nonnegative or power.is_even:
        return value ** (1 / power)
    if power.is_odd:
        return sp.sign(value) * sp.Abs(value) ** (1 / power)
    raise NoSolution(f"a power of {found.name} needs it to be positive; declare it so")


def two_signs(terms: TwoTerms) -> bool:
    """Whether the negative of a root is a root as well."""
    return bool(terms.function == terms.x and terms.power.is_even and not terms.x.is_nonnegative)


def zero_is_root(terms: TwoTerms) -> bool:
    """Whether both terms have a power of the unknown that makes them vanish at 0."""
    if terms.function != terms.x or terms.x.is_positive or quotient(terms)[0] == 0:
        return False
    upper, _ = sp.fraction(sp.cancel(terms.x**terms.dropped / terms.lower))
    return bool(upper.subs(terms.x, 0) == 0)


def kind_of_point(terms: TwoTerms, high: float | None) -> Kind:
    """The gradient rises through zero at a minimum, and falls at a maximum."""
    rising = _within(terms.first * terms.lower, terms.x, high)
    if terms.power.is_positive is not True or two_signs(terms) or zero_is_root(terms):
        return "stationary point"
    # It is not zero: that is one of the conditions.
    if rising.is_nonnegative:
        return "minimum"
    return "maximum" if rising.is_nonpositive else "stationary point"


def _within(expr: Expr, x: Dummy, high: float | None) -> Expr:
    """An expression in a positive number below ``high``, so that ``1 - x`` is seen to be positive."""
    if high is None or not x.is_nonnegative or not float(high).is_integer():
        return expr
    free = Dummy(positive=True)
    return sp.factor(sp.together(expr.xreplace({x: int(high) / (1 + free)})))
