"""Tensors while a formula is read: a shape and a scalar body in the free indices.

Pointwise operations only build larger bodies.  A reduction becomes a definition of the
:class:`Workspace` and its tensor refers to that definition; equal definitions are shared.
Definitions without a name of their own carry a provisional name until all text has been read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, S

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.digits import in_digits
from chainrule.derive.errors import LimitError, ShapeError, Span
from chainrule.derive.notation.association import from_the_right
from chainrule.derive.notation.scalars import checked
from chainrule.derive.notation.syntax import Node
from chainrule.derive.program import (
    Definition,
    Index,
    Input,
    Program,
    Reduction,
    Ref,
    Requirement,
    bound_index,
    free_index,
    fresh_names,
    is_unit,
)
from chainrule.derive.ranges import bounds, is_nonnegative
from chainrule.derive.signs import sign_of

Shape = tuple[Expr, ...]

#: Bodies deeper or larger than this become definitions of their own when they are used further,
#: so that no expression anywhere is deep enough to exhaust the stack.
MAX_BODY_DEPTH, MAX_BODY_SIZE = 24, 250
#: Expression nodes that a whole program may have.
MAX_NODES = 20_000
#: Provisional names start with a character that no name of a formula has.
PROVISIONAL = "%"


@dataclass(frozen=True)
class Tensor:
    """A value: ``body`` is a scalar expression in ``free_index(0)`` .. of the axes of ``shape``.

    ``node`` is the syntax that it was read from; ``row`` says that it is a vector written as a
    transpose, which matters to juxtaposition only.
    """

    shape: Shape
    body: Expr
    node: Node
    row: bool = False

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def span(self) -> Span | None:
        """Where the value stands in the text."""
        return self.node.span

    @property
    def text(self) -> str:
        """The value as written, cut to a readable length."""
        written = " ".join(self.span.excerpt.split()) if self.span else "the operand"
        return written if len(written) <= 40 else written[:37] + "..."


def frees(count: int) -> tuple[Index, ...]:
    """The first free indices."""
    return tuple(free_index(position) for position in range(count))


def at(tensor: Tensor, indices: Sequence[Expr]) -> Expr:
    """The entry of a tensor at the given indices."""
    mapping = {old: new for old, new in zip(frees(tensor.rank), indices, strict=True) if old != new}
    return tensor.body.xreplace(mapping) if mapping else tensor.body


def broadcast_shape(tensors: Sequence[Tensor], operator: str, hint: str = "") -> Shape:
    """The shape that the tensors' shapes broadcast to, as NumPy does.

    Raises:
        ShapeError: two lengths differ and neither is one.
    """
    shape: list[Expr] = []
    for back in range(1, max((tensor.rank for tensor in tensors), default=0) + 1):
        having = [tensor for tensor in tensors if tensor.rank >= back]
        long = [tensor for tensor in having if not is_unit(tensor.shape[-back])] or having
        first = long[0]
        for other in long[1:]:
            if other.shape[-back] != first.shape[-back]:
                raise mismatch(first, first.rank - back, other, other.rank - back, operator, hint)
        shape.insert(0, first.shape[-back])
    return tuple(shape)


def mismatch(
    left: Tensor, left_axis: int, right: Tensor, right_axis: int, operator: str, hint: str = ""
) -> ShapeError:
    """The error that two axes have different lengths."""
    left_length, right_length = left.shape[left_axis], right.shape[right_axis]
    spans = [tensor.span for tensor in (left, right)]
    also = tuple(
        (f"{tensor.text} has shape {shape_text(tensor.shape)}", tensor.span)
        for tensor in (left, right)
        if tensor.span is not None
    )
    first, last = spans
    whole = None
    if first and last:
        whole = replace(first, start=min(first.start, last.start), end=max(first.end, last.end))
    return ShapeError(
        f"{operator}: axis {left_axis} of {left.text} has length {left_length}, "
        f"axis {right_axis} of {right.text} has length {right_length}",
        whole, expected="equal lengths", found=f"{left_length} and {right_length}", hint=hint, also=also,
    )  # fmt: skip


def shape_text(shape: Shape) -> str:
    """A shape as text, such as ``(n, d)``."""
    inner = ", ".join(str(length) for length in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def spread(tensor: Tensor, shape: Shape) -> Expr:
    """The body of a tensor broadcast to a shape: axes of length one are read at index 0."""
    offset = len(shape) - tensor.rank
    indices: list[Expr] = []
    for axis, length in enumerate(tensor.shape):
        stretched = is_unit(length) and not is_unit(shape[axis + offset])
        indices.append(S.Zero if stretched else free_index(axis + offset))
    return at(tensor, indices)


def is_linear(body: Expr) -> bool:
    """Whether a body is sums and products of entries, so that it may stand in a contraction."""
    if isinstance(body, Ref | Index) or not body.args or not body.atoms(Index):
        return True
    if isinstance(body, Add | Mul):
        return all(is_linear(arg) for arg in body.args)
    if isinstance(body, Pow):
        return bool(body.exp.is_Integer and body.exp > 0 and is_linear(body.base))
    return isinstance(body, KroneckerDelta) or (isinstance(body, Function) and not body.atoms(Ref))


@dataclass
class Workspace:
    """The definitions of a program while it is read.

    Attributes:
        definitions: in order; those without a name yet carry a provisional one.
        stems: what the provisional ones are to be called.
        lengths: lengths of the index letters of open sums, by their symbols.
        requirements: what subscripts need of the arrays.
    """

    definitions: dict[str, Definition] = field(default_factory=dict)
    stems: dict[str, str] = field(default_factory=dict)
    lengths: dict[Index, Expr] = field(default_factory=dict)
    requirements: list[Requirement] = field(default_factory=list)
    known: dict[tuple[object, ...], str] = field(default_factory=dict)
    measured: dict[Expr, tuple[int, int]] = field(default_factory=dict)
    serial: Iterable[int] = field(default_factory=itertools.count)
    nodes: int = 0

    # ---- definitions ----------------------------------------------------------------------------

    def define(
        self, shape: Shape, body: Expr, stem: str, node: Node, reduce: Reduction = "", bound: Shape = ()
    ) -> Tensor:
        """The tensor of a definition, which is made unless an equal one exists.

        Index letters of open sums become axes of the definition.
        """
        letters = tuple(index for index in self.lengths if body.has(index))
        if letters:
            moved = {old: free_index(len(letters) + position) for position, old in enumerate(frees(len(shape)))}
            moved |= {letter: free_index(position) for position, letter in enumerate(letters)}
            body = body.xreplace(moved)
        full = tuple(self.lengths[letter] for letter in letters) + shape
        definition = self.shared(full, body, stem, reduce, bound)
        return Tensor(shape, definition[(*letters, *frees(len(shape)))], node)

    def shared(self, shape: Shape, body: Expr, stem: str, reduce: Reduction, bound: Shape) -> Definition:
        """The nameless definition with this content, made if there is none."""
        key = (shape, body, reduce, bound)
        if key not in self.known:
            name = f"{PROVISIONAL}{next(iter(self.serial))}"
            self.stems[name] = stem
            self.record(Definition(name, shape, body, reduce, bound, sign_of(body, reduce)))
        return self.definitions[self.known[key]]

    def record(self, definition: Definition) -> None:
        """Add a definition."""
        checked(definition.body)
        self.nodes += self.measure(definition.body)[1]
        if self.nodes > MAX_NODES:
            raise LimitError(f"the formula has more than {MAX_NODES} expression nodes, the limit")
        self.definitions[definition.name] = definition
        self.known.setdefault(_key(definition), definition.name)

    def adopt(self, scope: Program) -> None:
        """Take over the definitions of a program."""
        for definition in scope.definitions:
            self.definitions[definition.name] = definition
            self.known.setdefault(_key(definition), definition.name)

    def own(self, tensor: Tensor, stem: str) -> Tensor:
        """The tensor as a definition of its own."""
        if isinstance(tensor.body, Ref) or not tensor.body.args:
            return tensor
        made = self.define(tensor.shape, tensor.body, stem, tensor.node)
        return replace(made, row=tensor.row)

    def factor(self, tensor: Tensor) -> Tensor:
        """The tensor in a form that may stand in a contraction: nonlinear bodies get a definition."""
        if is_linear(tensor.body):
            return tensor
        return self.own(tensor, "p" if tensor.body.is_nonnegative else "h")

    def settle(self, tensor: Tensor) -> Tensor:
        """The tensor, put into a definition if its body has grown large."""
        depth, size = self.measure(tensor.body)
        return self.own(tensor, "t") if depth > MAX_BODY_DEPTH or size > MAX_BODY_SIZE else tensor

    def measure(self, expr: Expr) -> tuple[int, int]:
        """Depth and number of nodes of an expression."""
        if isinstance(expr, Ref) or not expr.args:
            return 1, 1
        if expr not in self.measured:
            parts = [self.measure(arg) for arg in expr.args]
            self.measured[expr] = 1 + max(part[0] for part in parts), 1 + sum(part[1] for part in parts)
        return self.measured[expr]

    def require(self, value: Expr, low: Expr, high: Expr, axis: str, shape: Shape = ()) -> None:
        """Note that ``low <= value <= high`` is needed, unless the ranges of indices say so.

        ``value`` is an index expression over the free indices of ``shape`` and open letters.
        """
        ranges = dict(zip(frees(len(shape)), shape, strict=True)) | self.lengths
        found = bounds(sp.expand(value), ranges)
        if found is not None and is_nonnegative(found[0] - low) and is_nonnegative(high - found[1]):
            return
        used = [index for index in ranges if value.has(index)]
        renamed = value.xreplace({index: free_index(position) for position, index in enumerate(used)})
        lengths = tuple(ranges[index] for index in used)
        self.requirements.append(Requirement(renamed, low, high, axis, lengths))

    # ---- reductions -----------------------------------------------------------------------------

    def reduce(
        self, tensor: Tensor, axes: Sequence[int], kind: Reduction, stem: str, node: Node, keepdims: bool = False
    ) -> Tensor:
        """The reduction over some axes."""
        if not axes:
            return replace(tensor, node=node)
        kept = [axis for axis in range(tensor.rank) if axis not in axes]
        indices: list[Expr] = [S.Zero] * tensor.rank
        for places, make in ((kept, free_index), (axes, bound_index)):
            for position, axis in enumerate(places):
                indices[axis] = make(position)
        shape = tuple(tensor.shape[axis] for axis in kept)
        bound = tuple(tensor.shape[axis] for axis in axes)
        if kind == "sum":
            result = self.sum(shape, at(tensor, indices), bound, stem, node)
        else:
            ranges = {bound_index(position): length for position, length in enumerate(bound)}
            free = {**self.lengths, **dict(zip(frees(len(shape)), shape, strict=True))}
            body, ranges = in_digits(at(tensor, indices), ranges, free)
            renamed = body.xreplace({index: bound_index(position) for position, index in enumerate(ranges)})
            result = self.define(shape, renamed, stem, node, kind, tuple(ranges.values()))
        return self.widened(result, kept, tensor.rank) if keepdims else result

    def widened(self, tensor: Tensor, kept: Sequence[int], rank: int) -> Tensor:
        """The tensor with axes of length one put in at the places that are not ``kept``."""
        shape: list[Expr] = [S.One] * rank
        for position, axis in enumerate(kept):
            shape[axis] = tensor.shape[position]
        return replace(tensor, shape=tuple(shape), body=at(tensor, [free_index(axis) for axis in kept]))

    def sum(self, shape: Shape, body: Expr, bound: Shape, stem: str, node: Node) -> Tensor:
        """The sum of a body over bound indices; a factor that is an identity matrix selects terms.

        An index that the body lacks counts: it is a factor, the length of its axis.
        """
        ranges = {bound_index(position): length for position, length in enumerate(bound)}
        body, ranges = in_digits(body, ranges, {**self.lengths, **dict(zip(frees(len(shape)), shape, strict=True))})
        for index in [index for index in ranges if not body.has(index)]:
            body = body * ranges.pop(index)
        lengths = {**self.lengths, **dict(zip(frees(len(shape)), shape, strict=True)), **ranges}
        body, left = _select(body, list(ranges), lengths)
        if not left:
            return Tensor(shape, body, node)
        renumbered = body.xreplace({index: bound_index(position) for position, index in enumerate(left)})
        return self.define(shape, renumbered, stem, node, "sum", tuple(ranges[index] for index in left))

    def contract(self, operands: Sequence[tuple[Tensor, Sequence[object]]], out: Sequence[object], node: Node,
                 operator: str) -> Tensor:  # fmt: skip
        """The sum of products over the labels that ``out`` lacks; one label per axis of an operand.

        Raises:
            ShapeError: axes with the same label have different lengths.
        """
        lengths = self.label_lengths(operands, operator)
        summed = [label for label in lengths if label not in out]
        index: dict[object, Expr] = {label: free_index(position) for position, label in enumerate(out)}
        index |= {label: bound_index(position) for position, label in enumerate(summed)}
        factors: list[Expr] = []
        for operand, labels in operands:
            tensor = self.factor(operand)
            places = [
                S.Zero if is_unit(tensor.shape[axis]) and not is_unit(lengths[label][0]) else index[label]
                for axis, label in enumerate(labels)
            ]
            factors.append(at(tensor, places))
        shape = tuple(lengths[label][0] for label in out)
        bound = tuple(lengths[label][0] for label in summed)
        body = Mul(*factors)
        if not bound:
            return Tensor(shape, body, node)
        # The sign stays outside, so that X @ w and -X @ w are one quantity.
        sign = -S.One if body.as_coeff_Mul()[0].is_negative else S.One
        total = self.sum(shape, sign * body, bound, "z" if shape else "s", node)
        return replace(total, body=sign * total.body)

    def label_lengths(
        self, operands: Sequence[tuple[Tensor, Sequence[object]]], operator: str
    ) -> dict[object, tuple[Expr, Tensor, int]]:
        """The length of each label, with the axis that has it."""
        lengths: dict[object, tuple[Expr, Tensor, int]] = {}
        for tensor, labels in operands:
            for axis, label in enumerate(labels):
                length = tensor.shape[axis]
                if label not in lengths or is_unit(lengths[label][0]):
                    lengths[label] = (length, tensor, axis)
                elif length != lengths[label][0] and not is_unit(length):
                    raise mismatch(lengths[label][1], lengths[label][2], tensor, axis, operator)
        return lengths

    # ---- names ----------------------------------------------------------------------------------

    def name(self, tensor: Tensor, name: str) -> Definition:
        """The definition of a statement ``name = ..``.

        A nameless definition that is the whole value, up to the order of its axes and a constant
        factor, takes the name; otherwise the value gets a pointwise definition.
        """
        factor, ref = _scaled_ref(tensor.body)
        if ref is not None and ref.name.startswith(PROVISIONAL) and self.covers(tensor, ref):
            nameless = self.definitions[ref.name]
            if factor == S.One or (nameless.reduce in {"", "sum"} and not self.readers(ref.name)):
                return self.rename(nameless, tensor, ref, name, factor)
        body = tensor.body
        self.record(Definition(name, tensor.shape, body, sign=sign_of(body), origin="named"))
        return self.definitions[name]

    def covers(self, tensor: Tensor, ref: Ref) -> bool:
        """Whether the entry runs over each axis of the tensor once, axes of length one excepted.

        The body of a function of a whole matrix does not have the axes of its value, so their
        order cannot be changed there.
        """
        if self.definitions[ref.name].reduce in MATRIX_FUNCTION_BY_NAME:
            return bool(ref.indices == frees(tensor.rank))
        missing = set(frees(tensor.rank)) - set(ref.indices)
        distinct = len(set(ref.indices)) == len(ref.indices) and all(isinstance(i, Index) for i in ref.indices)
        same = distinct and all(
            self.definitions[ref.name].shape[place] == tensor.shape[frees(tensor.rank).index(index)]
            for place, index in enumerate(ref.indices)
        )
        return same and all(is_unit(tensor.shape[frees(tensor.rank).index(index)]) for index in missing)

    def readers(self, name: str) -> list[str]:
        """The definitions that read a name."""
        return [definition.name for definition in self.definitions.values() if name in definition.reads]

    def rename(self, old: Definition, tensor: Tensor, ref: Ref, name: str, factor: Expr) -> Definition:
        """Give a nameless definition its name, the axes of the tensor and a constant factor."""
        body = old.at(ref.indices) * factor
        new = Definition(name, tensor.shape, body, old.reduce, old.bound, sign_of(body, old.reduce), "named")
        order = [ref.indices.index(index) if index in ref.indices else None for index in frees(tensor.rank)]

        def entry(read: Ref) -> Expr:
            return new[tuple(S.Zero if place is None else read.indices[place] for place in order)]

        self.replace_refs(old.name, new, entry)
        return new

    def replace_refs(self, old: str, new: Definition, entry: Callable[[Ref], Expr]) -> None:
        """Put a definition in the place of another and let all others read it instead."""
        definitions: dict[str, Definition] = {}
        for definition in self.definitions.values():
            if definition.name == old:
                definitions[new.name] = new
            elif old in definition.reads:
                mapping = {ref: entry(ref) for ref in definition.refs if ref.name == old}
                definitions[definition.name] = definition.with_body(definition.body.xreplace(mapping))
            else:
                definitions[definition.name] = definition
        self.definitions = definitions
        self.known = {}
        for definition in definitions.values():
            self.known.setdefault(_key(definition), definition.name)

    def finish(self, inputs: tuple[Input, ...], output: str, taken: Iterable[str], keep: Iterable[str]) -> Program:
        """The program, nameless definitions named in order; those that nothing needs are left out."""
        used = set(taken)
        heads: dict[Expr, Expr] = {}
        kept = Program(inputs, tuple(self.definitions.values()), (output,)).pruned([output, *keep])
        final: list[Definition] = []
        for definition in from_the_right(kept.definitions, lambda name: name.startswith(PROVISIONAL)):
            body = definition.body.xreplace(heads) if heads else definition.body
            name = definition.name
            if name.startswith(PROVISIONAL):
                name = next(fresh_names(used, self.stems[name]))
                used.add(name)
            renamed = replace(definition, name=name, body=body)
            if name != definition.name:
                heads[definition.head] = renamed.head
            final.append(renamed)
        return Program(inputs, tuple(final), (output,))


def _key(definition: Definition) -> tuple[object, ...]:
    return definition.shape, definition.body, definition.reduce, definition.bound


def _scaled_ref(body: Expr) -> tuple[Expr, Ref | None]:
    """A body as a constant factor times one entry, if it is that."""
    factors = Mul.make_args(body)
    refs = [factor for factor in factors if isinstance(factor, Ref)]
    rest = [factor for factor in factors if not isinstance(factor, Ref)]
    if len(refs) != 1 or any(factor.atoms(Ref, Index) for factor in rest):
        return S.One, None
    return Mul(*rest), refs[0]


def _select(term: Expr, bound: list[Index], lengths: Mapping[Index, Expr]) -> tuple[Expr, list[Index]]:
    """Resolve the sums that factors from identity matrices collapse; the bound indices that are left."""
    left = list(bound)
    for delta in [factor for factor in Mul.make_args(term) if isinstance(factor, KroneckerDelta)]:
        pair = delta.args
        ours = [index for index in pair if index in left]
        if ours and all(index in lengths for index in pair) and len({lengths[index] for index in pair}) == 1:
            other = pair[1] if pair[0] == ours[0] else pair[0]
            selected, rest = _select((term / delta).xreplace({ours[0]: other}), left, lengths)
            return selected, [index for index in rest if index != ours[0]]
    return term, left
