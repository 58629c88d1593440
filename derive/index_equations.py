"""Which indices of a sum read a given entry: equations between index expressions, solved.

The adjoint of ``A`` sums over all indices at which a body reads the entry ``A[a]``.  Where the body
reads ``A[e(k)]`` that is the equation ``a = e(k)``, solved here for the indices ``k``:

    a = k + s          k = a - s         where that lies in the range of k (a mask)
    a = s*k + t        k = (a - t)/s     where s divides a - t
    a = (k + s) mod n  k = (a - s) mod n
    a = p*k + l        k = floor(a/p), l = a mod p     where l runs below p
    a = floor(k/p)     k = p*a + l with a new index l below p; likewise for k mod p

What has no such solution (labels, ``a = y[k]``) stays as a Kronecker delta in the sum.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mod, Mul, S, floor

from chainrule.derive.digits import splittable
from chainrule.derive.program import Definition, Index, Ref, bound_index, free_index
from chainrule.derive.ranges import (
    Facts,
    at_least,
    at_least_zero,
    bounds,
    divided,
    is_nonnegative,
    quotient,
    reduced,
    remainder,
)
from chainrule.derive.scalar import equal


@dataclass(frozen=True)
class Solved:
    """How the indices of a quantity follow from those of an entry that it reads.

    Attributes:
        renaming: every index of the quantity in terms of the adjoint's free and bound indices.
        bound: lengths of the indices that are summed over.
        mask: where the entry is read at all: comparisons and Kronecker deltas.
        ranges: the lengths of the adjoint's free and bound indices.
    """

    renaming: dict[Index, Expr]
    bound: tuple[Expr, ...]
    mask: Expr
    ranges: dict[Index, Expr]


def solve_indices(quantity: Definition, ref: Ref, adjoint: Sequence[Expr]) -> Solved:
    """Solves ``indices of the entry = last axes of the adjoint`` for the indices of the quantity.

    ``adjoint`` is the shape of the adjoint: the axes of the output, then those of the array read.
    """
    axes = [free_index(position) for position in range(len(adjoint))]
    ranges = dict(zip(axes, adjoint, strict=True))
    own = {index: _fresh(f"q{position}") for position, index in enumerate(quantity.lengths)}
    lengths = {own[index]: length for index, length in quantity.lengths.items()}
    system = _System(ranges, lengths)
    pairs = zip(axes[len(axes) - len(ref.indices) :], ref.indices, strict=True)
    mask = system.solve([(axis, place.xreplace(own)) for axis, place in pairs])
    summed = {index: bound_index(position) for position, index in enumerate(system.open)}
    ranges |= {summed[index]: length for index, length in system.open.items()}
    renaming = {old: system.value(new).xreplace(summed) for old, new in own.items()}
    return Solved(renaming, tuple(system.open.values()), reduced(mask.xreplace(summed), ranges), ranges)


def solve_for(
    delta: Expr, index: Index, lengths: Mapping[Index, Expr], facts: Facts = ()
) -> tuple[Expr, Expr] | None:
    """The value of ``index`` at which a Kronecker delta is 1, and the mask of where there is one; or None.

    The other indices are given; they have their ranges in ``lengths``, and ``facts`` say what else is known.
    """
    difference = sp.expand(delta.args[0] - delta.args[1])
    slope = difference.coeff(index)
    rest = difference - slope * index
    if not slope.is_Integer or slope == 0 or rest.has(index):
        return None
    others = {other: length for other, length in lengths.items() if other != index}
    value, mask = _affine(-rest / slope, slope, lengths[index], others, facts)
    return value, reduced(mask, others)


Equation = tuple[Expr, Expr]


@dataclass
class _System:
    """Equations between known expressions and expressions of unknown indices.

    Attributes:
        known: the lengths of the indices on the left-hand sides.
        open: the unknown indices and their lengths.
        values: what the solved indices are, in terms of others.
    """

    known: Mapping[Index, Expr]
    open: dict[Index, Expr]
    values: dict[Index, Expr] = field(default_factory=dict)
    fresh: Iterator[Index] = field(default_factory=lambda: map(_fresh, (f"d{n}" for n in itertools.count())))

    def value(self, index: Index) -> Expr:
        """An index in terms of the known and the open ones."""
        return index if index in self.open else self.values[index]

    @property
    def lengths(self) -> dict[Index, Expr]:
        """The ranges of all indices that occur."""
        return {**self.known, **self.open}

    def solve(self, equations: Sequence[Equation]) -> Expr:
        """Solves one equation after the other; returns the mask of where they hold."""
        mask: Expr = S.One
        waiting = list(equations)
        while waiting:
            self.split(waiting)
            waiting = [(left, self.current(right)) for left, right in waiting]
            for equation in sorted(waiting, key=_difficulty):
                found = self.step(*equation)
                if found is not None:
                    waiting.remove(equation)
                    waiting += found[1]
                    mask = mask * found[0]
                    break
            else:
                return self.current(mask) * Mul(*(KroneckerDelta(*equation) for equation in waiting))
        return self.current(mask)

    def current(self, expr: Expr) -> Expr:
        """An expression in terms of the known and the open indices, simplified by their ranges."""
        return reduced(expr.xreplace(self.values), self.lengths)

    def put(self, index: Index, value: Expr) -> None:
        """Gives an index its value."""
        del self.open[index]
        self.values = {old: known.xreplace({index: value}) for old, known in self.values.items()} | {index: value}

    # ---- one equation -----------------------------------------------------------------------------

    def step(self, left: Expr, right: Expr) -> tuple[Expr, list[Equation]] | None:
        """Solves an equation for one index, if it can: the mask, and what is left to solve."""
        if not right.atoms(Index) & self.open.keys():
            return KroneckerDelta(left, right), []
        for rule in (self.digit, self.rotation, self.linear):
            found = rule(left, right)
            if found is not None:
                return found
        return None

    def digit(self, left: Expr, right: Expr) -> tuple[Expr, list[Equation]] | None:
        """``left = p*k + l`` where l runs below p."""
        for low in (term for term in Add.make_args(right) if term in self.open):
            length = self.open[low]
            whole, rest = divided(right - low, length)
            if rest == 0 and whole != 0 and length != 1:
                self.put(low, remainder(left, length, self.known))
                return S.One, [(quotient(left, length, self.known), whole)]
        return None

    def rotation(self, left: Expr, right: Expr) -> tuple[Expr, list[Equation]] | None:
        """``left = (+-k + s) mod n`` where k runs below n."""
        if not isinstance(right, Mod):
            return None
        inner, modulus = right.args
        for index in inner.atoms(Index) & self.open.keys():
            slope = inner.coeff(index)
            rest = sp.expand(inner - slope * index)
            if slope in (1, -1) and self.open[index] == modulus and not rest.has(index):
                self.put(index, Mod(slope * (left - rest), modulus))
                return S.One, []
        return None

    def linear(self, left: Expr, right: Expr) -> tuple[Expr, list[Equation]] | None:
        """``left = s*k + t`` where t may have indices that stay open."""
        expanded = sp.expand(right)
        slopes = {index: expanded.coeff(index) for index in self.open if expanded.has(index)}
        for index, slope in sorted(slopes.items(), key=lambda pair: abs(pair[1]) != 1):
            rest = expanded - slope * index
            if slope.is_Integer and slope != 0 and not rest.has(index):
                value, mask = _affine((left - rest) / slope, slope, self.open[index], self.lengths)
                self.put(index, value)
                return mask, []
        return None

    # ---- quotients and remainders --------------------------------------------------------------------

    def split(self, equations: Sequence[Equation]) -> None:
        """Two digits in the place of every open index of which an equation has a quotient or remainder."""
        while found := splittable((self.current(right) for _, right in equations), self.open):
            index, modulus, count = found
            high, low = next(self.fresh), next(self.fresh)
            self.open |= {high: count, low: modulus}
            self.put(index, modulus * high + low)


def _difficulty(equation: Equation) -> int:
    """Equations that say outright what an index is come first."""
    right = equation[1]
    return 0 if isinstance(right, Index) else 1 if len(right.atoms(Index)) == 1 else 2


def _affine(
    value: Expr, slope: Expr, length: Expr, lengths: Mapping[Index, Expr], facts: Facts = ()
) -> tuple[Expr, Expr]:
    """The solution ``value`` of an equation with this slope, and the mask of where it is an index."""
    value, step = sp.expand(value), abs(slope)
    mask: Expr = S.One
    if not at_least_zero(step * value, lengths, facts):
        mask = at_least(step * value, S.Zero)
    found = bounds(value, lengths)
    fits = found is not None and is_nonnegative(length - 1 - floor(found[1]))
    if not fits and not at_least_zero(step * (length - 1 - value), lengths, facts):
        mask = mask * at_least(step * (length - 1), step * value)
    return value, mask if step == 1 else mask * equal(Mod(sp.expand(step * value), step), S.Zero)


def _fresh(name: str) -> Index:
    return Index(name, integer=True, nonnegative=True)
