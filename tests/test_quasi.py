"""Quasi-convexity: known functions at random segments, witnesses, planted faults."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.learning.convexity import quasi as module

BOTH = {"quasiconvex", "quasiconcave"}
KNOWN = [
    ("x: real; sqrt(abs(x))", "x", {"quasiconvex"}),
    ("x: real; log(1 + x^2)", "x", {"quasiconvex"}),
    ("X: real[d]; w: real[d]; sigmoid(X@w)", "w", BOTH),
    ("x, y: positive; x*y", "x,y", {"quasiconcave"}),
    ("x, y: positive; x^2*y^3", "x,y", {"quasiconcave"}),
    ("x: real; x^3 - x", "x", set()),
    ("x, y: real; x*y", "x,y", set()),
    ("a: real[n]; b: real; x: real[n]; t: positive; (a@x + b)/t", "x,t", BOTH),
    ("x: real[n]; norm(x)/(1 + norm(x))", "x", {"quasiconvex"}),
    ("x: real; exp(-x^2)", "x", {"quasiconcave"}),
    ("x: real; x*exp(-x)", "x", {"quasiconcave"}),
    ("r: real; c: positive; c^2*log(1 + (r/c)^2)", "r", {"quasiconvex"}),
    ("r: real; c: positive; where(abs(r) <= c, c^2/6*(1 - (1 - (r/c)^2)^3), c^2/6)", "r", {"quasiconvex"}),
    ("x: real[n]; max(sqrt(abs(x)))", "x", {"quasiconvex"}),
    ("x: real; silu(x)", "x", {"quasiconvex"}),
    ("x: positive[n]; prod(x)", "x", {"quasiconcave"}),
    ("S: spd[n,n]; det(S)", "S", {"quasiconcave"}),
    ("x: real; x^5 + x", "x", BOTH),
    ("x: real; sin(x)", "x", set()),
    ("x: real[n]; logsumexp(x)^3", "x", {"quasiconvex"}),
    ("x: positive; log(x)", "x", BOTH),
]


@pytest.mark.parametrize(("text", "wrt", "kinds"), KNOWN, ids=[f"{text} by {wrt}" for text, wrt, _ in KNOWN])
def test_known_functions(text: str, wrt: str, kinds: set[str]) -> None:
    found = cr.convex(text, wrt)
    assert set(found.quasi) == kinds
    for kind in kinds:
        assert max(_excess(found.formula, found.wrt, kind)) < 1e-9
    for kind, seen in found.against.items():
        assert kind not in kinds
        assert seen.gap > 0
        a, b, m = (float(value) for value in seen.values)
        assert m > max(a, b) if kind == "quasiconvex" else m < min(a, b)


def _excess(formula: cr.Formula, wrt: tuple[str, ...], kind: str) -> list[float]:
    """By how much the formula exceeds its ends inside random segments; the other way round for quasiconcave."""
    rng = np.random.default_rng(3)
    found = []
    for sizes in size_assignments(formula.program)[:2]:
        for _ in range(20):
            first, other = (sample(formula.inputs, sizes, rng) for _ in range(2))
            values = []
            for part in (0.0, rng.uniform(), 1.0):
                place = {name: (1 - part) * first[name] + part * other[name] for name in wrt}
                values.append(float(formula.evaluate(**{**first, **place})))
            a, m, b = values
            found.append(m - max(a, b) if kind == "quasiconvex" else min(a, b) - m)
    return found


def test_neither_is_told_with_a_witness() -> None:
    found = cr.convex("x, y: real; x*y", "x,y")
    assert set(found.against) == BOTH
    assert "Witness against quasi-convexity" in found.text()
    assert found.to_dict()["against_quasi"]["quasiconvex"]["against"] == "quasiconvex"
    assert "neither quasiconvex nor quasiconcave" in found.text()


@pytest.mark.parametrize(
    "text", ["log(x^2)", "log(log(1 + x^2))", "-sqrt(log(1 + x^2))", "-sqrt(1 - exp(-x^2))", "log(1 - exp(-x^2))"]
)
def test_an_edge_of_the_domain_inside_is_no_curvature(text: str) -> None:
    found = cr.convex(f"x: real; {text}", "x")
    assert found.verdict == "not convex"
    assert found.witness is not None


def test_a_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_turns_once", lambda body, letter, interval: True)
    with pytest.raises(AssertionError, match="a rule is wrong"):
        cr.convex("x: real; x^3 - x", "x")
