"""Index letters: which values each one takes, and where the entries stand that it reads.

A subscript on paper counts from 1, one in brackets from 0; a range that starts at 0 counts from 0
in both.  A letter without a range takes every value for which all entries exist, so that
``Σ_i (x_{i+1} - x_i)^2`` runs over neighbours.  A range that fits both ways of counting is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer, S, Symbol

from chainrule.derive.errors import NotationError, ShapeError, Span
from chainrule.derive.notation.syntax import (
    ALONG,
    Binary,
    IndexRange,
    IndexSum,
    Juxtaposed,
    Name,
    Negative,
    NewAxis,
    Node,
    Number,
    Subscript,
    children,
    walk,
)
from chainrule.derive.notation.tensors import Shape
from chainrule.derive.program import Dim, Index, is_unit

#: Names of Kronecker's delta, unless they are declared.
DELTAS = frozenset({"delta", "δ"})
#: What a place in the syntax tree needs to know of a subscripted operand; ``None`` if it cannot.
ShapeOf = Callable[[Node, frozenset[str]], Shape | None]


@dataclass(frozen=True)
class Letter:
    """An open index letter.

    Attributes:
        index: the index that stands for it in bodies; it runs from 0.
        start: its value where the index is 0; ``None`` if only whole axes tell.
        length: the number of its values; ``None`` if the first axis that it stands on tells.
        base: the subscript of the first entry of an axis, 0 or 1.
        counts: whether its value as a number is certain.
    """

    index: Index
    start: Expr | None = None
    length: Expr | None = None
    base: int = 1
    counts: bool = False

    @property
    def value(self) -> Expr:
        """The value as an expression in the index."""
        return self.index + (Integer(self.base) if self.start is None else self.start)


def open_letter(name: str) -> Letter:
    """A letter of which nothing is known yet."""
    return Letter(Index(f"Σ{name}", integer=True, nonnegative=True))


@dataclass(frozen=True)
class Use:
    """A subscript: ``coefficients`` of the letters in it, and the number that is added.

    ``size`` is the length of the axis, ``None`` if it is not known yet.
    """

    node: Subscript
    axis: int
    item: Node
    coefficients: Mapping[str, int]
    number: Expr
    size: Expr | None

    @property
    def alone(self) -> bool:
        """Whether the subscript holds one letter."""
        return len(self.coefficients) == 1

    @property
    def shifted(self) -> bool:
        """Whether the subscript is more than a letter."""
        return bool(self.number) or set(self.coefficients.values()) != {1} or not self.alone


def linear(item: Node, letters: Iterable[str], dims: Mapping[str, Dim]) -> tuple[dict[str, int], Expr]:
    """A subscript as integer multiples of letters plus a number of lengths and integers.

    Raises:
        NotationError: the subscript is something else.
    """
    symbols = {letter: Symbol(letter, integer=True) for letter in letters}
    value = _polynomial(item, symbols, dims)
    coefficients = {}
    for letter, symbol in symbols.items():
        factor = value.coeff(symbol)
        if factor:
            coefficients[letter] = factor
            value = (value - factor * symbol).expand()
    if not all(factor.is_Integer for factor in coefficients.values()) or value.has(*symbols.values()):
        raise NotationError(
            "this subscript is not read", item.span, expected="sums of index letters, integers and lengths: i + 1"
        )
    return {letter: int(factor) for letter, factor in coefficients.items()}, value


def _polynomial(node: Node, symbols: Mapping[str, Symbol], dims: Mapping[str, Dim]) -> Expr:
    match node:
        case Number(value) if value.is_Integer:
            return value
        case Name(name) if name in symbols:
            return symbols[name]
        case Name(name) if name in dims:
            return dims[name]
        case Negative(operand):
            return -_polynomial(operand, symbols, dims)
        case Binary("+" | "-" | "*" as operator, left, right):
            a, b = _polynomial(left, symbols, dims), _polynomial(right, symbols, dims)
            return {"+": a + b, "-": a - b, "*": (a * b).expand()}[operator]
        case Juxtaposed(left, right):
            return (_polynomial(left, symbols, dims) * _polynomial(right, symbols, dims)).expand()
    raise NotationError(
        "this is no subscript", node.span, expected="index letters, integers and lengths: i + 1, n - i",
        hint=f"lengths: {', '.join(sorted(dims))}" if dims else "",
    )  # fmt: skip


# ---- reading a statement ------------------------------------------------------------------------

#: A letter with the sum that binds it; two sums may use one letter.
Bound = tuple[int, str]


@dataclass
class Survey:
    """The subscripts of a statement and the ranges of its letters.

    Attributes:
        uses: subscripts with letters; the coefficients' keys are bound letters.
        ranges: what the text says of each letter.
        pairs: letters that a condition compares.
    """

    uses: list[tuple[Use, dict[Bound, int]]] = field(default_factory=list)
    ranges: dict[Bound, IndexRange] = field(default_factory=dict)
    pairs: list[tuple[Bound, Bound]] = field(default_factory=list)


#: The key of the letters of a left side.
LEFT = 0


def survey(root: Node, left: Sequence[str], shape_of: ShapeOf, dims: Mapping[str, Dim]) -> Survey:
    """All subscripts with letters of a statement, without recursion."""
    found = Survey(ranges={(LEFT, letter): IndexRange(letter) for letter in left})
    waiting: list[tuple[Node, dict[str, int]]] = [(root, dict.fromkeys(left, LEFT))]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, IndexSum) and node.kind not in ALONG:
            scope = scope | dict.fromkeys(node.letters, id(node))
            said = {entry.letter: entry for entry in node.ranges}
            found.ranges |= {(id(node), letter): said.get(letter, IndexRange(letter)) for letter in node.letters}
            found.pairs += _pairs(node, scope)
        if isinstance(node, Subscript):
            found.pairs += _equal(node, scope)
            found.uses += _uses(node, scope, shape_of, dims)
        waiting += [(child, scope) for child in reversed(children(node))]
    return found


def _uses(
    node: Subscript, scope: Mapping[str, int], shape_of: ShapeOf, dims: Mapping[str, Dim]
) -> Iterator[tuple[Use, dict[Bound, int]]]:
    shape = shape_of(node.operand, frozenset(scope))
    items = [item for item in node.items if not isinstance(item, NewAxis)]
    for axis, item in enumerate(items):
        if not is_sum_of_letters(item) or not letters_in(item, scope):
            continue
        coefficients, number = linear(item, scope, dims)
        size = shape[axis] if shape is not None and axis < len(shape) else None
        yield Use(node, axis, item, coefficients, number, size), {
            (scope[letter], letter): factor for letter, factor in coefficients.items()
        }


def _pairs(node: IndexSum, scope: Mapping[str, int]) -> Iterator[tuple[Bound, Bound]]:
    """Letters that the conditions of a sum compare, both ways round."""
    for condition in node.conditions:
        match condition:
            case Binary(_, Name(a), Name(b)) if a in scope and b in scope:
                yield (scope[a], a), (scope[b], b)
                yield (scope[b], b), (scope[a], a)


def _equal(node: Subscript, scope: Mapping[str, int]) -> Iterator[tuple[Bound, Bound]]:
    """Letters of a Kronecker delta, or of any array with axes of unknown lengths, both ways round."""
    match node:
        case Subscript(Name(name), (Name(a), Name(b))) if name in DELTAS and a in scope and b in scope:
            yield (scope[a], a), (scope[b], b)
            yield (scope[b], b), (scope[a], a)


def is_sum_of_letters(item: Node) -> bool:
    """Whether a subscript consists of names and numbers, added, subtracted and multiplied."""
    return all(
        isinstance(part, Name | Number | Negative | Juxtaposed) or (isinstance(part, Binary) and part.operator in "+-*")
        for part in walk(item)
    )


def letters_in(item: Node, letters: Iterable[str]) -> set[str]:
    """The open letters in a subscript."""
    return {part.name for part in walk(item) if isinstance(part, Name)} & set(letters)


# ---- ranges -------------------------------------------------------------------------------------


@dataclass
class Ranges:
    """Finds the range of every letter of a statement.

    Attributes:
        found: its subscripts.
        length: the meaning of a bound, an integer expression of lengths.
        given: lengths of letters of the left side, for those that nothing else tells.
    """

    found: Survey
    length: Callable[[Node], Expr]
    given: Mapping[str, Expr]
    known: dict[Bound, Letter] = field(default_factory=dict)

    def solve(self) -> dict[int, dict[str, Letter]]:
        """The letters of each sum, by the sum's identity; those of the left side under :data:`LEFT`."""
        for bound, said in self.found.ranges.items():
            if bound[0] == LEFT and bound[1] in self.given:
                base = self.natural_base(bound)
                letter = replace(open_letter(bound[1]), start=Integer(base), length=self.given[bound[1]], base=base)
                self.known[bound] = replace(letter, counts=not base)
            elif said.start is not None and said.stop is not None:
                self.known[bound] = self.explicit(bound, said)
        waiting = [bound for bound in self.found.ranges if bound not in self.known]
        # Letters that stand alone somewhere come first: they tell the range of those they are added to.
        for alone in (True, False, False):
            for bound in list(waiting):
                uses = self.telling(bound, alone)
                if uses:
                    self.known[bound] = self.natural(bound, uses)
                    waiting.remove(bound)
        # A letter that only bounds or equals another one runs over the same values: c_i = Σ_{j=1}^i x_j.
        for bound, other in [*self.found.pairs, *self.found.pairs]:
            if bound not in self.known and other in self.known:
                self.known[bound] = replace(self.known[other], index=open_letter(bound[1]).index)
        letters: dict[int, dict[str, Letter]] = {}
        for key, name in self.found.ranges:
            letters.setdefault(key, {})[name] = self.known.get((key, name), open_letter(name))
        return letters

    def having(self, bound: Bound) -> list[tuple[Use, dict[Bound, int]]]:
        """The subscripts that hold a letter."""
        return [(use, factors) for use, factors in self.found.uses if bound in factors]

    def telling(self, bound: Bound, alone: bool) -> list[tuple[Use, dict[Bound, int]]]:
        """The subscripts that tell the range of a letter."""
        uses = [
            (use, factors) for use, factors in self.having(bound)
            if use.size is not None and (use.alone if alone else all(b == bound or b in self.known for b in factors))
        ]  # fmt: skip
        return [(use, factors) for use, factors in uses if not (is_unit(use.size) and not use.shifted)] or uses

    # ---- letters with a range that is written ---------------------------------------------------

    def explicit(self, bound: Bound, said: IndexRange) -> Letter:
        """A letter whose range is written."""
        assert said.start is not None
        assert said.stop is not None
        start, stop = self.length(said.start), self.length(said.stop)
        if (stop - start).is_negative:
            raise NotationError(
                f"no value of {bound[1]} is in this range", said.span, expected="a start up to the stop",
                found=f"{start} to {stop}",
            )  # fmt: skip
        letter = replace(open_letter(bound[1]), start=start, length=stop - start + 1, counts=True)
        return replace(letter, base=self.base(bound, said, letter))

    def base(self, bound: Bound, said: IndexRange, letter: Letter) -> int:
        """The subscript of the first entry: the one way of counting by which all entries exist."""
        uses = [use for use, _ in self.having(bound)]
        from_zero = letter.start == 0
        on_paper = {use.node.paper for use in uses}
        alone = any(use.alone and use.size is not None for use in uses)
        if on_paper <= {not from_zero} or not alone:
            return int(not from_zero)
        fitting = [base for base in (0, 1) if self.fits(bound, replace(letter, base=base))]
        if len(fitting) == 2:
            raise _two_counts(said, letter, uses)
        return fitting[0] if fitting else int(not from_zero)

    def fits(self, bound: Bound, letter: Letter) -> bool:
        """Whether all entries at which the letter stands alone exist."""
        for use, factors in self.having(bound):
            if use.alone and use.size is not None:
                ends = ends_of({letter: factors[bound]}, use.number - letter.base)
                if not (is_inside(ends[0]) and is_inside(use.size - 1 - ends[1])):
                    return False
        return True

    # ---- letters without one --------------------------------------------------------------------

    def natural(self, bound: Bound, uses: list[tuple[Use, dict[Bound, int]]]) -> Letter:
        """A letter that takes every value for which the entries exist."""
        base = self.natural_base(bound)
        said = self.found.ranges[bound]
        starts, stops = zip(*(self.interval(use, factors, bound, base) for use, factors in uses), strict=True)
        if not any(use.shifted for use, _ in uses) and said.start is None and said.stop is None:
            _check_equal([use for use, _ in uses], bound[1])
        start = self.length(said.start) if said.start is not None else _extreme(starts, uses, bound[1], 1)
        stop = self.length(said.stop) if said.stop is not None else _extreme(stops, uses, bound[1], -1)
        if (stop - start).is_negative:
            raise ShapeError(f"no value of {bound[1]} leaves all subscripts inside their axes", uses[0][0].item.span)
        if said.start is None and (base - start).is_positive:
            raise NotationError(
                f"the range of {bound[1]} can be read in two ways", uses[0][0].item.span,
                expected=f"from {start}, the first value for which the entry exists, or from {base}",
                hint=f"write it under the sign: Σ_{{{bound[1]}={base}}}^n",
            )  # fmt: skip
        counts = base == 0 or said.start is not None or said.stop is not None
        return replace(open_letter(bound[1]), start=start, length=stop - start + 1, base=base, counts=counts)

    def natural_base(self, bound: Bound) -> int:
        """1 on paper, 0 in brackets, and that of a letter with a range to which it is added."""
        having = self.having(bound)
        for _, factors in having:
            for other in factors:
                if other in self.known and self.known[other].counts:
                    return self.known[other].base
        return int(any(use.node.paper for use, _ in having))

    def interval(self, use: Use, factors: Mapping[Bound, int], bound: Bound, base: int) -> tuple[Expr, Expr]:
        """The values of a letter for which one entry exists, whatever the other letters are."""
        factor = factors[bound]
        if abs(factor) != 1:
            raise NotationError(
                f"the range of {bound[1]} is not clear from this subscript", use.item.span,
                expected=f"a range such as Σ_{{{bound[1]}=1}}^n",
            )  # fmt: skip
        others = {self.known[other]: value for other, value in factors.items() if other != bound}
        low, high = ends_of(others, use.number - base)
        assert use.size is not None
        first, last = -low, use.size - 1 - high
        return (first, last) if factor == 1 else (-last, -first)


def ends_of(letters: Mapping[Letter, int], number: Expr) -> tuple[Expr, Expr]:
    """The smallest and the largest value of multiples of letters plus a number."""
    low = high = number
    for letter, factor in letters.items():
        first = Integer(letter.base) if letter.start is None else letter.start
        last = first + (S.One if letter.length is None else letter.length) - 1
        low += factor * (first if factor > 0 else last)
        high += factor * (last if factor > 0 else first)
    return low.expand(), high.expand()


def is_inside(distance: Expr) -> bool:
    """Whether a distance to the end of an axis can be taken to be nonnegative: 0, 2, n, n - 3; not m - n."""
    if distance.is_nonnegative is not None:
        return bool(distance.is_nonnegative)
    dims = sorted(distance.free_symbols, key=str)
    return len(dims) == 1 and bool(distance.coeff(dims[0]).is_positive)


def _extreme(
    values: Sequence[Expr], uses: Sequence[tuple[Use, dict[Bound, int]]], letter: str, sign: int
) -> Expr:
    """The largest (or with -1 the smallest) of the values, which must differ by integers."""
    best = values[0]
    for value, (use, _) in zip(values, uses, strict=True):
        difference = ((value - best) * sign).expand()
        if difference.is_nonnegative is None:
            raise _lengths_differ(letter, uses[0][0], use)
        if difference.is_positive:
            best = value
    return best.expand()


def _check_equal(uses: Sequence[Use], letter: str) -> None:
    """A letter that only ever stands alone runs over axes of one length."""
    for use in uses:
        if use.size != uses[0].size:
            raise _lengths_differ(letter, uses[0], use)


def _lengths_differ(letter: str, first: Use, other: Use) -> ShapeError:
    return ShapeError(
        f"the index {letter} runs over axes of different lengths", other.item.span, expected=f"length {first.size}",
        found=f"axis {other.axis} of {_written(other.node.operand)} has length {other.size}",
    )  # fmt: skip


def _two_counts(said: IndexRange, letter: Letter, uses: Sequence[Use]) -> NotationError:
    """The error that a range fits whether subscripts count from 0 or from 1."""
    use = next(use for use in uses if use.alone)
    readings = []
    for base in (1, 0):
        low, high = ends_of({letter: next(iter(use.coefficients.values()))}, use.number - base)
        readings.append(f"{_written(use.node.operand)}[{low}:{high + 1}] if subscripts count from {base}")
    return NotationError(
        "this range can be read in two ways", said.span, expected=" or ".join(readings),
        hint="a range from 1 with subscripts such as x_i counts from 1, a range from 0 with x[i] from 0",
    )  # fmt: skip


def _written(node: Node) -> str:
    return node.span.excerpt if isinstance(node.span, Span) else "the operand"
