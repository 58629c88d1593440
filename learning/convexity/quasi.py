"""Quasi-convexity: convex sublevel sets, proved from part to part.

``sense`` is 1 for quasiconvex, -1 for quasiconcave.
Source: Boyd and Vandenberghe, Convex Optimization (2004), sections 3.4 and 3.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sympy as sp
from sympy import Expr, Mul, S, Symbol, log

from chainrule.derive.catalog.elementwise import maximum, minimum
from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.program import Definition, Index, Program, Ref
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.intervals import Interval, at_least, elementary
from chainrule.learning.convexity.leaves import parameters, replaced, symbol
from chainrule.learning.convexity.patterns import pattern
from chainrule.learning.convexity.scalar import Piece, direction_in, joins, pieces
from chainrule.learning.convexity.views import logarithm
from chainrule.learning.convexity.words import entry_shown

NAMES = {1: "quasiconvex", -1: "quasiconcave"}
#: Parts inside parts that are looked into.
MAX_DEPTH = 5
CURVATURES = {1: "convex", -1: "concave"}


@dataclass(frozen=True)
class Frame:
    """Where a proof is: the program, how much deeper it may go, and the lengths of the indices in use."""

    program: Program
    depth: int
    lengths: Mapping[Index, Expr] = field(default_factory=dict)

    def deeper(self, item: Definition | None = None) -> Frame:
        """The frame of a part, which stands in the indices of a definition."""
        lengths = self.lengths if item is None or not item.bound else item.lengths
        return Frame(self.program, self.depth - 1, lengths)

    def text(self, expr: Expr) -> str:
        """An expression as the formula writes it."""
        return entry_shown(self.program, expr, self.lengths).text


def quasi(calculus: Calculus, expr: Expr, sense: int, frame: Frame | None = None) -> str:
    """Why an expression is quasiconvex (quasiconcave, for -1); empty if it is not seen to be."""
    frame = frame or Frame(calculus.program, MAX_DEPTH)
    if not frame.depth:
        return ""
    claim = calculus.entry(expr)
    if claim is not None and claim.is_(CURVATURES[sense]):  # type: ignore[arg-type]
        return f"{frame.text(expr)} is {CURVATURES[sense]}"
    for law in (_definition, _multiple, _extreme, _of_one, _ratio, _product):
        found = law(calculus, expr, sense, frame)
        if found:
            return found
    written = calculus.written_out(expr)
    return quasi(calculus, written, sense, frame.deeper()) if written != expr else ""


def _definition(calculus: Calculus, expr: Expr, sense: int, frame: Frame) -> str:
    """A largest entry of quasiconvex ones, a smallest of quasiconcave ones."""
    item = calculus.program.by_name[expr.name] if isinstance(expr, Ref) else None
    if not isinstance(item, Definition) or item.reduce not in ("", "max" if sense > 0 else "min"):
        return ""
    inner = quasi(calculus, item.body, sense, frame.deeper(item))
    if not inner or not item.reduce:
        return inner
    return f"the {'largest' if sense > 0 else 'smallest'} of {NAMES[sense]} functions: {inner}"


def _multiple(calculus: Calculus, expr: Expr, sense: int, frame: Frame) -> str:
    """A multiple, plus a constant."""
    constant, rest = expr.as_independent(*(r for r in expr.atoms(Ref) if calculus.moves(r)), as_Add=True)
    weight, rest = rest.as_independent(*(r for r in rest.atoms(Ref) if calculus.moves(r)), as_Add=False)
    if rest == expr or not (constant != 0 or weight != 1):
        return ""
    if calculus.is_nonnegative(weight):
        return quasi(calculus, rest, sense, frame.deeper())
    return quasi(calculus, rest, -sense, frame.deeper()) if calculus.is_nonnegative(-weight) else ""


def _extreme(calculus: Calculus, expr: Expr, sense: int, frame: Frame) -> str:
    """The larger of two quasiconvex functions, the smaller of two quasiconcave ones."""
    function, word = (maximum, "larger") if sense > 0 else (minimum, "smaller")
    if expr.func is not function.function:
        return ""
    found = [quasi(calculus, arg, sense, frame.deeper()) for arg in expr.args]
    return f"the {word} of two {NAMES[sense]} functions: {'; '.join(found)}" if all(found) else ""


# ---- functions of one part --------------------------------------------------------------------------------------


def _of_one(calculus: Calculus, expr: Expr, sense: int, frame: Frame) -> str:
    """A monotone function of a part, or one that turns once of an affine part."""
    for leaves in calculus.cuts(expr):
        if len(leaves) != 1 or leaves[0] == expr:
            continue
        (leaf,) = leaves
        claim = calculus.entry(leaf)
        interval = calculus.interval(leaf) if claim is None else claim.interval
        letter = symbol("u", interval)
        body = replaced(expr, {leaf: letter}, calculus.moves)
        if body is None or any(calculus.moves(ref) for ref in body.atoms(Ref)):
            continue
        body = body.xreplace(parameters(body))
        direction = direction_in(body, letter, interval)
        if direction in ("nondecreasing", "nonincreasing"):
            inner = quasi(calculus, leaf, sense if direction == "nondecreasing" else -sense, frame.deeper())
            if inner:
                return f"h(u) = {body} is {direction}, of u = {frame.text(leaf)}; {inner}"
        affine = claim is not None and claim.curvature == "affine"
        if affine and _turns_once(sense * body, letter, interval):
            word = "falls, then rises" if sense > 0 else "rises, then falls"
            return f"h(u) = {body} {word}, of the affine u = {frame.text(leaf)}"
    return ""


def _turns_once(body: Expr, letter: Symbol, interval: Interval) -> bool:
    """Whether a function of one number falls up to a place, and rises from there."""
    found = pieces(body, letter, interval)
    if found is None or not all(joins(a, b, letter, False) for a, b in itertools.pairwise(found)):
        return False
    signs: list[int] = []
    for piece in found:
        seen = _slopes(piece, letter)
        if not seen:
            return False
        signs += seen
    kept = [sign for sign, _ in itertools.groupby(sign for sign in signs if sign)]
    return kept in ([], [-1], [1], [-1, 1])


def _slopes(piece: Piece, letter: Symbol) -> list[int]:
    """The signs of the slope of a piece from left to right; empty if they cannot be told."""
    slope = scalar_derivative(piece.body, letter)
    low, high = piece.interval.low, piece.interval.high
    if sp.simplify(slope) == 0:
        return [0]
    if low.is_number and high.is_number and not slope.free_symbols - {letter}:
        found = pattern(elementary(slope), letter, low, high)
        if found is not None:
            return list(found.signs)
    both = low.is_negative and high.is_positive
    halves = [Interval(low, S.Zero), Interval(S.Zero, high)] if both else [piece.interval]
    signs = [_sign(slope, letter, half) for half in halves]
    return signs if all(signs) else []


def _sign(slope: Expr, letter: Symbol, interval: Interval) -> int:
    return 1 if at_least(slope, {letter: interval}) else -1 if at_least(-slope, {letter: interval}) else 0


# ---- quotients and products -----------------------------------------------------------------------------------------


def _ratio(calculus: Calculus, expr: Expr, sense: int, frame: Frame) -> str:
    """``p/q`` with a positive ``q``: where it is at most ``a``, ``p - a q`` is at most 0, which is convex."""
    top, bottom = sp.fraction(sp.together(expr))
    if not calculus.moves(bottom):
        return ""
    above, below = calculus.entry(top), calculus.entry(bottom)
    if above is None or below is None or not below.interval.low.is_nonnegative:
        return ""
    if above.curvature in ("affine", "constant") and below.curvature == "affine":
        return f"({frame.text(top)})/({frame.text(bottom)}) is a quotient of affine functions, the denominator positive"
    curved = CURVATURES[sense], CURVATURES[-sense]
    if above.is_(curved[0]) and below.is_(curved[1]) and above.interval.low.is_nonnegative:  # type: ignore[arg-type]
        return f"({frame.text(top)})/({frame.text(bottom)}): nonnegative and {curved[0]}, over positive and {curved[1]}"
    return ""


def _product(calculus: Calculus, expr: Expr, sense: int, frame: Frame) -> str:
    """A product of positive functions whose logarithms have a concave sum: log-concave, so quasiconcave."""
    if sense > 0 or not all(_log_concave(calculus, factor) for factor in Mul.make_args(expr)):
        return ""
    return f"log({frame.text(expr)}) is concave: it is log-concave"


def _log_concave(calculus: Calculus, factor: Expr) -> bool:
    """Whether the logarithm of a nonnegative factor is certainly concave."""
    seen = logarithm(factor, calculus) if isinstance(factor, Ref) else None
    if seen is not None and seen.is_("concave"):
        return True
    base, power = (factor.args[0], S.One) if isinstance(factor, sp.exp) else factor.as_base_exp()
    inner = calculus.entry(base)
    positive = bool(base.is_nonnegative) or (inner is not None and bool(inner.interval.low.is_nonnegative))
    if isinstance(factor, sp.exp) or not positive or calculus.moves(power):
        return isinstance(factor, sp.exp) and inner is not None and inner.is_("concave")
    claim = calculus.entry(power * log(base))
    return claim is not None and claim.is_("concave")


def kinds(calculus: Calculus, name: str) -> Iterator[tuple[str, str]]:
    """What a definition is seen to be, with why: quasiconvex, quasiconcave, or both."""
    item = calculus.program.by_name[name]
    for sense in (1, -1):
        why = quasi(calculus, item[()], sense)
        if why:
            yield NAMES[sense], why
