"""Which matrices are symmetric, as far as the form of an expression shows it.

An expression over two indices is symmetric if exchanging them gives the same expression, up to the
order of factors, the naming of bound indices, and what is known to be symmetric inside it:
``X.T @ A @ X`` is symmetric if ``A`` is, and so is its inverse.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache

from sympy import Add, Expr, KroneckerDelta, Mul, S

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.domains import SYMMETRIC_DOMAINS
from chainrule.derive.errors import LimitError
from chainrule.derive.forms.bound_terms import MatrixEntry, Over
from chainrule.derive.forms.inlining import Inliner
from chainrule.derive.program import Definition, Index, Input, Program, Ref

#: Bound indices whose orders are all tried.
MAX_BOUND = 4


def _index(name: str) -> Index:
    return Index(name, integer=True, nonnegative=True)


class Symmetry:
    """Finds symmetric matrices in the expressions of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.items: dict[str, bool] = {}
        self.counter = itertools.count()
        self.inliner = Inliner(program, lambda definition: True)

    def fresh(self) -> Index:
        """An index that occurs nowhere else."""
        return _index(f"fresh{next(self.counter)}")

    def of_item(self, name: str) -> bool:
        """Whether an input or definition is a symmetric matrix."""
        if name not in self.items:
            item = self.program.by_name[name]
            square = len(item.shape) == 2 and item.shape[0] == item.shape[1]
            self.items[name] = square and (
                item.domain.name in SYMMETRIC_DOMAINS if isinstance(item, Input) else _computed(self.program, name)
            )
        return self.items[name]

    def of_definition(self, item: Definition) -> bool:
        """Whether what a square matrix is computed by is symmetric."""
        row, column = _index("row"), _index("column")
        axes = dict(zip(item.free, (row, column), strict=True))
        try:
            return self.of(self.inliner.body(item).xreplace(axes), row, column)
        except LimitError:
            return False

    def of(self, expr: Expr, row: Index, column: Index) -> bool:
        """Whether an expression, as a matrix over two indices, is symmetric."""
        if not expr.has(KroneckerDelta) and _readers(expr, row) != _readers(expr, column):
            return False
        return self.same(self.tidy(expr), self.tidy(expr.xreplace({row: column, column: row})))

    def of_value(self, expr: MatrixEntry) -> bool:
        """Whether the value of a function of a matrix is symmetric."""
        return MATRIX_FUNCTION_BY_NAME[expr.kind].symmetric and self.of(expr.body, *expr.limits)

    def ordered(self, expr: Expr) -> Expr:
        """The expression with the indices of every symmetric matrix in one order, so that equal terms meet."""
        if not expr.args:
            return expr
        if isinstance(expr, Ref):
            swapped = len(expr.indices) == 2 and self.of_item(expr.name)
            return Ref(expr.args[0], *_sorted(expr.indices)) if swapped else expr
        if isinstance(expr, MatrixEntry):
            at = _sorted(expr.at) if len(expr.at) == 2 and self.of_value(expr) else expr.at
            row, column = expr.limits.items()
            return MatrixEntry(expr.kind, self.ordered(expr.body), row, column, at)
        if isinstance(expr, Mul):
            expr = _with_one_index(expr)
        args = [self.ordered(arg) for arg in expr.args]
        return expr if tuple(args) == expr.args else expr.func(*args)

    # ---- one form for what is equal -----------------------------------------------------------------

    def tidy(self, expr: Expr) -> Expr:
        """The expression with the indices of symmetric matrices in order, and nested sums made one."""
        if isinstance(expr, Ref | MatrixEntry) or not expr.args:
            return self.ordered(expr)
        if isinstance(expr, Over):
            return self.flat(S.One, [Over(expr.kind, self.tidy(expr.body), *expr.limits.items())])
        if isinstance(expr, Mul):
            expr = _with_one_index(expr)
        args = [self.tidy(arg) for arg in expr.args]
        if isinstance(expr, Mul) and any(isinstance(arg, Over) for arg in args):
            sums = [arg for arg in args if isinstance(arg, Over) and arg.kind == "sum"]
            return self.flat(Mul(*(arg for arg in args if arg not in sums)), sums)
        return expr.func(*args)

    def flat(self, factor: Expr, sums: list[Expr]) -> Expr:
        """``factor`` times sums of products as one sum over all bound indices, which get fresh names."""
        limits: list[tuple[Index, Expr]] = []
        waiting, factors = list(sums), [factor]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Over) and part.kind == "sum":
                names = {index: self.fresh() for index in part.limits}
                limits += [(names[index], length) for index, length in part.limits.items()]
                waiting += Mul.make_args(part.body.xreplace(names))
            else:
                factors.append(part)
        return Over("sum", Mul(*factors), *limits) if limits else Mul(*factors)

    def same(self, left: Expr, right: Expr) -> bool:
        """Whether two tidy expressions are equal up to the naming of bound indices."""
        if left == right:
            return True
        if not left.args or left.func != right.func or len(left.args) != len(right.args):
            return False
        if isinstance(left, Over) and isinstance(right, Over):
            return left.kind == right.kind and self.renamed(left, right)
        if isinstance(left, Add | Mul):
            return _matched(left.args, right.args, self.same)
        return all(map(self.same, left.args, right.args))

    def renamed(self, left: Over, right: Over) -> bool:
        """Whether some order of the bound indices makes one reduction the other."""
        if len(left.limits) > MAX_BOUND:
            return False
        names = [self.fresh() for _ in left.limits]
        body = self.tidy(left.body.xreplace(dict(zip(left.limits, names, strict=True))))
        for order in itertools.permutations(right.limits.items()):
            if [length for _, length in order] == list(left.limits.values()):
                renaming = {index: name for (index, _), name in zip(order, names, strict=True)}
                if self.same(body, self.tidy(right.body.xreplace(renaming))):
                    return True
        return False


@lru_cache(maxsize=8)
def symmetry_of(program: Program) -> Symmetry:
    """The symmetric matrices of a program; what was found is kept for its other definitions."""
    return Symmetry(program)


def _readers(expr: Expr, index: Index) -> set[str]:
    """What is read at an index: in a symmetric matrix the same at both, unless a delta hides one of them."""
    return {ref.name for ref in expr.atoms(Ref) if ref.has(index)}


def _computed(program: Program, name: str) -> bool:
    return _symmetric_output(program.pruned([name]))


@lru_cache(maxsize=4096)
def _symmetric_output(program: Program) -> bool:
    """Kept between programs: the steps of a derivation are read in one context each, which hardly differ."""
    item = program.output
    return isinstance(item, Definition) and Symmetry(program).of_definition(item)


def _sorted(indices: tuple[Expr, ...]) -> tuple[Expr, ...]:
    return tuple(sorted(indices, key=str))


def _with_one_index(product: Expr) -> Expr:
    """``f[i] delta[i,j]`` with the same index of the two in all factors, whichever they had."""
    for delta in product.args:
        if isinstance(delta, KroneckerDelta):
            first, second = _sorted(delta.args)
            product = delta * (product / delta).xreplace({second: first})
    return product


def _matched(left: tuple[Expr, ...], right: tuple[Expr, ...], same: Callable[[Expr, Expr], bool]) -> bool:
    """Whether the arguments are the same in some order."""
    waiting = list(right)
    for part in left:
        found = next((other for other in waiting if same(part, other)), None)
        if found is None:
            return False
        waiting.remove(found)
    return True
