"""Any definition as a NumPy expression with every axis written out.

Used where a definition has no matrix form: each array gets one axis per index, and the reduction
runs over the bound axes.  Sums of products without logarithms go through ``einsum``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise

import sympy as sp
from sympy import Add, Expr, Integer, KroneckerDelta, Mul

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.program import Definition, Dim, Index, Program, Ref
from chainrule.derive.ranges import is_within, required_facts
from chainrule.derive.render.matrix_source import matrix_source
from chainrule.derive.render.scalar_source import calling, name, operation, product, scalar
from chainrule.derive.zero_products import as_choice, parts, wild_names

#: Functions of whole numbers that occur in subscripts.
REDUCTIONS = {
    "sum": "np.sum", "prod": "np.prod", "max": "np.max", "min": "np.min", "logsumexp": "special.logsumexp",
}  # fmt: skip
LETTERS = "ijklmpqrstuvabcdefgho"


def index_source(program: Program, expr: Expr, shape: Sequence[Expr], names: Mapping[str, str]) -> ast.expr:
    """The values of an index expression over free indices of these lengths."""
    definition = Definition("", tuple(shape), expr)
    return _Axes(program, definition, names).integer(expr, definition.free)


def explicit_axes(program: Program, definition: Definition, names: Mapping[str, str]) -> ast.expr:
    """The value of a definition, in exactly its shape; it reads other definitions by name."""
    return _Axes(program, definition, names).value()


class _Axes:
    def __init__(self, program: Program, definition: Definition, names: Mapping[str, str]) -> None:
        self.program, self.definition, self.names = program, definition, names
        self.wild = wild_names(program)
        self.free, self.bound = definition.free, definition.bound_indices

    def value(self) -> ast.expr:
        definition = self.definition
        shape = ast.Tuple([self.length(length) for length in definition.shape], ast.Load())
        if definition.reduce == "sum":
            terms = [self.summed(term) for term in Add.make_args(definition.body)]
            node = terms[0]
            for term in terms[1:]:
                node = operation("+", node, term)
        elif definition.reduce in MATRIX_FUNCTION_BY_NAME:
            node = self.matrix_function(definition.reduce)
        elif definition.reduce:
            node = self.reduced(definition.reduce, definition.body)
        else:
            node = self.array(definition.body, self.free)
        return calling("np.broadcast_to", node, shape) if definition.shape else node

    def length(self, length: Expr) -> ast.expr:
        return self.integer(length, ())

    def reduced(self, kind: str, body: Expr) -> ast.expr:
        axes = self.free + self.bound
        full = ast.Tuple([self.length(self.definition.lengths[index]) for index in axes], ast.Load())
        over = [ast.Constant(n) for n in range(len(self.free), len(axes))]
        whole = calling("np.broadcast_to", self.array(body, axes), full)
        return calling(REDUCTIONS[kind], whole, axis=ast.Tuple([*over], ast.Load()))

    def matrix_function(self, kind: str) -> ast.expr:
        """The function of the matrices along the last two axes."""
        value = MATRIX_FUNCTION_BY_NAME[kind].shape(*self.definition.bound)
        axes = self.free[: len(self.free) - len(value)] + self.bound
        full = ast.Tuple([self.length(self.definition.lengths[index]) for index in axes], ast.Load())
        return matrix_source(kind, calling("np.broadcast_to", self.array(self.definition.body, axes), full))

    def summed(self, term: Expr) -> ast.expr:
        """The sum of one term, with one axis per free index."""
        factors = Mul.make_args(term)
        kinds = parts(factors, self.wild.__contains__)
        if kinds.wild or any(not isinstance(mask, KroneckerDelta) for mask in kinds.masks):
            named = any(isinstance(factor, Ref) for factor in kinds.wild)
            return self.reduced("sum", as_choice(term, self.wild.__contains__) if named else term)
        used = term.atoms(Index)
        count = [self.length(self.definition.lengths[index]) for index in self.bound if index not in used]
        plain = [self.array(factor, ()) for factor in factors if not factor.atoms(Index)]
        moving = [factor for factor in factors if factor.atoms(Index)]
        node = self.contracted(moving) if moving else None
        for factor in [*plain, *count]:
            node = factor if node is None else product(factor, node)
        assert node is not None
        return node

    def contracted(self, factors: Sequence[Expr]) -> ast.expr:
        letters = dict(zip(self.free + self.bound, LETTERS, strict=False))
        places = [tuple(i for i in letters if i in factor.atoms(Index)) for factor in factors]
        out = tuple(index for index in self.free if any(index in place for place in places))
        inputs = ",".join("".join(letters[index] for index in place) for place in places)
        text = ast.Constant(f"{inputs}->{''.join(letters[index] for index in out)}")
        arrays = [self.filled(factor, place) for factor, place in zip(factors, places, strict=True)]
        node: ast.expr = calling("np.einsum", text, *arrays)
        return _spread(node, out, self.free)

    def filled(self, factor: Expr, place: Sequence[Index]) -> ast.expr:
        """A factor with exactly one axis per index."""
        return self.array(factor, tuple(place))

    def array(self, expr: Expr, axes: Sequence[Index]) -> ast.expr:
        """An expression with one axis per index of ``axes`` (length one where it lacks the index)."""

        def leaf(part: Expr) -> ast.expr | None:
            if isinstance(part, Ref):
                return self.entry(part, axes)
            if isinstance(part, Dim):
                return name(self.names[part.name])
            if isinstance(part, Index):
                return self.along(part, axes)
            if isinstance(part, sp.floor | sp.Mod):
                return self.integer(part, axes)
            if isinstance(part, KroneckerDelta):
                equal = operation("==", *(self.integer(arg, axes) for arg in part.args))
                return calling("np.where", equal, ast.Constant(1.0), ast.Constant(0.0))
            return None

        return scalar(expr, leaf)

    def along(self, index: Index, axes: Sequence[Index]) -> ast.expr:
        numbers = calling("np.arange", self.length(self.definition.lengths[index]))
        return _spread(numbers, (index,), axes)

    def integer(self, expr: Expr, axes: Sequence[Index]) -> ast.expr:
        """An index expression; quotients that are not whole are rounded down."""
        upper, lower = sp.together(expr.args[0] if isinstance(expr, sp.floor) else expr).as_numer_denom()
        if lower != 1:
            return ast.BinOp(self.integer(upper, axes), ast.FloorDiv(), self.integer(lower, axes))
        if isinstance(expr, sp.Mod):
            left, right = (self.integer(arg, axes) for arg in expr.args)
            return ast.BinOp(left, ast.Mod(), right)
        if isinstance(expr, Add):
            first, *others = sorted(expr.args, key=lambda term: (not term.atoms(Index), str(term)))
            node = self.integer(first, axes)
            for term in others:
                minus = term.could_extract_minus_sign()
                node = operation("-" if minus else "+", node, self.integer(-term if minus else term, axes))
            return node
        if isinstance(expr, Mul):
            nodes = [self.integer(arg, axes) for arg in expr.args]
            return reduce(lambda left, right: operation("*", left, right), nodes)
        return self.array(expr, axes)

    def entry(self, ref: Ref, axes: Sequence[Index]) -> ast.expr:
        array: ast.expr = name(self.names[ref.name])
        indices = ref.indices
        if not indices:
            return array
        shape = self.program.by_name[ref.name].shape
        whole = all(self.definition.lengths.get(i) == length for i, length in zip(indices, shape, strict=True))
        if whole and len(set(indices)) == len(indices):
            order = sorted(range(len(indices)), key=lambda n: axes.index(indices[n]))
            if any(later < earlier for earlier, later in pairwise(order)):
                permutation = ast.Tuple([ast.Constant(n) for n in order], ast.Load())
                array = calling("np.transpose", array, permutation)
            return _spread(array, [indices[n] for n in order], axes)
        places = [self.place(index, length, axes) for index, length in zip(indices, shape, strict=True)]
        return ast.Subscript(array, ast.Tuple(places, ast.Load()), ast.Load())

    def place(self, index: Expr, length: Expr, axes: Sequence[Index]) -> ast.expr:
        node = self.integer(index, axes)
        lengths = self.definition.lengths
        facts = required_facts([index], self.program.by_name, lengths)
        if isinstance(index, Integer) or is_within(index, length, lengths, facts):
            return node
        # Entries outside the array are read only where a choice discards them.
        last = operation("-", self.length(length), ast.Constant(1))
        return calling("np.clip", node, ast.Constant(0), last)


def _spread(node: ast.expr, present: Sequence[Index], axes: Sequence[Index]) -> ast.expr:
    """New axes where ``present``, which is in the order of ``axes``, has gaps."""
    if list(present) == list(axes):
        return node
    items: list[ast.expr] = [ast.Slice() if axis in present else ast.Constant(None) for axis in axes]
    return ast.Subscript(node, ast.Tuple(items, ast.Load()) if len(items) > 1 else items[0], ast.Load())
