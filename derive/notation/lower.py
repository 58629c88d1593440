"""Syntax trees to tensors: names, operators, calls, sums over index letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sympy import Expr, S, pi

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.catalog.unspecified import unspecified
from chainrule.derive.errors import ChainruleError, NotationError, Span, UnknownNameError, near_names
from chainrule.derive.notation import arguments, scalars
from chainrule.derive.notation.axes import AXIS_LOWERINGS
from chainrule.derive.notation.cursor import join
from chainrule.derive.notation.einsum import lower_einsum
from chainrule.derive.notation.functions import (
    LOWERINGS,
    elementwise,
    lower_outer,
    lower_transpose,
    lower_where,
    matmul,
)
from chainrule.derive.notation.indices import Indices
from chainrule.derive.notation.letters import Letter, is_sum_of_letters
from chainrule.derive.notation.linear_algebra import MATRIX_LOWERINGS
from chainrule.derive.notation.open_lengths import aligned, multiplied, refuse_open
from chainrule.derive.notation.operator_chains import (
    CHAINED,
    SUMS,
    has_dot,
    is_row,
    matmul_proposal,
    operator_of,
    product_hint,
    refuse_primed,
    runs_of,
)
from chainrule.derive.notation.overloaded import MEANINGS, lower_signed
from chainrule.derive.notation.place_lists import as_stack, selected
from chainrule.derive.notation.signs import COMPARISONS
from chainrule.derive.notation.structure import STRUCTURE_LOWERINGS
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    IndexSum,
    Iverson,
    Juxtaposed,
    Name,
    Negative,
    Node,
    Number,
    Overloaded,
    Subscript,
    Subscripted,
    Transpose,
    Tuple,
    walk,
)
from chainrule.derive.notation.tensors import Shape, Tensor, Workspace, broadcast_shape, frees, spread
from chainrule.derive.notation.unknown_names import refuse_name
from chainrule.derive.program import Definition, Dim, Index, Input
from chainrule.derive.ranges import Facts, facts_against, facts_of

#: How each function of whole tensors is read.
ALL_LOWERINGS: dict[str, Callable[..., Tensor]] = {
    **LOWERINGS, **AXIS_LOWERINGS, **STRUCTURE_LOWERINGS, **MATRIX_LOWERINGS, "einsum": lower_einsum,
}  # fmt: skip
#: Names that stand for functions without being declared.
USUAL_FUNCTIONS = frozenset({"activation"})


@dataclass
class Reader:
    """What names mean while a program is read.

    Attributes:
        work: the definitions so far.
        values: inputs and named definitions.
        dims: the named lengths.
        functions: names of functions without a definition.
        closed: whether every name must be known, as in a claim about a given program.
        undeclared: inputs made for names that nobody declared.
        inferred: those of them whose shape their use tells; the others are scalars.
        named_lengths: lengths that only the ranges of sums name, with their places.
        later: names that this and later statements give.
        current: the name that this statement gives.
        comparing: whether the place is inside a comparison.
        parts: tensors by provisional names, which no formula's text can have.
        products: of products of arrays without brackets, by their identity, whether of entries or of arrays.
    """

    work: Workspace
    values: dict[str, Input | Definition]
    dims: dict[str, Dim]
    functions: frozenset[str] = frozenset()
    closed: bool = False
    undeclared: dict[str, Input] = field(default_factory=dict)
    inferred: dict[str, Input] = field(default_factory=dict)
    named_lengths: dict[str, Span | None] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    current: str = ""
    comparing: bool = False
    parts: dict[str, Tensor] = field(default_factory=dict)
    products: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.indices = Indices(self)

    def replaceable(self, name: str) -> bool:
        """Whether a claim may give a name anew: that of a definition, not that of an input."""
        return self.closed and isinstance(self.values.get(name), Definition)

    @property
    def facts(self) -> Facts:
        """What the comparisons around the place say of the index letters."""
        return self.indices.facts

    @property
    def letters(self) -> Mapping[str, Letter]:
        """The open index letters."""
        return self.indices.letters

    # ---- operators ------------------------------------------------------------------------------

    def lower(self, node: Node) -> Tensor:
        """The tensor of an expression.

        Chains of operators at one level are followed in a loop, so that the stack does not limit
        their length, and sums are added at once.
        """
        chain: list[Binary | Juxtaposed] = []
        first = node
        while isinstance(first, Juxtaposed) or (isinstance(first, Binary) and first.operator in CHAINED):
            chain.insert(0, first)
            first = first.left
        if any(map(has_dot, chain)):
            chain = self.with_inner_products(first, chain)
        operands = [first, *(item.right for item in chain)]
        facts = self.indices.facts_of_factors(operands, [operator_of(item) in SUMS for item in chain])
        runs = runs_of(chain) if facts is None else [[item] for item in chain]
        with located(first), self.indices.knowing(facts[0] if facts else ()):
            value = self.work.settle(self.leaf(first))
        for place, run in enumerate(runs, 1):
            with located(run[-1]), self.indices.knowing(facts[place] if facts else ()):
                value = self.work.settle(self.combine(value, run))
        return value

    def with_inner_products(
        self, first: Node, chain: Sequence[Binary | Juxtaposed]
    ) -> list[Binary | Juxtaposed]:
        """A chain in which ``x_i · w`` is the inner product of a row and a vector."""
        kept: list[Binary | Juxtaposed] = []
        for item in chain:
            before = kept[-1].right if kept else first
            sides = [self.lower(before), self.lower(item.right)] if has_dot(item) else []
            if not sides or any(side.rank != 1 for side in sides) or not any(map(is_row, sides)):
                kept.append(item)
                continue
            product = Binary("@", before, item.right, span=join(before, item.right))
            kept[-1:] = [replace(kept[-1], right=product) if kept else product]
        return kept

    def combine(self, left: Tensor, run: Sequence[Binary | Juxtaposed]) -> Tensor:
        """The value of a run of operators of one kind."""
        last = run[-1]
        if isinstance(last, Juxtaposed):
            return self.juxtaposed(left, self.lower(last.right), last)
        if last.operator in "+-":
            return self.fold(left, run, scalars.add)
        if last.operator == "@":
            return self.matmul(left, self.lower(last.right), last)
        return self.fold(left, run, scalars.multiply)

    def fold(self, left: Tensor, run: Sequence[Binary | Juxtaposed], join: Callable[[list[Expr]], Expr]) -> Tensor:
        """A sum, or a product with quotients, of operands that are broadcast together."""
        operands = aligned([left, *(self.lower(item.right) for item in run)])
        signs, shape = ["", *map(operator_of, run)], operands[0].shape
        for item, before, right in zip(run, operands, operands[1:], strict=False):
            operator = operator_of(item)
            refuse_primed(item, before, right)
            so_far = Tensor(shape, S.Zero, item.left)
            shape = broadcast_shape([so_far, right], operator, product_hint(so_far, right, operator))
        row = any(operand.row for operand in operands) and all(operand.row or not operand.rank for operand in operands)
        bodies = [spread(operand, shape) for operand in operands]
        parts = [
            -body if sign == "-" else scalars.inverse(body) if sign == "/" else body
            for body, sign in zip(bodies, signs, strict=True)
        ]
        return Tensor(shape, join(parts), run[-1], row)

    def matmul(self, left: Tensor, right: Tensor, node: Binary | Juxtaposed) -> Tensor:
        """The product of matrices and vectors."""
        left, right = multiplied(left, right)
        for operand, other in ((left, right), (right, left)):
            if operand.rank == 0:
                self.refuse_undeclared(operand.node, matmul_proposal(operand is left, other))
        product = matmul(self.work, node, left, right)
        return replace(product, row=left.row and right.rank == 2)

    def juxtaposed(self, left: Tensor, right: Tensor, node: Juxtaposed) -> Tensor:
        """The product by the rules of linear algebra, or with a sign of LaTeX."""
        self.refuse_loose(left, right, node)
        if node.sign:
            return lower_signed(self.work, node, *aligned([left, right]))
        if not left.rank or not right.rank:
            shape = broadcast_shape([left, right], "*")
            body = scalars.multiply([spread(left, shape), spread(right, shape)])
            return Tensor(shape, body, node, left.row or right.row)
        if left.rank == 1 and right.rank == 1:
            if left.row and not right.row:
                return self.matmul(left, right, node)
            if right.row and not left.row:
                return lower_outer(self.work, node, left, right)
        elif max(left.rank, right.rank) >= 2:
            return self.matmul(left, right, node)
        if left.rank == right.rank == 1 and (is_row(left) or is_row(right)):
            raise NotationError(
                "this product of vectors can be read in two ways", node.span,
                expected=f"{left.text} @ {right.text} or {left.text} * {right.text}",
                hint="a dot between them writes the inner product as well",
            )  # fmt: skip
        shape = broadcast_shape([left, right], "*")
        return Tensor(shape, scalars.multiply([spread(left, shape), spread(right, shape)]), node, left.row)

    def refuse_loose(self, left: Tensor, right: Tensor, node: Juxtaposed) -> None:
        """Refuse ``A B ⊙ C``: products of matrices and of entries side by side without brackets."""
        kind = "entries" if node.sign in {"⊙", "⊘"} else "arrays"
        before = self.products.get(id(node.left), "") if node.loose else ""
        if right.rank and before and before != kind:
            raise NotationError(
                "these products can be read in two ways", node.span, expected="(A B) \\odot C or A (B \\odot C)",
                hint="put one of the products in brackets",
            )  # fmt: skip
        if left.rank and right.rank:
            self.products[id(node)] = kind
        elif before:
            self.products[id(node)] = before

    # ---- everything else ------------------------------------------------------------------------

    def leaf(self, node: Node) -> Tensor:
        """The tensor of anything that is not a chain of operators."""
        match node:
            case Number(value):
                return Tensor((), value, node)
            case Name(name):
                return self.name(name, node)
            case Subscripted(whole=name):
                return self.name(name, node)
            case Negative(operand):
                inner = self.lower(operand)
                return Tensor(inner.shape, -inner.body, node, inner.row)
            case Binary(operator) if operator in COMPARISONS:
                return self.condition(node)
            case Binary(_, left, right):
                return self.power(self.lower(left), self.lower(right), node)
            case Transpose(operand):
                return self.transpose(operand, node)
            case Subscript():
                return self.subscript(node)
            case IndexSum():
                return self.indices.sum(node)
            case Iverson(condition):
                return replace(self.condition(condition), node=node)
            case Overloaded():
                return self.overloaded(node)
            case Tuple(square=True):
                return self.call(as_stack(node))
            case Call():
                return self.call(node)
        raise NotationError(
            "this cannot stand here", node.span, expected="an expression",
            hint="tuples and texts are arguments of functions such as ones((n, d)) and einsum('ij,j->i', A, x)",
        )  # fmt: skip

    def overloaded(self, node: Overloaded) -> Tensor:
        """A sign of LaTeX whose meaning depends on the axes of its operands."""
        operands = [self.lower(operand) for operand in node.operands]
        for operand in operands:
            if node.sign != "blocks":  # where the place of an identity matrix tells its size
                refuse_open(operand.shape, operand.node)
        if node.sign in {"norm", "inner"} and not operands[0].rank:
            self.refuse_undeclared(node.operands[0], "{0}: real[n]")
        return MEANINGS[node.sign](self.work, node, *operands)

    def power(self, base: Tensor, exponent: Tensor, node: Node) -> Tensor:
        """``base ** exponent``, entry by entry."""
        shape = broadcast_shape([base, exponent], "**")
        return Tensor(shape, scalars.power(spread(base, shape), spread(exponent, shape)), node)

    def transpose(self, operand: Node, node: Node) -> Tensor:
        """``operand.T``."""
        inner = self.lower(operand)
        if inner.rank == 0:
            self.refuse_undeclared(operand, "{0}: real[n, d]")
        return lower_transpose(self.work, node, inner)

    def subscript(self, node: Subscript) -> Tensor:
        """``operand[items]`` or ``operand_i``."""
        if self.indices.is_delta(node):
            return self.indices.delta(node)
        operand = self.lower(node.operand)
        if operand.rank == 0:
            axes = ", ".join(["n", "d", "k", "m"][: max(1, len(node.items))])
            self.refuse_undeclared(node.operand, "{0}: real[" + axes + "]")
        return selected(self, operand, node)

    # ---- names ----------------------------------------------------------------------------------

    def shape_of_name(self, name: str) -> Shape | None:
        """The shape of a declared, defined or inferred name."""
        item = self.values.get(name) or self.inferred.get(name)
        return item.shape if item is not None else None

    def name(self, name: str, node: Node) -> Tensor:
        """The value of a name; one that nobody declared becomes a scalar input."""
        if name in self.indices.letters:
            return self.indices.value(name, node, self.comparing)
        item = self.values.get(name) or self.undeclared.get(name)
        if item is not None:
            return Tensor(item.shape, item[frees(len(item.shape))], node)
        if name in self.dims:
            return Tensor((), self.dims[name], node)
        if name in self.parts:
            return replace(self.parts[name], node=node)
        if name in {"pi", "π"}:
            return Tensor((), pi, node)
        if name in {"inf", "∞"}:
            return Tensor((), S.Infinity, node)
        refuse_name(self, name, node)
        self.undeclared[name] = self.inferred.get(name) or Input(name)
        return self.name(name, node)

    def refuse_undeclared(self, node: Node, proposal: str) -> None:
        """Refuse a scalar whose name nobody declared where a scalar cannot stand."""
        for part in walk(node):
            name = part.name if isinstance(part, Name) else part.whole if isinstance(part, Subscripted) else ""
            if name in self.undeclared:
                raise UnknownNameError(
                    f"{name} is not declared, so it is read as a scalar, and a scalar cannot stand here",
                    part.span, near=near_names(name, self.values), expected="a vector or a matrix",
                    hint=f"declare it, for example {proposal.format(name)}",
                )  # fmt: skip

    # ---- calls ----------------------------------------------------------------------------------

    def call(self, node: Call) -> Tensor:
        """A call of a function of the catalogue."""
        if node.function.rstrip("'") in self.functions:
            return self.unspecified(node)
        if node.function in BY_NAME:
            return self.elementwise(node)
        arguments.refuse_unavailable(node)
        entry = TENSOR_BY_NAME[node.function]
        if entry.name == "where" and self.letters and len(node.arguments) == 3:
            return self.choice(node)
        tensor: Tensor = ALL_LOWERINGS[entry.name](self.work, node, *arguments.arguments(self, node, entry))
        return tensor

    def choice(self, node: Call) -> Tensor:
        """``where(c, a, b)`` under index letters: each value is read where it counts."""
        condition, chosen, other = node.arguments
        holds = self.condition(condition)
        with self.indices.knowing(facts_of([holds.body])):
            value = self.lower(chosen)
        with self.indices.knowing(facts_against(holds.body)):
            return lower_where(self.work, node, holds, value, self.lower(other))

    def elementwise(self, node: Call) -> Tensor:
        """A call of a function of the entries."""
        entry = BY_NAME[node.function]
        written = arguments.elementwise_arguments(node, entry)
        return elementwise(node, entry, [self.lower(argument) for argument in written])

    def unspecified(self, node: Call) -> Tensor:
        """A call of a function without a definition, entry by entry."""
        name = node.function.rstrip("'")
        if len(node.arguments) != 1 or node.keywords:
            raise NotationError(
                f"{name} is a function of one number", node.span, expected=f"{node.function}(x)",
                hint="functions without a definition have one argument",
            )  # fmt: skip
        inner = self.lower(node.arguments[0])
        return replace(inner, body=unspecified(name, len(node.function) - len(name))(inner.body), node=node, row=False)

    def is_of_letters(self, node: Binary) -> bool:
        """Whether a comparison is one of index letters, lengths and numbers, so that it counts as the letters do."""
        names = {part.name for part in walk(node) if isinstance(part, Name)}
        return names <= {*self.letters, *self.dims} and is_sum_of_letters(node.left) and is_sum_of_letters(node.right)

    def condition(self, node: Node) -> Tensor:
        """The first argument of ``where``: a comparison, several at once, or numbers of which 0 means no."""
        if isinstance(node, Tuple):
            parts = aligned([self.condition(item) for item in node.items])
            shape = broadcast_shape(parts, "and")
            return Tensor(shape, scalars.multiply([spread(part, shape) for part in parts]), node)
        if isinstance(node, Binary) and node.operator in COMPARISONS:
            before, self.comparing = self.comparing, self.is_of_letters(node)
            left, right = self.lower(node.left), self.lower(node.right)
            self.comparing = before
            with located(node):
                shape = broadcast_shape([left, right], node.operator)
                body = scalars.compare(node.operator, *_levelled(spread(left, shape), spread(right, shape)))
                return self.work.settle(Tensor(shape, body, node))
        inner = self.lower(node)
        return replace(inner, body=scalars.compare("!=", inner.body, S.Zero), row=False)


def _levelled(left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Both sides of a comparison of indices, the number on the left taken from both."""
    number, rest = left.as_coeff_Add()
    if number and number.is_Integer and right.is_integer and isinstance(rest, Index):
        return rest, right - number
    return left, right


@contextmanager
def located(node: Node) -> Iterator[None]:
    """Errors without a place get that of the node."""
    try:
        yield
    except ChainruleError as error:
        if error.span is None:
            error.span = node.span
        raise
