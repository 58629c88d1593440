"""Local derivatives and scalar moves: each is compared with differences of what it is the derivative of."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import sympy as sp
from support import cut, differences, expanded
from sympy import Dummy, Expr, lambdify

from chainrule.derive.catalog.losses import ENTRIES
from chainrule.derive.checking.evidence import evidence
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.formula import formula
from chainrule.derive.goals import gradient, hessian, jacobian
from chainrule.derive.narrative.model import inlined_parts
from chainrule.derive.numeric import FLOAT64, bind_dims, evaluate, evaluate_definition
from chainrule.derive.program import Index, Program, Ref, free_index
from chainrule.derive.scalar_moves import scalar_steps
from chainrule.derive.steps import Partial, Slope, Step

FORMULAS = [
    ("X: real[n,d]; y: pm1[n]; w: real[d]; C: positive; norm(w)^2/2 + C*sum(relu(1 - y*(X@w)))", "w"),
    ("Q: real[n,d]; K: real[m,d]; V: real[m,p]; softmax(Q@K.T/sqrt(d), axis=1)@V", "Q,K"),
    ("z: real[n,k]; t: positive; Y: real[n,k]; mean(sum(Y*log_softmax(z/t, axis=1), axis=1))", "z,t"),
    ("X: real[n,d]; g, b: real[d]; v = var(X, axis=0); sum(((X - mean(X, axis=0))/sqrt(v + 1/9)*g + b)^3)", "X,g"),
    ("x: real[n]; sum((x[1:] - x[:-1])^2)", "x"),
    ("z: real[n,k]; y: count[n]; l = log_softmax(z, axis=1); s[i] = l[i,y[i]]; -mean(s)", "z"),
    ("A: real[n,m]; x: real[m]; logsumexp(A@x)", "A,x"),
    ("x: real[n]; s: positive; u = x/s; sum(exp(-u^2/2))/s", "x,s"),
]


TOLD = [*((entry.name, None) for entry in ENTRIES), *((text, wrt.split(",")) for text, wrt in FORMULAS)]


def at_a_point(program: Program) -> dict[str, np.ndarray]:
    """Values of the inputs and of all that is defined."""
    return evaluate(program, sample(program.inputs, size_assignments(program)[0], np.random.default_rng(5)), FLOAT64)


def locally(program: Program, reader: str, hidden: dict[str, str]) -> Program:
    """The program in which a quantity depends only on what it reads, whatever else there is being given."""
    kept = {reader, *(name for name, owner in hidden.items() if owner == reader)}
    reads = {name for kept_name in kept for name in program.by_name[kept_name].reads}  # type: ignore[union-attr]
    if not program.by_name[reader].reduce:  # type: ignore[union-attr]
        kept |= {name for name in reads if getattr(program.by_name[name], "reduce", "") == "logsumexp"}
    for definition in program.definitions:
        if definition.name not in kept:
            program = cut(program, definition.name)
    return program


def collected(links: list[Step], env: dict[str, np.ndarray], shape: tuple[int, ...], dims: dict) -> np.ndarray:
    """The Jacobian that the local derivatives of a quantity make up, entry by entry."""
    total = np.zeros(shape)
    for link in links:
        slopes = np.asarray(evaluate_definition(link.after, env, dims, FLOAT64), dtype=float)
        part = link.before.body
        assert isinstance(part, Partial)
        for place in itertools.product(*map(range, slopes.shape)):
            indices = {free_index(n): sp.Integer(value) for n, value in enumerate(place)}
            subscripts = (*part.output.indices, *part.variable.indices)
            where = tuple(_place(index, indices, env, dims) for index in subscripts)
            if all(0 <= position < length for position, length in zip(where, shape, strict=True)):
                total[where] += slopes[place]
    return total


def _place(index: Expr, indices: dict[Index, Expr], env: dict[str, np.ndarray], dims: dict) -> int:
    value = index.xreplace({**indices, **{length: sp.Integer(size) for length, size in dims.items()}})
    labels = {ref: int(env[ref.name][tuple(int(i) for i in ref.indices)]) for ref in value.atoms(Ref)}
    return int(value.xreplace(labels))


@pytest.mark.parametrize(("text", "wrt"), TOLD, ids=lambda value: value if isinstance(value, str) else "")
def test_local_derivatives(text: str, wrt: list[str] | None) -> None:
    derivation = (jacobian if formula(text).shape else gradient)(text, wrt)
    env = at_a_point(derivation.context)
    dims = bind_dims(derivation.context.inputs, env)
    hidden = inlined_parts(derivation.context, derivation.steps)
    found: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in derivation.steps:
        for link in (step, *step.substeps):
            if link.rule in ("link", "local-derivative"):
                found[link.before.body.output.name, link.before.body.variable.name].append(link)
    assert found
    for (reader, variable), links in found.items():
        local = locally(derivation.context, reader, hidden)
        known = {item.name: env[item.name] for item in local.inputs}
        want = differences(local, reader, variable, known)
        np.testing.assert_allclose(collected(links, env, want.shape, dims), want, rtol=1e-8, atol=1e-10)


def worth(expr: Expr, point: dict[Expr, Expr]) -> mpmath.mpf:
    """A scalar expression with derivatives that are not worked out, which are computed by differences."""
    numbers = {}
    for slope in expr.atoms(Slope):
        if not any(slope in other.body.atoms(Slope) for other in expr.atoms(Slope)):
            x = Dummy("x", real=True)
            body = expanded(slope.body.xreplace({slope.variable: x})).xreplace(point)
            numbers[slope] = sp.Float(mpmath.diff(lambdify(x, body, "mpmath"), point[slope.variable]), 30)
    return mpmath.mpf(expanded(expr.xreplace(numbers)).xreplace(point).evalf(30))


SCALARS = [
    "x^2*sin(x)*exp(-x)", "sin(x)/x", "exp(-x^2/2)", "log(1 + exp(x))", "x^x", "2^x", "sqrt(1 + x^2)",
    "tanh(3*x + 1)^2",
    "1/(1 + exp(-x))", "(x^2 + 1)/(x - 3)", "abs(x - 2)*x", "where(x > 1/2, x^2, sin(x))", "arctan(1/x)", "log(x)/x^2",
    "sigmoid(a*x + b)", "logaddexp(x, 2*x)", "x^a", "a^x", "exp(sin(cos(x)))", "log(cosh(x))*(x + b)^3/(a + x^2)",
    "lgamma(x + 1)/normcdf(x)", "relu(x - a)*x", "where(abs(x - a) < 1, (x - a)^2/2, abs(x - a))",
    "(x*a - b)^2/2 + a*abs(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_moves_of_scalars(text: str) -> None:
    program = formula(f"x, a, b: positive; {text}").program
    definition = program.definitions[-1]
    x = next(ref for ref in definition.refs if ref.name == "x")
    point = {ref: sp.Rational(number, 10) for ref, number in zip(definition.refs, (7, 4, 9), strict=False)}
    steps = scalar_steps(definition, x)
    assert steps
    assert steps[0].before.body == Slope(definition.body, x)
    assert not steps[-1].after.body.has(Slope)
    with mpmath.workdps(30):
        for step in steps:
            assert mpmath.almosteq(worth(step.before.body, point), worth(step.after.body, point), 1e-12), step


def test_moves_end_at_the_local_derivative() -> None:
    derivation = hessian("logistic_regression")
    moves = [(link, link.substeps) for step in derivation.steps for link in step.substeps if link.substeps]
    assert moves
    for link, steps in moves:
        assert steps[-1].after == link.after
        assert all(before.after == after.before for before, after in itertools.pairwise(steps))


@pytest.mark.parametrize(("text", "first"), [
    ("x: real[n]; p = softmax(x); p", "(s e[i] delta[i,j] - e[i] e[j])/s^2"),
    ("x: real[n]; e: real; p = exp(x)/sum(exp(x)); e*sum(p^2)", "(t u[i] delta[i,j] - u[i] u[j])/t^2"),
    ("Z: real[n,k]; T: positive; P = softmax(Z/T, axis=1); sum(P^3)",
     "(e[i,j] s[i] delta[j,l] - e[i,j] e[i,l])/(T s[i]^2)"),
])  # fmt: skip
def test_the_derivative_of_a_softmax_is_taken_by_the_quotient_rule(text, first) -> None:
    f = formula(text)
    d = (jacobian if f.shape else gradient)(f, f.inputs[0].name)
    moves = [move for step in d.steps for link in step.substeps for move in link.substeps]
    taught = [move for move in moves if move.rule.startswith("softmax-")]
    assert [move.rule for move in taught] == ["softmax-quotient", "softmax-shares", "softmax-cases"]
    assert first in d.text("full")
    proofs = {item.step: item for item in evidence(d)}
    assert all(proofs[move].holds and proofs[move].digits is not None for move in taught)
    wrong = replace(taught[0], after=taught[0].after.with_body(2 * taught[0].after.body))
    steps = tuple(
        replace(step, substeps=tuple(
            replace(link, substeps=tuple(wrong if move is taught[0] else move for move in link.substeps))
            for link in step.substeps
        ))
        for step in d.steps
    )  # fmt: skip
    assert not all(item.holds for item in evidence(replace(d, steps=steps)))
