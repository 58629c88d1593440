"""Proximal operators: every case against numeric minimisation, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import chainrule as cr

#: Penalty, given numbers, bounds of one entry.
PENALTIES = [
    ("x: real[n]; lam: positive; lam*sum(|x|)", {"lam": 0.7}, (-9, 9)),
    ("x: real[n]; lam: positive; a: unit; lam*(a*sum(|x|) + (1 - a)/2*sum(x^2))", {"lam": 0.7, "a": 0.4}, (-9, 9)),
    ("x: real[n]; lam: positive; lam*sum(x^2)", {"lam": 0.7}, (-9, 9)),
    ("x: real[n]; sum(relu(x))", {}, (-9, 9)),
    ("x: real[n]; sum(maximum(1 - x, 0))", {}, (-9, 9)),
    ("x: real[n]; d: positive; sum(where(abs(x) <= d, x^2/2, d*(abs(x) - d/2)))", {"d": 0.6}, (-9, 9)),
    ("x: positive[n]; -sum(log(x))", {}, (1e-9, 9)),
    ("x: nonnegative[n]; sum(x)", {}, (0, 9)),
    ("x: real; abs(x - 2) + x", {}, (-9, 9)),
]


@pytest.mark.parametrize(("text", "given", "bounds"), PENALTIES, ids=[row[0] for row in PENALTIES])
@pytest.mark.parametrize("t", [0.5, 2.0])
def test_cases_are_minimisers(text: str, given: dict[str, float], bounds: tuple[float, float], t: float) -> None:
    found = cr.prox(text, "x")
    assert not found.radial
    shape = found.formula.program.by_name["x"].shape

    def goal(x: float, v: float) -> float:
        value = found.formula.evaluate(x=np.full(1, x) if shape else x, **given)
        return float(value + (x - v) ** 2 / (2 * t))

    for v in np.linspace(-4, 4, 9):
        best = minimize_scalar(goal, bounds=bounds, args=(v,), method="bounded", options={"xatol": 1e-9}).x
        assert found.value(float(v), t, **given) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("penalty", ["lam*norm(x)", "lam*norm(x) + lam*norm(x)", "lam*norm(x)^3"])
def test_a_function_of_the_norm_moves_along_the_point(penalty: str) -> None:
    found = cr.prox(f"x: real[n]; lam: positive; {penalty}", "x")
    assert found.radial
    for v in (0.2, 0.9, 3.0):
        scale = found.value(v, 0.5, lam=0.8)
        best = minimize_scalar(
            lambda r, v=v: found.formula.evaluate(x=np.array([0.6, 0.8]) * r, lam=0.8) + (r - v) ** 2,
            bounds=(0, 9), method="bounded", options={"xatol": 1e-9},
        ).x  # fmt: skip
        assert scale == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("text", [row[0] for row in PENALTIES])
def test_every_case_holds_on_its_own(text: str) -> None:
    found = cr.prox(text, "x")
    assert all(held.holds for held in found.explanation().evidence())
    wrong = replace(found.cases[-1], value=found.cases[-1].value + 1)
    assert found.miss(wrong) > 0.1


def test_the_derivation_of_the_soft_threshold() -> None:
    text = cr.prox("x: real[n]; lam: positive; lam*sum(|x|)", "x").explanation().text()
    assert "for -lam*t <= v <= lam*t" in text
    assert "[-lam, lam]" in text


@pytest.mark.parametrize(
    "text", ["x: real[n]; -norm(x)^2", "x: real[n]; max(x)", "x: real[n]; sum(sin(x))", "x: real[n]; sum(x)^2"]
)
def test_what_has_no_operator_is_refused(text: str) -> None:
    with pytest.raises(cr.ChainruleError):
        cr.prox(text, "x")
