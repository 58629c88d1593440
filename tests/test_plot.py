"""Pictures of formulas: what is drawn is what ``evaluate`` and the derivatives say, with kinks, holes and poles."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr
from chainrule.derive.pictures.drawing import level_lines, limits
from chainrule.derive.pictures.plot import Plot, plot
from chainrule.derive.pictures.points import CHUNK, batched, values_at
from chainrule.derive.pictures.terminal import letters
from chainrule.derive.program import Program

HUBER = "where(abs(x) <= 1, x^2/2, abs(x) - 1/2)"

#: Formula of x, span, and the places of the kinks of each curve, of holes and of poles of the function.
CURVES = [
    ("sigmoid(x)", (-6, 6), ((), (), ()), (), ()),
    ("relu(x)", (-3, 3), ((0,), (), ()), (), ()),
    ("abs(x - 1.25)", (-2, 3), ((1.25,), (), ()), (), ()),
    ("x*abs(x)", (-3, 3), ((), (0,), ()), (), ()),
    (HUBER, (-3, 3), ((), (-1, 1), ()), (), ()),
    ("maximum(x, 0) + abs(x - 1)", (-2, 3.1), ((0, 1), (), ()), (), ()),
    ("tan(x)", (-5, 5), ((), (), ()), (), (-1.5 * np.pi, -np.pi / 2, np.pi / 2, 1.5 * np.pi)),
    ("log(x)", (-3, 3), ((), (), ()), (), (0,)),
    ("sin(x)/x", (-12, 12), ((), (), ()), (0,), ()),
    ("sin(x)/x", (-12, 11.3), ((), (), ()), None, ()),
    ("1/x", (-3, 3), ((), (), ()), (), (0,)),
    ("1/x", (-3, 2.7), ((), (), ()), (), (0,)),
    ("1/(x - 1)^2", (-3, 3.3), ((), (), ()), (), (1,)),
    ("exp(-x^2)*cos(5*x)", (-3, 3), ((), (), ()), (), ()),
    ("x^9", (-3, 3), ((), (), ()), (), ()),
    ("lgamma(x)", (-3.5, 4), ((), (), ()), (), (-3, -2, -1, 0)),
    ("x^x", (-3, 3), ((), (), ()), (), ()),
    ("exp(1000*x)", (-3, 3), ((), (), ()), (), ()),
    ("sqrt(x)", (-1, 3), ((), (), ()), (), ()),
    ("logsumexp(stack([x, 2*x]))", (-3, 3), ((), (), ()), (), ()),
]


def curve_of(text: str, span: tuple[float, float]) -> Plot:
    return plot(f"x: real; {text}", span=span)


@pytest.mark.parametrize(("text", "span", "kinks", "holes", "poles"), CURVES)
def test_kinks_holes_and_poles_are_found(
    text: str, span: tuple[float, float], kinks: tuple[tuple[float, ...], ...], holes: tuple[float, ...] | None,
    poles: tuple[float, ...],
) -> None:  # fmt: skip
    found = curve_of(text, span)
    close = 2e-5 * (span[1] - span[0])
    for curve, places in zip(found.curves, kinks, strict=True):
        assert [place for place, _ in curve.kinks] == pytest.approx(places, abs=close)
    if holes is not None:
        assert [place for place, _ in found.curves[0].holes] == pytest.approx(holes, abs=close)
    assert found.curves[0].poles == pytest.approx(poles, abs=close)


@pytest.mark.parametrize(("text", "span"), [(case[0], case[1]) for case in CURVES])
def test_points_are_values_of_the_formula_and_its_derivatives(text: str, span: tuple[float, float]) -> None:
    f = cr.formula(f"x: real; {text}")
    found = plot(f, span=span)
    functions = [f, cr.gradient(f, "x").result["x"], cr.hessian(f, "x").result["x"]]
    for curve, function in zip(found.curves, functions, strict=True):
        finite = np.flatnonzero(np.isfinite(curve.y))
        assert finite.size > 100
        for number in finite[:: max(1, finite.size // 25)]:
            value = function.evaluate(x=curve.x[number])
            # Close to a removable singularity both are differences of large numbers.
            near = 1e-7 if abs(curve.x[number]) > 1e-3 else 1e-3
            assert curve.y[number] == pytest.approx(value, rel=near, abs=near)
        assert np.all(np.diff(curve.x) >= 0)
        assert (curve.x[0], curve.x[-1]) == pytest.approx(span)


@pytest.mark.parametrize("case", [case for case in CURVES if case[4]], ids=lambda case: case[0])
def test_lines_are_broken_at_poles(case: tuple[str, tuple[float, float], object, object, tuple[float, ...]]) -> None:
    text, span, _, _, poles = case
    for curve in curve_of(text, span).curves:
        for pole in poles:
            left, right = np.flatnonzero(curve.x < pole - 1e-3)[-1], np.flatnonzero(curve.x > pole + 1e-3)[0]
            assert np.isnan(curve.y[left : right + 1]).any(), f"{curve.symbol} goes through {pole}"


def test_jumps_are_broken_and_kinks_are_not() -> None:
    value, slope, second = curve_of("x*abs(x)", (-3, 3)).curves
    assert not np.isnan(value.y).any()
    assert not np.isnan(slope.y).any()
    assert np.isnan(second.y).any()
    assert set(second.y[np.isfinite(second.y) & (second.x != 0)].tolist()) == {-2.0, 2.0}


def test_labels_are_those_of_derivations() -> None:
    found = curve_of("sigmoid(x)", (-3, 3))
    assert [(curve.symbol, curve.text) for curve in found.curves] == [
        ("L", "sigmoid(x)"), ("dL/dx", "L*(1 - L)"), ("d2L/dx2", "L*(1 - L)*(1 - 2*L)"),
    ]  # fmt: skip
    assert [len(plot("x: real; x^2", derivatives=order).curves) for order in (0, 1, 2)] == [1, 2, 3]


@pytest.mark.parametrize("place", [-1.2, 0.0, 0.75])
def test_the_tangent_touches_and_has_the_slope_of_the_derivative(place: float) -> None:
    f = cr.formula("x: real; a: real; exp(a*x)*sin(x)")
    tangent = plot(f, "x", tangent_at=place, at={"a": 0.4}).tangent
    assert tangent is not None
    step = 1e-6
    values = [f.evaluate(x=place + shift, a=0.4) for shift in (-step, 0.0, step)]
    assert tangent.y == pytest.approx(values[1])
    assert tangent.slope == pytest.approx((values[2] - values[0]) / (2 * step), rel=1e-8)
    assert tangent.slope == pytest.approx(cr.gradient(f, "x").result["x"].evaluate(x=place, a=0.4))


def test_pictures_stay_in_the_domain() -> None:
    (curve, *_) = plot("s: positive; log(s)", span=(-3, 3)).curves
    assert 0 < curve.x[0] < 1e-4
    assert curve.x[-1] == 3
    (curve, *_) = plot("p: unit; p*(1 - p)", span=(-3, 3)).curves
    assert (curve.x[0], curve.x[-1]) == (0, 1)


def test_choices_at_kinks_are_used() -> None:
    slope = plot("x: real; relu(x)", tangent_at=0.0, kinks={"relu": 1}).tangent
    assert slope is not None
    assert slope.slope == 1.0


# ---- many points at once ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "X: real[n,d]; y: real[n]; w: real[d]; t: real; mean((y - t*(X @ w))^2)",
        "X: real[n,d]; y: real[n]; w: real[d]; t: real; logsumexp(t*softmax(X @ w)) + max(t*y) + norm(y - t)",
        "X: real[n,d]; y: real[n]; w: real[d]; t: real; sum(cumsum(t*y)) + prod(1 + t*w/9) + sum(diag(X[:2,:2]*t))",
        "X: real[n,d]; y: real[n]; w: real[d]; t: real; logdet(X.T @ X + t^2*eye(d)) + sum(inv(X.T@X + eye(d)))",
    ],
)
def test_many_points_at_once_are_as_one_by_one(text: str) -> None:
    f = cr.formula(text)
    rng = np.random.default_rng(2)
    given = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "w": rng.normal(size=3)}
    points = rng.normal(size=CHUNK + 7)
    (found,) = values_at(f.computed, given, {"t": points})
    assert found.shape == points.shape
    for number in [0, 1, CHUNK - 1, CHUNK, CHUNK + 6]:
        assert found[number] == pytest.approx(f.evaluate(t=points[number], **given), rel=1e-12)
    assert (batched(f.computed, {"t"}) is None) == ("logdet" in text)


def test_what_does_not_vary_is_computed_once() -> None:
    f = cr.formula("X: real[n,n]; t: real; A = X @ X; sum(A)*t")
    wide = batched(f.program, {"t"})
    assert isinstance(wide, Program)
    assert [len(item.shape) - len(f.program.by_name[item.name].shape) for item in wide.definitions] == [0, 0, 1]


# ---- surfaces -----------------------------------------------------------------------------------

ROSENBROCK = "x: real; y: real; (1 - x)^2 + 100*(y - x^2)^2"


def test_a_surface_is_the_formula_and_its_gradient() -> None:
    f = cr.formula(ROSENBROCK)
    found = plot(f, "x", "y", span=(-2, 2), span_y=(-1, 3)).surface
    assert found is not None
    gradient = cr.gradient(f, ["x", "y"]).result
    for i, j in [(0, 0), (10, 90), (120, 3), (60, 60)]:
        assert found.values[i, j] == pytest.approx(f.evaluate(x=found.x[j], y=found.y[i]))
    for i, j in [(0, 0), (3, 16), (8, 8)]:
        point = {"x": found.arrows_x[j], "y": found.arrows_y[i]}
        assert found.descent[0][i, j] == pytest.approx(-gradient["x"].evaluate(**point))
        assert found.descent[1][i, j] == pytest.approx(-gradient["y"].evaluate(**point))
    assert (found.stationary, found.kind) == ((1.0, 1.0), "minimum")


def test_the_stationary_point_of_a_regression_is_least_squares() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=30)
    y = 1.5 * x - 0.7 + rng.normal(size=30)
    found = plot(
        "x: real[n]; y: real[n]; w: real; b: real; mean((y - w*x - b)^2)", "w", "b", at={"x": x, "y": y}
    ).surface  # fmt: skip
    assert found is not None
    assert found.stationary == pytest.approx(tuple(np.polyfit(x, y, 1)))
    assert found.values.min() == pytest.approx(np.mean((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2), rel=0.1)


def test_a_surface_without_closed_form_has_no_stationary_point() -> None:
    found = plot("x: real; y: real; (x^2 + y - 11)^2 + (x + y^2 - 7)^2", "x", "y", span=(-5, 5)).surface
    assert found is not None
    assert found.stationary is None


def test_no_arrow_stands_where_there_is_no_value() -> None:
    found = plot("x: real; y: real; log(x*y)", "x", "y").surface
    assert found is not None
    outside = np.sign(found.arrows_x)[None, :] * np.sign(found.arrows_y)[:, None] < 0
    assert outside.any()
    for part in found.descent:
        assert np.isnan(part[outside]).all()


def test_levels_rise_and_cover_all_values() -> None:
    values = np.exp(np.linspace(0, 12, 400)).reshape(20, 20)
    levels = level_lines(values)
    assert np.all(np.diff(levels) > 0)
    assert (levels[0], levels[-1]) == pytest.approx((values.min(), values.max()))
    assert len(level_lines(np.zeros((3, 3)))) == 2


# ---- drawing ------------------------------------------------------------------------------------

PICTURES = [
    (("x: real; x*abs(x)",), {"tangent_at": 1.0}),
    (("x: real; sin(x)/x",), {"span": (-12, 12)}),
    (("x: real; tan(x)",), {}),
    (("x: real; 7",), {}),
    (("alpha_1: real; alpha_1^2",), {}),
    ((ROSENBROCK, "x", "y"), {}),
    (("x: real; exp(exp(x))",), {"span": (-3, 10)}),
    (("x: real; y: real; log(x*y)", "x", "y"), {}),
    (("x: real; y: real; 1/(x^2 + y^2)", "x", "y"), {}),
    (("x: real; y: real; 3", "x", "y"), {}),
    (("x: real; y: positive; x^2/y + log(y)", "x", "y"), {}),
]


@pytest.mark.parametrize(("arguments", "options"), PICTURES)
def test_pictures_are_well_formed(arguments: tuple[str, ...], options: dict[str, object], tmp_path: Path) -> None:
    found = plot(*arguments, **options)
    root = ElementTree.fromstring(found.svg())
    assert root.tag.endswith("svg")
    assert "nan" not in " ".join(path.attrib.get("d", "") for path in root.iter("{http://www.w3.org/2000/svg}path"))
    assert found.svg() == found.svg()
    found.save(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    json.loads(found.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plot("x: real; x^2")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(cr.ChainruleError, match=r"not installed[\s\S]*pip install 'chainrule\[plot\]'"):
        found.svg()
    assert "L = x**2" in found.text()


def test_limits_show_the_function_and_cut_its_poles() -> None:
    parabola = curve_of("x^2", (-3, 3)).curves
    low, high = limits(parabola)
    assert low < 0
    assert high > 9
    low, high = limits(curve_of("1/x", (-3, 3)).curves)
    assert -20 < low < -2
    assert 2 < high < 20


def test_lines_of_letters_follow_the_curve() -> None:
    rows = letters(np.array([0.0, 1.0]), np.array([0.0, 1.0]), (0.0, 1.0), (2, 1))
    assert rows == ["⡠⠊"]
    gap = letters(np.array([0.0, 0.5, 1.0]), np.array([0.0, np.nan, 0.0]), (0.0, 1.0), (4, 1))
    assert gap == ["    "]


def test_the_text_has_every_curve_its_marks_and_the_tangent() -> None:
    text = plot("x: real; x*abs(x)", tangent_at=1.0).text(40, 6)
    for words in ("L = x*abs(x)", "dL/dx = 2*abs(x)", "d2L/dx2 = 2*sign(x)", "kink at x = 0", "slope 2"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 50


# ---- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("x: real[n]; x",), {}, "pictures are of scalar formulas"),
        (("x: real[n]; sum(x)",), {}, "which input goes along the axis"),
        (("x: real; y: real; x*y",), {}, "which input goes along the axis"),
        (("x: real; y: real; x*y", "z"), {}, "no input called 'z'"),
        (("x: real; y: real; x*y", "x"), {}, "no value is given for 'y'"),
        (("x: real; y: real; x*y", "x", "x"), {}, "no value is given for 'y'"),
        (("x: real; x^2", "x", "x"), {}, "the same input"),
        (("x: real[n]; sum(x)", "x"), {}, "x has shape"),
        (("k: count; x: real; x*k", "k"), {"at": {"x": 1}}, "k takes only integers"),
        (("x: real; x",), {"span": (3, -3)}, "from a smaller to a larger number"),
        (("x: real; x",), {"span": (0, float("nan"))}, "from a smaller to a larger number"),
        (("x: positive; x",), {"span": (-3, -1)}, "no values from -3 to -1"),
        (("x: real; log(x)",), {"span": (-3, -1)}, "no value from x = -3 to -1"),
        (("x: real; x",), {"derivatives": 3}, "up to the second"),
        (("x: real; x",), {"at": {"x": 1}}, "varies along an axis"),
        (("x: positive; x",), {"tangent_at": -1.0}, "outside"),
        (("x: real; y: real; x*y", "x", "y"), {"tangent_at": 1.0}, "a tangent is drawn to a curve"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], options: dict[str, object], message: str) -> None:
    with pytest.raises(cr.ChainruleError) as caught:
        plot(*arguments, **options)
    assert message in str(caught.value)


def test_files_are_called_by_their_format(tmp_path: Path) -> None:
    with pytest.raises(cr.ChainruleError, match=r"\.svg or \.png"):
        plot("x: real; x").save(tmp_path / "curve.pdf")
    with pytest.raises(cr.ChainruleError, match="level lines are drawn as svg or png"):
        plot(ROSENBROCK, "x", "y").text()


def test_no_two_marks_stand_at_one_place() -> None:
    for text, span, *_ in CURVES:
        for curve in curve_of(text, span).curves:
            for points in (curve.kinks, curve.holes, tuple((pole, 0.0) for pole in curve.poles)):
                assert all(b[0] - a[0] > 1e-4 for a, b in itertools.pairwise(points))
