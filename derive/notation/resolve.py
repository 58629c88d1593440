"""What subscripts and arguments mean: ``x_i`` an entry where i is an index, else a name.

The parser leaves open what depends on declarations and on the signs around a name; here every
:class:`Subscripted` and :class:`Applied` node becomes an entry, a name or a product, and every
bare sum sign gets the letters that its body carries.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from chainrule.derive.errors import NotationError, Span, UnknownNameError, near_names
from chainrule.derive.notation.parser import FUNCTIONS
from chainrule.derive.notation.signs import is_letter
from chainrule.derive.notation.syntax import (
    ALONG,
    Applied,
    Binary,
    Call,
    IndexRange,
    IndexSum,
    Iverson,
    Juxtaposed,
    Name,
    Node,
    Slice,
    Subscript,
    Subscripted,
    children,
    event_name,
    walk,
)
from chainrule.derive.notation.unavailable import refuse_unavailable

#: Letters that several together under one name are indices of a bare sum sign.
USUAL_LETTERS = frozenset("ijkl")
Letters = frozenset[str]


@dataclass(frozen=True)
class Resolver:
    """Resolves the nodes of one statement.

    Attributes:
        names: the variables that are declared or defined.
        rows: declared matrices, and whether the text uses them by their own name.
        events: names whose applications are numbers of their own: P of ``P(A|B)``.
        arguments: names that were given with arguments, ``H(X) = ..``.
    """

    names: Collection[str]
    rows: Mapping[str, bool]
    events: Collection[str]
    arguments: Mapping[str, tuple[str, ...]]

    def resolve(self, node: Node, letters: Letters = frozenset()) -> Node:
        """The node with these index letters open; chains of operators are followed in a loop."""
        spine: list[Binary | Juxtaposed] = []
        first = node
        while isinstance(first, Binary | Juxtaposed):
            spine.append(first)
            first = first.left
        left = self.operand(first, letters)
        for item in reversed(spine):
            right = self.resolve(item.right, letters)
            left = item if left is item.left and right is item.right else replace(item, left=left, right=right)
        return left

    def operand(self, node: Node, letters: Letters) -> Node:
        """The node, which is no chain of operators."""
        match node:
            case Subscripted():
                return self.subscripted(node, letters)
            case Applied():
                return self.applied(node, letters)
            case IndexSum():
                return self.sum(node, letters)
        return mapped(node, lambda part: self.resolve(part, letters))

    # ---- subscripts -----------------------------------------------------------------------------

    def subscripted(self, node: Subscripted, letters: Letters) -> Node:
        """An entry where the subscript consists of open indices, else the name as it is."""
        if node.whole and node.whole in self.names:
            return Name(node.whole, span=node.span)
        used = [name for name in _item_names(node) if name not in self.names]
        if used and letters.issuperset(used):
            return self.entry(node.base, node)
        missing = [name for name in used if name not in letters]
        partly = len(missing) < len(used) and (node.base in self.names or USUAL_LETTERS.issuperset(used))
        if not node.whole or partly:
            raise NotationError(
                f"nothing runs over the index {missing[0]} here" if missing else "this subscript is not an index",
                node.span, expected=f"a sum such as Σ_{missing[0]} around it" if missing else "an index such as i + 1",
                hint=f"or a left side with the index: z_{missing[0]} = .." if missing else "entries by number: x[0]",
            )  # fmt: skip
        return node

    def entry(self, base: str, node: Subscripted) -> Subscript:
        """``x_i`` is an entry of x, or row i of X where only X is declared."""
        matrix = base.upper()
        if base not in self.names and matrix in self.rows and len(node.items) == 1:
            if self.rows[matrix]:
                row = f"{matrix}[{', '.join(_item_names(node))}, :]"
                raise NotationError(
                    "this subscript can be read in two ways", node.span,
                    expected=f"a row of {matrix}, {row}, or an entry of a vector {base}",
                    hint=f"write the row, or declare the vector: {base}: real[n]",
                )  # fmt: skip
            base = matrix
        return Subscript(Name(base, span=_base_span(node)), node.items, paper=True, span=node.span)

    def applied(self, node: Applied, letters: Letters) -> Node:
        """``p(x)`` is an entry where x is an index, a product where p is a value."""
        names = [item.name for item in node.arguments if isinstance(item, Name)]
        if names and not node.given and len(names) == len(node.arguments) and letters.issuperset(names):
            return Subscript(Name(node.name, span=node.span), node.arguments, paper=True, span=node.span)
        if node.given or node.name in self.events:
            return Name(self.event(node), span=node.span)
        if node.name in self.arguments:
            return self.same_value(node)
        if node.name in self.names:
            inner = self.resolve(node.arguments[0], letters)
            return Juxtaposed(Name(node.name, span=node.span), inner, span=node.span)
        refuse_unavailable(node.name, _name_span(node))
        near = near_names(node.name, FUNCTIONS)
        raise UnknownNameError(
            f"there is no function called {node.name}", _name_span(node), near=near,
            hint="" if near else f"a product with a bracket is written {node.name} * (..); "
            f"a function without a definition is declared, {node.name}: function",
        )  # fmt: skip

    def event(self, node: Applied) -> str:
        """The name of ``P(A|B)``."""
        sides = [[item.name for item in side if isinstance(item, Name)] for side in (node.arguments, node.given)]
        if not sides[0] or list(map(len, sides)) != [len(node.arguments), len(node.given)]:
            raise NotationError(
                f"the arguments of {node.name} are names of events", node.span, expected=f"{node.name}(A | B)"
            )
        return event_name(node.name, *sides)

    def same_value(self, node: Applied) -> Name:
        """``H(X)`` after ``H(X) = ..``."""
        names = self.arguments[node.name]
        if tuple(item.name for item in node.arguments if isinstance(item, Name)) != names:
            raise NotationError(
                f"{node.name} is a value, not a function", node.span, expected=f"{node.name} or "
                f"{node.name}({', '.join(names)})", hint="a statement gives a value its name",
            )  # fmt: skip
        return Name(node.name, span=node.span)

    # ---- sums -----------------------------------------------------------------------------------

    def sum(self, node: IndexSum, letters: Letters) -> Node:
        """A sum with its letters open in the body; bounds with letters become conditions."""
        if node.kind in ALONG:
            return replace(node, body=self.resolve(node.body, letters))
        if not node.letters:
            found = tuple(dict.fromkeys(self.carried(node.body, letters)))
            if not found:
                return Call(node.kind, (self.resolve(node.body, letters),), span=node.span)
            node = replace(node, letters=found, bare=True)
        inner = letters | set(node.letters)
        ranges, conditions = [], [self.resolve(condition, inner) for condition in node.conditions]
        for entry in node.ranges:
            start, stop = _bound(entry, entry.start, ">=", inner), _bound(entry, entry.stop, "<=", inner)
            conditions += [item for item in (start, stop) if item is not None]
            ranges.append(replace(entry, start=None if start else entry.start, stop=None if stop else entry.stop))
        return replace(
            node, body=self.resolve(node.body, inner), ranges=tuple(ranges), conditions=tuple(conditions)
        )

    def carried(self, body: Node, letters: Letters) -> Iterator[str]:
        """The subscripts of a body over which a bare sign sums."""
        for node, bound in scoped(body):
            if isinstance(node, Subscripted) and node.whole not in self.names and _looks_indexed(node):
                yield from (name for name in _item_names(node) if name not in letters and name not in bound)
            if isinstance(node, Subscript):
                names = [name for item in node.items if isinstance(item, Name) for name in _letters(item)]
                yield from (name for name in names if name not in {*letters, *bound, *self.names})
            if isinstance(node, Applied) and not node.given and not near_names(node.name, FUNCTIONS):
                names = [item.name for item in node.arguments if isinstance(item, Name)]
                if len(names) == len(node.arguments):
                    yield from (name for name in names if name not in {*letters, *bound, *self.names})


def free_letters(node: Node) -> set[str]:
    """The letters in subscripts and bounds of a node that no sum inside it binds."""
    found: set[str] = set()
    for part, bound in scoped(node):
        names: set[str] = set()
        if isinstance(part, Subscripted):
            names = set(_item_names(part))
        elif isinstance(part, Subscript):
            names = {name for item in part.items if not isinstance(item, Slice) for name in _letters(item)}
        elif isinstance(part, IndexSum):
            bounds = [bound for entry in part.ranges for bound in (entry.start, entry.stop) if bound is not None]
            names = {name for item in (*bounds, *part.conditions) for name in _letters(item)} - set(part.letters)
        found |= names - bound
    return found


def bracket_letters(node: Node) -> set[str]:
    """The free letters that stand as subscripts in brackets, as results are printed: ``x[i]``."""
    return {
        name for part, bound in scoped(node) if isinstance(part, Subscript)
        for item in part.items if isinstance(item, Name) for name in _letters(item) if name not in bound
    }  # fmt: skip


def compared_letters(node: Node) -> set[str]:
    """The free letters that stand in brackets, compared or beside numbers: ``x[n - i] [i <= j]``."""
    found: set[str] = set()
    for part, bound in scoped(node):
        match part:
            case Subscript(items=items):
                inside: tuple[Node, ...] = tuple(item for item in items if not isinstance(item, Slice))
            case Iverson(condition) | Call("where", (condition, *_)):
                inside = (condition,)
            case _:
                continue
        found |= {name for item in inside for name in _letters(item) if name not in bound}
    return found


def _letters(node: Node) -> Iterator[str]:
    return (part.name for part in walk(node) if isinstance(part, Name) and is_letter(part.name))


def scoped(node: Node, bound: Letters = frozenset()) -> Iterator[tuple[Node, Letters]]:
    """The nodes under a node, each with the letters of the sums around it, without recursion."""
    waiting = [(node, bound)]
    while waiting:
        part, letters = waiting.pop()
        yield part, letters
        binds = isinstance(part, IndexSum) and part.kind not in ALONG
        inner = letters | set(part.letters) if isinstance(part, IndexSum) and binds else letters
        waiting += [(child, inner) for child in reversed(children(part))]


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with its direct parts changed; the node itself where nothing changes."""
    changes: dict[str, Any] = {}
    for entry in fields(node):
        before = getattr(node, entry.name)
        after = _mapped_value(before, change)
        if after is not before:
            changes[entry.name] = after
    return replace(node, **changes) if changes else node


def _mapped_value(value: object, change: Callable[[Node], Node]) -> object:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        after = tuple(_mapped_value(item, change) for item in value)
        return value if all(a is b for a, b in zip(after, value, strict=True)) else after
    return value


def _item_names(node: Subscripted) -> Iterator[str]:
    return (part.name for item in node.items for part in walk(item) if isinstance(part, Name))


def _looks_indexed(node: Subscripted) -> bool:
    """Whether a subscript that no sign names is meant as an index: ``yᵢ``, ``y_i``, ``X_ij``; not ``y_hat``."""
    names = list(_item_names(node))
    small = node.span is not None and "_" not in node.span.excerpt
    if not names or not all(map(is_letter, names)):
        return False
    return small or len(names) == 1 or not node.whole or USUAL_LETTERS.issuperset(names)


def _bound(entry: IndexRange, bound: Node | None, sign: str, letters: Letters) -> Node | None:
    """A bound that depends on another letter, as a condition."""
    if bound is None or not any(isinstance(part, Name) and part.name in letters for part in walk(bound)):
        return None
    return Binary(">=" if sign == ">=" else "<=", Name(entry.letter, span=entry.span), bound, span=bound.span)


def _base_span(node: Subscripted) -> Span | None:
    """Where the name before a subscript stands."""
    if node.span is None or not node.span.excerpt.startswith(node.base):
        return node.span
    return replace(node.span, end=node.span.start + len(node.base))


def _name_span(node: Applied) -> Span | None:
    return None if node.span is None else replace(node.span, end=node.span.start + len(node.name))
