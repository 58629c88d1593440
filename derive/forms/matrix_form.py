"""Matrix notation for definitions in index notation.

``matrix_form`` writes a definition as people write it: products, transposes, sums along axes.
Every expression is written in a layout (see ``layout``): the order of its axes.  Elementwise
operations ask their operands for layouts that broadcast; sums of products go to ``products``.
Where several texts are possible the cheapest is taken.  What has no clean form is left to
``index_form``: the answer is then ``None``, never something that is only nearly right.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from sympy import Add, Expr, Integer, KroneckerDelta, Mul, Pow, Rational, S, besseli, log, polygamma

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.catalog.unspecified import Unspecified
from chainrule.derive.errors import LimitError
from chainrule.derive.forms.arrange import Order, content, is_decimal, paired, scaled_sums
from chainrule.derive.forms.bound_terms import (
    Cumulative,
    Hardmax,
    LogSoftmax,
    MatrixEntry,
    Over,
    Padded,
    Triangle,
    indices_of,
)
from chainrule.derive.forms.components import cased, clearer, turned, written_out
from chainrule.derive.forms.contraction import operand_layout
from chainrule.derive.forms.entries import delta, entry, matrix_value
from chainrule.derive.forms.inlining import Inliner, written_in
from chainrule.derive.forms.layout import (
    UNCLEAR_COST,
    Layout,
    NoMatrixForm,
    attempt,
    begins_transposed,
    binary,
    call,
    cost,
    indices_in,
    minus,
    number,
    several,
    shape_node,
    with_axes,
    without_minus,
)
from chainrule.derive.forms.masks import cumulative, cumulative_product, padded, pieces, triangle
from chainrule.derive.forms.moments import with_moments
from chainrule.derive.forms.parts import Group, Part, reduced, square_root
from chainrule.derive.forms.products import Plan, opened, write_term
from chainrule.derive.forms.symmetry import symmetry_of
from chainrule.derive.notation.syntax import Binary, BinaryOperator, Name, Negative, Node, Rate
from chainrule.derive.program import Definition, Dim, Index, Program, Ref, is_unit
from chainrule.derive.scalar import INFINITIES, Indicator, where
from chainrule.derive.steps import Slope

#: Expressions that may be tried in some layout before index notation is used instead.
MAX_WORK = 5_000
#: Functions whose first argument is an order: names of their own for some orders.
ORDERS = {polygamma: {0: "digamma", 1: "trigamma"}, besseli: {0: "i0", 1: "i1"}}
#: A comparison read from right to left.
TURNED: dict[str, BinaryOperator] = {"<": ">", "<=": ">=", "==": "=="}


def matrix_form(program: Program, name: str) -> Node | None:
    """A definition in matrix notation, its nameless parts written in, or ``None``.

    The value of the node has exactly the definition's shape.

    Args:
        program: the program.
        name: an input or a definition of it.

    Returns:
        A node that reads back to the same values, or ``None`` where there is no clean form.
    """
    return _readable(program.pruned([name]), name)


@lru_cache(maxsize=128)
def _readable(program: Program, name: str) -> Node | None:
    """A page shows many definitions more than once: with the formula, as they are derived, as results."""
    return matrix_node(program, name, written_in, readable=True)


def matrix_node(
    program: Program, name: str, inline: Callable[[Definition], bool], *, readable: bool, ordered: bool = False
) -> Node | None:
    """:func:`matrix_form` with a choice of what is written in.

    ``readable`` prefers what textbooks print (``diag``, ``norm``, flat chains); otherwise what runs
    fast (broadcasting, matrix-vector products first) is preferred.  What is readable, or ``ordered``,
    takes matrices declared symmetric for their own transposes.
    """
    item = program.by_name[name]
    if not isinstance(item, Definition):
        return Name(name)
    writer = Writer(program, inline, readable, ordered=ordered)
    try:
        node = writer.definition(item)
    except (NoMatrixForm, LimitError, RecursionError):
        return None
    node = turned(node)
    if not readable:
        return node
    return None if cost(node) > UNCLEAR_COST else with_moments(node)


def matrix_call(program: Program, expr: MatrixEntry) -> Node | None:
    """The function of a matrix that an entry is read from, or ``None`` if the matrix has no matrix form."""
    if indices_of(expr.body) - set(expr.limits):
        return None  # one matrix for each value of another index
    writer = Writer(program, written_in, readable=True)
    axes = tuple(writer.fresh(length) for length in expr.limits.values())
    try:
        operand = writer.whole(expr.body.xreplace(dict(zip(expr.limits, axes, strict=True))), axes)
    except (NoMatrixForm, LimitError, RecursionError):
        return None
    return call(expr.kind, operand)


class Writer:
    """Writes the expressions of one program; see ``contraction.Speller``."""

    def __init__(
        self, program: Program, inline: Callable[[Definition], bool], readable: bool, *, ordered: bool = False
    ) -> None:
        self.program, self.readable, self.ordered = program, readable, readable or ordered
        self.order = Order.of(program)
        self.inliner = Inliner(program, inline)
        self.lengths: dict[Index, Expr] = {}
        self.sums: dict[Node, Expr] = {}
        self.counter = itertools.count()
        self.work = itertools.count()
        self.symmetry = symmetry_of(program)
        self.parts: dict[Expr, Part] = {}
        self.plans: dict[Expr, Plan] = {}

    def fresh(self, length: Expr) -> Index:
        """A new index of this length."""
        index = Index(f"f{next(self.counter)}", integer=True, nonnegative=True)
        self.lengths[index] = length
        return index

    def definition(self, definition: Definition) -> Node:
        """The definition in exactly its shape."""
        body = self.inliner.body(definition)
        body = self.symmetry.ordered(body) if self.ordered else body
        self.lengths |= dict(zip(definition.free, definition.shape, strict=True))
        axes = zip(definition.free, definition.shape, strict=True)
        return self.whole(body, tuple(None if is_unit(length) else index for index, length in axes))

    def whole(self, body: Expr, layout: Layout) -> Node:
        """An expression in exactly this layout, whether or not it has all its indices."""
        if set(indices_in(layout)) == indices_of(body) and (indices_in(layout) or not layout):
            return self.spell(body, layout)
        axes = indices_in(layout)
        array = written_out(self, body, axes) if cased(body) else None
        return self.filled(body, layout) if array is None else with_axes(array, layout)

    def filled(self, body: Expr, layout: Layout) -> Node:
        """An expression that lacks some of the layout's axes, filled up with ones or zeros."""
        lengths = [Integer(1) if axis is None else self.lengths[axis] for axis in layout]
        shape = shape_node([self.spell(length, ()) for length in lengths])
        if body == 0:
            return call("zeros", shape)
        if not indices_in(layout):
            return binary("*", self.spell(body, ()), call("ones", shape))
        return write_term(self, body, layout)

    def spell(self, expr: Expr, layout: Layout) -> Node:
        """The cheapest way to write an expression in a layout that has exactly its indices."""
        return self.part(expr).write(layout)

    def part(self, expr: Expr) -> Part:
        """An expression, to be written in any layout of its indices."""
        if expr not in self.parts:
            self.parts[expr] = Part(indices_of(expr), lambda place: self.direct(expr, place), expr)
        return self.parts[expr]

    def operand(self, expr: Expr, layout: Layout) -> Node:
        """An operand of an elementwise operation whose value has this layout."""
        return self.spell(expr, operand_layout(indices_of(expr), layout))

    def direct(self, expr: Expr, layout: Layout) -> Node:
        """An expression in a layout, without transposing the whole or putting axes into it."""
        if next(self.work) > MAX_WORK:
            raise LimitError(f"a matrix form was not found in {MAX_WORK} attempts")
        if set(indices_in(layout)) != indices_of(expr):
            raise NoMatrixForm
        write = next((write for kind, write in WRITERS if isinstance(expr, kind)), apply)
        if not cased(expr):
            return write(self, expr, layout)
        return clearer(written_out(self, expr, layout), attempt(lambda place: write(self, expr, place), layout))


# ---- leaves ------------------------------------------------------------------------------------------


def rational(writer: Writer, value: Expr, layout: Layout) -> Node:
    """A number: a whole one, a decimal one, or a fraction."""
    exact = Rational(value)
    if exact.q == 1 or is_decimal(abs(exact)):
        return number(exact)
    node = Binary("/", number(abs(exact.p)), number(exact.q))
    return minus(node) if exact < 0 else node


def dimension(writer: Writer, value: Dim, layout: Layout) -> Node:
    """A length as a number."""
    return Name(value.name)


# ---- elementwise operations ------------------------------------------------------------------------------


def add(writer: Writer, total: Add, layout: Layout) -> Node:
    """A sum: common numbers in front, positive terms first."""
    resolved = Add(*(opened(writer, term) for term in total.args))
    joined = paired(scaled_sums(resolved))
    if joined != total and indices_of(joined) == indices_of(total):
        return writer.spell(joined, layout)
    if content(total)[0] != 1:
        return write_term(writer, total, layout)
    terms = [(writer.order.size(term), writer.operand(term, layout)) for term in total.args]
    terms.sort(key=lambda pair: (*pair[0][:3], begins_transposed(pair[1]), *pair[0][3:]))
    nodes = Counter(node for _, node in terms)
    # A matrix plus its transpose may be the same text twice: then the matrix is symmetric.
    found = [several(count, node) for node, count in nodes.items()]
    signed = sorted(((without_minus(node), node) for node in found), key=lambda pair: pair[0] is not None)
    result = signed[0][1]
    for positive, node in signed[1:]:
        result = Binary("+", result, node) if positive is None else Binary("-", result, positive)
    return result


def power(writer: Writer, expr: Pow, layout: Layout) -> Node:
    """A power, a root, a reciprocal, or a norm."""
    base, exponent = expr.as_base_exp()
    if exponent.is_number and exponent.is_negative:
        return Binary("/", number(1), writer.operand(base**-exponent, layout))
    norm = _norm(writer, base, exponent, layout)
    if norm is not None:
        return norm
    if exponent == S.Half:
        return call("sqrt", writer.operand(base, layout))
    return Binary("**", writer.operand(base, layout), writer.operand(exponent, layout))


def _norm(writer: Writer, base: Expr, exponent: Expr, layout: Layout) -> Node | None:
    """``norm(x)**p`` for a power of a sum of squares."""
    if not isinstance(base, Over) or base.kind != "sum" or not (2 * exponent).is_Integer:
        return None
    names = {index: writer.fresh(length) for index, length in base.limits.items()}
    root = square_root(Group([writer.part(base.body.xreplace(names))]))
    if root is None or (exponent.is_Integer and not writer.readable) or len(names) > 2:
        return None
    limits = {names[index]: length for index, length in base.limits.items()}
    if not set(limits) <= indices_of(root):
        return None
    part = writer.part(root)
    node = attempt(lambda place: reduced(writer, "norm", part, limits, place), layout)
    return None if node is None else node if exponent == S.Half else Binary("**", node, number(2 * exponent))


def apply(writer: Writer, expr: Expr, layout: Layout) -> Node:
    """A function of the catalogue, trailing arguments left out where they are the usual ones."""
    if isinstance(expr, Unspecified):
        return call(expr.func.__name__, writer.operand(expr.args[0], layout))
    entry_ = BY_FUNCTION.get(expr.func)
    if entry_ is None:
        raise NoMatrixForm
    args = list(expr.args)
    name = entry_.name
    if args[0] in ORDERS.get(expr.func, ()):
        name, args = ORDERS[expr.func][int(args[0])], args[1:]
    defaults = list(entry_.defaults)
    while defaults and args[-1] == defaults[-1]:
        args.pop()
        defaults.pop()
    return call(name, *(writer.operand(arg, layout) for arg in args))


def constant(writer: Writer, value: Expr, layout: Layout) -> Node:
    """The number e, which only occurs as a power of itself."""
    return call("exp", number(1))


def euler(writer: Writer, value: Expr, layout: Layout) -> Node:
    """Euler's constant, which SymPy writes ``-digamma(1)`` with."""
    return Negative(call("digamma", number(1)))


def circle(writer: Writer, value: Expr, layout: Layout) -> Node:
    """The number pi."""
    return Name("pi")


def infinity(writer: Writer, value: Expr, layout: Layout) -> Node:
    """A value of a choice that leaves nothing of an exponential."""
    return minus(Name("inf")) if value is S.NegativeInfinity else Name("inf")


def choice(writer: Writer, expr: Expr, layout: Layout) -> Node:
    """``where(a < b, x, y)``."""
    condition, chosen, other = expr.args
    joined = pieces(writer, condition, chosen, other, layout) if writer.readable else None
    if joined is not None:
        return joined
    return call(
        "where", comparison(writer, condition, layout), writer.operand(chosen, layout), writer.operand(other, layout)
    )


def rate(writer: Writer, expr: Slope, layout: Layout) -> Node:
    """A derivative of a scalar that is not worked out."""
    return Rate(writer.operand(expr.body, layout), writer.operand(expr.variable, layout))


def indicator(writer: Writer, expr: Indicator, layout: Layout) -> Node:
    """A comparison as a number."""
    if writer.readable and not expr.atoms(Ref):
        return write_term(writer, expr, layout)
    return call("where", comparison(writer, expr, layout), number(1), number(0))


def comparison(writer: Writer, condition: Expr, layout: Layout) -> Node:
    """A comparison, numbers and scalars on the right."""
    if not isinstance(condition, Indicator):
        return Binary("!=", writer.operand(condition, layout), number(0))
    if len(condition.atoms(Index)) == 2 and writer.readable and not condition.atoms(Ref):
        return Binary("==", _mask(writer, condition, layout), number(1))
    left, right = condition.args
    operator: BinaryOperator = condition.operator  # type: ignore[assignment]
    if left.is_number or (not indices_of(left) and indices_of(right)):
        left, right, operator = right, left, TURNED[operator]
    return Binary(operator, writer.operand(left, layout), writer.operand(right, layout))


def _mask(writer: Writer, condition: Indicator, layout: Layout) -> Node:
    """A comparison of two indices as a matrix of zeros and ones."""
    if condition.operator == "==":
        return delta(writer, KroneckerDelta(*condition.args), layout)
    return write_term(writer, condition, layout)


# ---- reductions ----------------------------------------------------------------------------------------


def over(writer: Writer, expr: Over, layout: Layout) -> Node:
    """A reduction."""
    if expr.kind == "sum":
        return write_term(writer, expr, layout)
    upto = cumulative_product(writer, expr) if writer.readable else None
    if upto is not None:
        return writer.spell(upto, layout)
    names = {index: writer.fresh(length) for index, length in expr.limits.items()}
    body = expr.body.xreplace(names)
    limits = {names[index]: length for index, length in expr.limits.items()}
    used = {index: length for index, length in limits.items() if index in indices_of(body)}
    count = Mul(*(length for index, length in limits.items() if index not in used))
    if not used or count != 1:
        return writer.operand(_without_idle(expr.kind, body, used, count), layout)
    return reduced(writer, expr.kind, writer.part(body), used, layout)


def _without_idle(kind: str, body: Expr, used: dict[Index, Expr], count: Expr) -> Expr:
    """A reduction over indices of which some do not occur in the body."""
    inner = Over(kind, body, *used.items()) if used else body
    if kind == "prod":
        return inner**count
    return inner + log(count) if kind == "logsumexp" else inner


def softmax(writer: Writer, expr: LogSoftmax, layout: Layout) -> Node:
    """``softmax(scores, axis=..)`` where whole rows or columns of scores are read."""
    if isinstance(expr, Hardmax) and not writer.readable:
        return writer.operand(expr.expanded(), layout)
    body = expr.body.xreplace(dict(zip(expr.limits, expr.at, strict=True)))
    others = indices_of(expr.body) - set(expr.limits)
    whole = all(isinstance(index, Index) and index not in others for index in expr.at)
    same = whole and all(
        writer.lengths[index] == length for index, length in zip(expr.at, expr.limits.values(), strict=True)
    )
    if not same or len(set(expr.at)) < len(expr.at) or len(expr.at) not in (1, len(indices_in(layout))):
        return writer.operand(expr.expanded(), layout)
    scores = writer.spell(body, layout)
    if len(expr.at) == len(indices_in(layout)) == len(layout) == 1:
        return call(expr.notation, scores)
    if len(expr.at) > 1:
        return writer.operand(expr.expanded(), layout)
    return call(expr.notation, scores, axis=number(layout.index(expr.at[0])))


WRITERS: tuple[tuple[type | tuple[type, ...], Callable[..., Node]], ...] = (
    (Rational, rational),
    (type(S.Exp1), constant),
    (type(S.Pi), circle),
    (type(S.EulerGamma), euler),
    (INFINITIES, infinity),
    (Dim, dimension),
    (Ref, entry),
    (Add, add),
    (Mul, write_term),
    (Pow, power),
    (where, choice),
    (Slope, rate),
    (Indicator, indicator),
    (KroneckerDelta, delta),
    (Over, over),
    (LogSoftmax, softmax),
    (Cumulative, cumulative),
    (Padded, padded),
    (Triangle, triangle),
    (MatrixEntry, matrix_value),
)
