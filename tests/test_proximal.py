"""Proximal operators: every case against numeric minimisation, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize, minimize_scalar

import chainrule as cr
from chainrule.cli import run
from chainrule.learning.convexity.subgradients import subdifferential, subgradient_gap

Array = Any

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
    ("x: positive[n]; sum(x*log(x))", {}, (1e-9, 9)),
    ("x: unit; 3*x", {}, (0, 1)),
    ("x: unit; -log(x) - log(1 - x)", {}, (1e-9, 1 - 1e-9)),
    ("x: real; softplus(x)", {}, (-9, 9)),
    ("x: real; x^4", {}, (-9, 9)),
    ("x: real; t: positive; v: real; t*abs(x - v)", {"t": 0.7, "v": 0.3}, (-9, 9)),
    ("x: real[n]; w: positive[n]; sum(w*abs(x))", {"w": 0.7}, (-9, 9)),
]


@pytest.mark.parametrize(("text", "given", "bounds"), PENALTIES, ids=[row[0] for row in PENALTIES])
@pytest.mark.parametrize("t", [0.5, 2.0])
def test_cases_are_minimisers(text: str, given: dict[str, float], bounds: tuple[float, float], t: float) -> None:
    found = cr.prox(text, "x")
    assert not found.radial
    shape = found.formula.program.by_name["x"].shape

    def goal(x: float, v: float) -> float:
        entries = {k: np.full(1, g) if found.formula.program.by_name[k].shape else g for k, g in given.items()}
        value = found.formula.evaluate(x=np.full(1, x) if shape else x, **entries)
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
    wrong = replace(found.cases[-1], value=sp.Rational(7, 10))
    assert found.miss(wrong) > 1e-3


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


def test_groups_and_singular_values() -> None:
    groups = cr.prox("W: real[g,k]; lam: positive; lam*sum(norm(W, axis=1))", "W")
    assert (groups.of, groups.radial) == ("norm of each group", False)
    spectral = cr.prox("X: real[n,m]; nuclear_norm(X)", "X", step=0.5)
    assert (spectral.of, str(spectral.step)) == ("singular value", "1/2")
    rng = np.random.default_rng(2)
    for found, shrunk in ((groups, _by_rows), (spectral, _by_spectrum)):
        given = {"lam": 0.5} if found is groups else {}
        name = found.wrt
        point = rng.normal(size=(2, 2))
        best = minimize(
            lambda z, f=found, p=point, g=given, n=name: float(
                f.formula.evaluate(**{n: z.reshape(2, 2)}, **g) + np.sum((z.reshape(2, 2) - p) ** 2)
            ),
            np.ravel(point) + 0.01, method="Nelder-Mead",
            options={"maxiter": 6000, "maxfev": 6000, "xatol": 1e-9, "fatol": 1e-13},
        ).x  # fmt: skip
        seen = shrunk(lambda v, f=found, g=given: f.value(v, 0.5, **g), point)
        assert np.allclose(seen, best.reshape(2, 2), atol=1e-4)


def _by_rows(operator: Callable[[float], float], point: Array) -> Array:
    sizes = np.linalg.norm(point, axis=1)
    return point * np.array([operator(float(size)) / size for size in sizes])[:, None]


def _by_spectrum(operator: Callable[[float], float], point: Array) -> Array:
    left, values, right = np.linalg.svd(point)
    return left @ np.diag([operator(float(value)) for value in values]) @ right


def test_subdifferentials() -> None:
    found = cr.prox("x: real; abs(x - 1) + 2*relu(x)", "x")
    seen = [(str(place), str(low), str(high)) for place, (low, high) in subdifferential(found.body, found.interval)]
    assert [row for row in seen if row[0] in ("0", "1")] == [("0", "-1", "1"), ("1", "1", "3")]
    text = found.text()
    assert "[-1, 1]" in text
    assert "at x = 0" in text
    assert subgradient_gap(found.body, found.interval, sp.S.Zero, sp.Integer(-2), sp.S.One) > 0.1


def test_a_missing_number_and_a_wrong_step() -> None:
    with pytest.raises(cr.ChainruleError, match="no value of lam"):
        cr.prox("x: real; lam: positive; lam*abs(x)", "x").value(1.0, 0.5)
    with pytest.raises(cr.ChainruleError, match="positive"):
        cr.prox("x: real; abs(x)", "x", step=-1.0)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prox", "x: real; abs(x)", "--wrt", "x", "--step", "0.5", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["proximal"]
    assert [case["x"] for case in data["cases"]] == ["v + 1/2", "0", "v - 1/2"]
    assert {"at": "0", "low": "-1", "high": "1"} in data["subdifferential"]
    assert run(["prox", "x: real; -x^2", "--wrt", "x"]) == 2
