"""Programs: ordered definitions in index notation over declared inputs.

A definition is

    name[i0, i1, ..]  :=  reduce over (k0, k1, ..) of  body

where the body is a scalar SymPy expression over entries of inputs and of earlier definitions
(:class:`Ref`), dimensions (:class:`Dim`), Kronecker deltas and functions of the catalogue.
Free and bound indices are positional (``free_index(0)`` is the first axis of the definition,
whatever it is called on paper), so that two definitions that differ only in the naming of
indices are equal, and nothing is ever captured: inlining renames bound indices to unused numbers.

The few functions of whole matrices that are no sums (the inverse, the determinant ..; see
``catalog/linalg.py``) are written in the same way: they take the matrix whose rows and columns are
the two bound indices, and the last free axes are those of their value, which the body lacks:

    B[i0, i1]  :=  inv over (k0, k1) of  A[k0, k1]
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from typing import Any, Literal

from sympy import Expr, Integer, S, Symbol

from chainrule.derive.domains import REAL, Domain, Sign
from chainrule.derive.walking import nodes

MatrixFunctionName = Literal[
    "inv", "det", "logdet", "cholesky", "pinv", "expm",
    "eigvalsh", "eigvectors", "svdvals", "left_singular", "right_singular",
]  # fmt: skip
Reduction = Literal["", "sum", "prod", "max", "min", "logsumexp", "norm"] | MatrixFunctionName
Origin = Literal["named", "auto", "adjoint"]
#: The value of a derivative at a kink, a number or a word, by the name of the function.
KinkChoice = str | Fraction
KinkChoices = tuple[tuple[str, KinkChoice], ...]


class Index(Symbol):
    """An index variable: an integer that runs over one axis."""


class Dim(Symbol):
    """The length of an axis, a positive integer that is also a number in formulas."""


@cache
def free_index(position: int) -> Index:
    """The index of axis ``position`` of a definition."""
    return Index(f"i{position}", integer=True, nonnegative=True)


@cache
def bound_index(position: int) -> Index:
    """The bound index ``position`` of a reduction."""
    return Index(f"k{position}", integer=True, nonnegative=True)


@cache
def free_indices(rank: int) -> tuple[Index, ...]:
    """The free indices of a definition with so many axes."""
    return tuple(map(free_index, range(rank)))


@cache
def bound_indices(number: int) -> tuple[Index, ...]:
    """The bound indices of a reduction over so many."""
    return tuple(map(bound_index, range(number)))


def dim(name: str) -> Dim:
    """The dimension called ``name``."""
    return Dim(name, integer=True, positive=True)


class Ref(Expr):  # type: ignore[misc]  # SymPy has no types
    """The entry ``head[indices]`` of an input or of a definition; a real number.

    The head is a symbol that carries the name and what is known of the sign.  Indices are
    :class:`Index` symbols, integers, or integer expressions of indices, dimensions and labels,
    which are entries of integer inputs: ``logp[i, y[i]]``.
    """

    is_commutative = True
    is_extended_real = True
    is_real = True
    is_finite = True
    is_complex = True

    def __new__(cls, head: Symbol, *indices: Any) -> Ref:
        """The entry of ``head`` at these indices."""
        return Expr.__new__(cls, head, *(S(index) for index in indices))

    @property
    def name(self) -> str:
        """The name of the input or definition."""
        return str(self.args[0].name)

    @property
    def indices(self) -> tuple[Expr, ...]:
        """One integer expression per axis."""
        return tuple(self.args[1:])

    def _eval_is_positive(self) -> bool | None:
        return self.args[0].is_positive

    def _eval_is_nonnegative(self) -> bool | None:
        return self.args[0].is_nonnegative

    def _eval_is_negative(self) -> bool | None:
        return self.args[0].is_negative

    def _eval_is_zero(self) -> bool | None:
        return self.args[0].is_zero

    def _eval_is_extended_positive(self) -> bool | None:
        return self.args[0].is_positive

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return self.args[0].is_nonnegative

    def _eval_derivative(self, symbol: Any) -> Expr:
        return S.Zero

    def _sympystr(self, printer: Any) -> str:
        inner = ",".join(printer.doprint(index) for index in self.indices)
        return f"{self.name}[{inner}]" if inner else self.name


def head(name: str, sign: Sign = "real") -> Symbol:
    """The head symbol of references to ``name``."""
    assumptions = {"real": {"real": True}, "nonnegative": {"nonnegative": True},
                   "positive": {"positive": True}}[sign]  # fmt: skip
    return Symbol(name, **assumptions)


@dataclass(frozen=True)
class Contents:
    """What an expression is made of.

    Attributes:
        refs: every distinct entry that it reads, in a stable order.
        names: the names that it reads.
        indices: the indices in it.
        dims: the lengths in it.
    """

    refs: tuple[Ref, ...]
    names: frozenset[str]
    indices: frozenset[Index]
    dims: frozenset[Dim]


@lru_cache(maxsize=4096)
def contents(expr: Expr) -> Contents:
    """What an expression is made of; definitions ask for it whenever they or their programs are made."""
    found = set(nodes(expr))
    refs = tuple(sorted((node for node in found if isinstance(node, Ref)), key=lambda ref: ref.sort_key()))
    return Contents(
        refs,
        frozenset(ref.name for ref in refs),
        frozenset(node for node in found if isinstance(node, Index)),
        frozenset(node for node in found if isinstance(node, Dim)),
    )


@dataclass(frozen=True)
class Requirement:
    """What a subscript needs: ``low <= value <= high``.

    Attributes:
        value: an integer expression of labels (entries of integer inputs), lengths, and the free
            indices ``i0, ..``, such as the label ``y[i0]`` or the end of a slice.
        low, high: its bounds, expressions of lengths.
        axis: the axis that is subscripted, in words.
        shape: the lengths of the indices in ``value``.
    """

    value: Expr
    low: Expr
    high: Expr
    axis: str
    shape: tuple[Expr, ...] = ()


@dataclass(frozen=True)
class Input:
    """An input, ``name: domain[shape]``; ``inferred`` says how its shape is known if nobody declared it.

    ``requirements`` are checked with the domain when arrays are given; every program derived from
    the one that made them has the same inputs, and so the same requirements.
    """

    name: str
    shape: tuple[Expr, ...] = ()
    domain: Domain = REAL
    inferred: str = field(default="", compare=False)
    requirements: tuple[Requirement, ...] = ()

    @cached_property
    def head(self) -> Symbol:
        """The head of references to this input."""
        sign = self.domain.sign
        return head(self.name, sign)

    @cached_property
    def selects(self) -> bool:
        """Whether entries of this input select entries of others, as labels."""
        return any(ref.name == self.name for item in self.requirements for ref in item.value.atoms(Ref))

    def __getitem__(self, indices: tuple[Any, ...]) -> Ref:
        return Ref(self.head, *indices)


@dataclass(frozen=True)
class Edges:
    """What a derivative is where its body divides by zero; :mod:`chainrule.derive.edges` writes it out.

    Attributes:
        roots: what stands under roots, each as the names that it reads: where it is 0, so are its
            negative powers.
        weights: the names that do not depend on the variables: what they multiply by 0 is 0.
        uncertain: what stands under other roots: its negative powers are infinite where it is 0, but 0 times
            them is 0.
    """

    roots: tuple[tuple[str, ...], ...] = ()
    weights: tuple[str, ...] = ()
    uncertain: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Definition:
    """``name[i0, ..] := reduce over (k0, ..) of body``.

    Attributes:
        name: unique in the program.
        shape: length of each free axis.
        body: scalar expression in ``free_index(..)`` and ``bound_index(..)``.
        reduce: the reduction over all bound indices, a function of the matrix with two bound
            indices, or ``""`` for a pointwise definition.
        bound: length of each bound index.
        sign: what is known of the sign of the entries; part of the head, so it never changes
            when the body is rewritten.
        origin: "named" by the user, "auto" for a nameless part, "adjoint" for a derivative.
        edges: what the body of a derivative means where it divides by zero.
    """

    name: str
    shape: tuple[Expr, ...]
    body: Expr
    reduce: Reduction = ""
    bound: tuple[Expr, ...] = ()
    sign: Sign = "real"
    origin: Origin = "auto"
    edges: Edges | None = None

    def __post_init__(self) -> None:
        if bool(self.reduce) != bool(self.bound):
            raise ValueError(f"{self.name}: a reduction and its bound indices come together")
        stray = contents(self.body).indices.difference(self.free, self.bound_indices)
        if stray:
            raise ValueError(f"{self.name}: indices {stray} are neither free nor bound")

    @cached_property
    def head(self) -> Symbol:
        """The head of references to this definition."""
        return head(self.name, self.sign)

    @property
    def free(self) -> tuple[Index, ...]:
        """The free indices, one per axis."""
        return free_indices(len(self.shape))

    @property
    def bound_indices(self) -> tuple[Index, ...]:
        """The bound indices."""
        return bound_indices(len(self.bound))

    @property
    def lengths(self) -> dict[Index, Expr]:
        """The range of every index, free and bound."""
        pairs = zip(self.free + self.bound_indices, self.shape + self.bound, strict=True)
        return dict(pairs)

    @cached_property
    def refs(self) -> tuple[Ref, ...]:
        """Every distinct entry that the body reads, in a stable order."""
        return contents(self.body).refs

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that the body reads."""
        return contents(self.body).names

    def __getitem__(self, indices: tuple[Any, ...]) -> Ref:
        return Ref(self.head, *indices)

    def at(self, indices: Sequence[Any], first_bound: int = 0) -> Expr:
        """The body at the given free indices, bound indices renumbered from ``first_bound``."""
        renaming = dict(zip(self.free, indices, strict=True))
        renaming |= {
            index: bound_index(first_bound + position)
            for position, index in enumerate(self.bound_indices)
        }
        return self.body.xreplace(renaming)

    def with_body(self, body: Expr) -> Definition:
        """The same definition with another body."""
        return replace(self, body=body)


@dataclass(frozen=True)
class Written:
    """How a text writes what can be written in several ways.

    Attributes:
        factors, terms: the names in the order in which products and sums have them; those it lacks come last.
        traces: whether it writes traces of products.
    """

    factors: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    traces: bool = False

    def beside(self, name: str, others: Container[str]) -> Written:
        """The same with a new name behind the first of others."""
        return replace(self, factors=_beside(self.factors, name, others), terms=_beside(self.terms, name, others))


def _beside(order: tuple[str, ...], name: str, others: Container[str]) -> tuple[str, ...]:
    first = next((place for place, known in enumerate(order, 1) if known in others), len(order))
    return (*order[:first], name, *order[first:])


@dataclass(frozen=True)
class Program:
    """Inputs, definitions in order, and the names of the outputs.

    Invariants, checked on construction: names are unique; a definition reads only inputs and
    earlier definitions, each with as many indices as it has axes; outputs exist.  ``kinks`` are the
    values that its derivatives take at kinks, where the user has chosen them.  ``written`` is how the text
    that the program was read from writes things, which printed forms keep where there is a choice.
    """

    inputs: tuple[Input, ...]
    definitions: tuple[Definition, ...]
    outputs: tuple[str, ...]
    kinks: KinkChoices = ()
    written: Written = field(default=Written(), compare=False)

    def __post_init__(self) -> None:
        ranks = {item.name: len(item.shape) for item in self.inputs}
        if len(ranks) != len(self.inputs):
            raise ValueError("two inputs share a name")
        for definition in self.definitions:
            for ref in definition.refs:
                if ranks.get(ref.name) != len(ref.indices):
                    raise ValueError(f"{definition.name} reads {ref}, which is not defined before it")
            if definition.name in ranks:
                raise ValueError(f"{definition.name} is defined twice")
            ranks[definition.name] = len(definition.shape)
        for output in self.outputs:
            if output not in ranks:
                raise ValueError(f"output {output} is not defined")

    @cached_property
    def by_name(self) -> Mapping[str, Input | Definition]:
        """Inputs and definitions by name."""
        items: Iterable[Input | Definition] = itertools.chain(self.inputs, self.definitions)
        return {item.name: item for item in items}

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """The number of axes of every input and definition."""
        return {name: len(item.shape) for name, item in self.by_name.items()}

    @property
    def output(self) -> Input | Definition:
        """The only output."""
        (name,) = self.outputs
        return self.by_name[name]

    @cached_property
    def dims(self) -> tuple[Dim, ...]:
        """The symbolic dimensions, in order of first appearance in the inputs."""
        found: dict[Dim, None] = {}
        for item in self.inputs:
            for length in item.shape:
                found.update(dict.fromkeys(sorted(contents(length).dims, key=lambda d: d.name)))
        for definition in self.definitions:
            read = (definition.body, *definition.shape, *definition.bound)
            used = frozenset[Dim]().union(*(contents(expr).dims for expr in read))
            found.update(dict.fromkeys(sorted(used, key=lambda d: d.name)))
        return tuple(found)

    def pruned(self, outputs: Sequence[str] | None = None) -> Program:
        """The program with only the definitions that the outputs need (all inputs stay)."""
        wanted = tuple(self.outputs if outputs is None else outputs)
        needed = set(wanted)
        kept: list[Definition] = []
        for definition in reversed(self.definitions):
            if definition.name in needed:
                needed |= definition.reads
                kept.append(definition)
        return replace(self, definitions=tuple(reversed(kept)), outputs=wanted)

    def with_definitions(
        self, definitions: Iterable[Definition], outputs: Sequence[str] | None = None
    ) -> Program:
        """The same inputs with other definitions (and outputs)."""
        wanted = self.outputs if outputs is None else tuple(outputs)
        return replace(self, definitions=tuple(definitions), outputs=wanted)

    def uses(self) -> dict[str, int]:
        """How many entries of other definitions, or outputs, refer to each name."""
        counts = dict.fromkeys(self.by_name, 0)
        for definition in self.definitions:
            for ref in definition.refs:
                counts[ref.name] += 1
        for output in self.outputs:
            counts[output] += 1
        return counts


def fresh_names(taken: Container[str], stem: str) -> Iterator[str]:
    """``stem``, ``stem2``, ``stem3``, .. without those already taken."""
    candidates = itertools.chain([stem], (f"{stem}{number}" for number in itertools.count(2)))
    return (name for name in candidates if name not in taken)


def is_unit(length: Expr) -> bool:
    """Whether an axis has length one."""
    return bool(length == Integer(1))
