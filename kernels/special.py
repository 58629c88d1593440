"""Scalar functions that neither numba nor the catalogue computes; their source goes into kernels.

Plain functions of floats, compiled by numba where they are used.  They compute in double
precision whatever the precision of the kernel.
"""

from __future__ import annotations

import math

#: Taylor coefficients of digamma at its positive zero, from the first derivative on.
DIGAMMA_AT_ROOT = (
    0.9676722454476212,
    -0.4427631689835921,
    0.258499760955651,
    -0.16394270544240652,
    0.10782405069126237,
    -0.07219956125645471,
    0.04880428816414311,
    -0.03316112647484736,
    0.022597648232218104,
    -0.01542476590494896,
    0.010538791616612175,
    -0.007204534386356869,
    0.004926781395729853,
    -0.003369801655439328,
    0.002305126326734928,
    -0.0015769367714301972,
    0.0010788252019162967,
    -0.0007380709389960052,
    0.000504953265834602,
    -0.0003454680251063077,
    0.00023635601564027053,
    -0.00016170622091974803,
    0.0001106337276874741,
    -7.569179582195066e-05,
    5.178575795222081e-05,
)

#: ``B(2n) / (2n)!`` for n = 1, 2, ..: the Bernoulli numbers of the sum formula.
BERNOULLI = (
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
)


def times(c: float, x: float) -> float:
    """``c * x``, and 0 where c is 0 whatever x is: 0 log 0 = 0 and 0 log(0/0) = 0."""
    return c * x if c != 0.0 else 0.0 * c


def maximum(a: float, b: float) -> float:
    """The larger of two numbers; NaN if one of them is."""
    return b if a < b or b != b else a


def minimum(a: float, b: float) -> float:
    """The smaller of two numbers; NaN if one of them is."""
    return b if b < a or b != b else a


def logaddexp(a: float, b: float) -> float:
    """``log(exp(a) + exp(b))``, also of infinities."""
    larger = b if a < b else a
    return larger + (math.log(2.0) if a == b else math.log1p(math.exp(-abs(a - b))))


def digamma(x: float) -> float:
    """Derivative of ``lgamma`` for x > 0.

    Recurrence up to 10, then the asymptotic series (Abramowitz and Stegun, eq. 6.3.5 and 6.3.18);
    near the zero at 1.46163.. the Taylor series about it, so that the value is right to 1e-14
    there too.
    """
    if not x > 0.0:
        return math.nan
    h = (x - 1.4616321449683622) - 9.549995429965697e-17
    if abs(h) < 0.2:
        value = DIGAMMA_AT_ROOT[-1]
        for n in range(len(DIGAMMA_AT_ROOT) - 2, -1, -1):
            value = value * h + DIGAMMA_AT_ROOT[n]
        return value * h
    shift = 0.0
    while x < 10.0:
        shift += 1.0 / x
        x += 1.0
    q = 1.0 / (x * x)
    series = q * (1 / 12 - q * (1 / 120 - q * (1 / 252 - q * (1 / 240 - q * (1 / 132 - q * (691 / 32760 - q / 12))))))
    return math.log(x) - 0.5 / x - series - shift


def polygamma(order: int, x: float) -> float:
    """Derivative of ``digamma`` of an order >= 1, for x > 0.

    ``(-1)**(m + 1) m! zeta(m + 1, x)``, the Hurwitz zeta function by Euler's and Maclaurin's sum
    formula (Abramowitz and Stegun, eq. 6.4.10 and 23.1.30).
    """
    if not x > 0.0:
        return math.nan
    s = order + 1.0
    total = 0.0
    while x < order + 12.0:
        total += x**-s
        x += 1.0
    power = x**-s
    total += power * (x / (s - 1.0) + 0.5)
    factor = s * power / x
    for n in range(len(BERNOULLI)):
        total += BERNOULLI[n] * factor
        factor *= (s + 2 * n + 1.0) * (s + 2 * n + 2.0) / (x * x)
    return math.gamma(s) * total * (1.0 if order % 2 else -1.0)


def besseli(order: float, x: float) -> float:
    """Modified Bessel function of the first kind, for x >= 0 and order > -1, and for all x and integer orders.

    The power series, whose terms have one sign (DLMF eq. 10.25.2); far out Hankel's expansion, whose
    terms fall below the precision before they grow (DLMF eq. 10.40.1).
    """
    whole = order == math.floor(order)
    if x != x or not (whole or (x >= 0.0 and order > -1.0)):
        return math.nan
    sign = -1.0 if x < 0.0 and order % 2.0 == 1.0 else 1.0
    x = abs(x)
    if whole:
        order = abs(order)
    if x == 0.0:
        return 1.0 if order == 0.0 else (0.0 if order > 0.0 else math.inf)
    if x > max(35.0, order * order):
        term, total, k = 1.0, 1.0, 0.0
        while k < 40.0 and abs(term) > 1e-17 * abs(total):
            k += 1.0
            term *= -(4.0 * order * order - (2.0 * k - 1.0) ** 2) / (8.0 * k * x)
            total += term
        half = math.exp(0.5 * x) if x < 1400.0 else math.inf
        return sign * half * (half / math.sqrt(2.0 * math.pi * x)) * total
    quarter = 0.25 * x * x
    term, total, k = 1.0, 1.0, 0.0
    while term > 1e-17 * total:
        k += 1.0
        term *= quarter / (k * (k + order))
        total += term
    if order < 20.0:
        return sign * (0.5 * x) ** order / math.gamma(order + 1.0) * total
    return sign * math.exp(order * math.log(0.5 * x) - math.lgamma(order + 1.0)) * total
