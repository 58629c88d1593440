"""Principal components as the directions of largest variance, by Lagrange multipliers.

Source: Jolliffe, Principal Component Analysis, 2nd ed. (2002), section 1.1.
"""

from __future__ import annotations

import numpy as np

from chainrule.derive.render.page import Shown
from chainrule.learning.chains import Step, chain
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.reduction.lines import Array, decomposed, definition, derivative, sampled, shown

DATA = "X: real[n,d]; A = X - mean(X, axis=0); S = A.T @ A/(n - 1)"
SPECTRUM = f"{DATA}; l = eigvalsh(S); U = eigvectors(S)"
#: A unit vector, and its coordinates along the eigenvectors.
UNIT = f"{SPECTRUM}; w: real[d]; v = w/norm(w); c = U.T @ v"
#: The first component, and a direction that is orthogonal to it.
ORTHOGONAL = f"{SPECTRUM}; w: real[d]; u = U[:, d-1]; mu = max(l); v = w - u*(u @ w)"
COVARIANCE = "S: psd[d,d]; u, v: real[d]; lam, eta: real"
LAGRANGIAN = "v @ S @ v - lam*(v @ v - 1)"
SECOND = "v @ S @ v - lam*(v @ v - 1) - eta*(u @ v)"
ASCENTS = 20_000
SMALLEST = 1e-15


def maximum_variance() -> Explanation:
    """The variance of ``X @ v`` is ``v @ S @ v``; where it is largest ``S @ v = lam*v``, and it is ``lam``."""
    parts = (
        Part("Centred data and their covariance", _definitions()),
        *_chain(f"{DATA}; v: real[d]", "sum((X @ v - mean(X @ v))^2)/(n - 1)", [
            ("=", "norm(A @ v)^2/(n - 1)", "The mean of the projections is the projection of the mean."),
            ("=", "v @ S @ v", "The squared norm of a vector is its product with itself."),
        ], "Variance of the projections on v"),
        Part("The direction of largest variance", _first(), ("A multiplier keeps the length of v at 1.",)),
        decomposed(UNIT),
        Part("The coordinates of v along the eigenvectors", (definition(UNIT, "c", "U.T @ v", "A rotation of v."),)),
        *_chain(UNIT, "v @ S @ v", [
            ("=", "sum(l*c^2)", "In these coordinates."),
            ("<=", "max(l)*sum(c^2)", "No eigenvalue is larger than the largest."),
            ("=", "max(l)", "The rotation U leaves the length of v at 1."),
        ], "Which eigenvalue"),
        Part("The next component", _second(), ("A second multiplier keeps v orthogonal to the first component u, for "
             "which ", Shown("S @ u = mu*u", r"S u = \mu \, u"), " holds.")),
        *_chain(ORTHOGONAL, "(S - mu*outer(u, u)) @ u", [
            ("=", "S @ u - mu*u", "u has length 1."), ("=", "zeros(d)", "u is an eigenvector with the eigenvalue mu."),
        ], "Deflation"),
        *_chain(ORTHOGONAL, "(S - mu*outer(u, u)) @ v", [
            ("=", "S @ v - mu*u*(u @ v)", "The outer product times v."), ("=", "S @ v", "v is orthogonal to u."),
        ], "Deflation, orthogonal to u"),
    )  # fmt: skip
    return Explanation(Shown("Principal components: largest variance", r"\max_{v^\top v = 1} v^\top S v"), parts, (
        "The first component is the eigenvector of the covariance with the largest eigenvalue, the variance along it.",
        "Deflation takes the variance along u away and leaves all other eigenvectors as they are: each further "
        "component is the first one of what is left.",
        "Components with equal eigenvalues may be rotated among each other; the sign of each is free.",
    ))  # fmt: skip


def _chain(declarations: str, start: str, steps: list[Step], title: str) -> tuple[Part, ...]:
    return chain(declarations, start, steps, title)


def _definitions() -> tuple[Move, ...]:
    return (
        definition("X: real[n,d]", "A", "X - mean(X, axis=0)", "The columns without their means."),
        definition("A: real[n,d]", "S", "A.T @ A/(n - 1)", "The covariance matrix."),
    )


def _first() -> tuple[Move, ...]:
    return (
        definition(COVARIANCE, "L", LAGRANGIAN, "The variance, and the multiplier lam of the condition v @ v = 1."),
        derivative(COVARIANCE, LAGRANGIAN, "v", ("Differentiate by v.",)),
        derivative(COVARIANCE, LAGRANGIAN, "lam", ("Differentiate by lam: the condition comes back.",)),
        Move(shown(COVARIANCE, "lam*v"), (shown(COVARIANCE, "S @ v"),),
             ("Both derivatives are zero at a maximum: v is an eigenvector.",), sampled(_eigenvector)),
        Move(shown(COVARIANCE, "lam"), (shown(COVARIANCE, "v @ S @ v"),),
             ("Multiply by v from the left: the variance is the eigenvalue.",), sampled(_variance)),
    )  # fmt: skip


def _second() -> tuple[Move, ...]:
    return (
        definition(COVARIANCE, "L", SECOND, "The multiplier eta belongs to u @ v = 0."),
        derivative(COVARIANCE, SECOND, "v", ("Differentiate by v.",)),
        Move(shown(COVARIANCE, "2*u @ S @ v"), (shown(COVARIANCE, "eta"),),
             ("Multiply by u from the left, where u @ v = 0 and u @ u = 1.",), sampled(_multiplier)),
        Move(shown(COVARIANCE, "0"), (), ("S is symmetric: ", Shown(
            "u @ S @ v = (S @ u) @ v = mu*(u @ v) = 0", r"u^{\top} S v = (S u)^{\top} v = \mu \, u^{\top} v = 0"), "."),
             sampled(_no_multiplier)),
        Move(shown(COVARIANCE, "lam*v"), (shown(COVARIANCE, "S @ v"),),
             ("What is left of the derivative: v is an eigenvector again.",), sampled(_second_eigenvector)),
    )  # fmt: skip


# ---- checks: maxima found by ascent, without eigenvectors ------------------------------------------------


def _covariance(rng: np.random.Generator) -> Array:
    return np.asarray(np.cov(rng.normal(size=(9, 4)) * [3.0, 2.0, 1.3, 0.7], rowvar=False))


def climbed(S: Array, rng: np.random.Generator, away: Array | None = None) -> Array:
    """The unit vector, orthogonal to ``away``, along which the variance is largest, by ascent along its gradient."""
    away = np.zeros(len(S)) if away is None else away
    v = rng.normal(size=len(S))
    for _ in range(ASCENTS):
        before, v = v, v + 2 * S @ v
        v -= away * (away @ v)
        v /= np.linalg.norm(v)
        if np.max(np.abs(v - before)) < SMALLEST:
            break
    return v


def _eigenvector(rng: np.random.Generator) -> tuple[Array, Array]:
    S = _covariance(rng)
    v = climbed(S, rng)
    return S @ v, np.mean((S @ v) / v) * v


def _variance(rng: np.random.Generator) -> tuple[Array, Array]:
    S = _covariance(rng)
    v = climbed(S, rng)
    return np.asarray(v @ S @ v), np.asarray(np.mean((S @ v) / v))


def _two(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    S = _covariance(rng)
    u = climbed(S, rng)
    return S, u, climbed(S, rng, u)


def _multipliers(S: Array, u: Array, v: Array) -> Array:
    """``2*lam`` and ``eta`` by least squares from the gradient at the constrained maximum."""
    return np.asarray(np.linalg.lstsq(np.column_stack([v, u]), 2 * S @ v, rcond=None)[0])


def _multiplier(rng: np.random.Generator) -> tuple[Array, Array]:
    S, u, v = _two(rng)
    return _multipliers(S, u, v)[1], np.asarray(2 * u @ S @ v)


def _no_multiplier(rng: np.random.Generator) -> tuple[Array, Array]:
    return _multipliers(*_two(rng))[1], np.zeros(())


def _second_eigenvector(rng: np.random.Generator) -> tuple[Array, Array]:
    S, u, v = _two(rng)
    return S @ v, _multipliers(S, u, v)[0] / 2 * v
