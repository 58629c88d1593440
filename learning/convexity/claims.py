"""Claims of a proof: that a quantity is affine, convex or concave, and what that follows from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sympy import Expr, S, Symbol

from chainrule.derive.program import Definition, Index, Program
from chainrule.learning.convexity.intervals import Interval
from chainrule.learning.convexity.scalar import Curvature

FLIP: dict[Curvature, Curvature] = {
    "": "", "constant": "constant", "affine": "affine", "convex": "concave", "concave": "convex"
}  # fmt: skip


@dataclass(frozen=True)
class Scalar:
    """A scalar function that a claim composes with others: its body, and what stands for each symbol."""

    body: Expr
    box: tuple[tuple[Symbol, Interval], ...]
    arguments: tuple[Expr, ...]


@dataclass(frozen=True)
class Claim:
    """A quantity's curvature, proved.

    Attributes:
        what: an entry, in indices of ``lengths``.
        lengths: the range of every index in it.
        curvature: what it is in the variables together.
        interval: where its values lie.
        rule: the id of the law that it follows by.
        parts: the claims that it follows from.
        scalar: the scalar function whose derivatives decide it, if there is one.
        wording: what to say of ``what`` if it stands for something else: ``sqrt``, ``log``, ``exp`` or a
            ``power`` of it.
        exponent: that power.
        scale: the variable at which 1 is put in a perspective.
        name: the definition that ``what`` is, if it is one.
    """

    what: Expr
    curvature: Curvature
    interval: Interval
    rule: str = ""
    parts: tuple[Claim, ...] = ()
    scalar: Scalar | None = None
    wording: str = ""
    exponent: Expr = S.One
    scale: str = ""
    name: str = ""
    lengths: dict[Index, Expr] = field(default_factory=dict, compare=False)

    def is_(self, curvature: Curvature) -> bool:
        """Whether the claim includes a curvature: what is affine is convex, what is constant affine."""
        if self.curvature == "constant" or self.curvature == curvature:
            return True
        return self.curvature == "affine" and curvature in ("convex", "concave")

    def walk(self) -> Iterator[Claim]:
        """The claim's premises, each before what follows from it, then the claim."""
        for part in self.parts:
            yield from part.walk()
        yield self


class Known(Protocol):
    """What laws for whole arrays and for views ask of the calculus."""

    @property
    def program(self) -> Program:
        """The program that it is about."""

    def squares(self, expr: Expr) -> tuple[Claim, ...] | None:
        """What a quadratic form squares."""

    def is_definite(self, item: Definition) -> bool:
        """Whether a function of a matrix is applied to one that is positive definite and affine."""

    def moves(self, expr: Expr) -> bool:
        """Whether an expression depends on the variables."""

    def is_affine(self, expr: Expr) -> bool:
        """Whether an expression is certainly affine in the variables."""

    def entry(self, expr: Expr) -> Claim | None:
        """What is known of an expression over entries."""

    def definition(self, name: str) -> Claim | None:
        """What is known of the entries of an input or definition."""
