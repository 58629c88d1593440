"""Shortcuts of the scalar algebra: each says what SymPy's algebra, asked at length, says too."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
import sympy as sp
from sympy import Add, Expr, Integer, Mul, Pow, Rational, Symbol

from chainrule.derive import rational
from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.program import Ref, bound_index, dim, head
from chainrule.derive.rational import is_irreducible, tidy_signs
from chainrule.derive.signs import sign_of
from chainrule.derive.walking import atoms, nodes

U = (Symbol("u0", real=True), Symbol("u1", positive=True), Symbol("u2", nonnegative=True), Symbol("u3", real=True))


def monomial(rng: random.Random) -> Expr:
    number = rng.choice([1, 1, 1, -1, -1, 2, -2, 3]) * rng.choice([Integer(1), Integer(1), Rational(1, 2)])
    return number * Mul(*(u ** rng.choice([1, 1, 1, 2, 3, -1]) for u in U if rng.random() < 0.4))


def products(rng: random.Random) -> Iterator[Expr]:
    """Monomials times sums of monomials."""
    for _ in range(1500):
        sums = (Add(*(monomial(rng) for _ in range(rng.choice([2, 2, 3])))) for _ in range(rng.choice([0, 1, 1, 2])))
        product = Mul(monomial(rng), *sums)
        if product.free_symbols:
            yield product


def test_what_is_irreducible_has_no_shorter_form(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [product for product in products(random.Random(1)) if is_irreducible(product)]
    monkeypatch.setattr(rational, "is_irreducible", lambda plain: False)
    rational._shortened.cache_clear()
    assert len(found) > 300
    assert sum(any(isinstance(part, Add) for part in nodes(product)) for product in found) > 50
    for product in found:
        best = rational._fixed(product, rational._shortened)
        assert tidy_signs(best) == tidy_signs(product), product


A, B, C, D = U


@pytest.mark.parametrize("plain", [A * B / C, B * (A - C), (A - C) / (B * D), A * B - C, 2 * A + 3 * B])
def test_irreducible(plain: Expr) -> None:
    assert is_irreducible(plain)


@pytest.mark.parametrize(
    "plain",
    [
        A * B - A * C,
        A**2 - B**2,
        2 * A - 2 * B,
        -A - B,
        (1 - 2 * A) / (2 * B),  # (1/2 - a)/b
        A * (A + B) / C,
        (A + B) / A,
        (A + B) * (A - B),
        A + 1 / B,
    ],
)
def test_not_seen_to_be_irreducible(plain: Expr) -> None:
    assert not is_irreducible(plain)


# ---- signs -----------------------------------------------------------------------------------------------------

K = bound_index(0)
ENTRIES = (Ref(head("x"), K), Ref(head("y"), K), Ref(head("p", "positive"), K), Ref(head("q", "nonnegative"), K))


def scalars(rng: random.Random, depth: int, leaves: tuple[Expr, ...], functions: list[Callable[..., Expr]]) -> Expr:
    if not depth:
        return rng.choice(leaves)
    kind = rng.random()
    parts = [scalars(rng, depth - 1, leaves, functions) for _ in range(rng.choice([2, 2, 3]))]
    if kind < 0.35:
        return Add(*parts)
    if kind < 0.7:
        return Mul(*parts)
    return parts[0] ** rng.choice([2, 2, 3, 4, -1]) if kind < 0.85 else rng.choice(functions)(parts[0])


def test_signs_are_those_that_sympy_finds() -> None:
    rng = random.Random(2)
    leaves = (*ENTRIES, dim("n"), 1 / dim("n"), Integer(1), Integer(-1), Rational(1, 2))
    seen = set()
    for _ in range(600):
        body = scalars(rng, rng.choice([1, 2, 3]), leaves, [sp.exp, sp.log, sp.tanh])
        if body.has(sp.zoo, sp.nan, sp.oo, sp.I):
            continue
        expected = "positive" if body.is_positive else "nonnegative" if body.is_nonnegative else "real"
        assert sign_of(body) == expected, body
        seen.add(expected)
    assert seen == {"positive", "nonnegative", "real"}


# ---- derivatives -----------------------------------------------------------------------------------------------


def test_derivatives_are_those_of_sympy() -> None:
    rng = random.Random(3)
    x = Symbol("x", real=True)
    leaves = (x, x, Symbol("a", positive=True), Symbol("b", real=True), Integer(2), Rational(1, 2))
    functions = [e for e in ELEMENTWISE if len(e.args) == 1 and e.kink is None]
    compared = 0
    for _ in range(400):
        body = scalars(rng, rng.choice([1, 2, 3]), leaves, list(functions))
        derivative = body.diff(x)
        if not any(isinstance(part, Pow) and not part.base.free_symbols for part in nodes(body)) and not derivative.has(
            sp.zoo, sp.nan, sp.DiracDelta
        ):
            assert scalar_derivative(body, x) == derivative, body
            compared += 1
    assert compared > 200


def test_atoms_are_those_of_sympy() -> None:
    body = sp.exp(ENTRIES[0] * ENTRIES[1]) / (1 + ENTRIES[0] ** 2)
    for kind in (Ref, Symbol, Pow, Add, sp.exp):
        assert atoms(body, kind) == body.atoms(kind)
    assert len(nodes(body)) == sum(1 for _ in sp.preorder_traversal(body))
