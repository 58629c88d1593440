"""Domains of inputs: the set of values an input may take, and what that lets us assume.

One table row per named domain; intervals ``(lo, hi)`` and the sets ``{0,1}``, ``{-1,1}`` are
written out in the notation.  The sign decides the assumptions of the SymPy symbols; the
identities of a domain are used by the algebra; the sampler in ``sampling.py`` draws from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sign = Literal["real", "nonnegative", "positive"]


@dataclass(frozen=True)
class Domain:
    """A set of values.

    Attributes:
        name: as written in a declaration.
        sign: what is known of the sign of every entry.
        low, high: bounds of every entry, ``None`` where unbounded.
        closed: whether the bounds themselves belong to the domain.
        values: the finite set of values, if it is finite.
        integer: whether entries are integers.
        sums_to_one: whether the entries along the last axis sum to one.
        square: whether the domain is one of square matrices.
        symmetric: whether the matrices are their own transposes.
        describe: the domain in words, for error messages.
        latex: the set in LaTeX, for declarations.
    """

    name: str
    sign: Sign = "real"
    low: float | None = None
    high: float | None = None
    closed: bool = True
    values: tuple[int, ...] = ()
    integer: bool = False
    sums_to_one: bool = False
    square: bool = False
    symmetric: bool = False
    describe: str = ""
    latex: str = ""

    def __str__(self) -> str:
        return self.name


REAL = Domain("real", describe="any finite number", latex=r"\mathbb{R}")

NAMED_DOMAINS: tuple[Domain, ...] = (
    REAL,
    Domain("positive", "positive", low=0, closed=False, describe="numbers > 0", latex=r"\mathbb{R}_{>0}"),
    Domain("nonnegative", "nonnegative", low=0, describe="numbers >= 0", latex=r"\mathbb{R}_{\ge 0}"),
    Domain("unit", "nonnegative", low=0, high=1, describe="numbers between 0 and 1", latex=r"[0, 1]"),
    Domain("binary", "nonnegative", low=0, high=1, values=(0, 1), integer=True, describe="0 or 1", latex=r"\{0, 1\}"),
    Domain("pm1", values=(-1, 1), low=-1, high=1, integer=True, describe="-1 or 1", latex=r"\{-1, 1\}"),
    Domain("count", "nonnegative", low=0, integer=True, describe="integers >= 0", latex=r"\mathbb{N}"),
    Domain("integer", integer=True, describe="integers", latex=r"\mathbb{Z}"),
    Domain(
        "simplex", "nonnegative", low=0, high=1, sums_to_one=True,
        describe="nonnegative, each row along the last axis summing to 1",
    ),
    Domain(
        "onehot", "nonnegative", low=0, high=1, values=(0, 1), integer=True, sums_to_one=True,
        describe="0 or 1, with exactly one 1 along the last axis",
    ),
    Domain("symmetric", square=True, symmetric=True, describe="symmetric matrices"),
    Domain("spd", square=True, symmetric=True, describe="symmetric positive definite matrices"),
    Domain("psd", square=True, symmetric=True, describe="symmetric positive semidefinite matrices"),
    Domain("invertible", square=True, describe="invertible matrices"),
    Domain("lower", square=True, describe="lower triangular matrices"),
    Domain("diagonal", square=True, symmetric=True, describe="diagonal matrices"),
    Domain("orthonormal", describe="matrices with orthonormal columns"),
)  # fmt: skip

#: Domains of matrices that are their own transposes.
SYMMETRIC_DOMAINS = frozenset(domain.name for domain in NAMED_DOMAINS if domain.symmetric)

#: What a name is declared as that stands for a function without a definition.
FUNCTION = Domain("function", describe="a differentiable function of one number")

DOMAINS: dict[str, Domain] = {domain.name: domain for domain in NAMED_DOMAINS}


#: Domains of matrices whose entries obey equations of other kinds.
STRUCTURED_DOMAINS = frozenset({"lower", "orthonormal"})


def has_equations(domain: Domain) -> bool:
    """Whether entries of a domain obey equations, and not only inequalities."""
    return bool(domain.values or domain.sums_to_one or domain.symmetric) or domain.name in STRUCTURED_DOMAINS


def interval(low: float, high: float) -> Domain:
    """The open interval ``(low, high)``."""
    sign: Sign = "positive" if low >= 0 else "real"
    text = f"({low:g}, {high:g})"
    return Domain(text, sign, low=low, high=high, closed=False, describe=f"numbers in {text}", latex=text)
