"""Programs in which a pre-activation has a name wherever several variables meet in it.

In ``p = sigmoid(X @ w + b)`` both ``w`` and ``b`` act through ``z = X @ w + b``.  With ``z`` a
quantity of its own, its adjoint is worked out once and all gradients follow from it, as in every
textbook (Bishop, PRML, section 5.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sympy import Add, Dummy, Expr, Function

from chainrule.derive.program import Definition, Index, Program, Ref, fresh_names
from chainrule.derive.signs import sign_of


def with_preactivations(program: Program, variables: frozenset[str]) -> Program:
    """Names the sum of a contraction and other quantities wherever it is a function's argument.

    A contraction ``X @ w`` that is read only inside sums such as ``X @ w + b``, which are arguments
    of functions or of ``logsumexp``, becomes ``a := X @ w`` and ``z := a + b``, if one of the terms
    depends on the variables.
    """
    for name in [item.name for item in program.definitions if item.reduce == "sum" and item.origin == "auto"]:
        active = reached(program, variables)
        terms = _common_terms(program, name)
        read = [{ref.name for ref in term.atoms(Ref)} for term in terms]
        if len([names for names in read if names]) > 1 and any(names & active for names in read):
            program = _split(program, name, terms)
    return program


def reached(program: Program, variables: frozenset[str]) -> set[str]:
    """The variables and everything that depends on them."""
    active = set(variables)
    for definition in program.definitions:
        if definition.reads & active:
            active.add(definition.name)
    return active


def _common_terms(program: Program, name: str) -> frozenset[Expr]:
    """What is added to a contraction wherever it is read, in its own indices, if a function takes it once."""
    contraction = program.by_name[name]
    assert isinstance(contraction, Definition)
    common: frozenset[Expr] | None = None
    bent = False
    for definition in program.definitions:
        for ref in [ref for ref in definition.refs if ref.name == name]:
            sums = dict(_sums_with(definition.body, ref))
            renaming = _renaming(ref, contraction)
            # Alone, or as a factor, the contraction must not be read.
            if renaming is None or definition.body.xreplace(dict.fromkeys(sums, Dummy())).has(ref):
                return frozenset()
            bent = bent or any(node in sums for node in _arguments(definition))
            for node, factor in sums.items():
                terms = (term / factor for term in node.args if _indices(term) <= set(renaming))
                own = frozenset(term.xreplace(renaming) for term in terms)
                common = own if common is None else common & own
    return common or frozenset() if bent else frozenset()


def _sums_with(body: Expr, ref: Ref) -> Iterator[tuple[Add, Expr]]:
    """The sums that have a number times an entry as a term, with that number."""
    for node in body.atoms(Add):
        for term in node.args:
            factor, rest = term.as_coeff_Mul()
            if rest == ref:
                yield node, factor


def _arguments(definition: Definition) -> Iterator[Add]:
    """The sums in the arguments of functions, or in the body of a logsumexp."""
    nodes = [arg for call in definition.body.atoms(Function) if len(call.args) == 1 for arg in call.args]
    if definition.reduce == "logsumexp":
        nodes.append(definition.body)
    for node in nodes:
        yield from node.atoms(Add)


def _renaming(ref: Ref, contraction: Definition) -> Mapping[Index, Index] | None:
    """From the indices at which a contraction is read to its own, if they are distinct variables."""
    if len(set(ref.indices)) < len(ref.indices) or not all(isinstance(index, Index) for index in ref.indices):
        return None
    return dict(zip(ref.indices, contraction.free, strict=True))


def _indices(term: Expr) -> set[Index]:
    return term.atoms(Index)


def _split(program: Program, name: str, terms: frozenset[Expr]) -> Program:
    """The contraction under a new name, and the sum of the terms under the contraction's name."""
    old = program.by_name[name]
    assert isinstance(old, Definition)
    linear = replace(old, name=next(fresh_names(program.by_name, "a")))
    body = Add(*terms).xreplace({old[old.free]: linear[linear.free]})
    whole = Definition(name, old.shape, body, sign=sign_of(body))
    definitions: list[Definition] = []
    for definition in program.definitions:
        if definition.name == name:
            definitions.append(linear)
        elif name in definition.reads:
            if whole not in definitions:
                definitions.append(whole)
            definitions.append(_reading_the_sum(definition, old, whole, terms))
        else:
            definitions.append(definition)
    return program.with_definitions(definitions)


def _reading_the_sum(definition: Definition, old: Definition, whole: Definition, terms: frozenset[Expr]) -> Definition:
    """A definition that reads the named sum in place of its terms."""
    swaps: dict[Expr, Expr] = {}
    for ref in [ref for ref in definition.refs if ref.name == old.name]:
        back = dict(zip(old.free, ref.indices, strict=True))
        here = {term.xreplace(back) for term in terms}
        for node, factor in _sums_with(definition.body, ref):
            rest = (arg for arg in node.args if arg / factor not in here)
            swaps[node] = Add(*rest, factor * whole[ref.indices])
    return definition.with_body(definition.body.xreplace(swaps))
