"""Estimates of directions: parameters of which the log-likelihood is a cosine.

Source: Mardia and Jupp, Directional Statistics (2000), section 5.3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, Ref
from chainrule.derive.render.page import Shown
from chainrule.learning.probability.closed import Closed, Values, x_row
from chainrule.learning.probability.model import Model


def direction(m: Model, names: Sequence[str]) -> list[Closed]:
    """A parameter that the log-likelihood holds as ``C cos(mu) + S sin(mu)``, with one factor that is positive."""
    for name in names:
        item = m.likelihood.program.by_name[name]
        holders = [d for d in m.likelihood.program.definitions if name in d.reads]
        if m.variable.shape or not isinstance(item, Input) or item.shape or len(holders) != 1:
            continue
        if not holders[0].body.has(sp.sin, sp.cos):
            continue
        mu, x = item[()], x_row(m)
        body = sp.expand(sp.expand_trig(holders[0].body))
        waves = [sp.simplify(body.coeff(wave)) for wave in (sp.cos(mu), sp.sin(mu))]
        rest = sp.expand(body - waves[0] * sp.cos(mu) - waves[1] * sp.sin(mu))
        factors = [wave.as_independent(x, as_Add=False) for wave in waves]
        if rest.has(mu) or 0 in waves or factors[0][0] != factors[1][0] or not factors[0][0].is_positive:
            continue
        if any(wave.has(mu) or {ref.name for ref in wave.atoms(Ref)} & set(names) for _, wave in factors):
            continue
        return [_resultant(m, item, [part for _, part in factors])]
    return []


def _resultant(m: Model, item: Input, parts: Sequence[Expr]) -> Closed:
    """The direction of a sum of vectors whose components in each row are given."""
    inputs, mu = m.likelihood.inputs, named(item.name)
    sums = [
        Program(inputs, (Definition(stem, (), part, "sum", (m.size,), origin="named"),), (stem,))
        for stem, part in zip("CS", parts, strict=True)
    ]  # fmt: skip
    cos, sin = (shown(program, program.outputs[0]) for program in sums)

    def compute(values: Values) -> Any:
        found = []
        for program in sums:
            known = tuple(i for i in program.inputs if i.name in values)
            found.append(evaluate(replace(program, inputs=known), values)[program.outputs[0]])
        return np.arctan2(found[1], found[0]) if np.hypot(*found) > 0 else np.nan

    return Closed(
        item.name,
        Shown(f"arctan2({sin.text}, {cos.text})", rf"\operatorname{{atan2}}\left({sin.latex}, {cos.latex}\right)"),
        compute,
        f"With C = {cos.text} and S = {sin.text} the likelihood holds {mu.text} as C*cos({mu.text}) + S*sin({mu.text}) "
        f"= sqrt(C^2 + S^2)*cos({mu.text} - arctan2(S, C)), which is largest where the last cosine is 1.",
    )  # fmt: skip
