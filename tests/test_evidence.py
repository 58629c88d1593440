"""Evidence for the steps of derivations: it finds faults that are planted in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chainrule.cli import run
from chainrule.commands import derivations
from chainrule.derive.catalog.losses import ENTRIES
from chainrule.derive.checking.evidence import ENOUGH, Evidence, evidence
from chainrule.derive.derivation import Derivation
from chainrule.derive.formula import formula
from chainrule.derive.goals import gradient, hessian, hvp, jacobian
from chainrule.derive.steps import Partial, Step

FORMULAS = [
    ("x: real[n,d]; mu: real[d]; S: spd[d,d]; n/2*logdet(S) + 1/2*sum((x - mu)@inv(S)*(x - mu))", "mu,S"),
    ("Q: real[n,d]; K: real[m,d]; V: real[m,p]; softmax(Q@K.T/sqrt(d), axis=1)@V", "Q,K,V"),
    ("X: real[n,d]; y: pm1[n]; w: real[d]; C: positive; norm(w)^2/2 + C*sum(relu(1 - y*(X@w)))", "w"),
    ("x: real[n]; sum((x[1:] - x[:-1])^2)", "x"),
    ("z: real[n,k]; y: count[n]; l = log_softmax(z, axis=1); s[i] = l[i,y[i]]; -mean(s)", "z"),
    ("x: real; x^2*sin(x)*exp(-x)", "x"),
    ("phi: function; x: real[n]; sum(phi(x)^2)", "x"),
]


def all_hold(derivation: Derivation) -> None:
    found = evidence(derivation)
    assert found
    assert not [f"{item.step.rule} at {item.step.where}: {item}" for item in found if not item.holds]
    assert all(item.digits is not None for item in found)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_step_of_the_catalogue_holds(entry) -> None:
    f = formula(entry.name)
    all_hold((jacobian if f.shape else gradient)(f))


@pytest.mark.parametrize(("text", "wrt"), FORMULAS)
def test_every_step_holds(text: str, wrt: str) -> None:
    all_hold(jacobian(text, wrt))


@pytest.mark.parametrize("derive", [hessian, hvp])
@pytest.mark.parametrize("name", ["logistic_regression", "softmax_regression", "chain"])
def test_second_derivatives_hold(derive, name: str) -> None:
    all_hold(derive(name))


def broken(step: Step, path: tuple[int, ...]) -> Step:
    """The step with a fault of one part in a million in it, or in the substep at ``path``."""
    if not path:
        return replace(step, after=step.after.with_body(step.after.body * 1.000001))
    steps = list(step.substeps)
    steps[path[0]] = broken(steps[path[0]], path[1:])
    return replace(step, substeps=tuple(steps))


def places(step: Step) -> list[tuple[int, ...]]:
    return [(), *((n, *inner) for n, substep in enumerate(step.substeps) for inner in places(substep))]


@pytest.mark.parametrize("name", ["logistic_regression", "softmax_regression", "chain", "matrix_factorisation"])
def test_a_fault_in_any_step_is_found(name: str) -> None:
    derivation = gradient(name)
    moves = [(n, step) for n, step in enumerate(derivation.steps) if step.rule != "definition"]
    faults = [(n, path) for n, step in moves for path in places(step)]
    assert any(path for _, path in faults)
    for n, path in faults:
        steps = list(derivation.steps)
        steps[n] = broken(steps[n], path)
        wrong = [item for item in evidence(replace(derivation, steps=tuple(steps))) if not item.holds]
        assert wrong, (derivation.steps[n].rule, path)
        assert wrong[0].digits in range(3, 9)


def test_the_page_shows_how_far_each_line_holds() -> None:
    derivation = gradient("logistic_regression")
    found = evidence(derivation)
    text = derivation.text("full", {item.step: str(item) for item in found})
    chain = text.partition("Chain rule")[2].partition("Result")[0].splitlines()
    lines = [line for line in chain if " = " in line and "d(log(u))" not in line]
    assert text.count(" digits]") >= len([step for step in derivation.steps if isinstance(step.before.body, Partial)])
    assert len(lines) >= 8


def test_the_command_line_reports_a_defect(capsys, monkeypatch) -> None:
    assert run(["show", "chain", "--check"]) == 0
    out, err = capsys.readouterr()
    assert "digits]" in out
    assert "all hold" in err
    planted = Evidence(gradient("chain").steps[-1], ENOUGH - 12, 2)
    monkeypatch.setattr(derivations.cr, "evidence", lambda _: (planted,))
    assert run(["show", "chain", "--check"]) == 101
    assert "a defect of chainrule" in capsys.readouterr().err
