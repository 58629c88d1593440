"""The chain rule written out: for every single chain of scalars, and for nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from support import check_steps, cut, differences

from chainrule.derive.chain import chain_rule, single_chain
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import Program
from chainrule.derive.steps import Partial

NEURON = "x1, w1, b, t: real; z = w1*x1 + b; y = sigmoid(z); L = (y - t)^2"


def test_the_chain_of_a_neuron() -> None:
    assert single_chain(parse_formula(NEURON), "w1") == ("L", "y", "z", "w1")


@pytest.mark.parametrize(
    "text",
    [
        "w: real; a = sin(w); b = w^2; a*b",
        "w: real; sin(w)",
        "w: real[n]; z = w^2; sum(z)",
        "x: real[n]; w: real; z = sum(x)*w; sum(z*x)",
    ],
    ids=["two ways", "one link", "a vector", "a sum on the way"],
)
def test_what_is_no_chain(text: str) -> None:
    assert chain_rule(parse_formula(text), "w") is None


@pytest.mark.parametrize("variable", ["w1", "b", "x1"])
def test_every_step_holds_and_the_end_is_the_engine_s_result(variable: str) -> None:
    found = chain_rule(parse_formula(NEURON), variable)
    assert found is not None
    expansion = found.steps[0].after.body
    assert {(part.output.name, part.variable.name) for part in expansion.atoms(Partial)} == {
        ("L", "y"), ("y", "z"), ("z", variable),
    }  # fmt: skip
    values = {"x1": np.array(0.7), "w1": np.array(-1.2), "b": np.array(0.3), "t": np.array(0.4)}
    assert check_steps(found.context, found.steps, values) > 0
    result = found.results[variable]
    last = [step for step in found.steps if step.where == result][-1]
    assert last.after == found.program.by_name[result]


def test_differences_see_a_wrong_link() -> None:
    """The checker itself: the derivative of y by z is not y."""
    program = parse_formula(NEURON)
    values = {"x1": np.array(0.7), "w1": np.array(-1.2), "b": np.array(0.3), "t": np.array(0.4)}
    assert isinstance(cut(program, "z"), Program)
    slope = differences(program, "y", "z", values)
    z = 0.7 * -1.2 + 0.3
    y = 1 / (1 + np.exp(-z))
    assert slope == pytest.approx(y * (1 - y), rel=1e-12)
    assert slope != pytest.approx(y, rel=1e-3)
