"""Named distributions by their cumulants, and the central moments that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol, bernoulli, binomial, diff, expand, factor, factorial

#: Central moments are made up to this order.
ORDERS = 8


@dataclass(frozen=True)
class Law:
    """A distribution.

    Attributes:
        parameters: their names, in order.
        cumulant: the cumulant of an order, of the parameters.
    """

    parameters: tuple[str, ...]
    cumulant: Callable[..., Expr]


def _of_bernoulli(order: int, p: Expr) -> Expr:
    t = Symbol("t")
    value: Expr = t
    for _ in range(order - 1):
        value = expand(t * (1 - t) * diff(value, t))
    return factor(value).xreplace({t: p})


LAWS: dict[str, Law] = {
    "normal": Law(("mean", "variance"), lambda k, m, v: (m, v)[k - 1] if k < 3 else Integer(0)),
    "uniform": Law(("low", "high"), lambda k, a, b: (a + b) / 2 if k == 1 else bernoulli(k) * (b - a) ** k / k),
    "bernoulli": Law(("p",), _of_bernoulli),
    "poisson": Law(("rate",), lambda k, rate: rate),
    "exponential": Law(("rate",), lambda k, rate: factorial(k - 1) / rate**k),
    "gamma": Law(("shape", "rate"), lambda k, a, rate: a * factorial(k - 1) / rate**k),
    "laplace": Law(("mean", "scale"), lambda k, m, b: m if k == 1 else (1 + (-1) ** k) * factorial(k - 1) * b**k),
}  # fmt: skip


def central_moments(cumulants: Sequence[Expr]) -> list[Expr]:
    """Central moments by order from the cumulants: ``m_n = sum_j C(n-1, j-1) k_j m_(n-j)`` with ``k_1 = 0``."""
    moments: list[Expr] = [Integer(1), Integer(0)]
    for n in range(2, len(cumulants) + 1):
        terms = (binomial(n - 1, j - 1) * cumulants[j - 1] * moments[n - j] for j in range(2, n + 1))
        moments.append(factor(sum(terms, Integer(0))))
    return moments
