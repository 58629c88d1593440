"""A loss with a penalty taken apart: a smooth part, which has a gradient, and a rest with a proximal operator."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy as sp
from sympy import Add

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula, formula
from chainrule.derive.program import Definition, Input, Program, Ref
from chainrule.learning.convexity.penalties import renamed
from chainrule.learning.convexity.proximal import Case, Proximal, prox

#: Reductions that make no kinks.
SMOOTH = ("", "sum", "prod", "logsumexp")


@dataclass(frozen=True)
class Composite:
    """``smooth + penalty``, the penalty with a kink where the unknown is zero.

    Attributes:
        smooth: the part that a gradient is followed of.
        operator: the proximal operator of the penalty, derived.
        unknown: the unknown that is penalised.
    """

    smooth: Formula
    operator: Proximal
    unknown: str

    @cached_property
    def step(self) -> Formula:
        """The proximal operator as a formula of ``v``, the step ``t`` and the strengths."""
        declared = "; ".join(f"{renamed(item.name)}: {item.domain.name}" for item in self.operator.formula.inputs
                             if item.name != self.unknown)  # fmt: skip
        *cases, last = self.operator.cases
        text = _text(last)
        for case in reversed(cases):
            text = f"where(v < {case.high}, {_text(case)}, {text})"
        return formula(f"v: real[m]; t: positive; {declared}; {text}")

    @cached_property
    def kink(self) -> Case:
        """Where the operator is zero.

        Raises:
            InputError: it never is.
        """
        for case in self.operator.cases:
            if case.value == 0 and case.slopes is not None:
                return case
        raise InputError(f"the penalty does not keep {self.unknown} at zero")


def _text(case: Case) -> str:
    return f"({sp.expand(case.value) if case.value.is_polynomial() else case.value}) + 0*v"


def taken_apart(f: Formula, unknowns: Collection[str]) -> Composite | None:
    """A formula as smooth part and penalty; ``None`` where no term of an unknown alone has a kink or a bound.

    Raises:
        UnsupportedError: the penalty has no proximal operator that can be derived.
    """
    arrays = {item.name for item in f.inputs if item.shape and item.name not in unknowns}
    reads = _inputs_of(f.program)
    terms = _terms(f.program.output)
    own = [term for term in terms if _is_penalty(term, reads, unknowns, arrays)]
    rest = [term for term in terms if term not in own]
    of = {name for term in own for ref in term.atoms(Ref) for name in reads[ref.name] if name in unknowns}
    if not own or not rest or len(of) != 1:
        return None
    (unknown,) = of
    if not _has_kink(f.program, own) and not _is_bounded(f.program.by_name[unknown]):
        return None
    penalty = _with_output(f, Add(*own))
    kept = tuple(item for item in penalty.inputs if item.name in _inputs_of(penalty.program)[penalty.output.name])
    penalty = Formula(Program(kept, penalty.program.pruned().definitions, penalty.program.outputs))
    operator = prox(penalty, unknown)
    if operator.of not in ("entry", "norm") or not operator.closed:
        raise UnsupportedError(f"no proximal operator in closed form, by entries or of the norm, of {penalty.matrix()}")
    return Composite(_with_output(f, Add(*rest)), operator, unknown)


def _terms(output: object) -> tuple[sp.Expr, ...]:
    if not isinstance(output, Definition) or output.reduce:
        return ()
    return Add.make_args(output.body)


def _inputs_of(program: Program) -> Mapping[str, frozenset[str]]:
    """The inputs that every quantity depends on."""
    found: dict[str, frozenset[str]] = {item.name: frozenset({item.name}) for item in program.inputs}
    for item in program.definitions:
        found[item.name] = frozenset().union(*(found[name] for name in item.reads))
    return found


def _is_penalty(
    term: sp.Expr, reads: Mapping[str, frozenset[str]], unknowns: Collection[str], arrays: Collection[str]
) -> bool:
    """Whether a term depends on unknowns and on no data but numbers."""
    names = frozenset().union(*(reads[ref.name] for ref in term.atoms(Ref)))
    return bool(names & set(unknowns)) and not names & set(arrays)


def _has_kink(program: Program, terms: Collection[sp.Expr]) -> bool:
    """Whether absolute values, a norm, a largest entry or a function of a matrix stand in some terms."""
    waiting = [*terms]
    while waiting:
        term = waiting.pop()
        if term.has(sp.Abs) or any(power.exp == sp.S.Half for power in term.atoms(sp.Pow)):
            return True
        items = [program.by_name[ref.name] for ref in term.atoms(Ref)]
        definitions = [item for item in items if isinstance(item, Definition)]
        if any(item.reduce not in SMOOTH for item in definitions):
            return True
        waiting += [item.body for item in definitions]
    return False


def _is_bounded(item: Input | Definition) -> bool:
    """Whether an unknown may not go beyond some number, which is a kink as well."""
    return isinstance(item, Input) and (item.domain.low, item.domain.high) != (None, None)


def _with_output(f: Formula, body: sp.Expr) -> Formula:
    """The formula with another last line."""
    output = f.program.output
    assert isinstance(output, Definition)
    definitions = (*(item for item in f.program.definitions if item.name != output.name), output.with_body(body))
    return Formula(f.program.with_definitions(definitions).pruned())
