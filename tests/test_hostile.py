"""Hostile and mistaken texts: each is read or refused with an error of ours, quickly."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chainrule.derive.errors import ChainruleError, LimitError
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.notation.unparse import unparse

#: Seconds that any one text may take; the slowest takes a fraction of it on an idle machine.
PATIENCE = 20.0


def outcome(text: str, **keywords) -> ChainruleError | None:
    """The error that a text gives, if any; every part of it can be printed."""
    start, found = time.process_time(), None
    try:
        parse_formula(text, **keywords)
    except ChainruleError as error:
        found = error
    assert time.process_time() - start < PATIENCE
    if found is not None:
        assert str(found).startswith(found.message)
        assert found.to_dict()["message"] == found.message
    return found


CODE = [
    'print("x")', '__import__("os").system("true")', "(1).__class__.__base__.__subclasses__()",
    "(lambda:__import__('os').getcwd())()", 'open("some-file").read()', "f\"{__import__('os').getpid()}\"",
    "x.__𝐜𝐥𝐚𝐬𝐬__", 'exec("import os")', "globals()", 'sympify("...")', "lambdify(x,x)", "x.__class__", "x.shape",
    "eval('1')", "[x for x in y]", "{1: 2}", "x if y else z", "x := 3; x.tofile('f')", "x; import os", "a.b.c()",
    "getattr(x, 'y')", "x and y", "not x", "x[y]", "x(y)(z)(w).u", "1 if 2", "@x", "*x", "**x", "x**", "lambda x: x",
    "`x`", "x?", "~x", "x|y", "x<<2", "x//2", "x%2", "x->y", "x!", "$x^$", "x\\y", "\\input{x}", "\\write18{ls}",
    "\\href{javascript:alert(1)}{x}", "\\def\\x{\\x\\x}", "<script>alert(1)</script>", "factorial(10**7)",
    "binomial(10**7, 5*10**6)", "fibonacci(10**8)", "expand((a+b+c+d+f)**60)", "Sum(1/k,(k,1,10**7)).doit()",
    "Product(k,(k,1,10**6)).doit()", "bernoulli(10**6)", "zeros((10**9, 10**9))", "Matrix(3,3)", "S('1')",
    "x.subs(y,z)",
]  # fmt: skip
CHARACTERS = [
    "\ud800", "x\x00y", "\u202ex", "x\u200by", "１２", "𝐱+1", "ｘ", "x\ufeff", "\x07", "…", "٣", "²", "₁", "'", '"',
    "'abc", "x\u2028y", "Ⅷ", "½", "ª", "ﬁ", "ℝ", "∞", "∂x", "∇f", "∫x", "€", "x\ue000",
]  # fmt: skip
NUMBERS = [
    "2.T", "x**2.T", "0x10", "0b1", "1_000", "1j", "2J", "...", "1..2", "1.2.3", "1e", "1e+", "nan", "inf", "-inf",
    "NaN", "1e309", "1e-400", "1e999999999", "1e" + "9" * 50, "1" * 41, "1" * 4000, "0." + "0" * 50 + "1", "1e308*10",
    "1e-308/10**10", "1e200*1e200", "1e-200**2",
]  # fmt: skip
HUGE = [
    "9**9**9", "9**9**9**9", "(1/3)**10**9", "((9**9)**9999)**9999", "10**10**10", "2.5**10**10", "1.0000001**1000000",
    "10**1000", "2**-2000", "(x+1)**2000", "x**10**9", "((2*x)**1000)**1000", "(((x**1000)**1000)**1000)**1000",
    "sin(7**exp(exp(exp(10*3)))+1)", "exp(1000)", "exp(10**9*log(3))", "exp(x + 10**9*log(3))", "exp(10**9*log(2*x))",
    "cosh(1000)", "gamma(10**9)", "gamma(172.5)", "lgamma(10**9)", "lgamma(2000000001/2)", "digamma(10**9)",
    "polygamma(10**6, x)", "polygamma(10**6, 2)", "x: real[10000000000]; sum(x)", "eye(10**10)", "ones(10000000000)",
    "(sqrt(2)*x)**1000**2", "exp(y)**(10**9)", "(2**y)**(10**9)", "sqrt(2)**(10**9)", "pi**10**6", "e = 9**9; 9**9**9",
]  # fmt: skip
NOT_REAL = [
    "1/0", "0/0", "0**-1", "x/(x-x)", "log(-1)", "log(0)", "sqrt(-1)", "sqrt(-4)*x", "(-8)**(1/3)", "tan(pi/2)",
    "arccosh(0)", "logit(2)", "x: positive; sqrt(-x)", "where(1 > 2, 1/0, 3)", "atanh(1)", "lgamma(0)", "arcsin(2)",
]  # fmt: skip
DEEP = [
    "(" * 300 + "x" + ")" * 300, "-" * 4000 + "x", "x" + "'" * 300, "sin(" * 250 + "x" + ")" * 250, "[" * 4000,
    "2**" * 1000 + "2", "√" * 1000 + "x", "|" * 1001 + "x", "(" * 4096, "x[" * 2000, "sum(" * 1000, "{" * 4000,
    "where(" * 300 + "x", "Σ " * 300 + "x",
]  # fmt: skip
MISTAKES = [
    "", "#", ";", "\n\n", "=", "x=", "x = ; 3", "x: real", "x:", ":", "x: real[", "x: real[n", "x: real[n]]; 3",
    "x: foo[n]; 3", "x: real[n]; x: real; x", "n: real; x: real[n]; x", "a,b,c", "a, b: real", "1 2", "x 2", "y..T",
    "y.T.", "(", "[", ")", "x)", "(x]", "x[", "x[]", "x[1", "x: real[3]; x[5]", "x: real[3]; x[-4]",
    "x: real[n]; x[0,0]", "x: real[n]; x[::x]", "x: real[n]; x[n]", "x: real[n]; x[0.5]", "einsum('ii', x)",
    "einsum(x)", "einsum('..')", "einsum()", "sum()", "sum(x,,y)", "sum(x,axis=)", "x: real[n]; sum(x, axis=3)",
    "x: real[n]; sum(x, axis=x)", "x: real[n]; sum(x, axis=0.5)", "x: real[n]; sum(x, keepdims=1)",
    "x: real[n]; sum(x, foo=1)", "x: real[n]; sum(x, 0, axis=0)", "True", "None", "x^{-1", "x^T", "a/b c", "() + 1",
    "(,)", "f(,)", "(1, 2)", "'text'", "x = 1; x = 2; x", "__init__ = 3; 1", "__x__", "pi = 3; n: real; pi(", "stack()",
    "concat()", "ones()", "ones(())[0]", "x: real[n]; concat(x, axis=1)", "x: real[0]; 1", "x: real[-1]; 1",
    "x: real[1.5]; 1", "x: (0, 0); 1", "x: (nan, 1); 1", "x: {}; 1", "x: {0}; 1", "x: {0, 1; 1", "x: {0.5, 1}; 1",
    "x: simplex; x", "x: onehot; x", "x: spd[n]; x", "Σ", "∑_", "Σ_i", "Σ_{i x", "Σ_{} x", "Σ_i^n x_i", "‖x", "‖x|",
    "||x|", "x'y'z'' '", "a b c / d e", "Σ0", "y = z; z = 2; y",
    "L = L + 1",
]  # fmt: skip


@pytest.mark.parametrize("text", [*CODE, *CHARACTERS, *NUMBERS, *NOT_REAL, *MISTAKES], ids=ascii)
def test_refused_with_an_error_of_ours(text):
    assert outcome(text) is not None


@pytest.mark.parametrize("text", [*HUGE, *DEEP], ids=lambda text: ascii(text[:40]))
def test_refused_before_it_grows(text):
    error = outcome(text)
    assert error is not None
    assert error.span is not None


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("x" * 4097, "4096"), ("1" * 41, "40"), ("x" * 65, "64"), ("(" * 201 + "x", "200"), ("9**9**9", "1e308"),
        ("x**1025", "1024"), ("x: real[1000000001]; x", "1000000000"), ("lgamma(1001)", "1000"),
        ("ones((1,1,1,1,1,1,1,1,1))", "8"), ("1.0000001**1000", "4096"),
    ],
)  # fmt: skip
def test_limits_are_named(text, limit):
    error = outcome(text)
    assert isinstance(error, LimitError)
    assert limit in error.message


def test_the_limit_on_characters_is_an_argument():
    text = " + ".join(["x"] * 2000)
    assert isinstance(outcome(text), LimitError)
    assert outcome(text, max_characters=8000) is None


# What is large but legal.
LEGAL = [
    "+".join(["x"] * 2048),
    "+".join(f"a{i}" for i in range(700)),
    "*".join(f"a{i}" for i in range(700)),
    "-".join(f"sin(a{i})" for i in range(400)),
    "/".join(["x"] * 1000),
    "a b " * 900 + "c",
    "(" * 190 + "x" + ")" * 190,
    "-" * 190 + "x",
    "sin(" * 98 + "x" + ")" * 98,
    "maximum(" * 98 + "x" + ",1)" * 98,
    "cbrt(" * 98 + "x" + ")" * 98,
    "softsign(" * 98 + "x" + ")" * 98,
    "where(" * 60 + "x>0" + ",1,2)" * 60,
    "x**" * 150 + "2",
    "x: real[n, n]; x" + ".T" * 150,
    "x: real[n, n]; " + "@".join(["x"] * 1000),
    "x: real[n]; " + "+".join(["sum(x)"] * 500),
    "x: real[1000000000, 1000000000]; sum(x)",
    # the same expression doubled sixty times
    "; ".join(["a0 = x + y", *(f"a{i + 1} = a{i}*a{i} + a{i}" for i in range(60))]),
    "; ".join(["a0 = x + y", *(f"a{i + 1} = tanh(a{i}) + a{i}" for i in range(60))]),
    "lambda + E + I + S + N + O + Q + pi + beta + zeta + axis + self + np + x_1",
    "erfc(1000) + exp(-1000) + sigmoid(1000) + softplus(1000)**2",
    "é+e\u0301",
    "x\u00a0+ y",
    "x # a comment ) ( ;",
    "x \r\n",
]


@pytest.mark.parametrize("text", LEGAL, ids=lambda text: ascii(text[:40]))
def test_large_but_legal(text):
    error = outcome(text)
    assert error is None, str(error)


def test_deep_formulas_leave_pythons_limit_as_it_was():
    before = sys.getrecursionlimit()
    outcome("(" * 190 + "x" + ")" * 190)
    outcome("(" * 300)
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize("text", ["sin(" * 98 + "x" + ")" * 98, "+".join(["x"] * 2048)], ids=["deep", "long"])
def test_bodies_stay_shallow(text):
    """No expression of a program is deep enough to exhaust the stack of what works on it."""

    def depth(expr):
        return 1 + max(map(depth, expr.args), default=0)

    assert all(depth(definition.body) <= 30 for definition in parse_formula(text).definitions)


PIECES = st.sampled_from(
    [*"xyXAn01293+-*/@^()[],;:=<>'|.√Σ²ᵀ_ \n#", "**", ".T", "sum(", "X[", "log(", "axis=0", "Σ_i ", "real[n]", "where(",
     "x_i", "x_{", "}", "Σ_{i=1}^n ", "Σ_{i<j} ", "∏_j ", "max_j ",
     "y_{i+1}", "p(x)", "z_i = ", "i", "softmax_i(", "softmax(",
     "None", "==", "norm(", "einsum('ij,j->i',", ".sum(", "x: real[n]; ", "A: spd[n,n]; ", "\n"]
)  # fmt: skip


@settings(max_examples=800, deadline=None)
@example(":=")
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_read_or_refused(text):
    outcome(text)
    outcome(text, declarations={"X": "real[n, d]", "x": "real[d]", "y": "real[n]"})


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40))
def test_any_characters_are_read_or_refused(text):
    outcome(text)


@settings(max_examples=500, deadline=None)
@example("max_j x\nΣ_{i<j} ")
@given(st.lists(PIECES, max_size=15).map("".join))
def test_whatever_is_read_prints_and_is_read_again(text):
    names = {"X", "x", "y", "A", "n"}
    try:
        node = parse_expression(text, names)
    except ChainruleError:
        return
    assert parse_expression(unparse(node), names) == node
