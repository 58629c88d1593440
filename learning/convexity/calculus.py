"""Curvature by composition: every definition of a program from those before it.

What is known of a part is its curvature and where its values lie; the laws are those of disciplined convex
programming, but the curvature and slope of scalar functions come from their derivatives.
Source: Grant, Boyd and Ye, Disciplined convex programming (2006).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import sympy as sp
from sympy import Abs, Add, Dummy, Expr, Mul, S, Symbol

from chainrule.derive.catalog.elementwise import maximum, minimum
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Input, Program, Ref
from chainrule.learning.convexity.claims import FLIP, Claim, Scalar
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval
from chainrule.learning.convexity.leaves import moving, parameters, replaced, symbol
from chainrule.learning.convexity.scalar import (
    Curvature,
    direction_in,
    image,
    is_convex_in,
    is_jointly_convex,
    is_monotone,
    pieces,
)
from chainrule.learning.convexity.scaling import (
    at_one,
    is_affine_by_gradient,
    is_homogeneous,
    scalar_program,
    scales,
)
from chainrule.learning.convexity.views import View, views
from chainrule.learning.convexity.whole import Whole, extreme_of_spectrum, spectrum

#: Operations of a body beyond which no scalar function is made of it, and leaves that it may have.
MAX_BODY, MAX_LEAVES = 150, 3
#: Letters of the arguments of scalar functions.
LETTERS = "uvwpqrstabcdefgh"
CURVED: tuple[Curvature, ...] = ("convex", "concave")


class Calculus:
    """What is known of the definitions of one program by some of its inputs."""

    def __init__(self, program: Program, variables: Sequence[str]) -> None:
        self.program = program
        self.variables = tuple(variables)
        self.active = reached(program, frozenset(variables))
        self.whole = Whole(program, variables)
        self.known: dict[str, Claim | None] = {}
        self.spectral: dict[str, Claim] = {}
        self.entries: dict[Expr, Claim | None] = {}

    def moves(self, expr: Expr) -> bool:
        """Whether an expression depends on the variables."""
        return any(ref.name in self.active for ref in expr.atoms(Ref))

    def definition(self, name: str) -> Claim | None:
        """What is known of the entries of an input or definition."""
        if name not in self.known:
            self.known[name] = None
            self.known[name] = self._definition(name)
        return self.known[name]

    def _definition(self, name: str) -> Claim | None:
        item = self.program.by_name[name]
        entry = item[tuple(Dummy(f"i{n}", integer=True) for n in range(len(item.shape)))]
        if isinstance(item, Input):
            curvature: Curvature = "affine" if name in self.variables else "constant"
            return Claim(entry, curvature, self.interval(entry), curvature, name=name)
        found = self._of_spectrum(item) or self._reduced(item) or self.whole.claim(item, self)
        found = found or (self._whole_scalar(item) if name in self.active and not item.shape else None)
        if found is None:
            return None
        narrowed = _narrower(found.interval, self.interval(entry))
        return replace(found, name=name, interval=narrowed, lengths=item.lengths)

    def _whole_scalar(self, item: Definition) -> Claim | None:
        """A scalar whose squares cancel, or the perspective of what it is where a variable is 1."""
        program = self.program.pruned([item.name])
        if item.reduce == "sum" and is_affine_by_gradient(program, self.variables):
            return Claim(item.body, "affine", REALS, "affine")
        for name in scales(program, self.variables):
            others = tuple(other for other in self.variables if other != name)
            inner = Calculus(at_one(program, name), others).definition(item.name) if others else None
            if inner is None or inner.curvature not in CURVED or not is_homogeneous(program, self.variables):
                continue
            return Claim(item.body, inner.curvature, REALS, "perspective", (), scale=name)
        return None

    def _of_spectrum(self, item: Definition) -> Claim | None:
        """A symmetric function of eigenvalues or singular values of a matrix that is affine in the variables."""
        source = spectrum(self.program, item)
        if source is None or source.name not in self.active or not self.is_affine(source.body):
            return None
        own = source.reduce == "eigvalsh"
        inner = Calculus(self.program, self.variables)
        place = item.bound_indices
        given = Claim(source[place], "affine" if own else "convex", self.interval(source[place]), "spectrum")
        inner.spectral[source.name] = given
        found = inner._reduced(item)
        if found is None or not (own or found.is_("convex")):
            return None
        matrix = self.entry(source.body)
        parts = () if matrix is None else (replace(matrix, lengths=source.lengths),)
        return replace(found, rule="spectral" if own else "singular-values", parts=parts)

    def _reduced(self, item: Definition) -> Claim | None:
        if item.reduce not in ("", "sum", "max", "min", "logsumexp"):
            return None
        body = self.entry(item.body)
        if body is None or not item.reduce:
            return body if body is None else replace(body, lengths=item.lengths)
        body = replace(body, lengths=item.lengths)
        if item.reduce == "sum":
            low = S.Zero if body.interval.low.is_nonnegative else S.NegativeInfinity
            rule = "affine" if body.curvature in ("constant", "affine") else "weighted-sum"
            return Claim(item.body, body.curvature, Interval(low), rule, (body,))
        if item.reduce == "min":
            return Claim(item.body, "concave", body.interval, "minimum", (body,)) if body.is_("concave") else None
        if not body.is_("convex"):
            return None
        rule = "maximum" if item.reduce == "max" else "log-sum-exp"
        # A largest entry and the logarithm of a sum of exponentials are at least every entry.
        return Claim(item.body, "convex", Interval(body.interval.low), rule, (body,))

    # ---- entries --------------------------------------------------------------------------------------------

    def entry(self, expr: Expr) -> Claim | None:
        """What is known of an expression over entries."""
        if expr not in self.entries:
            # What depends on itself proves nothing.
            self.entries[expr] = None
            self.entries[expr] = self._entry(expr)
        return self.entries[expr]

    def _entry(self, expr: Expr) -> Claim | None:
        if not self.moves(expr):
            return Claim(expr, "constant", self.interval(expr), "constant")
        if isinstance(expr, Ref):
            return self._ref(expr)
        if self.is_affine(expr):
            return Claim(expr, "affine", self.interval(expr), "affine")
        for law in (self._sum, self._multiple, self._extreme, self.composition, self._whole_entry):
            found = law(expr)
            if found is not None:
                return replace(found, interval=_narrower(found.interval, self.interval(expr)))
        written = self.written_out(expr)
        return self.entry(written) if written != expr else self._cancelled(expr)

    def _cancelled(self, expr: Expr) -> Claim | None:
        """What is left of a polynomial whose terms cancel when it is multiplied out."""
        expanded = sp.expand(expr)
        if expanded != expr and expanded.count_ops() <= expr.count_ops():
            found = self.entry(expanded)
            return None if found is None else replace(found, what=expr)
        whole = isinstance(expr, Add) and not any(ref.indices for ref in expr.atoms(Ref))
        if whole and is_affine_by_gradient(scalar_program(self.program, expr), self.variables):
            return Claim(expr, "affine", REALS, "affine")
        return None

    def _ref(self, ref: Ref) -> Claim | None:
        known = self.spectral.get(ref.name) or self.definition(ref.name)
        if known is None:
            return self._extreme_value(ref)
        return replace(known, what=ref) if not known.parts else known

    def _extreme_value(self, ref: Ref) -> Claim | None:
        """The largest or the smallest eigenvalue, or the largest singular value, of a matrix that is affine."""
        item = self.program.by_name[ref.name]
        if not isinstance(item, Definition) or not self.is_affine(item.body) or len(ref.indices) != 1:
            return None
        curvature = extreme_of_spectrum(item, ref)
        matrix = self.entry(item.body)
        if not curvature or matrix is None:
            return None
        rule = "spectral" if item.reduce == "eigvalsh" else "singular-values"
        return Claim(ref, curvature, self.interval(ref), rule, (replace(matrix, lengths=item.lengths),))

    def is_affine(self, expr: Expr) -> bool:
        """Whether an expression is certainly a linear function of the variables plus a constant."""
        if not self.moves(expr):
            return True
        if isinstance(expr, Ref):
            known = self.spectral.get(expr.name) or self.definition(expr.name)
            return known is not None and known.curvature == "affine"
        if isinstance(expr, Add):
            return all(map(self.is_affine, expr.args))
        moving = [factor for factor in Mul.make_args(expr) if self.moves(factor)]
        return isinstance(expr, Mul) and len(moving) == 1 and self.is_affine(moving[0])

    def _sum(self, expr: Expr) -> Claim | None:
        if not isinstance(expr, Add):
            return None
        fixed = [arg for arg in expr.args if self.is_affine(arg)]
        parts = [self.entry(arg) for arg in expr.args if arg not in fixed]
        for curvature in CURVED:
            if all(part is not None and part.is_(curvature) for part in parts):
                whole = ([self.entry(Add(*fixed))] if fixed else []) + parts
                kept = tuple(part for part in whole if part is not None)
                low = S.Zero if all(part.interval.low.is_nonnegative for part in kept) else S.NegativeInfinity
                return Claim(expr, curvature, Interval(low), "weighted-sum", kept)
        return None

    def _multiple(self, expr: Expr) -> Claim | None:
        if not isinstance(expr, Mul):
            return None
        rest = Mul(*(factor for factor in expr.args if self.moves(factor)))
        weight = Mul(*(factor for factor in expr.args if not self.moves(factor)))
        inner = self.entry(rest) if weight != 1 else None
        if inner is None or not (self.is_nonnegative(weight) or self.is_nonnegative(-weight)):
            return None
        if self.is_nonnegative(weight):
            return Claim(expr, inner.curvature, REALS, "scaled", (inner,))
        return Claim(expr, FLIP[inner.curvature], REALS, "turned-over", (inner,))

    def is_nonnegative(self, weight: Expr) -> bool:
        """Whether a weight is certainly not negative: also ``1 - a`` for ``a`` between 0 and 1."""
        if weight.is_nonnegative:
            return True
        factors = Mul.make_args(weight)
        return all(factor.is_nonnegative or self.interval(factor).low.is_nonnegative for factor in factors)

    def _extreme(self, expr: Expr) -> Claim | None:
        """The larger or the smaller of two."""
        for function, rule, curvature in ((maximum, "maximum", "convex"), (minimum, "minimum", "concave")):
            if expr.func is function.function:
                parts = [self.entry(arg) for arg in expr.args]
                if all(part is not None and part.is_(curvature) for part in parts):  # type: ignore[arg-type]
                    kept = tuple(part for part in parts if part is not None)
                    return Claim(expr, curvature, REALS, rule, kept)  # type: ignore[arg-type]
        return None

    def _whole_entry(self, expr: Expr) -> Claim | None:
        return self.whole.entry(expr, self)

    def squares(self, expr: Expr) -> tuple[Claim, ...] | None:
        """What a quadratic form squares."""
        return self.whole.squares(expr, self)

    def is_definite(self, item: Definition) -> bool:
        """Whether a function of a matrix is applied to one that is positive definite and affine."""
        return self.whole.is_definite(item, self)

    def written_out(self, expr: Expr) -> Expr:
        """The expression with definitions that are no reductions in place of their names."""
        swaps: dict[Expr, Expr] = {}
        for ref in expr.atoms(Ref):
            item = self.program.by_name[ref.name]
            if isinstance(item, Definition) and not item.reduce and ref.name in self.active:
                swaps[ref] = item.at(ref.indices)
        return expr.xreplace(swaps)

    # ---- scalar functions of parts ----------------------------------------------------------------------------

    def composition(self, expr: Expr) -> Claim | None:
        """A scalar function of affine functions and of parts of known curvature."""
        if expr.count_ops() > MAX_BODY:
            return None
        for leaves in self.cuts(expr):
            if not 0 < len(leaves) <= MAX_LEAVES:
                continue
            for chosen in product(*(list(views(leaf, self)) for leaf in leaves)):
                found = self._composed(expr, leaves, chosen)
                if found is not None:
                    return found
        return None

    def cuts(self, expr: Expr) -> Iterator[list[Expr]]:
        """Ways to write an expression as a scalar function: of its affine parts, or of its arguments."""
        found: dict[Expr, None] = {}
        self._collect(expr, found)
        yield list(found)
        if expr.args:
            yield list(dict.fromkeys(arg for arg in expr.args if self.moves(arg)))
        yield sorted((ref for ref in expr.atoms(Ref) if self.moves(ref)), key=str)

    def _collect(self, expr: Expr, found: dict[Expr, None]) -> None:
        if not self.moves(expr):
            return
        if isinstance(expr, Ref) or self.is_affine(expr):
            found.setdefault(moving(expr, self.moves))
            return
        if isinstance(expr, Add):
            affine = [arg for arg in expr.args if self.moves(arg) and self.is_affine(arg)]
            if affine:
                found.setdefault(moving(Add(*affine), self.moves))
            for arg in expr.args:
                if arg not in affine:
                    self._collect(arg, found)
            return
        for arg in expr.args:
            self._collect(arg, found)

    def _composed(self, expr: Expr, leaves: Sequence[Expr], chosen: Sequence[View]) -> Claim | None:
        letters = (letter for letter in LETTERS if letter not in self.program.by_name)
        symbols = [symbol(letter, claim.interval) for letter, (claim, _) in zip(letters, chosen, strict=False)]
        if len(symbols) < len(chosen):
            return None
        values = {leaf: make(symbol) for leaf, (_, make), symbol in zip(leaves, chosen, symbols, strict=True)}
        body = replaced(expr, values, self.moves)
        if body is None or any(ref.name in self.active for ref in body.atoms(Ref)):
            return None
        body = body.xreplace(parameters(body))
        box = tuple((symbol, claim.interval) for symbol, (claim, _) in zip(symbols, chosen, strict=True))
        claims = tuple(claim for claim, _ in chosen)
        if body == symbols[0] and claims[0].what == expr:
            return None
        for curvature in CURVED:
            if _composes(body if curvature == "convex" else -body, box, claims, curvature):
                affine = all(claim.curvature == "affine" for claim in claims)
                interval = image(body, *box[0]) if len(box) == 1 else REALS
                rule = "affine-composition" if affine else "composition"
                shown = Scalar(body, box, tuple(leaves))
                return Claim(expr, curvature, interval, rule, claims, shown)
        return None

    # ---- where values lie ---------------------------------------------------------------------------------------

    def interval(self, expr: Expr) -> Interval:
        """Where the values of an expression lie, as far as its form shows it."""
        if isinstance(expr, Ref):
            return self._declared(expr)
        if isinstance(expr, Add):
            parts = [self.interval(arg) for arg in expr.args]
            return Interval(Add(*(part.low for part in parts)), Add(*(part.high for part in parts)))
        if expr.is_number and expr.is_real:
            return Interval(expr, expr)
        scale, rest = expr.as_coeff_Mul()
        if scale != 1 and scale.is_Rational:
            inner = self.interval(rest)
            ends = (scale * inner.low, scale * inner.high)
            return Interval(*(ends if scale > 0 else reversed(ends)))
        if expr.is_nonnegative or isinstance(expr, Abs):
            return NONNEGATIVE
        return Interval(S.NegativeInfinity, S.Zero) if expr.is_nonpositive else REALS

    def _declared(self, ref: Ref) -> Interval:
        item = self.program.by_name[ref.name]
        known = self.known.get(ref.name)
        if known is not None and not isinstance(item, Input):
            return known.interval
        low = S.Zero if ref.is_nonnegative else S.NegativeInfinity
        if not isinstance(item, Input):
            return Interval(low)
        domain = item.domain
        return Interval(
            low if domain.low is None else sp.nsimplify(domain.low),
            S.Infinity if domain.high is None else sp.nsimplify(domain.high),
        )


def _composes(
    body: Expr, box: tuple[tuple[Symbol, Interval], ...], claims: Sequence[Claim], curvature: Curvature
) -> bool:
    """Whether a function (turned over for "concave") is convex, and monotone where its arguments need that."""
    if len(box) == 1:
        (symbol, interval), (claim,) = box[0], claims
        needed = _needed(claim, curvature)
        wrong = needed is None or (needed and direction_in(body, symbol, interval) not in (needed, "constant"))
        return not wrong and _has_convex_domain(body, symbol, interval, claim) and is_convex_in(body, symbol, interval)
    for (symbol, _), claim in zip(box, claims, strict=True):
        needed = _needed(claim, curvature)
        if needed is None or (needed and not is_monotone(body, symbol, dict(box), needed == "nondecreasing")):
            return False
    return is_jointly_convex(body, box)


def _has_convex_domain(body: Expr, symbol: Symbol, interval: Interval, claim: Claim) -> bool:
    """Whether the arguments at which a function is defined are a convex set: ``g > 0`` is one for concave ``g``."""
    found = pieces(body, symbol, interval)
    if found is None:
        return False
    cut_below = found[0].interval.low != interval.low
    cut_above = found[-1].interval.high != interval.high
    return not (cut_below and not claim.is_("concave")) and not (cut_above and not claim.is_("convex"))


def _needed(claim: Claim, curvature: Curvature) -> str | None:
    """The direction that a convex function must have in an argument; none for an affine one."""
    if claim.curvature in ("constant", "affine"):
        return ""
    # For a concave whole the function is turned over, its arguments are not.
    return {"convex": "nondecreasing", "concave": "nonincreasing"}.get(claim.curvature)


def _narrower(a: Interval, b: Interval) -> Interval:
    """Numbers in both intervals, as far as their ends can be compared."""
    low = b.low if a.low is S.NegativeInfinity or (b.low - a.low).is_nonnegative else a.low
    high = b.high if a.high is S.Infinity or (a.high - b.high).is_nonnegative else a.high
    return Interval(low, high)



