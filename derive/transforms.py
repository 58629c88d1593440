"""How the values of a program change when a variable is scaled or shifted.

A variable becomes ``t*w``, or ``w + t`` with one number ``t`` for all entries along some of its axes.
Every value that follows becomes ``factor*value + shift``, where neither reads anything that changes:

    exp(v + s) = exp(s) * exp(v)        log(m * v) = log(v) + log(m)        max(m*v + s) = m*max(v) + s

What does not change in such a way has no :class:`Change`; that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sympy import Abs, Add, Dummy, Expr, Integer, KroneckerDelta, Mul, Pow, S, Symbol, exp, expand_log, log, sign

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.program import Definition, Index, Input, Program, Ref, bound_index, free_index
from chainrule.derive.scalar import Indicator, compares_indices, where

#: Terms of one body that are looked at.
MAX_TERMS = 40


@dataclass(frozen=True)
class Change:
    """A value becomes ``factor*value + shift``; the factor is positive."""

    factor: Expr = S.One
    shift: Expr = S.Zero

    def at(self, places: Mapping[Index, Expr]) -> Change:
        """The change of an entry."""
        return Change(self.factor.xreplace(places), self.shift.xreplace(places))


SAME = Change()


def changes(program: Program, moved: Mapping[str, Change]) -> dict[str, Change]:
    """The change of every value of a program, as far as it is a scaling and a shift.

    Args:
        program: the program.
        moved: the change of each variable, over its free indices.
    """
    known = {item.name: SAME for item in program.inputs} | dict(moved)
    for definition in program.definitions:
        if definition.name not in moved:
            found = _Body(program, definition, known).value()
            if found is not None:
                known[definition.name] = found
    return known


@dataclass(frozen=True)
class _Body:
    """One definition, given the changes of what it reads."""

    program: Program
    definition: Definition
    known: Mapping[str, Change]

    def value(self) -> Change | None:
        """The change of the whole definition."""
        names = self.definition.reads
        if not names <= self.known.keys():
            return None
        if all(self.known[name] is SAME for name in names):
            return SAME
        body = self.change(self.definition.body)
        if body is None or body == SAME:
            return SAME if body else None
        return self.matrix(body) if self.definition.reduce in MATRIX_FUNCTION_BY_NAME else self.reduced(body)

    def reduced(self, body: Change) -> Change | None:
        """The change of a reduction of a body that changes."""
        bound = self.definition.bound_indices
        reduce, count = self.definition.reduce, Mul(*self.definition.bound)
        if body.factor.has(*bound) if bound else False:
            return None
        if reduce == "sum":
            return Change(body.factor, self.total(body.shift))
        if bound and body.shift.has(*bound):
            return None
        if reduce == "logsumexp":
            return body if body.factor == 1 else None
        if reduce == "prod":
            return Change(body.factor**count) if body.shift == 0 else None
        return body if reduce in ("", "max", "min") else None

    def matrix(self, body: Change) -> Change | None:
        """The change of a function of a matrix that is multiplied by a number."""
        if body.shift != 0 or body.factor.has(*self.definition.bound_indices):
            return None
        law = _MATRIX.get(self.definition.reduce)
        return law(body.factor, self.definition.bound[0]) if law else None

    def total(self, shift: Expr) -> Expr:
        """The sum of a shift over the bound indices; rows that sum to one are used."""
        return Add(*(self.term_total(term) for term in Add.make_args(shift.expand())))

    def term_total(self, term: Expr) -> Expr:
        left: list[Index] = []
        for index, length in zip(self.definition.bound_indices, self.definition.bound, strict=True):
            factors = [factor for factor in Mul.make_args(term) if factor.has(index)]
            if len(factors) == 1 and _is_deviation(factors[0], index):
                return S.Zero
            if not factors:
                term = term * length
            elif len(factors) == 1 and self.sums_to_one(factors[0], index):
                term = term / factors[0]
            else:
                left.append(index)
        return _named_sum(term, left, self.definition.lengths) if left else term

    def sums_to_one(self, factor: Expr, index: Index) -> bool:
        """Whether a factor is an entry of rows that sum to one, the index running along them."""
        item = self.program.by_name.get(factor.name) if isinstance(factor, Ref) else None
        whole = isinstance(item, Input) and item.domain.sums_to_one and self.known[item.name] is SAME
        return whole and factor.indices[-1] == index and not any(place.has(index) for place in factor.indices[:-1])

    # ---- expressions -----------------------------------------------------------------------------

    def change(self, expr: Expr) -> Change | None:
        """The change of an expression."""
        if isinstance(expr, Ref):
            return self.known[expr.name].at({free_index(n): place for n, place in enumerate(expr.indices)})
        if all(self.known[ref.name] is SAME for ref in expr.atoms(Ref)):
            return SAME
        for kind, rule in _RULES.items():
            if isinstance(expr, kind):
                return rule(self, expr)
        if isinstance(expr, CatalogFunction):
            parts = [self.change(arg) for arg in expr.args]
            return SAME if all(part == SAME for part in parts) else self.change(expr.entry.expanded(*expr.args))
        parts = [self.change(arg) for arg in expr.args]
        return SAME if all(part == SAME for part in parts) else None

    def sum(self, expr: Add) -> Change | None:
        """A sum whose terms are all multiplied by the same."""
        parts = [self.change(term) for term in expr.args[:MAX_TERMS]]
        found = [part for part in parts if part is not None]
        if len(found) < len(expr.args) or len({part.factor for part in found}) > 1:
            return None
        return Change(found[0].factor, Add(*(part.shift for part in found)).expand())

    def product(self, expr: Mul) -> Change | None:
        """A product; one factor may be shifted if the others do not change."""
        parts = [(factor, self.change(factor)) for factor in expr.args]
        changing = [(factor, part) for factor, part in parts if part != SAME]
        if any(part is None for _, part in changing):
            return None
        shifted = [part for _, part in changing if part and part.shift != 0]
        if not shifted:
            return Change(Mul(*(part.factor for _, part in changing if part)))
        others = [factor for factor, part in parts if part == SAME]
        if len(changing) > 1 or len(others) != len(parts) - 1:
            return None
        return Change(shifted[0].factor, Mul(shifted[0].shift, *others))

    def power(self, expr: Pow) -> Change | None:
        """A power with an exponent that does not change."""
        base, exponent = self.change(expr.base), self.change(expr.exp)
        if exponent != SAME or base is None or base.shift != 0:
            return SAME if base == exponent == SAME else None
        if base.factor != 1 and expr.exp.atoms(Ref, Index):
            return None
        return Change(base.factor**expr.exp)

    def exponential(self, expr: Expr) -> Change | None:
        inner = self.change(expr.args[0])
        return Change(exp(inner.shift)) if inner is not None and inner.factor == 1 else None

    def logarithm(self, expr: Expr) -> Change | None:
        inner = self.change(expr.args[0])
        return Change(S.One, _log(inner.factor)) if inner is not None and inner.shift == 0 else None

    def size(self, expr: Expr) -> Change | None:
        inner = self.change(expr.args[0])
        return inner if inner is not None and inner.shift == 0 else None

    def direction(self, expr: Expr) -> Change | None:
        inner = self.change(expr.args[0])
        return SAME if inner is not None and inner.shift == 0 else None

    def comparison(self, expr: Expr) -> Change | None:
        """Two sides that change alike compare as before; zero is multiplied by anything."""
        if compares_indices(expr):
            return SAME
        sides = [self.change(arg) for arg in expr.args if arg != 0]
        first = sides[0]
        alike = first is not None and all(side == first for side in sides)
        return SAME if alike and first and (len(sides) == 2 or first.shift == 0) else None

    def choice(self, expr: Expr) -> Change | None:
        """Two cases that change alike; zero is multiplied by anything."""
        cases = {self.change(arg) for arg in expr.args[1:] if arg != 0}
        if self.change(expr.args[0]) != SAME or len(cases) != 1:
            return None
        (only,) = cases
        return only if only is None or only.shift == 0 or 0 not in expr.args[1:] else None


_RULES: dict[type, Callable[[_Body, Expr], Change | None]] = {
    Add: _Body.sum, Mul: _Body.product, exp: _Body.exponential, Pow: _Body.power, log: _Body.logarithm,
    Abs: _Body.size, sign: _Body.direction, Indicator: _Body.comparison, where: _Body.choice,
    KroneckerDelta: lambda body, expr: SAME,
}  # fmt: skip

#: Functions of an ``n`` by ``n`` matrix that is multiplied by a number.
_MATRIX: dict[str, Callable[[Expr, Expr], Change]] = {
    "inv": lambda m, n: Change(1 / m),
    "pinv": lambda m, n: Change(1 / m),
    "det": lambda m, n: Change(m**n),
    "logdet": lambda m, n: Change(S.One, n * _log(m)),
    "cholesky": lambda m, n: Change(m ** (S.One / 2)),
    "eigvalsh": lambda m, n: Change(m),
    "svdvals": lambda m, n: Change(m),
    "eigvectors": lambda m, n: SAME,
    "left_singular": lambda m, n: SAME,
    "right_singular": lambda m, n: SAME,
}


def _named_sum(term: Expr, bound: list[Index], lengths: Mapping[Index, Expr]) -> Expr:
    """A sum that stays as it is: an entry of an array that is named after what is summed.

    Sums of deviations that do not run over what deviates are deviations themselves.
    """
    inner = [factor for factor in Mul.make_args(term) if factor.has(*bound)]
    outer = Mul(*(factor for factor in Mul.make_args(term) if factor not in inner))
    free = sorted(Mul(*inner).atoms(Index) - {*bound}, key=str)
    deviating = [[factor for factor in inner if factor.has(index)] for index in free]
    pairs = zip(free, deviating, strict=True)
    first = [index for index, found in pairs if len(found) == 1 and _is_deviation(found[0], index)]
    free = [*first, *(index for index in free if index not in first)]
    letters = {index: Symbol(f"_{number}") for number, index in enumerate((*free, *bound))}
    ranges = [lengths[index] for index in (*free, *bound)]
    name = f"{DEVIATION if first else ' sum'} of {Mul(*inner).xreplace(letters)} over {ranges}"
    return outer * Ref(Symbol(name, real=True), *free)


#: Begins the names of arrays whose entries sum to zero over the first index; no name of a user has a space.
DEVIATION = " deviation"


def _is_deviation(factor: Expr, index: Index) -> bool:
    """Whether a factor sums to zero over an index."""
    return isinstance(factor, Ref) and factor.name.startswith(DEVIATION) and bool(factor.indices[0] == index)


def _log(factor: Expr) -> Expr:
    return expand_log(log(factor), force=True)


# ---- scalings and shifts -----------------------------------------------------------------------------

#: The number that a variable is multiplied by, or that is added to it.
SCALE = Dummy(" t", positive=True)
SHIFT = Dummy(" t", real=True)


def scaling(program: Program, names: tuple[str, ...], output: str) -> Change | None:
    """The change of an output when variables are multiplied by one number."""
    found = changes(program, {name: Change(SCALE) for name in names}).get(output)
    return found if found is None or not found.factor.atoms(Index) else None


def degree(factor: Expr) -> Expr | None:
    """The exponent ``k`` of a factor ``t**k``."""
    base, exponent = factor.as_base_exp() if factor != 1 else (SCALE, Integer(0))
    return exponent if base == SCALE and not exponent.has(SCALE) else None


def shift_rate(program: Program, name: str, output: str, axes: tuple[int, ...]) -> Expr | None:
    """What an output grows by for each 1 that is added to all entries of a variable along some axes, if fixed.

    Where axes are left, it may be another number for every place along them; an array of outputs must stay
    the same then.
    """
    shape = program.by_name[name].shape
    kept = [n for n in range(len(shape)) if n not in axes]
    change = changes(program, {name: Change(S.One, Ref(SHIFT, *map(free_index, kept)))}).get(output)
    if change is None or change.factor != 1:
        return None
    added = Ref(SHIFT)
    if kept:
        bound = [bound_index(n) for n in range(len(kept))]
        lengths = dict(zip(bound, (shape[n] for n in kept), strict=True))
        added = _named_sum(Ref(SHIFT, *bound), bound, lengths)
    rate = change.shift.coeff(added)
    return rate if change.shift == rate * added and not rate.atoms(Ref, Index) else None


def unmoved(program: Program, name: str, axis: int) -> set[str]:
    """What stays the same when deviations that sum to zero along an axis are added to a variable."""
    free = [free_index(n) for n in range(len(program.by_name[name].shape))]
    deviation = Ref(Symbol(DEVIATION, real=True), free[axis], *(index for index in free if index != free[axis]))
    found = changes(program, {name: Change(S.One, deviation)})
    return {value for value, change in found.items() if change == SAME}


#: What is added to the logarithm of something that is multiplied by the scale.
LOG_SCALE = log(SCALE)
