"""Verdicts: right claims pass, wrong ones are refuted with a witness that holds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from claims_table import RIGHT, WRONG, Row
from support import differences

from chainrule.derive.checking import targets
from chainrule.derive.checking.sampling import edge_sample, sample, scaled_sample, size_assignments
from chainrule.derive.errors import ChainruleError, InputError, UnknownNameError
from chainrule.derive.formula import formula
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Program
from chainrule.derive.verify import verify

OLS = "X: real[n, d]; y: real[n]; w: real[d]; mean((X@w-y)**2)"
HUBER = (
    "X: real[n, d]; y: real[n]; w: real[d]; t: (4, 5); r = y - X@w; "
    "sum(where(abs(r) <= t, 0.5*r**2, t*(abs(r)-0.5*t)))"
)


@pytest.mark.parametrize("row", RIGHT, ids=lambda row: row.id)
def test_right_claims(row: Row) -> None:
    verdict = verify(row.formula, row.wrt, row.claim, what=row.what)
    assert verdict.verdict == row.verdict, verdict.report()
    assert verdict
    assert verdict.points > 0
    assert verdict.digits >= 30
    assert verdict.witness is None


@pytest.mark.parametrize("row", WRONG, ids=lambda row: row.id)
def test_wrong_claims(row: Row) -> None:
    verdict = verify(row.formula, row.wrt, row.claim, what=row.what)
    assert verdict.verdict == "refuted", verdict.report()
    assert not verdict
    assert verdict.witness is not None or "shape" in verdict.reason


@pytest.mark.parametrize("row", [row for row in WRONG if row.what == "gradient"], ids=lambda row: row.id)
def test_witnesses_hold(row: Row) -> None:
    """At the witness, differences of the formula (not the engine) contradict the claim."""
    verdict = verify(row.formula, row.wrt, row.claim)
    if verdict.witness is None:
        return
    target, witness = parse_formula(row.formula), verdict.witness
    claim = parse_formula(row.claim, scope=target)
    claimed = evaluate(claim, witness.inputs)[claim.outputs[0]][witness.entry]
    np.testing.assert_allclose(float(claimed), witness.claimed, rtol=1e-9, atol=1e-9)
    if witness.bounds is None:
        true = differences(target, target.outputs[0], row.wrt, witness.inputs)[witness.entry]
        np.testing.assert_allclose(float(true), witness.true, rtol=1e-6, atol=1e-9)
        assert witness.claimed != pytest.approx(witness.true, rel=1e-12, abs=0)
    else:
        assert not witness.bounds[0] <= witness.claimed <= witness.bounds[1]


# ---- mutations ------------------------------------------------------------------------------------------

#: Mistakes as people make them: what is found and what is written instead.
MISTAKES: tuple[tuple[str, str], ...] = (
    (r"\+", "-"),
    (r"(?<=[\w)\]]) ?- ?", " + "),
    (r"^", "-"),
    (r"^", "2*"),
    (r"^", "0.5*"),
    (r"(?<![\w.])2(?![\w.])", "1"),
    (r"(?<![\w.])2(?![\w.])", "3"),
    (r"\.T", ""),
    (r"/n", ""),
    (r"/n", "/d"),
    (r"axis=1", "axis=0"),
    (r"axis=0", "axis=1"),
    (r"\*\*2", ""),
    (r"@", "*"),
    (r"\bexp\b", "log1p"),
    (r"\bsigmoid\b", "tanh"),
    (r"\btanh\b", "sin"),
    (r"\bX\b", "(2*X)"),
    (r"\by\b", "(y-1)"),
    (r"\bx\b", "(x+1)"),
    (r">", "<"),
    (r"\b1-", "2-"),
)
MUTATED = [row for row in RIGHT if row.what == "gradient"][::3]


def mutations(row: Row) -> Iterator[str]:
    """The claim with one mistake at one place."""
    for pattern, instead in MISTAKES:
        for match in re.finditer(pattern, row.claim):
            yield row.claim[: match.start()] + instead + row.claim[match.end() :]


def really_wrong(target: Program, claim: Program, truth: Program) -> bool:
    """Whether two claims differ clearly, by plain double precision at many points."""
    if claim.output.shape != truth.output.shape:
        return True
    rng = np.random.default_rng(11)
    for sizes in size_assignments(target):
        for draw in (sample, sample, scaled_sample, scaled_sample, edge_sample):
            point = draw(target.inputs, sizes, rng)
            a, b = (evaluate(side, point)[side.outputs[0]] for side in (claim, truth))
            both = np.isfinite(a) & np.isfinite(b)
            if draw is not edge_sample and not np.allclose(a[both], b[both], rtol=1e-6, atol=1e-6):
                return True
    return False


@pytest.mark.parametrize("row", MUTATED, ids=lambda row: row.id)
def test_mutated_claims_are_never_passed(row: Row) -> None:
    target = parse_formula(row.formula)
    truth = parse_formula(row.claim, scope=target)
    compared = 0
    for text in dict.fromkeys(mutations(row)):
        try:
            claim = parse_formula(text, scope=target)
        except ChainruleError:
            continue
        if really_wrong(target, claim, truth):
            compared += 1
            verdict = verify(row.formula, row.wrt, text)
            assert verdict.verdict == "refuted", (text, verdict.report())
    assert compared >= 3


# ---- functions as claims ---------------------------------------------------------------------------------


def ols_gradient(X: Any, y: Any, w: Any) -> Any:
    return 2 / len(y) * X.T @ (X @ w - y)


def test_functions_agree_or_are_refuted() -> None:
    right = verify(OLS, "w", ols_gradient)
    assert right.verdict == "agrees"
    assert right.digits > 10
    wrong = verify(OLS, "w", lambda X, y, w: X.T @ (X @ w - y))
    assert wrong.verdict == "refuted"
    assert wrong.witness is not None


def test_functions_may_take_dimensions_and_defaults() -> None:
    def gradient(w: Any, X: Any, y: Any, n: int, scale: float = 2.0) -> Any:
        return scale * X.T @ (X @ w - y) / n

    assert verify(OLS, "w", gradient).verdict == "agrees"
    assert verify(OLS, "w", lambda **inputs: ols_gradient(**inputs)).verdict == "agrees"


def test_functions_get_copies() -> None:
    def careless(X: Any, y: Any, w: Any) -> Any:
        result = ols_gradient(X, y, w)
        X[:] = 0
        w *= 0
        return result

    assert verify(OLS, "w", careless).verdict == "agrees"


def test_a_slightly_wrong_function_is_not_passed() -> None:
    assert verify(OLS, "w", lambda X, y, w: ols_gradient(X, y, w) * (1 + 1e-3)).verdict == "refuted"
    assert verify(OLS, "w", lambda X, y, w: ols_gradient(X, y, w) * (1 + 1e-7)).verdict == "undecided"


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (lambda X, y, w: ols_gradient(X, y, w)[:, None], "returns shape"),
        (lambda X, y, w: 2 * (X @ w - y) @ X.T, "fails at"),
        (lambda X, y, w: 0.0, "returns shape ()"),
    ],
)
def test_functions_of_the_wrong_shape(claim: Callable[..., Any], words: str) -> None:
    verdict = verify(OLS, "w", claim)
    assert verdict.verdict in {"refuted", "undecided"}
    assert words in verdict.reason


def test_a_function_that_works_for_square_matrices_only_is_refuted() -> None:
    verdict = verify("A: real[m, n]; x: real[n]; sum(A@x)", "x", lambda A, x: np.ones(len(x)) @ A)
    assert verdict.verdict == "refuted"
    assert "m = " in verdict.reason


def test_a_function_with_strange_parameters_is_an_error() -> None:
    with pytest.raises(InputError, match="asks for XX") as caught:
        verify(OLS, "w", lambda XX, y, w: XX)
    assert "X" in caught.value.near
    with pytest.raises(InputError):
        verify(OLS, "w", 3)  # type: ignore[arg-type]


# ---- regions and kinks --------------------------------------------------------------------------------------


def test_a_claim_wrong_in_a_region_is_refuted_there() -> None:
    verdict = verify(HUBER, "w", "-X.T@r")
    assert verdict.verdict == "refuted"
    assert "wrong only in a region" in verdict.reason
    assert "r[i]" in verdict.reason
    witness = verdict.witness
    assert witness is not None
    residual = witness.inputs["y"] - witness.inputs["X"] @ witness.inputs["w"]
    assert (np.abs(residual) > witness.inputs["t"]).any()


def test_a_function_wrong_in_a_region_is_refuted() -> None:
    assert verify(HUBER, "w", lambda X, y, w: -X.T @ (y - X @ w)).verdict == "refuted"
    assert verify(HUBER, "w", lambda X, y, w, t: -X.T @ np.clip(y - X @ w, -t, t)).verdict == "agrees"


@pytest.mark.parametrize(("at_zero", "verdict"), [(0.0, "agrees"), (0.5, "agrees"), (2.0, "refuted")])
def test_the_derivative_of_a_norm_at_zero(at_zero: float, verdict: str) -> None:
    def claim(x: Any) -> Any:
        return x / np.linalg.norm(x) if np.any(x) else np.full_like(x, at_zero)

    found = verify("x: real[n]; norm(x)", "x", claim)
    assert found.verdict == verdict
    if verdict == "refuted":
        assert "right except on a kink" in found.reason
        assert found.witness is not None
        assert not found.witness.inputs["x"].any()


def test_norms_are_proved_although_the_claim_is_undefined_at_zero() -> None:
    assert verify("x: real[n]; norm(x)", "x", "x/norm(x)").verdict == "proved"
    assert verify("x: real[n]; y: real[n]; norm(x - y)", "x", "(x - y)/norm(x - y)").verdict == "proved"


def test_a_claim_wrong_at_a_kink_says_so() -> None:
    verdict = verify("x: real[n]; sum(abs(x))", "x", "where(x > 0, 1, where(x < 0, -1, 3))")
    assert verdict.verdict == "refuted"
    assert verdict.reason.startswith("right except on a kink (proved equal elsewhere)")
    assert "3.0 is no subgradient" in verdict.reason
    assert verdict.witness is not None
    assert verdict.witness.bounds == (-1, 1)
    assert verdict.witness.inputs["x"].tolist() == [0]


def test_another_subgradient_passes_with_a_note() -> None:
    verdict = verify("x: real[n]; sum(abs(x))", "x", "where(x >= 0, 1, -1)")
    assert verdict.verdict == "proved"
    assert any("valid subgradient" in note for note in verdict.exceptions)


# ---- the engine is not trusted --------------------------------------------------------------------------------


def test_a_fault_of_the_engine_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = targets.exact_gradient

    def faulty(program: Program, wrt: tuple[str, ...]) -> Program:
        derived = honest(program, wrt)
        name = derived.outputs[1]
        spoilt = [
            Definition(d.name, d.shape, d.body * 1.0000001, d.reduce, d.bound) if d.name == name else d
            for d in derived.definitions
        ]
        return Program(derived.inputs, tuple(spoilt), derived.outputs)

    monkeypatch.setattr(targets, "exact_gradient", faulty)
    for claim in ("2*X.T@(X@w-y)/n", "X.T@(X@w-y)", ols_gradient):
        verdict = verify(OLS, "w", claim)
        assert verdict.verdict == "undecided"
        assert "engine" in verdict.reason


# ---- undefined, shapes, errors ----------------------------------------------------------------------------------


def test_a_formula_that_is_nowhere_defined_is_undecided() -> None:
    verdict = verify("x: real[n]; sum(log(-x**2))", "x", "2/x")
    assert verdict.verdict == "undecided"
    assert "not defined" in verdict.reason


def test_a_claim_that_is_not_defined_where_the_derivative_is() -> None:
    verdict = verify("x: real[n]; sum(x**2)", "x", "2*x + log(2*x + 1) - log(x + 0.5) - log(2)")
    assert verdict.verdict == "refuted"
    assert "not defined" in verdict.reason


def test_partly_defined_formulas_are_compared_where_they_are() -> None:
    verdict = verify("x: real; log(x)", "x", "1/x")
    assert verdict.verdict == "proved"
    assert any("left out" in note for note in verdict.exceptions)


@pytest.mark.parametrize(
    ("target", "right", "wrong"),
    [("log(x)", "1/x", "2/x"), ("arcsin(x)", "1/sqrt(1-x**2)", "1/sqrt(1+x**2)"),
     ("arccosh(x)", "1/sqrt(x**2-1)", "1/(x**2-1)")],
)  # fmt: skip
def test_points_are_found_where_a_formula_is_defined(target: str, right: str, wrong: str) -> None:
    assert verify(f"x: real[n]; sum({target})", "x", right).points >= 2
    assert verify(f"x: real[n]; sum({target})", "x", wrong).verdict == "refuted"


def test_fixed_sizes_that_are_too_large_are_undecided() -> None:
    verdict = verify("X: real[5000, 400]; w: real[400]; norm(X@w)**2", "w", "2*X.T@(X@w)")
    assert verdict.verdict == "undecided"
    assert "symbolic sizes" in verdict.reason


@pytest.mark.parametrize("claim", ["2*(X@w-y)/n", "X", "0", "2*outer(w, y)"])
def test_shapes_are_compared_as_symbols(claim: str) -> None:
    verdict = verify(OLS, "w", claim)
    assert verdict.verdict == "refuted"
    assert "the derivative has shape (d,)" in verdict.reason


def test_a_claim_whose_shapes_do_not_fit_is_refuted() -> None:
    """A forgotten transpose: the claim is wrong, and says where."""
    formula = "X: real[n, d]; y: real[n]; w: real[d]; sum((X @ w - y)^2)"
    verdict = verify(formula, "w", "2 * X @ (X @ w - y)")
    assert verdict.verdict == "refuted"
    assert "shapes in the claim do not fit" in verdict.reason
    assert "length n" in verdict.reason


def test_named_parts_of_the_formula_may_be_used() -> None:
    verdict = verify("X: real[n, d]; y: real[n]; w: real[d]; r = y - X@w; mean(r**2)", "w", "-(2/n)*X.T@r")
    assert verdict.verdict == "proved"


def test_several_variables() -> None:
    target = "X: real[n, d]; y: real[n]; w: real[d]; b: real; mean((y - X@w - b)**2)"
    claims = {"w": "-(2/n)*X.T@(y - X@w - b)", "b": "-2*mean(y - X@w - b)"}
    verdict = verify(target, ["w", "b"], claims)
    assert verdict.verdict == "proved"
    assert set(verdict.parts or {}) == {"w", "b"}
    verdict = verify(target, ["w", "b"], {**claims, "b": "-2*sum(y - X@w - b)"})
    assert verdict.verdict == "refuted"
    assert verdict.reason.startswith("by b:")


def test_facts_are_listed() -> None:
    verdict = verify("a: simplex[k]; z: real[k]; a@(z - logsumexp(z))", "z", "a - softmax(z)")
    assert verdict.verdict == "proved"
    assert any("sums to 1" in fact for fact in verdict.facts)
    assert "uses: a sums to 1" in verdict.report()


def test_the_differentiated_variable_is_free() -> None:
    """On the simplex the claim is only the gradient of something else: entries are independent."""
    assert verify("a: simplex[k]; sum(a)**2", "a", "2*sum(a)*ones(k)").verdict == "proved"


def test_catalogue_names_and_formulas() -> None:
    target = formula(OLS)
    assert verify(target, "w", "2*X.T@(X@w-y)/n").verdict == "proved"


def test_mistaken_calls() -> None:
    with pytest.raises(UnknownNameError) as caught:
        verify(OLS, "W", "w")
    assert "w" in caught.value.near
    with pytest.raises(ChainruleError):
        verify(OLS, "w", "X.T@(X@w-yy)")
    with pytest.raises(InputError, match="correspond"):
        verify(OLS, ["w", "y"], {"w": "w"})
    with pytest.raises(InputError, match="claim for each"):
        verify(OLS, ["w", "y"], "w")
    with pytest.raises(InputError):
        verify(OLS, [], {})
    with pytest.raises(InputError, match="cannot be claimed"):
        verify(OLS, "w", "w", what="jacobian")  # type: ignore[arg-type]


def test_a_function_that_returns_nan_is_undecided_and_says_why() -> None:
    verdict = verify(OLS, "w", lambda w: np.nan * w)
    assert verdict.verdict == "undecided"
    assert "returns nan instead of a number at all 9 points" in verdict.reason
    assert verdict.witness is not None
    assert np.isnan(verdict.witness.claimed)
    assert np.isfinite(verdict.witness.true)
    assert "claimed nan, true" in verdict.report()


def test_a_function_that_sometimes_returns_nan_has_a_note() -> None:
    def sometimes(X: Any, y: Any, w: Any, n: int) -> Any:
        return 2 * X.T @ (X @ w - y) / n * np.sqrt(y[0]) / np.sqrt(y[0])

    verdict = verify(OLS, "w", sometimes)
    assert verdict.verdict == "agrees"
    assert any("returned no number at" in note for note in verdict.exceptions)


# ---- blocks of Hessians, symmetric variables, kinds of mistakes ------------------------------------------------

BILINEAR = "u: real[n]; v: real[d]; M: real[n, d]; u@M@v + sum(u**2)"
INVERSE_FORM = "X: real[n, n]; u: real[n]; u@inv(X)@u"
SYMMETRIC = "X: spd[n, n]; A: symmetric[n, n]; B: real[n, n]; "


@pytest.mark.parametrize(
    ("target", "claims", "verdict"),
    [
        (BILINEAR, {"u": "2*eye(n)", "v": "zeros((d, d))", "u,v": "M", "v,u": "M.T"}, "proved"),
        (BILINEAR, {"u,u": "2*eye(n)", "v, u": "M.T"}, "proved"),
        (BILINEAR, {"u,v": "2*M"}, "refuted"),
        (BILINEAR, {"u,v": "M.T"}, "refuted"),
        (INVERSE_FORM, {"X,u": "-einsum('ki,j->ijk', inv(X), inv(X)@u) - einsum('i,jk->ijk', inv(X).T@u, inv(X))"},
         "proved"),
        (INVERSE_FORM, {"X,u": "-2*einsum('ki,j->ijk', inv(X), inv(X)@u)"}, "refuted"),
        (INVERSE_FORM, {"u": "inv(X) + inv(X).T",
                        "X": "einsum('li,k,j->ijkl', inv(X), inv(X).T@u, inv(X)@u)"
                             " + einsum('i,jk,l->ijkl', inv(X).T@u, inv(X), inv(X)@u)"}, "proved"),
    ],
)  # fmt: skip
def test_blocks_of_hessians(target: str, claims: dict[str, str], verdict: str) -> None:
    names = list(dict.fromkeys(name.strip() for key in claims for name in key.split(",")))
    assert verify(target, names, claims, what="hessian").verdict == verdict


def test_blocks_are_named_and_the_others_noted() -> None:
    verdict = verify(BILINEAR, ["u", "v"], {"u,v": "M"}, what="hessian")
    assert verdict.exceptions == ("no block by u was claimed", "no block by v was claimed")
    assert "note: no block by u was claimed" in verdict.report()
    with pytest.raises(InputError, match="correspond"):
        verify(BILINEAR, ["u", "v"], {"u": "2*eye(n)"}, what="hessian")
    with pytest.raises(InputError, match="correspond"):
        verify(BILINEAR, ["u", "v"], {"u,v": "M"})


@pytest.mark.parametrize(
    ("target", "over_all", "over_triangle"),
    [
        ("logdet(X)", "inv(X)", "2*inv(X) - diag(diag(inv(X)))"),
        ("trace(B@X)", "B.T", "B + B.T - diag(diag(B))"),
        ("det(X)", "det(X)*inv(X)", "det(X)*(2*inv(X) - inv(X)*eye(n))"),
        ("trace(X@X)", "2*X", "4*X - 2*diag(diag(X))"),
        ("sum(B*inv(X))", "-inv(X)@B@inv(X)", "-inv(X)@(B + B.T)@inv(X) + diag(diag(inv(X)@B@inv(X)))"),
    ],
)
def test_both_conventions_for_symmetric_matrices(target: str, over_all: str, over_triangle: str) -> None:
    target = SYMMETRIC + target
    assert verify(target, "X", over_triangle, symmetric=True).verdict == "proved"
    assert verify(target, "X", f"2*({over_triangle})", symmetric=True).verdict == "refuted"
    wrong = verify(target, "X", over_triangle)
    assert wrong.verdict == "refuted"
    assert wrong.mistake is not None
    assert wrong.mistake.startswith("the claim is G + G.T - diag(diag(G))")
    assert verify(target, "X", over_all).verdict == "proved"
    other = verify(target, "X", over_all, symmetric=True)
    assert other.mistake is not None
    assert other.mistake.startswith("the claim is the derivative G over all entries")


@pytest.mark.parametrize(
    ("claim", "mistake"),
    [
        ("(B + B.T)/2", "the claim is (G + G.T)/2"), ("B", "the claim is the transpose of the derivative"),
        ("-B.T", "the claim has the wrong sign"), ("-B", "the claim is the transpose of the derivative with"),
        ("3*B.T/2", "the claim is 3/2 times the derivative"), ("n*B.T", "the claim is n times the derivative"),
        ("B.T/n", "the claim is 1/n times the derivative"), ("B.T + A", ""), ("0*B", ""),
    ],
)  # fmt: skip
def test_kinds_of_mistakes_are_told(claim: str, mistake: str) -> None:
    verdict = verify(SYMMETRIC + "trace(B@X)", "X", claim)
    assert verdict.verdict == "refuted"
    assert (verdict.mistake or "").startswith(mistake)
    assert bool(verdict.mistake) == bool(mistake)
    assert not mistake or mistake in verdict.report()


@pytest.mark.parametrize(
    ("target", "wrt", "claim", "mistake"),
    [
        ("A: real[n, n]; x: real[n]; x@A@x", "x", "2*A@x", "the claim is right only where A is symmetric"),
        ("A: real[n, n]; x: real[n]; x@A@x", "x", lambda A, x: 2 * A @ x, "the claim is right only where A is"),
        ("A: real[n, n]; B: real[n, n]; x: real[n]; x@A@B@x", "x", "(A@B + B@A)@x",
         "the claim is right only where A and B are symmetric"),
        ("A: real[n, n]; B: real[n, n]; X: real[n, d]; trace(X.T@A@X) + norm(B@X)**2", "X", "2*A@X + 2*B.T@B@X",
         "the claim is right only where A is symmetric"),
        ("L: lower[n, n]; a: real[n]; norm(L@a)**2", "L", "2*tril(outer(L@a, a))", "the claim is tril(G)"),
        ("D: diagonal[n, n]; A: real[n, n]; trace(A@D)", "D", "A*eye(n)", "the claim is diag(diag(G))"),
    ],
)  # fmt: skip
def test_what_a_claim_takes_for_granted_is_told(target: str, wrt: str, claim: Any, mistake: str) -> None:
    verdict = verify(target, wrt, claim)
    assert verdict.verdict == "refuted"
    assert (verdict.mistake or "").startswith(mistake), verdict.report()


def test_the_mistake_of_a_function_and_of_a_number_are_told() -> None:
    def doubled(X: Any, y: Any, w: Any) -> Any:
        return 2 * X.T @ (X @ w - y)

    assert verify(OLS, "w", doubled).mistake == "the claim is n times the derivative"
    assert verify("x: real; x^3", "x", "x^2").mistake == "the claim is 1/3 times the derivative"


def test_symmetric_is_for_gradients_by_symmetric_matrices() -> None:
    with pytest.raises(InputError, match="declared symmetric"):
        verify(SYMMETRIC + "trace(B@X)", "B", "X", symmetric=True)
    with pytest.raises(InputError, match="not for Hessians"):
        verify(SYMMETRIC + "trace(B@X)", "X", "B", what="hessian", symmetric=True)


@pytest.mark.parametrize(
    ("claim", "words"),
    [("3", "claimed 3, true 2"), ("2.0000000001", "claimed 2.0000000001, true 2"),
     ("2 + 1/10^20", "claimed 2, true 2, the difference being below double precision")],
)  # fmt: skip
def test_a_witness_shows_the_difference(claim: str, words: str) -> None:
    assert verify("x: real; 2*x", "x", claim).report().endswith(words)


# ---- form ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["2*X.T@(X@w-y)/n", "X.T@(X@w-y)/n", "y", ols_gradient])
def test_verdicts_are_json_data_and_text(claim: Any) -> None:
    verdict = verify(OLS, "w", claim)
    data = json.loads(json.dumps(verdict.to_dict()))
    assert data["verdict"] == verdict.verdict
    report = verdict.report()
    assert report.startswith(verdict.verdict)
    assert "nan" not in report
    assert all(line == line.rstrip() for line in report.splitlines())


def test_a_witness_is_small_and_readable() -> None:
    verdict = verify(OLS, "w", "X.T@(X@w-y)/n")
    assert verdict.witness is not None
    assert verdict.witness.inputs["X"].size <= 4
    assert "claimed" in verdict.report()


@pytest.mark.parametrize("seed", [0, 5])
def test_verdicts_repeat(seed: int) -> None:
    first, again = (verify(HUBER, "w", "-X.T@r", seed=seed).to_dict() for _ in range(2))
    assert first == again


def test_deep_networks_end_without_a_proof_rather_than_not_at_all() -> None:
    layers = "; ".join(f"h{k} = tanh(W@h{k - 1})" for k in range(1, 13))
    target = f"W: real[d, d]; h0: real[d]; a: real[d]; {layers}; a@h12"
    started = time.process_time()
    verdict = verify(target, "a", "h12")
    assert verdict
    assert time.process_time() - started < 20
