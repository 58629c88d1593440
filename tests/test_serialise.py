"""JSON forms are exact: what comes back equals what went in, kind by kind."""

from __future__ import annotations

import json

import pytest
import sympy as sp
from sympy import KroneckerDelta, Rational

from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.domains import NAMED_DOMAINS, interval
from chainrule.derive.program import Definition, Input, Program, bound_index, dim, free_index
from chainrule.derive.rules import RULES
from chainrule.derive.scalar import equal, less, less_equal, where
from chainrule.derive.serialise import decode, decode_program, decode_step, encode, encode_program, encode_step
from chainrule.derive.steps import Partial, Step

n = dim("n")
x, p = Input("x", (n,)), Input("p", (n,), interval(0, 1))
i = free_index(0)

EXPRESSIONS = [
    Rational(-3, 7),
    sp.pi * sp.sqrt(2),
    x[i,] ** 2 / (1 + p[i,]) - n,
    x[n - 1 - i,],
    p[sp.Mod(i, n),] * x[sp.floor(i / n),],
    KroneckerDelta(i, 0) * where(less(0, x[i,]) * less_equal(x[i,], 1), equal(x[i,], p[i,]), sp.log(p[i,])),
    Partial(x[i,], p[i,]),
]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_expressions_come_back(expr: sp.Expr) -> None:
    assert decode(json.loads(json.dumps(encode(expr)))) == expr


@pytest.mark.parametrize("entry", ELEMENTWISE, ids=lambda entry: entry.name)
def test_every_function_comes_back(entry: object) -> None:
    values = [p[i,], x[i,], p[0,]][: len(entry.args)]  # type: ignore[attr-defined]
    expr = entry(*values)  # type: ignore[operator]
    assert decode(json.loads(json.dumps(encode(expr)))) == expr


def test_programs_and_steps_come_back() -> None:
    inputs = tuple(
        Input(f"x{number}", (n, n) if domain.square else (n,), domain) for number, domain in enumerate(NAMED_DOMAINS)
    )
    body = sp.exp(inputs[1][bound_index(0),])
    program = Program(inputs, (Definition("L", (), body, "logsumexp", (n,), "real", "named"),), ("L",))
    assert decode_program(json.loads(json.dumps(encode_program(program)))) == program
    definition = program.definitions[0]
    inner = Step("simplify", "L", definition, definition)
    for rule in RULES:
        step = Step(rule.id, "L", definition, definition, (("a", "b"),), (inner,))
        assert decode_step(json.loads(json.dumps(encode_step(step)))) == step
