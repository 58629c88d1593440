"""Printed forms keep the order in which the text writes factors and terms."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.derive.derivation import Derivation

#: Formulas with declarations, the definitions that their derivations show, the value.
FORMS = (
    ("x, b: real[n]; A: real[n,n]; x.T@A@x/2 - b@x", ("z = A @ x", "L = x @ z / 2 - b @ x")),
    ("x, y: real[n]; A, B: real[n,n]; x@A@B@y", ("z = B @ y", "z2 = A @ z", "L = x @ z2")),
    ("b: real[d]; e: real[d]; X: real[n,d]; b@X.T@X@e", ("z = X @ b", "z2 = X @ e", "L = z @ z2")),
    ("A: real[n,n]; X: real[n,m]; B: real[m,m]; tr(A@X@B@X.T)", ("z = A @ X", "z2 = z @ B", "L = trace(z2 @ X.T)")),
    ("A: real[n,m]; X: real[n,m]; sum(X*A)", ("L = sum(X*A)",)),
    ("x: real; w1: real; tanh(w1*x)", ("L = tanh(w1*x)",)),
    ("T: positive; s: positive; r: real; exp(-r*T)*(r + s^2/2)", ("L = exp(-r*T)*(r + s**2/2)",)),
    ("Z: real[n,k]; Y: real[n,k]; t: positive; -mean(sum(Y*log_softmax(Z/t, axis=1), axis=1))",
     ("L = sum(Y*(lse[:, None] - Z/t))/n",)),
    ("x: real[n,d]; g: real[d]; y: real[n,d]; s = sqrt(mean(x^2, axis=1, keepdims=True)); sum(y*(x/s*g))",
     ("L = sum(y*x*g/s)",)),
)  # fmt: skip


def shown(derivation: Derivation) -> list[str]:
    """The definitions of a page."""
    (section,) = (section for section in derivation.page().sections if section.title == "Definitions")
    return [f"{line.left[0].text} = {line.right.text}" for line in section.lines]


@pytest.mark.parametrize(("text", "lines"), FORMS, ids=[row[0] for row in FORMS])
def test_definitions_are_shown_as_they_are_written(text: str, lines: tuple[str, ...]) -> None:
    found = shown(cr.gradient(text, cr.formula(text).inputs[0].name))
    assert set(lines) <= set(found)
    # A trace stands only where the text writes one.
    assert "tr(" in text or not any("trace" in line for line in found)


def test_a_bilinear_form_has_its_value_from_either_side() -> None:
    rng = np.random.default_rng(0)
    b, e, X, D = (rng.normal(size=shape) for shape in ((3,), (3,), (4, 3), (4, 4)))
    f = cr.formula("b, e: real[d]; X: real[n,d]; D: real[n,n]; b@X.T@D@X@e")
    assert f.evaluate(b=b, e=e, X=X, D=D) == pytest.approx(b @ X.T @ D @ X @ e)


def test_the_order_survives_json() -> None:
    d = cr.gradient("x: real; w1: real; tanh(w1*x)", "w1")
    assert Derivation.from_json(d.to_json()).text() == d.text()
