"""Syntax trees to tensors: names, operators, calls, sums over index letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sympy import Expr, S, pi

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import ChainruleError, NotationError, UnknownNameError, near_names
from chainrule.derive.notation import arguments, scalars
from chainrule.derive.notation.functions import LOWERINGS, elementwise, lower_outer, lower_transpose, matmul
from chainrule.derive.notation.lengths import Subscripting
from chainrule.derive.notation.linear_algebra import MATRIX_LOWERINGS
from chainrule.derive.notation.parser import BINDING, COMPARISON, FUNCTIONS
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    IndexSum,
    Juxtaposed,
    Name,
    Negative,
    Node,
    Number,
    Subscript,
    Transpose,
    walk,
)
from chainrule.derive.notation.tensors import Tensor, Workspace, broadcast_shape, frees, spread
from chainrule.derive.notation.tokens import SUBSCRIPTS, canonical_name
from chainrule.derive.program import Definition, Dim, Index, Input, bound_index

#: How each function of whole tensors is read.
ALL_LOWERINGS: dict[str, Callable[..., Tensor]] = {**LOWERINGS, **MATRIX_LOWERINGS}
COMPARISONS = frozenset(operator for operator, binding in BINDING.items() if binding == COMPARISON)
#: Words that are no names unless they are declared: the words, what is wrong, what to try.
NO_NAMES: tuple[tuple[frozenset[str], str, str], ...] = (
    (FUNCTIONS, "{0} is a function and needs brackets", "write {0}(..); a variable called {0} has to be declared"),
    (frozenset({"True", "False", "None"}), "{0} cannot stand here", ""),
    (
        frozenset({"inf", "nan", "NaN", "Inf", "infinity", "oo"}),
        "{0} is not a number here", "only finite numbers are read",
    ),
    (
        frozenset({"and", "or", "not", "if", "else", "for", "in", "is", "import", "return", "def"}),
        "the word {0} means nothing here", "a choice is written where(x > 0, a, b)",
    ),
)  # fmt: skip


@dataclass
class Reader:
    """What names mean while a program is read.

    Attributes:
        work: the definitions so far.
        values: inputs and named definitions.
        dims: the named lengths.
        closed: whether every name must be known, as in a claim about a given program.
        undeclared: inputs made for names that nobody declared, which are scalars.
        later: names that later statements give.
        letters: the index letters of open sums.
    """

    work: Workspace
    values: dict[str, Input | Definition]
    dims: Mapping[str, Dim]
    closed: bool = False
    undeclared: dict[str, Input] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    letters: dict[str, Index] = field(default_factory=dict)

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
        with located(first):
            value = self.work.settle(self.leaf(first))
        for run in _runs(chain):
            with located(run[-1]):
                value = self.work.settle(self.combine(value, run))
        return value

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
        operands, signs, shape, row = [left], [""], left.shape, left.row
        for item in run:
            right = self.lower(item.right)
            operator = _operator(item)
            _refuse_primed(item, operands[-1], right)
            so_far = Tensor(shape, S.Zero, item.left)
            shape = broadcast_shape([so_far, right], operator, _product_hint(so_far, right, operator))
            row = row and right.rank == 0
            operands.append(right)
            signs.append(operator)
        bodies = [spread(operand, shape) for operand in operands]
        parts = [
            -body if sign == "-" else scalars.inverse(body) if sign == "/" else body
            for body, sign in zip(bodies, signs, strict=True)
        ]
        return Tensor(shape, join(parts), run[-1], row)

    def matmul(self, left: Tensor, right: Tensor, node: Binary | Juxtaposed) -> Tensor:
        """The product of matrices and vectors."""
        for operand, other in ((left, right), (right, left)):
            if operand.rank == 0:
                self.refuse_undeclared(operand.node, _matmul_proposal(operand is left, other))
        product = matmul(self.work, node, left, right)
        return replace(product, row=left.row and right.rank == 2)

    def juxtaposed(self, left: Tensor, right: Tensor, node: Juxtaposed) -> Tensor:
        """The product by the rules of linear algebra."""
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
        shape = broadcast_shape([left, right], "*")
        return Tensor(shape, scalars.multiply([spread(left, shape), spread(right, shape)]), node, left.row)

    # ---- everything else ------------------------------------------------------------------------

    def leaf(self, node: Node) -> Tensor:
        """The tensor of anything that is not a chain of operators."""
        match node:
            case Number(value):
                return Tensor((), value, node)
            case Name(name):
                return self.name(name, node)
            case Negative(operand):
                inner = self.lower(operand)
                return Tensor(inner.shape, -inner.body, node, inner.row)
            case Binary(operator) if operator in COMPARISONS:
                raise NotationError(
                    "a comparison stands only in the first argument of where", node.span,
                    hint="1 where it holds and 0 elsewhere is where(a > b, 1, 0)",
                )  # fmt: skip
            case Binary(_, left, right):
                return self.power(self.lower(left), self.lower(right), node)
            case Transpose(operand):
                return self.transpose(operand, node)
            case Subscript():
                return self.subscript(node)
            case IndexSum():
                return self.index_sum(node)
            case Call():
                return self.call(node)
        raise NotationError(
            "this cannot stand here", node.span, expected="an expression",
            hint="tuples and texts are arguments of functions such as ones((n, d)) and einsum('ij,j->i', A, x)",
        )  # fmt: skip

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
        """``operand[items]``."""
        operand = self.lower(node.operand)
        if operand.rank == 0:
            axes = ", ".join(["n", "d", "k", "m"][: max(1, len(node.items))])
            self.refuse_undeclared(node.operand, "{0}: real[" + axes + "]")
        return Subscripting(operand, self.dims, self.letters, self.work.lengths).result(node.items, node)

    def index_sum(self, node: IndexSum) -> Tensor:
        """``Σ_i body``: the letters are axes of their own until the body is read."""
        indices = [Index(f"Σ{letter}", integer=True, nonnegative=True) for letter in node.letters]
        self.letters.update(zip(node.letters, indices, strict=True))
        body = self.lower(node.body)
        for letter, index in zip(node.letters, indices, strict=True):
            del self.letters[letter]
            if index not in self.work.lengths:
                raise NotationError(
                    f"nothing has the index {letter}", node.span,
                    expected=f"a subscript such as x_{letter} or X[{letter}, :]",
                )  # fmt: skip
        bound = tuple(self.work.lengths.pop(index) for index in indices)
        renamed = body.body.xreplace({index: bound_index(position) for position, index in enumerate(indices)})
        return self.work.sum(body.shape, renamed, bound, "s", node)

    # ---- names ----------------------------------------------------------------------------------

    def name(self, name: str, node: Node) -> Tensor:
        """The value of a name; one that nobody declared becomes a scalar input."""
        item = self.values.get(name) or self.undeclared.get(name)
        if item is not None:
            return Tensor(item.shape, item[frees(len(item.shape))], node)
        if name in self.dims:
            return Tensor((), self.dims[name], node)
        if name in {"pi", "π"}:
            return Tensor((), pi, node)
        self.refuse_name(name, node)
        self.undeclared[name] = Input(name)
        return self.name(name, node)

    def refuse_name(self, name: str, node: Node) -> None:
        """Refuse names that nobody declared and that cannot be scalars."""
        if name in self.later:
            raise NotationError(f"{name} is used before it is defined", node.span, hint="put its statement first")
        for words, message, hint in NO_NAMES:
            if name in words or name in self.letters:
                raise NotationError(message.format(name), node.span, hint=hint.format(name))
        base = _without_subscript(name, node)
        if base in self.values:
            raise UnknownNameError(
                f"{name} is not declared", node.span, near=(base,),
                hint=f"subscripts are indices only under a sum such as Σ_i; the whole of {base} is written {base}",
            )  # fmt: skip
        if name.startswith("_"):
            raise UnknownNameError(f"{name} is not declared", node.span, hint=f"declare it, for example {name}: real")
        if self.closed:
            known = [*self.values, *self.dims]
            raise UnknownNameError(
                f"{name} is not known", node.span, near=near_names(name, known), hint="known here: " + ", ".join(known)
            )

    def refuse_undeclared(self, node: Node, proposal: str) -> None:
        """Refuse a scalar whose name nobody declared where a scalar cannot stand."""
        for part in walk(node):
            if isinstance(part, Name) and part.name in self.undeclared:
                raise UnknownNameError(
                    f"{part.name} is not declared, so it is read as a scalar, and a scalar cannot stand here",
                    part.span, near=near_names(part.name, self.values), expected="a vector or a matrix",
                    hint=f"declare it, for example {proposal.format(part.name)}",
                )  # fmt: skip

    # ---- calls ----------------------------------------------------------------------------------

    def call(self, node: Call) -> Tensor:
        """A call of a function of the catalogue."""
        if node.function in BY_NAME:
            return self.elementwise(node)
        arguments.refuse_unavailable(node)
        entry = TENSOR_BY_NAME[node.function]
        tensor: Tensor = ALL_LOWERINGS[entry.name](self.work, node, *arguments.arguments(self, node, entry))
        return tensor

    def elementwise(self, node: Call) -> Tensor:
        """A call of a function of the entries."""
        entry = BY_NAME[node.function]
        written = arguments.elementwise_arguments(node, entry)
        return elementwise(node, entry, [self.lower(argument) for argument in written])

    def condition(self, node: Node) -> Tensor:
        """The first argument of ``where``: a comparison, or numbers of which 0 means no."""
        if isinstance(node, Binary) and node.operator in COMPARISONS:
            left, right = self.lower(node.left), self.lower(node.right)
            with located(node):
                shape = broadcast_shape([left, right], node.operator)
                body = scalars.compare(node.operator, spread(left, shape), spread(right, shape))
                return self.work.settle(Tensor(shape, body, node))
        inner = self.lower(node)
        return replace(inner, body=scalars.compare("!=", inner.body, S.Zero), row=False)


def _without_subscript(name: str, node: Node) -> str:
    """The name before a subscript such as that of ``x_i`` or ``x₁``."""
    written = node.span.excerpt if node.span else name
    base = written.rstrip("".join(SUBSCRIPTS))
    return canonical_name(base) if base != written else name.rpartition("_")[0]


#: Operators whose chains are followed in a loop.
CHAINED = frozenset("+-*/@")


@contextmanager
def located(node: Node) -> Iterator[None]:
    """Errors without a place get that of the node."""
    try:
        yield
    except ChainruleError as error:
        if error.span is None:
            error.span = node.span
        raise


def _operator(node: Binary | Juxtaposed) -> str:
    return node.operator if isinstance(node, Binary) else ""


def _runs(chain: Sequence[Binary | Juxtaposed]) -> list[list[Binary | Juxtaposed]]:
    """The chain cut where the kind of operator changes; ``@`` and juxtaposition stand alone."""
    kinds = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 0, "": 0}
    runs: list[list[Binary | Juxtaposed]] = []
    previous = 0
    for node in chain:
        kind = kinds[_operator(node)]
        if runs and kind and kind == previous:
            runs[-1].append(node)
        else:
            runs.append([node])
        previous = kind
    return runs


def _refuse_primed(node: Binary | Juxtaposed, left: Tensor, right: Tensor) -> None:
    """``x'*A`` is a product of matrices in other tools and entry by entry here, so it is refused."""
    if _operator(node) != "*" or not left.rank or not right.rank:
        return
    for tensor in (left, right):
        if tensor.row and isinstance(tensor.node, Transpose) and tensor.node.prime:
            raise NotationError(
                f"{tensor.text} of a vector before or after * can be read in two ways", node.span,
                expected=f"{left.text} @ {right.text} or {_plain(left)} * {_plain(right)}",
                hint="* multiplies entry by entry; the product of matrices is @",
            )  # fmt: skip


def _plain(tensor: Tensor) -> str:
    return tensor.text.rstrip("'ᵀ′’")


def _product_hint(left: Tensor, right: Tensor, operator: str) -> str:
    if operator != "*" or not left.rank or not right.rank:
        return ""
    if left.shape[-1] == right.shape[-2 if right.rank > 1 else -1]:
        return "* multiplies entry by entry; the product of matrices is @"
    return ""


def _matmul_proposal(is_left: bool, other: Tensor) -> str:
    """A declaration that would fit the other operand of ``@``."""
    if not other.rank:
        return "{0}: real[n, d]" if is_left else "{0}: real[d]"
    inner = other.shape[-1 if not is_left or other.rank == 1 else -2]
    return "{0}: real[m, " + f"{inner}]" if is_left else "{0}: real[" + f"{inner}]"
