"""Exponential families: ``p(x | theta) = h(x) exp(sum_k eta_k(theta) T_k(x) - A(theta))``, found term by term.

Source: Bishop, Pattern Recognition and Machine Learning (2006), section 2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr, S

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.narrative.symbols import shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Program, Ref, bound_index, free_index, fresh_names
from chainrule.derive.render.page import Shown
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.terms import Term, renamed, terms


@dataclass(frozen=True)
class Family:
    """A distribution in the form of an exponential family.

    Attributes:
        m: the distribution.
        program: every quantity of the form as a definition.
        statistics: the names of the sufficient statistics.
        natural: the names of the natural parameters, one for each.
        base: the name of the logarithm of the base measure.
        partition: the name of the log-partition.
    """

    m: Model
    program: Program
    statistics: tuple[str, ...]
    natural: tuple[str, ...]
    base: str
    partition: str

    def shown(self, name: str) -> Shown:
        """The right-hand side of one of the quantities."""
        return shown(self.program, name)

    def at(self, values: Any, name: str) -> Any:
        """One of the quantities, computed."""
        return evaluate(self.program, values)[name]

    def body(self, name: str) -> Expr:
        """One of the quantities as an expression of symbols, of a scalar family."""
        item = self.program.by_name[name]
        assert isinstance(item, Definition)
        return symbolic(item.body)

    @property
    def is_plain(self) -> bool:
        """Whether natural parameters and log-partition are expressions of numbers among the inputs, and of no parts."""
        numbers = {item.name for item in self.program.inputs if not item.shape}
        items = (self.program.by_name[name] for name in (*self.natural, self.partition))
        return all(isinstance(item, Definition) and item.reads <= numbers and not item.shape for item in items)

    def difference(self, values: Any) -> float:
        """The log-density against the form, relative."""
        found = evaluate(self.program, values)
        pairs = zip(self.natural, self.statistics, strict=True)
        whole = found[self.base] - found[self.partition] + sum(np.sum(found[eta] * found[t]) for eta, t in pairs)
        direct = evaluate(self.m.density.program, values)[self.m.density.output.name]
        return float(abs(whole - direct) / max(1.0, abs(direct)))


def symbolic(body: Expr) -> Expr:
    """Entries without indices as their heads, which SymPy differentiates by."""
    return body.xreplace({ref: ref.args[0] for ref in body.atoms(sp.Expr) if _is_scalar(ref)})


def _is_scalar(part: Any) -> bool:
    return type(part).__name__ == "Ref" and len(part.args) == 1


def family(m: Model) -> Family:
    """The form of an exponential family, if the distribution has it.

    Raises:
        UnsupportedError: a term of the log-density mixes variable and parameters, or the support depends on
            parameters that are estimated.
    """
    moving = [end for end in m.entry.support if end in m.parameters]
    if moving:
        raise UnsupportedError(
            f"this is no exponential family: the support depends on {', '.join(moving)}",
            hint=f"it may be one where that is known: --known {','.join(moving)}",
        )  # fmt: skip
    found = terms(m)
    for term in found:
        if term.mixed != 1:
            raise UnsupportedError(
                "this is no exponential family: a term of the log-density is no sum of products of a function of the "
                "parameters and a function of the variable", found=_text(m, term),
            )  # fmt: skip
    return _assembled(m, found)


def _text(m: Model, term: Term) -> str:
    item = Definition("term", (), term.parameters * term.variable * term.mixed, origin="named")
    if term.lengths:
        item = replace(item, reduce="sum", bound=tuple(length for _, length in term.lengths))
    program = m.density.program
    return shown(program.with_definitions((*program.definitions, item), ("term",)), "term").text


def _assembled(m: Model, found: Sequence[Term]) -> Family:
    groups: dict[tuple[Expr, tuple[Expr, ...]], list[Term]] = {}
    base, partition = list[Term](), list[Term]()
    for term in found:
        if term.variable == 1:
            partition.append(replace(term, parameters=-term.parameters))
        elif term.parameters == 1:
            base.append(term)
        else:
            key, aligned = _aligned(term)
            groups.setdefault(key, []).append(aligned)
    groups = _merged(m, groups)
    program = m.density.program
    taken = set(program.by_name)
    out = [item for item in program.definitions if item.name != m.density.output.name]
    names: dict[str, list[str]] = {"eta": [], "T": []}
    many = len(groups) > 1
    for number, ((statistic, shape), members) in enumerate(groups.items(), 1):
        for stem, parts in (("eta", members), ("T", [replace(members[0], parameters=S.One, variable=statistic)])):
            name = next(fresh_names(taken, f"{stem}{number}" if many else stem))
            taken.add(name)
            side = [term.parameters if stem == "eta" else term.variable for term in parts]
            out += sum_of(name, side, [term.lengths for term in parts], shape, taken)
            names[stem].append(name)
    single = {}
    for stem, parts in (("log_h", base), ("A", partition)):
        single[stem] = next(fresh_names(taken, stem))
        taken.add(single[stem])
        side = [term.variable if stem == "log_h" else term.parameters for term in parts]
        out += sum_of(single[stem], side, [term.lengths for term in parts], (), taken)
    outputs = (*names["eta"], *names["T"], single["log_h"], single["A"])
    whole = Program(program.inputs, tuple(out), outputs)
    return Family(m, whole, tuple(names["T"]), tuple(names["eta"]), single["log_h"], single["A"])


Groups = dict[tuple[Expr, tuple[Expr, ...]], list[Term]]


def _merged(m: Model, groups: Groups) -> Groups:
    """Scalar statistics whose natural parameters differ only by a known factor, as one."""
    found: Groups = {}
    for (statistic, shape), members in groups.items():
        whole = sum((term.parameters for term in members), S.Zero)
        for (other, its_shape), its in list(found.items()):
            ratio = sp.simplify(whole / sum((term.parameters for term in its), S.Zero))
            plain = not (shape or its_shape or any(term.lengths for term in (*members, *its)))
            if plain and not {ref.name for ref in ratio.atoms(Ref)} & set(m.parameters):
                found[(other + ratio * statistic, shape)] = found.pop((other, its_shape))
                break
        else:
            found[(statistic, shape)] = members
    return found


def _aligned(term: Term) -> tuple[tuple[Expr, tuple[Expr, ...]], Term]:
    """A term whose shared indices are the first free ones, its statistic without a number, and the key of both."""
    lengths = dict(term.lengths)
    swap = {index: free_index(place) for place, index in enumerate(term.shared)}
    rest = [index for index in lengths if index not in swap]
    swap |= {index: bound_index(place) for place, index in enumerate(rest)}
    moved = renamed(term, swap)
    number, statistic = moved.variable.as_coeff_Mul()
    shape = tuple(lengths[index] for index in term.shared)
    moved = replace(moved, parameters=moved.parameters * number, variable=statistic)
    return (statistic, shape), moved


def sum_of(
    name: str, bodies: Sequence[Expr], lengths: Sequence[Any], shape: tuple[Expr, ...], taken: set[str]
) -> list[Definition]:  # fmt: skip
    """A definition that is the sum of bodies, those with bound indices of their own summed over them."""
    out, total = list[Definition](), S.Zero
    free = tuple(free_index(place) for place in range(len(shape)))
    for body, pairs in zip(bodies, lengths, strict=True):
        bound = [(i, length) for i, length in pairs if i in body.free_symbols and i not in free]
        if not bound:
            total += body
            continue
        body = body.xreplace({index: bound_index(place) for place, (index, _) in enumerate(bound)})
        part = Definition(
            next(fresh_names(taken, "part")), shape, body, "sum", tuple(length for _, length in bound), origin="auto"
        )
        taken.add(part.name)
        out.append(part)
        total += part[free]
    return [*out, Definition(name, shape, total, origin="named")]
