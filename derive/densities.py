"""Gaussian densities at several points written with one: ``phi(v) = phi(u) exp((u^2 - v^2)/2)``.

Where ``u^2 - v^2`` is linear, or a logarithm, the terms of a derivative meet and cancel, as they do
in the derivatives of the Black-Scholes formula.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp
from sympy import Expr

from chainrule.derive.catalog.elementwise import normpdf
from chainrule.derive.deviations import opened
from chainrule.derive.program import Definition, Input
from chainrule.derive.rational import cost, shortest

#: Operations that the difference of two squares may have once it is multiplied out.
MAX_DIFFERENCE = 12
#: What a derivation says of the identity.
IDENTITY = "normpdf(v) = normpdf(u) exp((u^2 - v^2)/2)"


def one_density(body: Expr, known: Mapping[str, Input | Definition]) -> Expr | None:
    """The body with one of its densities in the place of all, if that makes it shorter.

    What a point is named for is looked up in ``known``.
    """
    points = sorted({part.args[0] for part in body.atoms(normpdf.function)}, key=lambda u: (sp.count_ops(u), str(u)))
    if len(points) < 2:
        return None
    for u in points:
        swaps = {normpdf(v): normpdf(u) * sp.exp(_difference(u, v, known)) for v in points if v != u}
        if all(sp.count_ops(swap) <= MAX_DIFFERENCE + sp.count_ops(normpdf(u)) for swap in swaps.values()):
            found = shortest(body.xreplace(swaps))
            if cost(found) < cost(body):
                return found
    return None


def _difference(u: Expr, v: Expr, known: Mapping[str, Input | Definition]) -> Expr:
    """``(u^2 - v^2)/2``, as ``(u - v)(u + v)/2`` so that what the points share cancels first."""
    return sp.expand(opened(sp.expand(sp.expand(u - v) * sp.expand(u + v) / 2), known))
