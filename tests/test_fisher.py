"""Fisher information: closed forms of textbooks, every line checked, numbers against sums written on their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, InputError, UnknownNameError, UnsupportedError
from chainrule.learning.explanation import Explanation
from chainrule.learning.probability import fisher

GENERAL_NORMAL = "x: real; mu: real; a: positive; b: positive; log(b) - log(2*a) - lgamma(1/b) - (|x - mu|/a)^b"
#: Distributions of the table and of one's own, with what textbooks say: the first column belongs to the last row.
KNOWN: dict[str, tuple[str, list[str]]] = {
    "cauchy": ("cauchy", ["1/(2*s**2)", "0", "1/(2*s**2)"]),
    "laplace": ("laplace", ["1/b**2", "0", "1/b**2"]),
    "logistic": ("logistic", ["1/(3*s**2)", "0", "(3 + pi**2)/(9*s**2)"]),
    "student": ("student_t", ["(1 + nu)/(sigma**2*(nu + 3))", "0", "2*nu/(sigma**2*(nu + 3))", "0",
                              "-2/(sigma*(1 + nu)*(nu + 3))"]),
    "gumbel": ("x: real; mu: real; s: positive; -(x - mu)/s - exp(-(x - mu)/s) - log(s)",
               ["1/s**2", "(gamma_E - 1)/s**2", "(6*gamma_E**2 + 6 + pi**2 - 12*gamma_E)/(6*s**2)"]),
    "log-logistic": ("x: positive; s: positive; k: positive; log(k/s) + (k - 1)*log(x/s) - 2*log(1 + (x/s)^k)",
                     ["k**2/(3*s**2)", "0", "(3 + pi**2)/(9*k**2)"]),
    "lomax": ("x: positive; a: positive; s: positive; log(a/s) - (a + 1)*log(1 + x/s)",
              ["1/a**2", "-1/(s*(1 + a))", "a/(s**2*(a + 2))"]),
    "hyperbolic secant": ("x: real; mu: real; s: positive; -log(2*s) - log(cosh(pi*(x - mu)/(2*s)))",
                          ["pi**2/(8*s**2)", "0"]),
    "normal with its mean for deviation": (
        "x: real; mu: positive; -log(mu) - log(2*pi)/2 - (x - mu)^2/(2*mu^2)", ["3/mu**2"]),
    "general normal": (GENERAL_NORMAL, []),
    "Kumaraswamy": ("x: (0, 1); a: positive; b: positive; log(a) + log(b) + (a - 1)*log(x) + (b - 1)*log(1 - x^a)", []),
}  # fmt: skip


def found(explained: Explanation) -> list[str]:
    """The values of the entries of the matrix."""
    part = explained.parts[-1]
    assert part.title == "Fisher information"
    return [move.right.text for move in part.moves if not move.right.text.startswith("E[")]


@pytest.mark.parametrize("name", KNOWN)
def test_information_is_that_of_textbooks_and_every_line_holds(name: str) -> None:
    source, expected = KNOWN[name]
    explained = cr.distribution(source, "fisher", known=[])
    values = found(explained)
    assert values[: len(expected)] == expected
    held = explained.evidence()
    assert len(held) >= 6
    assert [item.move.right.text for item in held if not item.holds] == []


def test_conditions_kinks_and_constants_are_said() -> None:
    explained = cr.distribution(GENERAL_NORMAL, "fisher")
    assert any("2 - 1/b > 0" in remark for remark in explained.remarks)
    assert any("kink" in remark for remark in explained.remarks)
    assert "Euler's constant" in cr.distribution("weibull", "fisher").text()
    assert "side" not in cr.distribution("weibull", "fisher").text()


def test_a_wrong_line_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fisher.moment
    monkeypatch.setattr(fisher, "moment", lambda p, powers: right(p, powers) * (1 + powers[0] / 100))
    wrong = [item.move.right.text for item in cr.distribution("cauchy", "fisher").evidence() if not item.holds]
    assert len(wrong) == 3


def test_locations_and_scales_without_closed_form_have_numbers() -> None:
    skew = "x: real; mu: real; s: positive; log(2) - log(s) - log(2*pi)/2 - ((x - mu)/s)^2/2 + lognormcdf(3*(x - mu)/s)"
    explained = cr.distribution(skew, "fisher")
    assert all(item.holds for item in explained.evidence())
    density = stats.skewnorm(3).pdf
    slope = integrate.quad(
        lambda z: (-z + 3 * stats.norm.pdf(3 * z) / stats.norm.cdf(3 * z)) ** 2 * density(z), -8, 8)[0]  # fmt: skip
    assert float(found(explained)[0].split("/")[0]) == pytest.approx(slope, rel=1e-8)
    assert "quadrature" in explained.text()


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [(lambda: cr.distribution("uniform", "fisher"), UnsupportedError, "the support depends on it"),
     (lambda: cr.distribution("pareto", "fisher"), UnsupportedError, "--known m"),
     (lambda: cr.distribution("x: real[d]; mu: real[d]; -d*log(1 + sum((x - mu)^2))", "fisher"), UnsupportedError,
      "no exponential family"),
     (lambda: cr.distribution("x: positive; e: positive; b: positive; log(b*e) + e + b*x - e*exp(b*x)", "fisher"),
      UnsupportedError, "fisher_matrix"),
     (lambda: cr.fisher_matrix("cauchy", mu=0), InputError, "value of s is missing"),
     (lambda: cr.fisher_matrix("cauchy", mu=0, s=1, t=2), UnknownNameError, "no parameter 't'"),
     (lambda: cr.fisher_matrix("uniform", a=0, b=1), UnsupportedError, "the support depends"),
     (lambda: cr.fisher_matrix("x: positive; c: positive; -c*x", c=2), InputError, "does not sum or integrate"),
     (lambda: cr.fisher_matrix("x: positive; m: positive; log(where(x < m, 1, 0)) - log(m)", m=2), UnsupportedError,
      "expected score is not zero")],
)  # fmt: skip
def test_what_has_no_information_says_why(action: object, error: type[ChainruleError], words: str) -> None:
    with pytest.raises(error) as caught:
        action()  # type: ignore[operator]
    assert words in str(caught.value)


def test_numbers_at_given_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gompertz = "x: positive; e: positive; b: positive; log(b*e) + e + b*x - e*exp(b*x)"
    matrix = cr.fisher_matrix(gompertz, e=0.5, b=2).matrix
    rng = np.random.default_rng(3)
    draws = np.log1p(rng.exponential(size=400_000) / 0.5) / 2
    scores = np.array([1 / 0.5 + 1 - np.exp(2 * draws), 1 / 2 + draws - 0.5 * draws * np.exp(2 * draws)])
    assert matrix == pytest.approx(scores @ scores.T / draws.size, rel=0.02)
    counted = cr.fisher_matrix("negative_binomial", known=["r"], r=2.5, p=0.4).matrix
    assert counted == pytest.approx(np.array([[2.5 / (0.4**2 * 0.6)]]))
    assert cr.fisher_matrix("student_t", mu=0, sigma=2, nu=3).matrix[0, 0] == pytest.approx(4 / 6 / 4)
    assert run(["distribution", gompertz, "--fisher", "--at", "e=0.5", "--at", "b=2"]) == 0
    assert f"{matrix[0, 0]:.6g}" in capsys.readouterr().out
    assert run(["distribution", gompertz, "--fisher", "--at", "e=0.5", "--at", "b"]) == 2
    assert run(["distribution", gompertz, "--score", "--at", "e=0.5", "--at", "b=2"]) == 2
