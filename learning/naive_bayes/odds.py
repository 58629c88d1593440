"""Log-odds of two classes: the difference of two log-densities of one distribution, and when it is linear."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr

from chainrule.derive.formula import Formula, formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Program, Ref
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import agreement, number, point

#: The two classes, as subscripts of their parameters.
CLASSES = ("1", "2")
#: Ways to write a coefficient, of which the shortest is taken.
FORMS: tuple[Callable[[Expr], Expr], ...] = (sp.expand, sp.factor_terms, sp.factor, sp.together)


@dataclass(frozen=True)
class LogOdds:
    """``log p(x | 1) - log p(x | 2)``.

    Attributes:
        m: the distribution.
        shared: the parameters that both classes have in common.
        program: the difference as it stands.
        collected: the same as a sum over functions of x, if it comes apart into such.
        linear: whether that is linear in x.
    """

    m: Model
    shared: tuple[str, ...]
    program: Program
    collected: Program | None = None
    linear: bool = False

    def difference(self, collected: bool = False) -> float:
        """The formula against the two log-densities, relative."""
        first, second = point(self.m, 0), dict(point(self.m, 1))
        second |= {name: first[name] for name in self.shared}
        x, program = self.m.variable.name, self.collected if collected and self.collected else self.program
        values = {name: first[name] for name in (*self.m.known, *self.shared)}
        for subscript, at in zip(CLASSES, (first, second), strict=True):
            values |= {f"{name}_{subscript}": at[name] for name in self.m.parameters}
        worst = 0.0
        for row in first[x]:
            sides = [number(self.m.density.program, {**at, **{n: first[n] for n in self.m.known}, x: row})
                     for at in (first, second)]  # fmt: skip
            needed = {item.name: {**values, x: row}[item.name] for item in program.inputs}
            found = float(evaluate(program, needed)[program.output.name])
            worst = max(worst, agreement(found, sides[0] - sides[1]))
        return worst


def log_odds(m: Model, shared: Sequence[str] = ()) -> LogOdds:
    """The log-odds of a value under two classes that differ in all but the shared parameters."""
    program = _difference(m, shared).program
    found = _collected(m, program)
    return LogOdds(m, tuple(shared), program, *found)


def linear_if_shared(m: Model) -> LogOdds | None:
    """The log-odds with the fewest parameters in common that make it linear in x, if any do."""
    for count in range(1, len(m.parameters)):
        for shared in itertools.combinations(m.parameters, count):
            found = log_odds(m, shared)
            if found.linear:
                return found
    return None


def _difference(m: Model, shared: Sequence[str]) -> Formula:
    """The formula of the difference, read from the entry's text twice with subscripts at the parameters."""
    own = [name for name in m.parameters if name not in shared]
    *lines, density = (line.strip() for line in re.split(r"[;\n]", m.entry.text) if line.strip())
    declared = list[str]()
    bodies = []
    for subscript in CLASSES:
        names = [*own, *(line.partition("=")[0].strip() for line in lines if _is_definition(line))]
        declared += [_renamed(line, names, subscript) for line in lines]
        bodies.append(_renamed(density, names, subscript))
    return formula("; ".join([*dict.fromkeys(declared), f"log_odds = ({bodies[0]}) - ({bodies[1]})", "log_odds"]))


def _is_definition(line: str) -> bool:
    return ":" not in line and "=" in line


def _renamed(text: str, names: Sequence[str], subscript: str) -> str:
    for name in names:
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", f"{name}_{subscript}", text)
    return text


# ---- by functions of the variable -------------------------------------------------------------------------


def _collected(m: Model, program: Program) -> tuple[Program | None, bool]:
    """The difference as a sum of coefficients times functions of x alone, and whether these are x itself."""
    output = program.output
    if m.variable.shape or not isinstance(output, Definition) or len(program.definitions) > 1 or output.reduce:
        return None, False
    refs = sorted(output.body.atoms(Ref), key=str)
    positive = {item.name for item in program.inputs if item.domain.sign == "positive"}
    symbols = {ref: sp.Symbol(ref.name, real=True, positive=ref.name in positive or None) for ref in refs}
    x = next((symbol for ref, symbol in symbols.items() if ref.name == m.variable.name), None)
    if x is None:
        return None, False
    groups = dict(_grouped(output.body.xreplace(symbols), x))
    if any(part.free_symbols - {x} for part in groups):
        return None, False
    groups = {part: coefficient for part, coefficient in groups.items() if coefficient != 0}
    products = (sp.Mul(coefficient, part, evaluate=part == 1) for part, coefficient in groups.items())
    body = sp.Add(*products, evaluate=False)
    back = {symbol: ref for ref, symbol in symbols.items()}
    used = {symbol.name for symbol in body.free_symbols}
    inputs = tuple(item for item in program.inputs if item.name in used)
    shown = Program(inputs, (replace(output, body=body.xreplace(back)),), program.outputs)
    return shown, set(groups) <= {sp.Integer(1), x}


def _grouped(body: Expr, x: sp.Symbol) -> Iterator[tuple[Expr, Expr]]:
    """Every function of x with its coefficient."""
    groups: dict[Expr, Expr] = {}
    for term in sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(body), force=True))):
        coefficient, part = term.as_independent(x, as_Add=False)
        groups[part] = groups.get(part, sp.Integer(0)) + coefficient
    for part, coefficient in groups.items():
        yield part, min((form(coefficient) for form in FORMS), key=sp.count_ops)
