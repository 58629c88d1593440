"""Verdicts on convexity: known functions, random compositions, witnesses on their own, planted faults."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Symbol

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.learning.convexity import calculus as composing
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.exact import is_certainly_positive
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval, sign_in
from chainrule.learning.convexity.rules import RULES
from chainrule.learning.convexity.scalar import direction_in, is_convex_in, is_jointly_convex
from chainrule.learning.convexity.trial import violation
from chainrule.learning.convexity.witness import witness

DATA = "A: real[m,n]; b: real[m]; c: real[n]; "

#: Formula, variables, verdict.
KNOWN = [
    ("x: real[n]; c: real[n]; sum(c*x) + 3", "x", "affine"),
    ("X: symmetric[n,n]; sum(eigvalsh(X))", "X", "affine"),
    # Vectors.
    (DATA + "x: real[n]; norm(A@x - b)^2", "x", "convex"),
    (DATA + "x: real[n]; norm(A@x - b) + norm1(x) + norminf(A@x)", "x", "convex"),
    (DATA + "x: real[n]; lam: positive; mean((A@x - b)^2) + lam*norm(x)^2", "x", "convex"),
    (DATA + "x: real[n]; lam: nonnegative; sum(abs(A@x - b)) + lam*sum(abs(x))", "x", "convex"),
    (DATA + "x: real[n]; logsumexp(A@x + b)", "x", "convex"),
    ("x: real[n]; log(sum(exp(x)))", "x", "convex"),
    (DATA + "x: real[n]; sum(log(b - A@x))", "x", "concave"),
    (DATA + "x: real[n]; max(A@x + b)", "x", "convex"),
    ("x: real[n]; max(x) - min(x)", "x", "convex"),
    ("x: real[n]; min(x) - max(x)", "x", "concave"),
    (DATA + "x: real[n]; sum(relu(1 - b*(A@x)))", "x", "convex"),
    (DATA + "x: real[n]; sum(relu(1 - b*(A@x))^2)", "x", "convex"),
    (DATA + "x: real[n]; sum(maximum(abs(A@x - b) - 1/10, 0))", "x", "convex"),
    ("x: real[n]; y: real[n]; d: positive; r = x - y; sum(where(abs(r) <= d, r^2/2, d*(abs(r) - d/2)))", "x", "convex"),
    ("x: real[n]; y: real[n]; t: unit; sum(maximum(t*(y - x), (t - 1)*(y - x)))", "x", "convex"),
    ("P: psd[n,n]; x: real[n]; c: real[n]; x@P@x + c@x", "x", "convex"),
    ("P: psd[n,n]; x: real[n]; c: real[n]; sqrt((x - c)@P@(x - c))", "x", "convex"),
    ("A: real[m,n]; x: real[n]; x@A.T@A@x", "x", "convex"),
    ("x: real[n]; sqrt(1 + sum(x^2))", "x", "convex"),
    ("x: real[n]; norm(x)^3", "x", "convex"),
    ("x: real[n]; exp(norm(x)^2)", "x", "convex"),
    ("x: real[n]; var(x) + std(x)", "x", "convex"),
    ("x: real[n]; t: positive; sum(x^2)/t", "x,t", "convex"),
    (DATA + "x: real[n]; t: positive; norm(A@x - b)^2/t", "x,t", "convex"),
    ("p: positive[n]; q: positive[n]; sum(p*log(p/q) - p + q)", "p,q", "convex"),
    ("p: simplex[n]; -sum(p*log(p))", "p", "concave"),
    ("x: positive[n]; prod(x)^(1/n)", "x", "concave"),
    ("x: positive[n]; -sum(log(x))", "x", "convex"),
    ("x: positive[n]; sum(1/x)", "x", "convex"),
    ("x: positive[n]; sum(x*log(x))", "x", "convex"),
    ("x: positive[n]; log(sum(1/x))", "x", "convex"),
    ("x: nonnegative[n]; sum(x^1.5)", "x", "convex"),
    ("x: positive[n]; sum(sqrt(x))^2", "x", "concave"),
    ("x: real[n]; t: positive; t*logsumexp(x/t)", "x,t", "convex"),
    # Matrices.
    ("S: spd[n,n]; det(S)^(1/n)", "S", "concave"),
    ("S: spd[n,n]; logdet(S)", "S", "concave"),
    ("S: spd[n,n]; trace(inv(S))", "S", "convex"),
    ("S: spd[n,n]; x: real[n]; x@inv(S)@x", "S,x", "convex"),
    ("S: spd[n,n]; C: spd[n,n]; trace(C@S) - logdet(S)", "S", "convex"),
    ("X: symmetric[n,n]; max(eigvalsh(X))", "X", "convex"),
    ("X: symmetric[n,n]; min(eigvalsh(X))", "X", "concave"),
    ("X: symmetric[n,n]; sum(exp(eigvalsh(X)))", "X", "convex"),
    ("X: real[n,m]; nuclear_norm(X) + max(svdvals(X))", "X", "convex"),
    ("X: real[n,m]; Y: real[n,m]; norm(X - Y)^2 + nuclear_norm(X)", "X", "convex"),
    ("U: real[n,k]; V: real[k,m]; T: real[n,m]; norm(T - U@V)^2", "U", "convex"),
    ("U: real[n,k]; V: real[k,m]; T: real[n,m]; norm(T - U@V)^2", "V", "convex"),
    # Scalars.
    ("x: real; exp(x) + softplus(-x) + logcosh(x)", "x", "convex"),
    ("x: real; abs(x)^1.5 + x^4", "x", "convex"),
    ("x: real; elu(x) + leaky_relu(x)", "x", "convex"),
    ("x: positive; log1p(x) + sqrt(x)", "x", "concave"),
    ("x: positive; lgamma(x)", "x", "convex"),
    ("x: real; sqrt(1 + x^2) + exp(x^2)", "x", "convex"),
    ("x: nonnegative; x*exp(x)", "x", "convex"),
    ("x: real; log(sigmoid(x))", "x", "concave"),
    ("x: (0, 1); log(1 - x^2)", "x", "concave"),
    ("x, y: positive; 1/(x*y)", "x,y", "convex"),
    ("x, y: positive; sqrt(x*y)", "x,y", "concave"),
    ("x, y: real; logaddexp(x, 2*y)", "x,y", "convex"),
    ("x: real; t: positive; t*exp(x/t)", "x,t", "convex"),
    # The same in names that might be taken for the symbols of proofs.
    ("u, v: real; (u - v)^2", "u", "convex"),
    ("u: positive; v: real; u*v^2", "v", "convex"),
    # Not convex.
    ("U: real[n,k]; V: real[k,m]; T: real[n,m]; norm(T - U@V)^2", "U,V", "not convex"),
    ("x, y: real; x*y", "x,y", "not convex"),
    ("x: real; sin(x)", "x", "not convex"),
    ("x, y: real[n]; norm((x + y)*x)", "x,y", "not convex"),
    ("x: real; x^3", "x", "not convex"),
    ("x: real; x*exp(x)", "x", "not convex"),
    ("x: real; sigmoid(x)", "x", "not convex"),
    ("x: real; tanh(x)^2", "x", "not convex"),
    ("x: real; x*sigmoid(x)", "x", "not convex"),
    ("x: real; erf(x)", "x", "not convex"),
    ("x: real; arctan(x)", "x", "not convex"),
    ("x: real; exp(-x^2)", "x", "not convex"),
    ("x: real; sqrt(abs(x))", "x", "not convex"),
    ("x: real; (x^2 - 1)^2", "x", "not convex"),
    ("x: real; log(1 + x^2)", "x", "not convex"),
    ("x: real; 1/x", "x", "not convex"),
    ("x: real; step(x)", "x", "not convex"),
    ("x: nonnegative; step(x)", "x", "not convex"),
    ("x: real; where(x < 0, -x, where(x > 0, x, 5))", "x", "not convex"),
    ("x: real; minimum(x^2, 1)", "x", "not convex"),
    ("x: real; elu(x, 2)", "x", "not convex"),
    ("x: positive; x*log(x)^2", "x", "not convex"),
    ("x, y: positive; x/y", "x,y", "not convex"),
    ("x, y: positive; sqrt(x)*y", "x,y", "not convex"),
    ("G: symmetric[n,n]; x: real[n]; x@G@x", "x", "not convex"),
    ("X: real[n,n]; trace(X@X)", "X", "not convex"),
    ("S: spd[n,n]; det(S)", "S", "not convex"),
    ("x: real[n]; sum(x)^2/(1 + sum(x^2))", "x", "not convex"),
    ("c: real[n]; X: symmetric[n,n]; sum(c*eigvalsh(X))", "X", "not convex"),
    ("x: real[n]; norm(tanh(x))^2", "x", "not convex"),
    ("x: real[n]; max(softmax(x))", "x", "not convex"),
]


@pytest.mark.parametrize(("text", "wrt", "want"), KNOWN, ids=[f"{text} by {wrt}" for text, wrt, _ in KNOWN])
def test_known_functions(text: str, wrt: str, want: str) -> None:
    found = _verdict(text, wrt)
    assert found.verdict == want
    assert bool(found) is (want in ("convex", "affine"))
    assert bool(found.proof) is (want != "not convex")
    assert (found.witness is not None) is (want in ("not convex", "concave"))
    if found.witness is not None:
        _refutes(found)


@cache
def _verdict(text: str, wrt: str) -> cr.Convexity:
    return cr.convex(text, wrt)


def _refutes(found: cr.Convexity) -> None:
    """The witness in doubles, by the formula's own evaluation."""
    seen = found.witness
    assert seen is not None
    data = {name: _doubles(array) for name, array in seen.data.items()}
    ends = [{name: _doubles(array) for name, array in end.items()} for end in (seen.first, seen.second)]
    middle = {name: (ends[0][name] + ends[1][name]) / 2 for name in found.wrt}
    a, b, m = (found.formula.evaluate(**data, **place) for place in (*ends, middle))
    assert m - (a + b) / 2 == pytest.approx(float(seen.gap), rel=1e-6, abs=1e-12)
    assert float(seen.gap) > 0
    assert [a, b, m] == pytest.approx([float(value) for value in seen.values])


def _doubles(array: Any) -> Any:
    return np.vectorize(float, otypes=[float])(array)


# ---- midpoints ----------------------------------------------------------------------------------------------------


def _height(formula: cr.Formula, wrt: tuple[str, ...], seed: int) -> list[float]:
    """How far the formula lies above its chords at random midpoints, relative to its values."""
    rng = np.random.default_rng(seed)
    found = []
    for sizes in size_assignments(formula.program)[:2]:
        for _ in range(8):
            first, other = (sample(formula.inputs, sizes, rng) for _ in range(2))
            ends = [first, {**first, **{name: other[name] for name in wrt}}]
            middle = {**first, **{name: (first[name] + other[name]) / 2 for name in wrt}}
            with np.errstate(all="ignore"):
                a, b, m = (formula.evaluate(**place) for place in (*ends, middle))
            if np.isfinite([a, b, m]).all():
                found.append((m - (a + b) / 2) / max(1.0, abs(a), abs(b)))
    return found


@pytest.mark.parametrize(("text", "wrt", "want"), [row for row in KNOWN if row[2] != "not convex"])
def test_every_line_of_a_proof_holds_on_its_own(text: str, wrt: str, want: str) -> None:
    lines = _verdict(text, wrt).proof
    assert lines[-1].curvature == want
    for line in lines:
        assert line.quantity is not None
        assert violation(line.quantity, wrt.split(","), line.curvature) < 1e-9, line.right.text


def test_a_line_that_is_not_true_is_seen() -> None:
    quantity = cr.formula("x: real[n]; sin(x)").program
    assert violation(quantity, ["x"], "convex") > 1e-3
    assert violation(cr.formula("x: real[n]; x^2").program, ["x"], "affine") > 1e-3


FUNCTIONS = (
    "exp", "abs", "relu", "softplus", "sqrt", "log", "sigmoid", "tanh", "logcosh", "sin", "log1p", "elu", "step", "erf"
)  # fmt: skip


def _composed(rng: random.Random, depth: int) -> str:
    """A composition made at random."""
    if not depth:
        return rng.choice(["x", "y", "(2*x - 1)", "(x - c)", "(c*y)"])
    part, other = _composed(rng, depth - 1), _composed(rng, depth - 1)
    return rng.choice(
        [f"{rng.choice(FUNCTIONS)}({part})"] * 4
        + [f"({part} + {other})", f"({part} * {other})", f"-{part}", f"maximum({part}, {other})"]
        + [f"({part})^{rng.choice(['2', '3', '1.5', '(-1)'])}"] * 2
    )


@pytest.mark.parametrize("seed", range(24))
def test_random_compositions_are_never_wrong(seed: int) -> None:
    rng = random.Random(seed)
    domains = f"x: {rng.choice(['real', 'positive', 'nonnegative'])}; y: {rng.choice(['real', 'unit'])}; c: real; "
    try:
        formula = cr.formula(domains + _composed(rng, rng.choice([1, 2, 2])))
    except cr.ChainruleError:
        return
    found = cr.convex(formula, rng.choice(["x", "x,y"]))
    heights = _height(formula, found.wrt, seed)
    if found.verdict in ("convex", "affine"):
        assert max(heights, default=0) < 1e-9
    if found.verdict in ("concave", "affine"):
        assert min(heights, default=0) > -1e-9
    if found.witness is not None:
        _refutes(found)


# ---- the parts ----------------------------------------------------------------------------------------------------

u, v, k = Symbol("u", real=True), Symbol("v", real=True), Symbol("k", positive=True)


@pytest.mark.parametrize(
    ("expr", "interval", "want"),
    [
        (sp.exp(u) / (1 + sp.exp(u)) ** 2, REALS, "positive"),
        (u**2 + u + 1, REALS, "positive"),
        (u**2 + u - 1, REALS, ""),
        (u**3, NONNEGATIVE, "positive"),
        (u**3, REALS, ""),
        (sp.exp(u) - u - 1, NONNEGATIVE, "positive"),
        (sp.log(1 + u) - u, NONNEGATIVE, "negative"),
        (u - 1, Interval(sp.S.One, sp.Integer(3)), "positive"),
        (u - 2, Interval(sp.S.One, sp.Integer(3)), ""),
        (k - u, Interval(-k, k), "positive"),
        (sp.sin(u), REALS, ""),
        (2 - sp.sin(u) * sp.cos(u), REALS, "positive"),
        (u**2 - sp.sin(u), NONNEGATIVE, ""),
    ],
)
def test_signs(expr: sp.Expr, interval: Interval, want: str) -> None:
    assert sign_in(expr, ((u, interval),)) == want


def test_poles_and_gaps_in_the_domain_are_no_convexity() -> None:
    assert not is_convex_in(1 / u**2, u, REALS)
    assert is_convex_in(1 / u**2, u, NONNEGATIVE)
    assert not is_convex_in(-sp.log(u**2 - 1), u, REALS)
    assert is_convex_in(-sp.log(1 - u), u, REALS)
    assert not is_jointly_convex(1 / (u - v), ((u, NONNEGATIVE), (v, NONNEGATIVE)))
    assert not is_convex_in(sp.tan(u), u, REALS)


def test_a_composition_needs_a_convex_domain() -> None:
    # (x^2 - 1)^1.5 composes a convex nondecreasing function with a convex one, but lives on |x| >= 1.
    assert cr.convex("x: real; (x^2 - 1)^1.5", "x").verdict in ("not convex", "undecided")


def test_directions() -> None:
    assert direction_in(sp.exp(u), u, REALS) == "nondecreasing"
    assert direction_in(u**2, u, REALS) == ""
    assert direction_in(u**2, u, NONNEGATIVE) == "nondecreasing"
    assert direction_in(sp.Abs(u), u, Interval(sp.S.NegativeInfinity, sp.S.Zero)) == "nonincreasing"


def test_enclosures_decide_only_what_is_certain() -> None:
    assert is_certainly_positive(sp.exp(1) - sp.Rational(2718281828, 10**9))
    assert not is_certainly_positive(sp.exp(1) - sp.Rational(2718281829, 10**9))
    assert is_certainly_positive(sp.erf(1) - sp.Rational(8427007929, 10**10))
    assert not is_certainly_positive(sp.erf(1) - sp.Rational(8427007930, 10**10))
    assert is_certainly_positive(sp.atan(1) - sp.Rational(7853981633, 10**10))
    assert not is_certainly_positive(sp.atan(1) - sp.Rational(7853981634, 10**10))
    assert not is_certainly_positive(sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6))
    assert not is_certainly_positive(sp.Function("f")(1))


def test_a_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "_composes", lambda body, box, claims, curvature: True)
    with pytest.raises(AssertionError, match="a rule is wrong"):
        cr.convex("x: real; sin(x)", "x")


def test_no_witness_against_what_is_convex() -> None:
    program = cr.formula("A: real[m,n]; b: real[m]; x: real[n]; norm(A@x - b)^2 + logsumexp(A@x)").program
    assert witness(program, ["x"]) is None
    assert witness(program, ["x"], "concave") is not None


def test_every_rule_is_used() -> None:
    used = {line.rule for text, wrt, want in KNOWN if want != "not convex" for line in _verdict(text, wrt).proof}
    assert {rule.id for rule in RULES} - used <= {"constant", "second-derivative", "kinks", "hessian-minors",
                                                  "sum-of-squares", "hessian-form"}  # fmt: skip


# ---- constants ----------------------------------------------------------------------------------------------------

MODULI = [
    ("ridge", "w", "2*(lam + min(eigvalsh(X.T @ X))/n)", "2*(lam + max(svdvals(X))**2/n)"),
    ("logistic_regression", "w", None, "max(svdvals(X))**2/(4*n)"),
    ("X: real[n,d]; y: pm1[n]; w: real[d]; lam: positive; mean(softplus(-y*(X@w))) + lam/2*sum(w^2)", "w",
     "lam", "lam + max(svdvals(X))**2/(4*n)"),
    ("U: real[n,k]; V: real[k,m]; T: real[n,m]; norm(T - U@V)^2", "U",
     "2*min(eigvalsh(V @ V.T))", "2*max(svdvals(V))**2"),
    ("x: real[n]; y: real[n]; sum(logcosh(3*x - y))", "x", None, "9"),
    ("x: real[n]; sum(x^4) + sum(x^2)", "x", "2", None),
    ("x: real[n]; y: real[n]; r = x - y; sum(where(abs(r) <= 1, r^2/2, abs(r) - 1/2))", "x", None, "1"),
    ("binary_cross_entropy", "z", None, "1/(4*n)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "strong", "smooth"), MODULI, ids=[row[0] for row in MODULI])
def test_constants_bound_the_eigenvalues_of_the_hessian(
    text: str, wrt: str, strong: str | None, smooth: str | None
) -> None:
    found = cr.convex(text, wrt)
    known = found.constants
    assert known is not None
    told = [item and item.matrix() for item in (known.strong, known.smooth)]
    assert told == [strong, smooth]
    block = cr.hessian(text, wrt).result[wrt]
    rng = np.random.default_rng(1)
    for sizes in size_assignments(found.formula.program)[:2]:
        point = sample(found.formula.inputs, sizes, rng)
        count = point[wrt].size
        spectrum = np.linalg.eigvalsh(block.evaluate(**point).reshape(count, count))
        lengths = {str(length): size for length, size in sizes.items()}
        for bound, ends in ((known.strong, (-1, spectrum[0])), (known.smooth, (spectrum[-1], np.inf))):
            if bound is not None:
                value = bound.evaluate(**{item.name: (point | lengths)[item.name] for item in bound.inputs})
                assert ends[0] - 1e-9 <= value <= ends[1] + 1e-9


@pytest.mark.parametrize(
    ("text", "certain", "strict", "coercive"),
    [
        ("x: real[n]; sum(exp(x))", False, True, False),
        ("x: real[n]; lam: positive; lam*sum(x^2)", True, True, True),
        ("x: real[n]; lam: nonnegative; lam*sum(x^2)", False, False, False),
        ("x: real[n]; A: real[m,n]; norm(A@x)^2 + norm1(x)", False, False, True),
        ("x: real[n]; A: real[m,n]; norm(A@x)^2", False, False, False),
        ("x: positive[n]; sum(x^2)", True, True, False),
        ("x: real[n]; sum(x^4)", False, False, True),
    ],
)
def test_what_the_terms_show(text: str, certain: bool, strict: bool, coercive: bool) -> None:
    known = cr.convex(text, "x").constants
    assert known is not None
    assert (known.certain, known.strict, known.coercive) == (certain, strict, coercive)


# ---- the record ---------------------------------------------------------------------------------------------------


def test_the_record_in_every_format() -> None:
    found = cr.convex("x: real; y: real[n]; mean((x - y)^2) + abs(x)", "x")
    assert "L is convex in x" in found.text()
    assert "h(u) = Abs(u), u = x" in found.text()
    assert r"\ge 0" in found.latex()
    assert "<math" in found.html()
    data = json.loads(found.to_json())
    assert (data["verdict"], data["witness"], data["wrt"]) == ("convex", None, ["x"])
    assert {line["curvature"] for line in data["proof"]} == {"convex"}


def test_a_witness_is_exact() -> None:
    found = cr.convex("U: real[n,k]; V: real[k,m]; A: real[n,m]; norm(A - U@V)^2", "U,V")
    data = found.to_dict()["witness"]
    a, b, m = map(Fraction, data["values"])
    assert Fraction(data["gap"]) == m - (a + b) / 2 > 0
    assert found.alone == (("U", "convex"), ("V", "convex"))
    assert "In U alone it is convex." in found.text()


@pytest.mark.parametrize(
    ("text", "wrt", "message"),
    [
        ("x: real[n]; 2*x", "x", "convexity is asked of a scalar formula"),
        ("x: binary[n]; sum(x)", "x", "no convex set"),
        ("Q: orthonormal[n,k]; norm(Q)", "Q", "no convex set"),
        ("x: real; z = 2*x; z^2", "z", "defined by the formula"),
        ("x: real; x^2", "q", "q"),
    ],
)
def test_refusals(text: str, wrt: str, message: str) -> None:
    with pytest.raises(cr.ChainruleError, match=message):
        cr.convex(text, wrt)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convex", "x: real; x^2", "--wrt", "x"]) == 0
    assert run(["convex", "x: real; x^3", "--wrt", "x"]) == 1
    assert run(["convex", "x: positive; log(x)", "--wrt", "x"]) == 1
    assert run(["convex", "x: real[n]; norm(x)*norm1(x)", "--wrt", "x"]) == 3
    assert "undecided" in capsys.readouterr().out
    assert run(["convex", "ridge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["convexity"]["verdict"] == "convex"


def test_unknown_curvature_proves_nothing() -> None:
    formula = cr.formula("x: real[n]; sum(sin(x))")
    claim = Calculus(formula.program, ["x"]).definition("L")
    assert claim is None
    assert replace(cr.convex("x: real; x^2", "x"), verdict="undecided").text().startswith("Whether")
