"""Programs in which the difference of prediction and target has a name.

In ``norm(X @ w + b - y)^2`` textbooks write ``r = X @ w + b - y``, ``L = norm(r)^2`` and ``dL/dr = 2 r``
(Boyd and Vandenberghe, Convex Optimization, section 6.1): the difference is written once, and all variables
act through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul

from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Index, Input, Program, Ref, free_index, fresh_names
from chainrule.derive.signs import sign_of


@dataclass(frozen=True)
class _Difference:
    """A difference as it is read somewhere: with the free indices of its own, and with its sign."""

    body: Expr
    shape: tuple[Expr, ...]

    def negative(self) -> _Difference:
        return replace(self, body=-self.body)


def with_residuals(program: Program, variables: frozenset[str]) -> Program:
    """Names a difference of arrays that is read at several places, or whose prediction has no name.

    Its terms are entries of different arrays, at least one of which is given and one of which depends on the
    variables; none is made of another one, as the mean is in deviations from it.
    """
    if any(definition.origin == "adjoint" for definition in program.definitions):
        return program  # a derivative is differentiated again: its definitions are told already
    active, sources = reached(program, variables), _sources(program)
    places: Counter[_Difference] = Counter()
    for definition in program.definitions:
        for _, found, _ in _differences(definition):
            names = {ref.name for ref in found.body.atoms(Ref)}
            if names & active and not any(sources[name] & names for name in names):
                places[found if found.negative() not in places else found.negative()] += 1
    own = {definition.body for definition in program.definitions if not definition.reduce}
    for found, count in places.items():
        has_name = found.body in own or -found.body in own
        if not has_name and (count > 1 or _is_unnamed(found, program)):
            program = _named(program, found)
    return program


def _sources(program: Program) -> Mapping[str, frozenset[str]]:
    """What every name is made of."""
    found: dict[str, frozenset[str]] = {item.name: frozenset() for item in program.inputs}
    for definition in program.definitions:
        found[definition.name] = definition.reads.union(*(found[name] for name in definition.reads))
    return found


def _differences(definition: Definition) -> Iterator[tuple[Add, _Difference, tuple[Index, ...]]]:
    """The differences of entries in a body, each in indices of its own, with those that it is read at."""
    for node in sorted(definition.body.atoms(Add), key=str):
        terms = [term.as_coeff_Mul() for term in node.args]
        refs = [ref for _, ref in terms]
        if not all(isinstance(ref, Ref) and abs(sign) == 1 for sign, ref in terms):
            continue
        widest = max(refs, key=lambda ref: len(ref.indices))
        distinct = len({ref.name for ref in refs}) == len(refs) and len(set(widest.indices)) == len(widest.indices)
        plain = all(isinstance(index, Index) for index in widest.indices)
        covered = all(set(ref.indices) <= set(widest.indices) for ref in refs)
        if widest.indices and distinct and plain and covered and len({sign for sign, _ in terms}) == 2:
            own = {index: free_index(place) for place, index in enumerate(widest.indices)}
            shape = tuple(definition.lengths[index] for index in widest.indices)
            yield node, _Difference(node.xreplace(own), shape), widest.indices


def _is_unnamed(found: _Difference, program: Program) -> bool:
    """Whether a sum without a name is compared with what is given."""
    items = [program.by_name[ref.name] for ref in found.body.atoms(Ref)]
    prediction = any(isinstance(item, Definition) and item.reduce == "sum" and item.origin == "auto" for item in items)
    return prediction and any(isinstance(item, Input) for item in items)


def _named(program: Program, found: _Difference) -> Program:
    taken = {*program.by_name, *(length.name for length in program.dims)}
    residual = Definition(next(fresh_names(taken, "r")), found.shape, found.body, sign=sign_of(found.body))
    definitions: list[Definition] = []
    for definition in program.definitions:
        swaps: dict[Expr, Expr] = {}
        for node, other, indices in _differences(definition):
            if other in (found, found.negative()):
                swaps[node] = Mul(1 if other == found else -1, residual[indices])
        if swaps and residual not in definitions:
            definitions.append(residual)
        definitions.append(definition.with_body(definition.body.xreplace(swaps)))
    whole = program.with_definitions(definitions)
    return replace(whole, written=program.written.beside(residual.name, residual.reads))
