"""Sampling: every domain is respected, spread is real, results repeat, sizes differ."""

from __future__ import annotations

import mpmath
import numpy as np
import numpy.typing as npt
import pytest

from chainrule.derive.checking.sampling import (
    edge_sample,
    exact,
    sample,
    scaled_sample,
    shape_at,
    size_assignments,
    smallest_sizes,
)
from chainrule.derive.domains import NAMED_DOMAINS, Domain, interval
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import Dim, Input, dim

n, d = dim("n"), dim("d")
SIZES: dict[Dim, int] = {n: 5, d: 3}
DOMAINS = (*NAMED_DOMAINS, interval(0.3, 1.0), interval(-1, 1), interval(80, 120), interval(0.01, 0.05))
DRAWS = (sample, scaled_sample, edge_sample)


def declared(domain: Domain) -> Input:
    return Input("x", (n, n) if domain.square else (n, d), domain)


def belongs(domain: Domain, x: npt.NDArray[np.float64]) -> bool:
    """Membership, written independently of the sampler."""
    if domain.name in {"symmetric", "spd", "psd"}:
        least = {"symmetric": -np.inf, "spd": 0.1, "psd": -1e-9}[domain.name]
        return bool((x == x.T).all() and np.linalg.eigvalsh(x).min() > least)
    if domain.name == "invertible":
        return bool(abs(np.linalg.det(x)) > 1e-3)
    if domain.name == "orthonormal":
        return bool(np.allclose(x.T @ x, np.eye(x.shape[1])))
    if domain.sums_to_one and not (x.sum(axis=-1) == 1).all():
        return False
    if domain.values and not np.isin(x, domain.values).all():
        return False
    if domain.integer and not (x == np.round(x)).all():
        return False
    low = -np.inf if domain.low is None else domain.low
    high = np.inf if domain.high is None else domain.high
    inside = (x >= low) & (x <= high) if domain.closed else (x > low) & (x < high)
    return bool(inside.all())


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_samples_belong_to_their_domain(domain: Domain, draw: type) -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        x = draw([declared(domain)], SIZES, rng)["x"]
        assert x.dtype == np.float64
        assert x.shape == shape_at(declared(domain).shape, SIZES)
        assert belongs(domain, x), x


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_samples_have_spread(domain: Domain) -> None:
    rng = np.random.default_rng(7)
    draws = [sample([declared(domain)], SIZES, rng)["x"] for _ in range(20)]
    assert len({draw.tobytes() for draw in draws}) > 10
    assert max(np.ptp(draw) for draw in draws) > 0


def test_membership_check_can_fail() -> None:
    """Planted faults: what is not in a domain is found out."""
    assert not belongs(DOMAINS[0].__class__("pm1", values=(-1, 1)), np.zeros((2, 2)))
    assert not belongs(Domain("simplex", sums_to_one=True, low=0, high=1), np.full((2, 2), 0.4))
    assert not belongs(Domain("spd", square=True), -np.eye(2))


def test_the_same_seed_gives_the_same_point() -> None:
    first, again = (sample([declared(DOMAINS[0])], SIZES, np.random.default_rng(3))["x"] for _ in range(2))
    assert (first == again).all()


def test_orthonormal_columns_are_orthonormal_to_the_working_precision() -> None:
    item = Input("Q", (n, d), next(x for x in NAMED_DOMAINS if x.name == "orthonormal"))
    with mpmath.workdps(50):
        point = exact([item], sample([item], SIZES, np.random.default_rng(0)))["Q"]
        gram = point.T @ point
        worst = max(abs(gram[i, j] - (i == j)) for i in range(3) for j in range(3))
        assert worst < mpmath.mpf(10) ** -45


def test_sizes_are_distinct_in_some_assignment_and_equal_in_another() -> None:
    program = parse_formula("X: real[n, d]; W: real[d, k]; norm(X@W)**2")
    rows = [tuple(row.values()) for row in size_assignments(program)]
    assert any(len(set(row)) == 3 for row in rows)
    assert any(len(set(row)) == 1 for row in rows)
    assert len(rows) == len(set(rows)) >= 3


def test_sizes_make_constant_indices_valid() -> None:
    program = parse_formula("x: real[n]; x[5]**2 + x[0]")
    for row in (*size_assignments(program), *smallest_sizes(program)):
        assert min(row.values()) >= 6


def test_orthonormal_matrices_are_tall_enough() -> None:
    program = parse_formula("Q: orthonormal[n, d]; x: real[d]; norm(Q@x)**2")
    for row in (*size_assignments(program), *smallest_sizes(program)):
        assert row[n] >= row[d]


def test_edges_hit_zeros_and_ties() -> None:
    rng = np.random.default_rng(0)
    points = [edge_sample([declared(DOMAINS[0])], SIZES, rng)["x"] for _ in range(20)]
    assert any((x == 0).any() for x in points)
    assert any(len(np.unique(x)) < x.size for x in points)
