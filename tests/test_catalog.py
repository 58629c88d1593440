"""One battery for every elementwise function, and for every claim of the catalogue of formulas."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import Expr

from chainrule.derive.catalog.elementwise import BY_NAME, ELEMENTWISE
from chainrule.derive.catalog.entries import OUT, Elementwise, scalar_derivative
from chainrule.derive.catalog.losses import ALIASES, ENTRIES, Entry
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import catalog
from chainrule.derive.goals import gradient
from chainrule.derive.numeric import FLOAT64, MPMATH, evaluate
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.verify import verify

#: Enough for log(1 - 1e-100) and the like to be right.
DIGITS = 160

EACH = pytest.mark.parametrize("entry", ELEMENTWISE, ids=lambda entry: entry.name)
OWN = pytest.mark.parametrize("entry", [e for e in ELEMENTWISE if e.kind == "own"], ids=lambda entry: entry.name)


def arguments(entry: Elementwise, count: int = 40) -> dict[str, np.ndarray]:
    """Points inside the domain of every argument, some of them far out."""
    rng = np.random.default_rng(11)
    columns = {}
    for position, arg in enumerate(entry.args):
        low, high = (entry.domain or ((None, None),) * len(entry.args))[position]
        spread = rng.normal(size=count) * np.where(np.arange(count) % 4, 1.5, 20.0)
        if low is not None and high is not None:
            column = low + (high - low) * rng.uniform(0.02, 0.98, count)
        elif low is not None:
            column = low + np.abs(spread) + 1e-3
        else:
            column = spread
        columns[str(arg)] = column
    if entry.name in {"polygamma", "besseli"}:
        columns["a"] = np.repeat([0.0, 1.0, 2.0, 3.0], count // 4)
    assert all(np.ptp(column) > 0.5 for column in columns.values())
    return columns


def values(entry: Elementwise, expr: Expr, backend: object = MPMATH) -> np.ndarray:
    """An expression in the entry's arguments, at the entry's points."""
    points = arguments(entry)
    n = sp.Integer(len(next(iter(points.values()))))
    inputs = tuple(Input(name, (n,)) for name in points)
    index = Definition("f", (n,), sp.S.Zero).free[0]
    body = expr.xreplace({arg: inputs[position][index,] for position, arg in enumerate(entry.args)})
    program = Program(inputs, (Definition("f", (n,), body),), ("f",))
    with mpmath.workdps(DIGITS):
        return evaluate(program, points, backend)["f"]  # type: ignore[arg-type]


@OWN
def test_the_readable_derivative_is_the_derivative(entry: Elementwise) -> None:
    """``derivative=`` is a claim about ``define``: evaluated with many digits, right to 40."""
    for position, arg in enumerate(entry.args):
        claimed = scalar_derivative(entry(*entry.args), arg)
        if entry.derivative is not None:
            assert claimed == entry.derivative[position].xreplace({OUT: entry(*entry.args)})
        true = scalar_derivative(entry.define, arg)
        for got, want in zip(values(entry, claimed), values(entry, true), strict=True):
            assert abs(got - want) <= mpmath.mpf(10) ** -40 * (1 + abs(want))


@OWN
def test_the_stable_form_is_the_definition(entry: Elementwise) -> None:
    """Double precision against many digits: within a few units in the last place, times the condition number."""
    computed = values(entry, entry(*entry.args), FLOAT64)
    exact = values(entry, entry(*entry.args))
    slopes = [np.abs(values(entry, arg * scalar_derivative(entry(*entry.args), arg))) for arg in entry.args]
    for got, want, slope in zip(computed, exact, sum(slopes), strict=True):
        assert np.isfinite(got)
        assert abs(got - want) <= 4e-15 * (abs(want) + slope) + 1e-300
    if entry.stable is not None:
        for got, want in zip(exact, values(entry, entry.define), strict=True):
            assert abs(got - want) <= mpmath.mpf(10) ** -30 * (1 + abs(want))


@EACH
def test_signs_are_as_declared(entry: Elementwise) -> None:
    computed = values(entry, entry(*entry.args))
    if entry.positive:
        assert all(value > 0 for value in computed)
    if entry.nonnegative:
        assert all(value >= 0 for value in computed)


@EACH
def test_entries_are_complete(entry: Elementwise) -> None:
    assert entry.about
    assert BY_NAME[entry.name] is entry
    assert len(entry.defaults) < len(entry.args)
    if entry.kind != "macro":
        assert all(f"{{{position}}}" in entry.latex for position in range(len(entry.args) - len(entry.defaults)))
    if entry.define.has(sp.Abs, sp.sign) or "maximum" in str(entry.define):
        assert entry.kinks or entry.kind == "macro"


def test_orders_are_not_differentiated_by() -> None:
    with pytest.raises(UnsupportedError, match="no function of the catalogue"):
        gradient("x: positive; a: positive; besseli(a, x)", wrt="a")


def test_names_are_unique() -> None:
    spellings = [name for entry in ELEMENTWISE for name in (entry.name, *entry.aliases)]
    assert len(spellings) == len(set(spellings))
    names = [entry.name for entry in ENTRIES]
    assert len(names) == len(set(names))
    assert not set(ALIASES) & set(names)
    assert set(ALIASES.values()) <= set(names)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.gradient], ids=lambda entry: entry.name)
def test_claims_of_the_catalogue_are_proved(entry: Entry) -> None:
    for name, claim in entry.gradient:
        verdict = verify(entry.name, name, claim)
        assert verdict.verdict == "proved", verdict.report()


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.hessian], ids=lambda entry: entry.name)
def test_hessians_of_the_catalogue_are_proved(entry: Entry) -> None:
    for name, claim in entry.hessian:
        verdict = verify(entry.name, name, claim, what="hessian")
        assert verdict.verdict == "proved", verdict.report()


def test_the_catalogue_is_a_collection() -> None:
    assert len(catalog) == len(list(catalog)) == len(ENTRIES)
    assert "mse" in catalog
    assert "bce" in catalog
    assert "no such" not in catalog
    assert catalog["bce"] is catalog["binary_cross_entropy"]
