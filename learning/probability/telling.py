"""Expressions of an observation, of parameters and of a standardised variable, in the notation and as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.domains import DOMAINS
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.program import Definition, Input, Program, fresh_names
from chainrule.derive.render.page import Shown
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.pivots import REST, SIDE, U
from chainrule.learning.probability.points import number

#: Numbers that the notation has no sign for.
CONSTANTS: Mapping[Expr, str] = {sp.EulerGamma: "gamma_E", sp.Catalan: "catalan", sp.zeta(3): "zeta_3"}


@dataclass(frozen=True)
class Teller:
    """What tells expressions about one distribution."""

    m: Model

    @cached_property
    def names(self) -> tuple[str, str]:
        """The names of the standardised variable and of the sign."""
        taken = fresh_names(set(self.m.density.program.by_name), "u"), fresh_names(
            set(self.m.density.program.by_name), "side"
        )
        return next(taken[0]), next(taken[1])

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The observation, the parameters, the standardised variable, its sign, and constants."""
        u, side = self.names
        own = (Input(u, (), DOMAINS["positive"]), Input(side), *(Input(name) for name in CONSTANTS.values()))
        return (*self.m.density.inputs, *own)

    def program(self, body: Expr) -> Program:
        """A program that computes an expression."""
        found = sp.sympify(body).xreplace({REST: 1 - U}).replace(sp.gamma, lambda z: sp.exp(sp.loggamma(z)))
        by_name = {item.name: item[()] for item in self.inputs}
        symbols: dict[Expr, Expr] = {U: by_name[self.names[0]], SIDE: by_name[self.names[1]]}
        symbols |= {constant: by_name[name] for constant, name in CONSTANTS.items()}
        symbols |= {item.head: item[()] for item in self.m.density.inputs}
        return Program(self.inputs, (Definition("told", (), found.xreplace(symbols), origin="named"),), ("told",))

    def shown(self, body: Expr) -> Shown:
        """An expression in the notation."""
        return shown(self.program(body), "told")

    def values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of all inputs; those that are not given are 1."""
        plain = {item.name: np.asarray(1.0) for item in self.inputs}
        return {**plain, **{name: np.asarray(float(c)) for c, name in CONSTANTS.items()}, **values}

    def number(self, body: Expr, values: Mapping[str, Any]) -> float:
        """The value of an expression."""
        return number(self.program(body), self.values(values))

    def notes(self, bodies: list[Expr]) -> tuple[str, ...]:
        """What the constants are that occur."""
        found = [(name, c) for c, name in CONSTANTS.items() if any(sp.sympify(body).has(c) for body in bodies)]
        words = {"gamma_E": "Euler's constant, -digamma(1)", "catalan": "Catalan's constant", "zeta_3": "zeta(3)"}
        return tuple(f"{name} = {float(c):.6g} is {words[name]}." for name, c in found)




def information_symbol(names: Sequence[str]) -> Shown:
    """The Fisher information of a parameter, or of two."""
    below = list(dict.fromkeys(names))
    text = f"I_{below[0]}" if len(below) == 1 else f"I_{{{','.join(below)}}}"
    return Shown(text, f"I_{{{','.join(named(name).latex for name in below)}}}")


def expected(inner: Shown) -> Shown:
    """The expectation of a quantity."""
    return Shown(f"E[{inner.text}]", rf"\mathbb{{E}}\left[{inner.latex}\right]")
