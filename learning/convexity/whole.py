"""Convex functions of whole vectors and matrices that are no compositions entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp
from sympy import Add, Expr, Mul, Pow, S, log

from chainrule.derive.domains import DOMAINS
from chainrule.derive.errors import LimitError
from chainrule.derive.program import Definition, Input, Program, Ref, bound_index
from chainrule.derive.stationarity.convex import is_square
from chainrule.derive.stationarity.definite import of_matrix
from chainrule.derive.stationarity.terms import Space
from chainrule.learning.convexity.claims import Claim, Known
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS
from chainrule.learning.convexity.scalar import Curvature

#: Functions of a matrix whose values are spectra.
SPECTRA = frozenset({"eigvalsh", "svdvals"})


class Whole:
    """The laws for whole arrays in one program."""

    def __init__(self, program: Program, variables: Sequence[str]) -> None:
        self.program, self.variables = program, tuple(variables)
        self.space = Space(program, variables)

    # ---- definitions -------------------------------------------------------------------------------------------

    def claim(self, item: Definition, calculus: Known) -> Claim | None:
        """What is known of a function of a whole matrix, or of a sum that is a quadratic form."""
        if item.reduce == "logdet" and self.is_definite(item, calculus):
            body = calculus.entry(item.body)
            return None if body is None else Claim(item.body, "concave", REALS, "log-determinant", (body,))
        if item.reduce not in ("", "sum") or item.shape:
            return None
        if self._is_square(self.space, item.name):
            return Claim(item.body, "convex", NONNEGATIVE, "quadratic-form", self._premises(calculus))
        return self._fractional(item, calculus)

    def _premises(self, calculus: Known) -> tuple[Claim, ...]:
        found = (calculus.definition(name) for name in self.variables)
        return tuple(claim for claim in found if claim is not None)

    def _is_square(self, space: Space, name: str) -> bool:
        try:
            return is_square(space, space.entry(name, ()))
        except LimitError:
            return False

    def is_definite(self, item: Definition, calculus: Known) -> bool:
        """Whether what a function of a matrix is applied to is positive definite and affine in the variables."""
        row, column = (bound_index(0), bound_index(1))
        body = item.body
        if not body.atoms(Ref) or not calculus.is_affine(body):
            return False
        ends = [self.space.fresh(length) for length in item.bound]
        places = dict(zip((row, column), ends, strict=True))
        entries = {}
        for ref in body.atoms(Ref):
            axes = tuple(index.xreplace(places) for index in ref.indices)
            written = isinstance(self.program.by_name[ref.name], Definition)
            entries[ref] = self.space.entry(ref.name, axes) if written else ref.xreplace(places)
        return of_matrix(self.space, body.xreplace({**entries, **places}), *ends) == "definite"

    def _fractional(self, item: Definition, calculus: Known) -> Claim | None:
        """``x.T @ inv(S) @ x``, linear in the inverse and a square for every value of it."""
        for inverse in self.program.definitions:
            if inverse.reduce != "inv" or not self.is_definite(inverse, calculus):
                continue
            frozen = _with_input(self.program, inverse)
            space = Space(frozen, self.variables)
            try:
                whole = space.entry(item.name, ())
            except LimitError:
                continue
            refs = (node for node in sp.preorder_traversal(whole) if isinstance(node, Ref))
            places = [ref for ref in refs if ref.name == inverse.name]
            powers = [node for node in whole.atoms(Pow) if node.has(*places)] if places else []
            if len(places) != 1 or powers:
                continue
            if _is_trace(item, inverse) or is_square(space, whole):
                inner = calculus.entry(inverse.body)
                premises = self._premises(calculus) if inner is None else (inner,)
                return Claim(item.body, "convex", NONNEGATIVE, "matrix-fractional", premises)
        return None

    # ---- entries -----------------------------------------------------------------------------------------------

    def squares(self, expr: Expr, calculus: Known) -> tuple[Claim, ...] | None:
        """What a quadratic form squares."""
        if isinstance(expr, Ref) and not expr.indices and self._is_square(self.space, expr.name):
            return self._premises(calculus)
        return None

    def entry(self, expr: Expr, calculus: Known) -> Claim | None:
        """A geometric mean: a product of powers of nonnegative concave parts."""
        total, parts = S.Zero, []
        for factor in Mul.make_args(expr):
            if not calculus.moves(factor):
                if not factor.is_nonnegative:
                    return None
                continue
            for inner, power in self._powers(factor, calculus):
                if inner is None or not power.is_nonnegative or calculus.moves(power):
                    return None
                if not (inner.is_("concave") and inner.interval.low.is_nonnegative):
                    return None
                total += power
                parts.append(inner)
        if not parts or not sp.simplify(1 - total).is_nonnegative:
            return None
        return Claim(expr, "concave", NONNEGATIVE, "geometric-mean", tuple(parts))

    def _powers(self, factor: Expr, calculus: Known) -> list[tuple[Claim | None, Expr]]:
        """What is raised to which powers in a factor; ``exp`` of logarithms is such a product as well."""
        if isinstance(factor, sp.exp):
            return [self._logarithm(term, calculus) for term in Add.make_args(factor.args[0])]
        base, power = factor.as_base_exp()
        inner, count = self._factors(base, calculus)
        return [(inner, power * count)]

    def _logarithm(self, term: Expr, calculus: Known) -> tuple[Claim | None, Expr]:
        """What a multiple of a logarithm, or of a sum of logarithms, is the logarithm of, with its power."""
        refs = [part for part in Mul.make_args(term) if calculus.moves(part)]
        weight = Mul(*(part for part in Mul.make_args(term) if part not in refs))
        if len(refs) != 1:
            return None, weight
        if isinstance(refs[0], log):
            return calculus.entry(refs[0].args[0]), weight
        item = self.program.by_name[refs[0].name] if isinstance(refs[0], Ref) else None
        if not isinstance(item, Definition) or item.reduce != "sum":
            return None, weight
        inner, each = self._logarithm(item.body, calculus)
        if inner is None or calculus.moves(each):
            return None, weight
        return replace(inner, lengths=item.lengths), weight * self._summed(each, item)

    def _summed(self, each: Expr, item: Definition) -> Expr:
        """The sum of weights over indices; -1, which no power may be, if it is not known."""
        if not each.has(*item.bound_indices):
            return each * Mul(*item.bound)
        source = self.program.by_name[each.name] if isinstance(each, Ref) else None
        whole = isinstance(source, Input) and source.domain.name == "simplex" and each.indices == item.bound_indices
        return S.One if whole else S.NegativeOne

    def _factors(self, base: Expr, calculus: Known) -> tuple[Claim | None, Expr]:
        """What is multiplied in a product over indices, and how many factors it has."""
        item = self.program.by_name[base.name] if isinstance(base, Ref) else None
        if isinstance(item, Definition) and item.reduce == "prod":
            inner = calculus.entry(item.body)
            return (None if inner is None else replace(inner, lengths=item.lengths)), Mul(*item.bound)
        return calculus.entry(base), S.One


def spectrum(program: Program, item: Definition) -> Definition | None:
    """The spectrum that a reduction is a symmetric function of, if it is one."""
    if item.reduce not in ("sum", "max", "min", "logsumexp") or len(item.bound) != 1:
        return None
    place = bound_index(0)
    names = {ref.name for ref in item.body.atoms(Ref) if ref.has(place)}
    source = program.by_name[next(iter(names))] if len(names) == 1 else None
    if not isinstance(source, Definition) or source.reduce not in SPECTRA or source.shape != item.bound:
        return None
    refs = [ref for ref in item.body.atoms(Ref) if ref.name == source.name]
    bare = item.body.xreplace(dict.fromkeys(refs, S.Zero))
    return source if all(ref.indices == (place,) for ref in refs) and not bare.has(place) else None


def extreme_of_spectrum(item: Definition, ref: Ref) -> Curvature:
    """The curvature of one entry of a spectrum: its ends alone have one."""
    first, last = ref.indices[0] == 0, sp.expand(ref.indices[0] - item.shape[0] + 1) == 0
    if item.reduce == "svdvals":
        return "convex" if first else ""
    return "" if item.reduce != "eigvalsh" else "convex" if last else "concave" if first else ""


def _with_input(program: Program, item: Definition) -> Program:
    """The program with a positive definite input in place of a definition."""
    given = Input(item.name, item.shape, DOMAINS["spd"])
    kept = [other for other in program.definitions if other.name != item.name]
    return replace(program, inputs=(*program.inputs, given), definitions=tuple(kept))


def _is_trace(item: Definition, inverse: Definition) -> bool:
    """Whether a definition is the trace of an inverse."""
    place = bound_index(0)
    return item.reduce == "sum" and len(item.bound) == 1 and item.body == inverse[(place, place)]
