"""Many dimensions: what is derived against SciPy, quadrature and simulation."""

from __future__ import annotations

import pytest
from scipy import stats
from scipy.special import gamma

import chainrule as cr
from chainrule.derive.errors import ChainruleError
from chainrule.learning.dimension.distances import squared_distance
from chainrule.learning.dimension.volumes import ball, shell, sliced


@pytest.mark.parametrize(
    ("law", "numbers", "frozen"),
    [("normal(m, s^2)", {"m": 1.5, "s": 0.7}, stats.norm(1.5, 0.7)),
     ("uniform(a, b)", {"a": 1, "b": 3}, stats.uniform(1, 2)),
     ("exponential(r)", {"r": 2}, stats.expon(scale=0.5)), ("bernoulli(p)", {"p": 0.3}, stats.bernoulli(0.3)),
     ("laplace(0, b)", {"b": 2}, stats.laplace(0, 2))],
)  # fmt: skip
def test_moments_of_the_squared_distance(law: str, numbers: dict[str, float], frozen: stats.rv_continuous) -> None:
    mean, variance = squared_distance(law)
    spread = frozen.var()
    assert all(held.holds for held in cr.concentration(law).evidence())
    kurtosis = float(frozen.stats("k")) + 3
    assert mean.value(d=7, **numbers) == pytest.approx(7 * 2 * spread)
    assert variance.value(d=7, **numbers) == pytest.approx(7 * (2 * kurtosis + 2) * spread**2)


def test_any_coordinates_by_their_moments() -> None:
    mean, variance = squared_distance()
    assert mean.value(d=3, s=2) == pytest.approx(24)
    assert variance.value(d=3, s=2, k=1.8) == pytest.approx(3 * (2 * 1.8 + 2) * 16)
    told = cr.concentration()
    assert all(held.holds for held in told.evidence())
    assert "sum of their variances" in told.text()
    assert "-> 0 as d grows" in told.text()


def test_volumes() -> None:
    assert [ball(d) for d in (1, 2, 3)] == pytest.approx([2, 3.141592653589793, 4.18879020478639])
    assert [sliced(d) for d in (4, 9)] == pytest.approx([ball(d) for d in (4, 9)])
    assert ball(6) == pytest.approx(3.141592653589793**3 / gamma(4))
    assert shell(100, 0.05) == pytest.approx(1 - 0.95**100)


def test_demonstrations_agree_with_what_is_derived() -> None:
    for name, tolerance in (("distance_concentration", 0.1), ("ball_volume", 0.01)):
        run = cr.topic(name).run
        assert run
        around = 1 if name == "distance_concentration" else 0
        assert all(value == pytest.approx(around, abs=tolerance) for value in run(2).numbers.values())


@pytest.mark.parametrize("law", ["cauchy(0, 1)", "normal(0)", "normal(0, 1); y_i ~ normal(0, 2)", "normal(0, 0)"])
def test_mistakes_are_answered(law: str) -> None:
    with pytest.raises(ChainruleError):
        cr.concentration(law)
