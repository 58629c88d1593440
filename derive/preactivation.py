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
    """What is added to a contraction at every place where it is read, in its own indices."""
    contraction = program.by_name[name]
    assert isinstance(contraction, Definition)
    common: frozenset[Expr] | None = None
    for definition in program.definitions:
        refs = [ref for ref in definition.refs if ref.name == name]
        sums = dict(_arguments(definition)) if refs else {}
        for ref in refs:
            holding = [sums[node] for node in sums if ref in node.args]
            inside = sum(1 for node in definition.body.atoms(Add) if ref in node.args)
            renaming = _renaming(ref, contraction)
            # Also as ``-z`` in another sum, or anywhere else, the contraction must not be read.
            elsewhere = definition.body.xreplace({node: Dummy() for node in sums if ref in node.args})
            if not holding or inside != len(holding) or renaming is None or elsewhere.has(ref):
                return frozenset()
            for terms in holding:
                own = frozenset(term.xreplace(renaming) for term in terms if _indices(term) <= set(renaming))
                common = own if common is None else common & own
    return common or frozenset()


def _arguments(definition: Definition) -> Iterator[tuple[Add, tuple[Expr, ...]]]:
    """The sums in the arguments of functions, or in the body of a logsumexp."""
    nodes = [arg for call in definition.body.atoms(Function) if len(call.args) == 1 for arg in call.args]
    if definition.reduce == "logsumexp":
        nodes.append(definition.body)
    for node in nodes:
        for part in node.atoms(Add):
            yield part, part.args


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
        for node in definition.body.atoms(Add):
            if ref in node.args:
                swaps[node] = Add(*(arg for arg in node.args if arg not in here), whole[ref.indices])
    return definition.with_body(definition.body.xreplace(swaps))
