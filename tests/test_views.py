"""Derivations by tangents and by differentials: against JAX, line by line, with the engine's result."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_jax import SIZES, Case, point, variables
from jax.scipy.linalg import expm
from jax.scipy.special import logsumexp
from test_evidence import broken, places

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.catalog.losses import ENTRIES
from chainrule.derive.errors import InputError
from chainrule.derive.forms.index_form import LETTERS
from chainrule.derive.forms.latex_names import DIFFERENTIAL
from chainrule.derive.notation.parser import FUNCTIONS
from chainrule.derive.numeric import evaluate
from chainrule.derive.render.page import Line, Page, Section
from chainrule.derive.steps import Step

VIEWS = ("forward", "differential")

LINEAR = "X: real[n,d]; y: real[n]; w: real[d]; b: real; r = X@w + b - y; mean(r**2)"
LAYERS = ("X: real[n,d]; W: real[d,k]; c: real[k]; V: real[k,p]; Y: real[n,p]; "
          "Z = X@W + c; H = tanh(Z); norm(H@V - Y)**2/(2*n)")  # fmt: skip
SOFTMAX = "X: real[n,d]; W: real[d,k]; Y: onehot[n,k]; P = softmax(X@W, axis=1); -mean(sum(Y*log(P), axis=1))"
ATTENTION = "Q: real[n,d]; K: real[m,d]; V: real[m,p]; A = softmax(Q@K.T/sqrt(d), axis=1); sum((A@V)**3)"
GAUSS = "x: real[n,d]; mu: real[d]; S: spd[d,d]; r = x - mu; n/2*logdet(S) + 1/2*sum(r@inv(S)*r)"
NORM = ("x: real[n,d]; g: real[d]; mu = mean(x, axis=0); s = sqrt(mean((x - mu)**2, axis=0) + 0.1); "
        "sum(g*((x - mu)/s)**3)")  # fmt: skip

NETWORK = "X: real[n,d]; W1: real[d,h]; W2: real[h,k]; Y: real[n,k]; norm(tanh(X@W1)@W2 - Y)^2"

CASES = [
    Case(LINEAR, lambda np, X, y, w, b: np.mean((X @ w + b - y) ** 2)),
    Case(LAYERS, lambda np, X, W, c, V, Y: np.sum((np.tanh(X @ W + c) @ V - Y) ** 2) / (2 * len(X))),
    Case(SOFTMAX, lambda np, X, W, Y: -np.mean(np.sum(Y * jax.nn.log_softmax(X @ W, axis=1), axis=1))),
    Case(ATTENTION, lambda np, Q, K, V: np.sum((jax.nn.softmax(Q @ K.T / np.sqrt(Q.shape[1]), axis=1) @ V) ** 3)),
    Case(NORM, lambda np, x, g: np.sum(g * ((x - x.mean(0)) / np.sqrt(np.var(x, axis=0) + 0.1)) ** 3)),
    Case(GAUSS, lambda np, x, mu, S: len(x) / 2 * jnp.linalg.slogdet(S)[1]
         + np.sum((x - mu) @ jnp.linalg.inv(S) * (x - mu)) / 2),
    Case("a: real[n]; X: real[n,n]; b: real[n]; a @ inv(X + 3*eye(n)) @ b",
         lambda np, a, X, b: a @ jnp.linalg.inv(X + 3 * jnp.eye(len(a))) @ b),
    Case("X: real[n,n]; u: real[n]; det(X + 2*eye(n)) * sum(X @ u)",
         lambda np, X, u: jnp.linalg.det(X + 2 * jnp.eye(len(u))) * np.sum(X @ u)),
    Case("S: spd[n,n]; u: real[n]; u @ cholesky(S) @ u**2",
         lambda np, S, u: u @ jnp.linalg.cholesky((S + S.T) / 2) @ u**2),
    Case("A: real[n,n]; u: real[n]; u @ expm(A) @ u", lambda np, A, u: u @ expm(A) @ u),
    Case("A: real[n,d]; B: real[d,n]; sum(pinv(A)*B)", lambda np, A, B: np.sum(jnp.linalg.pinv(A) * B)),
    Case("S: symmetric[n,n]; a: real[n]; a @ eigvalsh(S)**2",
         lambda np, S, a: a @ jnp.linalg.eigvalsh((S + S.T) / 2) ** 2),
    Case("A: real[n,d]; sum(svdvals(A)**3)",
         lambda np, A: np.sum(jnp.linalg.svd(A, full_matrices=False, compute_uv=False) ** 3)),
    Case("Z: real[n,d]; sum(logsumexp(Z, axis=1)**2)", lambda np, Z: np.sum(logsumexp(Z, axis=1) ** 2)),
    Case("Z: real[n,d]; u: real[n]; u @ max(Z, axis=1) + prod(u)",
         lambda np, Z, u: u @ np.max(Z, axis=1) + np.prod(u)),
    Case("x: real[n]; y: real[n]; norm(x - y) + norm1(x)*dot(x, y)",
         lambda np, x, y: np.sqrt(np.sum((x - y) ** 2)) + np.sum(np.abs(x)) * (x @ y)),
    Case("x: real[n]; sum((x[1:] - x[:-1])**2*cumsum(x)[1:])",
         lambda np, x: np.sum((x[1:] - x[:-1]) ** 2 * np.cumsum(x)[1:])),
    Case("A: real[n,d]; x: real[d]; softmax(A @ x)", lambda np, A, x: jax.nn.softmax(A @ x)),
    Case("X: real[n,n]; inv(X + 3*eye(n)) @ X", lambda np, X: jnp.linalg.inv(X + 3 * jnp.eye(len(X))) @ X),
    Case("x: real; y: real; z = x*y; sin(z)*exp(z/x)", lambda np, x, y: np.sin(x * y) * np.exp(y)),
]  # fmt: skip


@cache
def derived(text: str, view: str) -> cr.Derivation:
    """A derivation by all variables; of a formula of the catalogue, by its parameters."""
    f = cr.formula(text)
    wrt = variables(f.program) if ":" in text else None
    return (cr.jacobian if f.shape else cr.gradient)(f, wrt, view=view)


def tangent_of_the_output(derivation: cr.Derivation) -> str:
    return [step.where for step in derivation.steps if step.rule == "tangent"][-1]


@pytest.mark.parametrize(("case", "sizes"), [*zip(CASES, itertools.cycle(SIZES), strict=False)],
                         ids=lambda item: item.text.rpartition(";")[2] if isinstance(item, Case) else "")  # fmt: skip
def test_tangents_against_jax(case: Case, sizes) -> None:
    """Wide and tall sizes in turn; each line is computed by differences at both in ``test_every_line_holds``."""
    f = cr.formula(case.text)
    arrays, names = point(f.program, sizes), variables(f.program)
    derivation = derived(case.text, "differential")
    context = derivation.context
    rng = np.random.default_rng(1)
    directions = {name: rng.uniform(-1, 1, np.shape(arrays[name])) for name in names}
    values = arrays | {f"d{name}": directions[name] for name in names}
    found = evaluate(context, values)[tangent_of_the_output(derivation)]
    same = case.reference(sizes)
    rest = {name: arrays[name] for name in arrays if name not in names}
    along = jax.jit(partial(jax.jvp, lambda moving: same(jnp, **rest, **moving)))
    _, expected = along(
        ({name: jnp.asarray(arrays[name], float) for name in names},),
        ({name: jnp.asarray(directions[name]) for name in names},),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", [case.text for case in CASES])
def test_every_line_holds(text: str, view: str) -> None:
    derivation = derived(text, view)
    found = cr.evidence(derivation)
    assert found
    assert not [f"{item.step.rule} at {item.step.where}: {item}" for item in found if not item.holds]
    assert all(item.digits is not None for item in found)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])
def test_every_view_has_the_result_of_the_engine(name: str, view: str) -> None:
    derivation, expected = (derived(name, way) for way in (view, "reverse"))
    assert derivation.result == expected.result
    assert derivation.numpy() == expected.numpy()
    assert derivation.assumptions == expected.assumptions
    assert all(item.holds for item in cr.evidence(derivation))
    assert cr.Derivation.from_json(derivation.to_json()) == derivation


def at(step: Step, path: tuple[int, ...]) -> Step:
    """The step itself or one of those in it."""
    return at(step.substeps[path[0]], path[1:]) if path else step


@pytest.mark.parametrize("text", [LAYERS, GAUSS, SOFTMAX, "x: real; y: real; z = x*y; sin(z)*exp(z/x)"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_fault_in_any_line_is_found(text: str, view: str) -> None:
    """Steps are checked on their own, so that one place in each may be broken at once."""
    derivation = derived(text, view)
    paths = [[] if step.rule == "definition" else places(step) for step in derivation.steps]
    for k in range(max(map(len, paths))):
        faults = {n: own[k] for n, own in enumerate(paths) if k < len(own)}
        steps = [broken(step, faults[n]) if n in faults else step for n, step in enumerate(derivation.steps)]
        wrong = [item.step for item in cr.evidence(replace(derivation, steps=tuple(steps))) if not item.holds]
        for n, path in faults.items():
            assert at(steps[n], path) in wrong, (derivation.steps[n].rule, path)


def lines_of(page: Page) -> list[tuple[str, Line]]:
    """The lines of the derivation, each with what stands left of it, or of the line that it continues."""
    found: list[tuple[str, Line]] = []
    for section in page.sections:
        left = ""
        if section.title.startswith(("Differentials", "Tangents")) or section.title.endswith("put together"):
            for line in section.lines:
                left = line.left[0].text if line.left else left
                found.append((left, line))
    return found


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", [LINEAR, LAYERS, SOFTMAX, ATTENTION, GAUSS, *(case.text for case in CASES[6:9])])
def test_what_a_line_prints_is_read_back_to_the_same_number(text: str, view: str) -> None:
    derivation = derived(text, view)
    context = derivation.context
    program = cr.formula(text).program
    rng = np.random.default_rng(2)
    arrays = point(program, SIZES[0]) | {
        item.name: rng.uniform(-1, 1, [SIZES[0][str(length)] for length in item.shape])
        for item in context.inputs if item not in program.inputs
    }  # fmt: skip
    env = evaluate(context, arrays)
    declared = "; ".join(
        f"{name}: real[{','.join(map(str, item.shape))}]" if item.shape else f"{name}: real"
        for name, item in context.by_name.items()
    )
    lines = lines_of(derivation.page())
    assert len(lines) >= 2
    for left, line in lines:
        assert ".T.T" not in line.right.text
        read = cr.formula(f"{declared}; value_of_the_line = {line.right.text}; value_of_the_line").program
        value = evaluate(read, {item.name: env[item.name] for item in read.inputs})[read.outputs[0]]
        np.testing.assert_allclose(np.broadcast_to(value, env[left].shape), env[left], rtol=1e-9, atol=1e-10)


def names_known(derivation: cr.Derivation) -> set[str]:
    """Inputs, sizes, directions, what is derived, functions, and words that are no quantities."""
    context = derivation.context
    sizes = {str(length) for item in context.by_name.values() for length in item.shape}
    functions = {*FUNCTIONS, "tr", "einsum", "delta"}
    words = {"axis", "keepdims", "True", "None", *re.findall(r"\w+", " ".join(sizes)), derivation.formula.output.name}
    return words | functions | {item.name for item in context.inputs}


def undefined(derivation: cr.Derivation, sections: Iterable[Section]) -> list[tuple[str, str]]:
    """The names on a page that nothing above them introduces, each with its line; results are named below."""
    known = names_known(derivation)
    letters = set(LETTERS) - set(derivation.context.by_name)
    found: list[tuple[str, str]] = []
    for section in sections:
        if section.title in ("Given", "Sanity checks", "In NumPy"):
            continue
        lefts = {part.text for line in section.lines for part in line.left}
        if section.title == "Result":
            known |= lefts
        for line in section.lines:
            for part in [line, *line.details]:
                note = "".join(piece if isinstance(piece, str) else piece.text for piece in part.note)
                beside = {*re.findall(r"(\w+)(?:\[[^]]*\])? = |(?:exponentials|sum) (\w+)", note)}
                beside = {name for pair in beside for name in pair}
                # Symbols of derivatives and words in quotes are no quantities.
                text = re.sub(r"'[^']*'|\bd(?=\()|/d\w+|\bd\w+(\[[^]]*\])?(?=/d)", "", part.right.text)
                names = {*re.findall(r"(?<![\w.])[A-Za-z_]\w*", text)} - known - beside
                entries = letters if "[" in text or "sum_" in text else set()
                reduced = {name for name in names if name.rpartition("_")[0] in FUNCTIONS}
                found += [(name, part.right.text) for name in sorted(names - entries - reduced)]
            known |= {left.text.partition("[")[0] for left in line.left}
    return found


@pytest.mark.parametrize("view", ["reverse", *VIEWS])
@pytest.mark.parametrize("text", [NETWORK, *(case.text for case in CASES), *(entry.name for entry in ENTRIES)])
def test_every_name_is_introduced_before_it_is_used(text: str, view: str) -> None:
    derivation = derived(text, view)
    # The result is the same in all views.
    full = derivation.page("full").sections if view == "reverse" else derivation.reasoning("full")
    for sections in (full, derivation.reasoning("brief"), derivation.reasoning("normal", form="index")):
        assert not undefined(derivation, sections)


def test_the_quantities_of_a_network_are_those_of_the_reverse_view() -> None:
    page = cr.gradient(NETWORK, "W1,W2", view="differential").text()
    for line in ("dz  = X @ dW1", "dh2 = (1 - h2**2)*dz", "dr  = h2 @ dW2 + dh2 @ W2", "dL  = 2*sum(r*dr)",
                 "delta = 2*(1 - h2**2)*(r @ W2.T)", "dL/dW1 = X.T @ delta\n"):  # fmt: skip
        assert line in page
    assert "r_dot  = h2 @ v_W2 + h2_dot @ W2" in cr.gradient(NETWORK, "W1,W2", view="forward").text()


def test_a_long_sum_goes_on_before_the_sign_of_a_term() -> None:
    derivation = derived(NORM, "differential")
    text = derivation.text()
    long = [line.right.text for _, line in lines_of(derivation.page()) if len(line.right.text) > 120]
    assert any(row.lstrip().startswith("+ ") for row in text.splitlines())
    assert not any(line in text for line in long)
    assert long
    assert all(line in " ".join(text.split()) for line in long)


def test_a_differential_has_an_upright_d_also_before_a_name_that_could_be_an_entry() -> None:
    latex = derived(NORM, "differential").latex()
    assert DIFFERENTIAL not in latex
    assert r"\mathrm{d}\mathrm{mu2}" in latex


def test_what_is_used_of_a_mean_is_said() -> None:
    page = derived(NORM, "forward").text()
    assert "2*mean((x - mu)*v_x, axis=0)" in page
    assert "d(u**2) = 2*u*du; the deviations from a mean sum to zero." in " ".join(page.split())


def test_the_scalar_moves_are_told_in_full() -> None:
    derivation = cr.gradient("x: real[n]; z = x**2; h = sigmoid(sin(z)); sum(h*exp(-h))", "x", view="differential")
    page, brief = derivation.text("full"), derivation.text("brief")
    for part in ("Product rule", "d(sigmoid(u))/du = sigmoid(u) (1 - sigmoid(u)) with u = sin(z[i])", "Power rule"):
        assert part in page
    assert "d(" not in brief.partition("Differentials")[2].partition("Result")[0]


def test_the_derivative_by_one_scalar_needs_no_direction() -> None:
    page = cr.gradient("chain", "w1", view="forward").text()
    assert "z_dot = dz/dw1 = x" in page
    assert "v" not in {item.name for item in cr.gradient("chain", "w1", view="forward").context.inputs}


def test_names_of_the_formula_are_not_taken() -> None:
    text = "x: real[n]; dx: real[n]; v: real[n]; y_dot: real[n]; dL: real; y = x*dx*v*y_dot; dL*sum(y**2)"
    differential, forward = (cr.gradient(text, "x", view=view) for view in ("differential", "forward"))
    assert {"d_x", "d_L", "dy"} <= set(differential.context.by_name)
    assert {"v_x", "y_dot2"} <= set(forward.context.by_name)
    assert all(item.holds for view in (differential, forward) for item in cr.evidence(view))


def test_a_differential_stands_at_the_end_of_its_products() -> None:
    page = cr.gradient(GAUSS, "mu,S", view="differential").text()
    assert "dr = -outer(ones(n), dmu)" in page
    assert "(n*tr(inv(S) @ dS) + sum(z*dr) + sum(r*dz))/2" in page
    page = cr.gradient("A: real[n,n]; x: real[n]; x@A@x", "x", view="differential").text()
    assert "dL = x @ A @ dx + (A @ x).T @ dx " in page


@pytest.mark.parametrize(("text", "law"), [
    ("x: real[n]; sum(where(x > 0, x**2, -x))", "d(where(c, u, v)) = where(c, du, dv), d(u**2) = 2*u*du."),
    ("z: real[n]; y: real[n]; l = log_softmax(z); sum(y*l)", "d(a - logsumexp(a)) = da - sum(softmax(a)*da)."),
    ("z: real[n]; y: real[n]; p = softmax(z); sum(y*p)", "p = softmax(a): dp = p*(da - sum(p*da))."),
    ("S: spd[n,n]; sum(cholesky(S))", "@ (tril(P) - diag(diag(P))/2), where P = inv(cholesky(A))"),
    ("A: real[n,n]; x: real[n]; (A@x)@(A@x)", "d(A @ B) = dA @ B + A @ dB"),
])  # fmt: skip
def test_the_law_of_a_differential_is_said(text: str, law: str) -> None:
    page = cr.gradient(text, variables(cr.formula(text).program), view="differential").text()
    assert law in " ".join(page.split())


def test_entry_by_entry() -> None:
    page = cr.gradient(LINEAR, "w,b", view="differential").text(form="index")
    assert "dr[i] = sum_j X[i,j] dw[j] + db" in page
    assert "tr(" not in page
    assert " @ " not in page.partition("Differentials")[2].partition("Result\n")[0]
    assert "Compare with dL = sum_j (dL/dw)[j] dw[j] + dL/db*db." in page
    page = cr.gradient(SOFTMAX, "W", view="differential").text(form="index")
    assert "p = softmax(a): dp[i] = p[i] (da[i] - sum_k p[k] da[k])." in " ".join(page.split())
    page = cr.gradient("S: spd[n,n]; logdet(S) + sum(inv(S))", "S", view="differential").text(form="index")
    assert "as matrices, d(inv(A)) = -inv(A) @ dA @ inv(A)." in " ".join(page.split())


def test_what_does_not_depend_on_the_variable() -> None:
    page = cr.gradient("x: real[n]; y: real; sum(x**2)", "y", view="differential").text()
    assert "The output does not depend on it." in page


@pytest.mark.parametrize(("call", "words"), [
    (lambda: cr.gradient("mse", "w", view="backward"), "no such view"),
    (lambda: cr.gradient("S: symmetric[n,n]; logdet(S)", "S", symmetric=True, view="forward"), "independent entries"),
    (lambda: cr.gradient("chain", ["w1", "z"], view="differential"), "w1 acts through z"),
])  # fmt: skip
def test_where_a_view_makes_no_sense(call, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()


def test_the_command_line_has_the_views(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "linear_regression", "--wrt", "w", "--view", "differential", "--check"]) == 0
    assert "dL put together" in capsys.readouterr().out
    assert run(["show", "linear_regression", "--wrt", "w", "--view", "forward", "--format", "html"]) == 0
    assert "Tangents" in capsys.readouterr().out
    assert run(["show", "linear_regression", "--wrt", "w", "--view", "forward", "--hessian"]) == 2
    assert "--view is for --gradient and --jacobian" in capsys.readouterr().err
