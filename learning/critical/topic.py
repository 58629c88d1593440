"""Saddle points, as a topic: a two-layer linear network, a function whose Hessian does not decide, a picture."""

from __future__ import annotations

from dataclasses import replace

from chainrule.derive.pictures.plot import Plot
from chainrule.derive.render.page import Shown
from chainrule.learning.critical.points import critical_points
from chainrule.learning.explanation import Explanation

#: Formulas whose critical points the topic derives.
NETWORK = "w1, w2, x, y: real; (w1*w2*x - y)^2"
FORMULAS = (
    ("A linear network of two layers", NETWORK, ("w1", "w2")),
    ("Two minima and a saddle point between them", "x, y: real; x^4 + y^4 - 4*x*y", ("x", "y")),
    ("A Hessian that does not decide", "x, y: real; (y - x^2)*(y - 2*x^2)", ("x", "y")),
)


def saddle_points() -> Explanation:
    """Critical points classified by the signs of the eigenvalues of the Hessian, and by higher orders."""
    parts, remarks = [], []
    for title, text, wrt in FORMULAS:
        found = critical_points(text, wrt).explanation()
        first = replace(found.parts[0], title=f"{title}: {text.rpartition('; ')[2]}")
        parts += [first, *found.parts[1:]]
        remarks += [remark for remark in found.remarks if remark.startswith("Source")]
    return Explanation(Shown("Saddle points", r"\text{Saddle points}"), tuple(parts), tuple(dict.fromkeys(remarks)))


def picture() -> Plot:
    """Level lines of the network for x = y = 1, with its saddle point at the origin."""
    return critical_points(NETWORK, ("w1", "w2"), {"x": 1.0, "y": 1.0}).plot()
