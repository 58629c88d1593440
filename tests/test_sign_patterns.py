"""Signs of functions of one number, enclosures, and the verdicts that rest on them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy import Symbol

import chainrule as cr
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.learning.convexity import patterns as module
from chainrule.learning.convexity.enclosures import enclosure
from chainrule.learning.convexity.intervals import elementary
from chainrule.learning.convexity.patterns import pattern
from chainrule.learning.convexity.scaling import is_homogeneous

x, p = Symbol("x", real=True), Symbol("p", positive=True)

FUNCTIONS = [
    (x**3 - x, -sp.oo, (-1, 1, -1, 1)),
    (x**5 - x - 1, -sp.oo, (-1, 1)),
    ((x - 1) ** 2 * (x + 2), -sp.oo, (-1, 1, 1)),
    (sp.exp(2 * x) - 3 * sp.exp(x) + 2, -sp.oo, (1, -1, 1)),
    (sp.exp(x) - 2 - x, -sp.oo, (1, -1, 1)),
    (x * sp.exp(x) + 1, -sp.oo, (1,)),
    (2 + sp.exp(-(x**2)) * (4 * x**2 - 2), -sp.oo, (1, 1)),
    (2 + sp.exp(-(x**2)) * (4 * x**2 - 5), -sp.oo, (1, -1, 1)),
    (sp.cosh(x) - 1 - x**2 / 2, -sp.oo, (1, 1)),
    (sp.tanh(2 * x - 1), -sp.oo, (-1, 1)),
    (sp.diff(-(sp.tanh(2 * x - 1) ** 2), x, 2), -sp.oo, (1, -1, 1)),
    (sp.sqrt(1 + x**2) - x, -sp.oo, (1,)),
    (p * sp.log(p) - 1, 0, (-1, 1)),
    (p * sp.log(p) + sp.Rational(1, 3), 0, (1, -1, 1)),
    (1 / (x - 1), -sp.oo, (-1, 1)),
]


@pytest.mark.parametrize(("expr", "low", "signs"), FUNCTIONS, ids=[str(row[0]) for row in FUNCTIONS])
def test_patterns(expr: sp.Expr, low: sp.Expr, signs: tuple[int, ...]) -> None:
    (symbol,) = expr.free_symbols
    found = pattern(elementary(expr), symbol, sp.S(low), sp.oo)
    assert found is not None
    assert found.signs == signs
    _agrees(expr, symbol, found, float(low) if low == 0 else -8.0)


def _agrees(expr: sp.Expr, symbol: Symbol, found: module.Pattern, low: float) -> None:
    """The signs at many numbers, in doubles."""
    function = sp.lambdify(symbol, expr, "numpy")
    places = np.array([float(item.place) for item in found.breaks])
    numbers = np.linspace(low, 8, 403)[1:]
    far = numbers[np.min(np.abs(numbers[:, None] - places), axis=1) > 1e-3] if len(places) else numbers
    wanted = np.array([found.signs[int(np.sum(places < number))] for number in far])
    assert np.array_equal(np.sign(function(far)), wanted)


def test_what_cannot_be_told() -> None:
    assert pattern(sp.sin(x), x, -sp.oo, sp.oo) is None
    assert pattern(x + Symbol("a"), x, -sp.oo, sp.oo) is None


def test_a_root_that_is_lost_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_roots", lambda polynomial, symbol: [])
    with pytest.raises(AssertionError):
        test_patterns(x**3 - x, -sp.oo, (-1, 1, -1, 1))


@pytest.mark.parametrize(
    ("expr", "ends"),
    [
        (2 - sp.sin(x), (1, 3)),
        (sp.cos(x) ** 2 - 3, (-3, -2)),
        (sp.exp(-(x**2)), (0, 1)),
        (1 / (1 + x**2), (0, 1)),
        (sp.tanh(x) * p, (-sp.oo, sp.oo)),
        (sp.log(1 + p), (0, sp.oo)),
        (sp.cosh(x) + sp.cos(x), (0, sp.oo)),
        (sp.Abs(x) + p, (0, sp.oo)),
    ],
)
def test_enclosures(expr: sp.Expr, ends: tuple[sp.Expr, sp.Expr]) -> None:
    assert enclosure(expr) == ends


#: Formula, variables, verdict: each needs bounds of a second derivative, a view, or a law for whole scalars.
VERDICTS = [
    ("x: real; sin(x) + x^2", "x", "convex"),
    ("x: real; 3*sin(x) + x^2", "x", "not convex"),
    ("x: real; x^2 + exp(-x^2)", "x", "convex"),
    ("x: real; x^2 + 3*exp(-x^2)", "x", "not convex"),
    ("x: real; cosh(x) + cos(x)", "x", "convex"),
    ("x, y: real; 3*x^2 + 3*y^2 + sin(x)*cos(y)", "x,y", "convex"),
    ("x, y: real; x^2 + y^2 + sin(x + y)", "x,y", "convex"),
    ("x, y: real; (x - y)^2 - x^2 + 2*x*y", "x,y", "convex"),
    ("x, y: real; x^4 + 3*x^2*y^2 + y^4", "x,y", "convex"),
    ("x, y: real; x^4 + 7*x^2*y^2 + y^4", "x,y", "not convex"),
    ("x: real[n]; exp(logsumexp(arcsinh(x)))", "x", "convex"),
    ("x: real[n]; square(logsumexp(exp(x)))", "x", "convex"),
    ("x: positive[n]; -exp(mean(log(x)))", "x", "convex"),
    ("x: positive[n]; p: simplex[n]; exp(sum(p*log(x)))", "x", "concave"),
    ("x: positive[n]; 1/sum(1/x)", "x", "concave"),
    ("x: real[n]; sum(abs(x)^3)^(1/3)", "x", "convex"),
    ("x: real[n]; t: positive; x@x/t", "x,t", "convex"),
    ("x: positive[n]; t: positive; -t*sum(log(x/t))", "x,t", "convex"),
    ("S: spd[n,n]; log(det(S))", "S", "concave"),
    ("S: spd[n,n]; logdet(S + eye(n)) - trace(S)", "S", "concave"),
    ("X: real[m,n]; spectral_norm(X)", "X", "convex"),
    ("a, p, q: real[d]; m: positive; relu(norm(a - p)^2 - norm(a - q)^2 + m)", "a", "convex"),
    ("p, q: simplex[n]; sum(p*log(p/q))", "p", "convex"),
]


@pytest.mark.parametrize(("text", "wrt", "want"), VERDICTS, ids=[f"{text} by {wrt}" for text, wrt, _ in VERDICTS])
def test_verdicts(text: str, wrt: str, want: str) -> None:
    found = cr.convex(text, wrt)
    assert found.verdict == want
    heights = _heights(found.formula, found.wrt)
    if want == "not convex":
        assert found.witness is not None
        assert found.witness.gap > 0
    else:
        assert max(heights if want == "convex" else [-height for height in heights]) < 1e-9


def _heights(formula: cr.Formula, wrt: tuple[str, ...]) -> list[float]:
    """Heights above chords at random midpoints, relative to the values."""
    rng = np.random.default_rng(5)
    found = []
    for sizes in size_assignments(formula.program)[:2]:
        for _ in range(12):
            first, other = (sample(formula.inputs, sizes, rng) for _ in range(2))
            second = {**first, **{name: other[name] for name in wrt}}
            middle = {**first, **{name: (first[name] + other[name]) / 2 for name in wrt}}
            a, b, m = (formula.evaluate(**place) for place in (first, second, middle))
            found.append(float(m - (a + b) / 2) / max(1.0, abs(a), abs(b)))
    return found


def test_homogeneity_is_proved_not_assumed() -> None:
    program = cr.formula("x: real[n]; t: positive; t*logsumexp(x/t)").program
    assert is_homogeneous(program, ("x", "t"))
    assert not is_homogeneous(program, ("x",))
    assert not is_homogeneous(cr.formula("x: real[n]; t: positive; t*logsumexp(x/t) + 1").program, ("x", "t"))
