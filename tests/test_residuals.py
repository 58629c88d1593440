"""Differences of prediction and target get the name r in derivations, and only there."""

from __future__ import annotations

import re

import pytest

import chainrule as cr

#: Formulas, a variable, and the definitions of the residual that the derivation shows.
FORMS = (
    ("X: real[n,d]; y: real[n]; w: real[d]; b: real; norm(X@w + b - y)^2", "w", ("r = X @ w + b - y",)),
    ("x: real[d]; mu: real[d]; S: spd[d,d]; (x - mu)@inv(S)@(x - mu)", "mu", ("r = x - mu",)),
    ("A: real[n,m]; U: real[n,r]; V: real[m,r]; norm(A - U@V.T)^2", "U", ("r2 = A - U @ V.T",)),
    ("r: real[n]; X: real[n,d]; w: real[d]; norm(X@w - r)^2", "w", ("r2 = X @ w - r",)),
    ("X: real[n,d]; y: real[n]; w: real[d]; yhat = X@w; norm(yhat - y)^2", "w", ()),
    ("X: real[n,d]; y: real[n]; w: real[d]; res = X@w - y; norm(res)^2", "w", ("res = X @ w - y",)),
    ("x: real[n]; sum((x - mean(x))^2)", "x", ()),
    ("X: real[n,d]; y: pm1[n]; w: real[d]; sum(log(1 + exp(-y*(X@w))))", "w", ()),
)


@pytest.mark.parametrize(("text", "variable", "expected"), FORMS, ids=[row[0] for row in FORMS])
def test_residuals(text: str, variable: str, expected: tuple[str, ...]) -> None:
    derivation = cr.gradient(text, variable)
    (section,) = (section for section in derivation.page().sections if section.title == "Definitions")
    lines = [f"{line.left[0].text} = {line.right.text}" for line in section.lines]
    assert tuple(line for line in lines if line.startswith("r")) == expected
    # The result is explicit, and its own claim.
    result = derivation.result[variable].matrix()
    assert not ({line.partition(" ")[0] for line in expected} - {"res"}) & set(re.findall(r"\w+", result))
    assert cr.verify(text, variable, result).verdict == "proved"
