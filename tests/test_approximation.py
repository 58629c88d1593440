"""Networks written down for a function and an error, and the constructions line by line."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, DomainError, InputError, LimitError, UnsupportedError
from chainrule.derive.pictures.points import values_at
from chainrule.learning.approximation.enclosure import box, enclose
from chainrule.learning.approximation.network import values_of
from chainrule.learning.approximation.slopes import largest_slope

#: Functions in our notation and in NumPy's, on an interval, with the largest slope by hand.
FUNCTIONS: tuple[tuple[str, Callable[..., object], tuple[float, float], float], ...] = (
    ("x: real; x^2", np.square, (-1, 1), 2.0),
    ("t: real; sin(3*t)", lambda t: np.sin(3 * t), (0, 3), 3.0),
    ("x: real; abs(x - 0.3)", lambda x: np.abs(x - 0.3), (-1, 1), 1.0),
    ("x: positive; log(x)", np.log, (0.5, 4), 2.0),
    ("x: real; 2", lambda x: 2 + 0 * x, (0, 1), 0.0),
)


@pytest.mark.parametrize("unit", ["relu", "sigmoid"])
@pytest.mark.parametrize(("text", "function", "interval", "slope"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_the_network_stays_within_the_error(
    text: str, function: Callable[..., object], interval: tuple[float, float], slope: float, unit: cr.Unit
) -> None:
    made = cr.approximate(text, interval, 0.05, unit)
    assert made.slope == pytest.approx(slope, abs=1e-6)
    assert made.bound <= 0.05 * (1 + 1e-6)
    x = np.random.default_rng(0).uniform(*interval, size=500)
    off = np.max(np.abs(made(x) - function(x)))
    assert off <= made.bound + 1e-12
    assert made.measured <= made.bound + 1e-12
    # With a tenth of the units it would not stay there, unless the function is a line.
    assert made.units == 1 or made.bound * 10 > 0.05


def test_units_follow_from_the_slope_and_the_error() -> None:
    assert cr.approximate("x: real; 3*x", (0, 2), 0.1).units == 30
    assert cr.approximate("x: real; 3*x", (0, 2), 0.05).units == 60


#: Formulas with every kind of law that intervals go through, on an interval.
ENCLOSED = (
    ("x: real; u = tanh(3*x); where(x < 0, u, relu(x) + gelu(x)) + sum_{k=1}^3 sin(k*x)/k", (-2, 2)),
    ("x: real; exp(-x^2)*sin(10*x) - cos(x)^3", (-2, 2)), ("x: real; sign(sin(7*x))*sin(7*x)", (-3, 3)),
    ("x: real; cosh(x)/(1 + x^2) + clip(x, -1, 1)^3", (-1, 2)), ("x: real; lgamma(x + 2) + digamma(x + 2)", (-0.9, 3)),
    ("x: real; tan(x) + arctan(x) + arcsinh(x)", (-1, 1)), ("x: real; x^2*log(x^2 + 1) + abs(x)^1.5", (-1, 2)),
    ("x: real; softplus(x) + silu(x) + elu(x) + logcosh(x)", (-3, 3)),
    ("x: positive; x^x + sqrt(x) + erfc(x)", (0.2, 2)),
    ("x: real; prod_{k=1}^3 (x - k)", (0, 4)), ("x: real; exp(-1e6*(x - 0.1234)^2)", (0, 1)),
)  # fmt: skip


@pytest.mark.parametrize(("text", "interval"), ENCLOSED, ids=[row[0] for row in ENCLOSED])
def test_intervals_hold_all_values_and_slopes_are_bounded(text: str, interval: tuple[float, float]) -> None:
    f = cr.formula(text)
    name = f.inputs[0].name
    rng = np.random.default_rng(5)
    ends = np.sort(rng.uniform(*interval, (200, 2)))
    for program in (f.program, cr.gradient(f).result[name].program):
        found = enclose(program, name, box(ends[:, 0], ends[:, 1]))
        for share in (0.0, 0.3, 0.9, 1.0):
            values = np.array(values_at(program, {}, {name: ends[:, 0] + share * (ends[:, 1] - ends[:, 0])})[0])
            assert np.all(found.low - 1e-9 <= values)
            assert np.all(values <= found.high + 1e-9)
    bound = largest_slope(f, *interval)
    grid = np.linspace(*interval, 300_001)
    steepest = float(np.max(np.abs(np.diff(values_of(f, grid)) / np.diff(grid))))
    assert steepest <= bound * (1 + 1e-6)
    assert bound <= steepest * 1.01


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("x: real; x", (1, 0), 0.1), InputError), (("x: real; x", (0, 1), 0), InputError),
        (("x: real; x", (0, float("inf")), 0.1), InputError), (("x: real; x", (0, 1), 0.1, "tanh"), InputError),
        (("x: real[n]; sum(x)", (0, 1), 0.1), UnsupportedError), (("x, y: real; x*y", (0, 1), 0.1), UnsupportedError),
        (("x: nonnegative; sqrt(x)", (0, 1), 0.1), DomainError), (("x: real; 1/x", (-1, 1), 0.1), DomainError),
        (("x: real; step(x)", (-1, 1), 0.1), DomainError),
        (("x: real; where(x < 0.3, x, 2*x)", (0, 1), 0.1), DomainError),
        (("x: real; x - 0.01*step(x - 0.7)", (0, 1), 0.1), DomainError), (("x: real; 1e9*x", (0, 1), 1e-3), LimitError),
    ],
)  # fmt: skip
def test_mistakes_are_answered(arguments: tuple[object, ...], kind: type[ChainruleError]) -> None:
    with pytest.raises(kind):
        cr.approximate(*arguments)  # type: ignore[arg-type]


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["approximate", "x: real; x^2", "--error", "0.1"]
    assert run(command) == 0
    assert "20 relu" in capsys.readouterr().out
    assert run([*command, "--json"]) == 0
    network = json.loads(capsys.readouterr().out)["network"]
    assert len(network["weights"]["t"]) == network["units"] == 20
    assert run([*command, "-o", "/nowhere/at/all.svg"]) == 2
    assert run(["approximate", "x: real; x^2", "--error", "-1"]) == 2
