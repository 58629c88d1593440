"""The lines of generated source that compute whole arrays by calls.

A call for each matrix of a batch stands in loops over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Mul

from chainrule.derive.program import Definition, Program, Ref
from chainrule.kernels.operations import Applied, Operation, Solution
from chainrule.kernels.products import MatrixProduct
from chainrule.kernels.sharing import INDENT


@dataclass(frozen=True)
class Store:
    """A line that is wanted only if the array it writes to is."""

    array: str
    line: str


Line = str | Store


@dataclass
class Calls:
    """Writes the calls of one function.

    Attributes:
        names: the Python name of every input and definition.
        index: the source of a length.
        variable: the loop variable at a depth of loops.
        unique: a text as the name of a local variable that nothing else has.
        dtype: "float64" or "float32".
        dot: the function that multiplies matrices.
        arrays: the arrays that are needed; what a call reads or writes is added.
        functions: the functions of the library that are called.
        decomposed: the arrays of the decompositions at hand, by operand and function.
    """

    program: Program
    names: dict[str, str]
    index: Callable[[Expr], str]
    variable: Callable[[int], str]
    unique: Callable[[str], str]
    dtype: str
    dot: str
    arrays: set[str]
    functions: dict[str, None] = field(default_factory=dict)
    decomposed: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def lines(self, definition: Definition, operation: Operation) -> list[Line]:
        """The lines that compute a definition."""
        if isinstance(operation, MatrixProduct):
            return list(self._product(definition, operation))
        if isinstance(operation, Solution):
            return list(self._solution(definition, operation))
        return [*self._decomposition(operation), *self._value(definition, operation)]

    def allocates(self, operation: Operation) -> bool:
        """Whether a call writes to an array that exists before, and does not make it."""
        if isinstance(operation, MatrixProduct):
            return bool(operation.batch)
        return isinstance(operation, Solution) or not operation.way.part

    # ---- products ------------------------------------------------------------------------------------

    def _product(self, definition: Definition, product: MatrixProduct) -> Iterator[Line]:
        self.arrays |= {product.first.name, product.second.name, definition.name}
        first = self._factor(product.first, product, product.left, product.contracted, product.flip_first)
        second = self._factor(product.second, product, product.contracted, product.right, product.flip_second)
        name = self.names[definition.name]
        if product.batch:
            lengths = [definition.lengths[index] for index in product.batch]
            result = self._factor(definition[definition.free], product, product.left, product.right, False)
            yield from self._for_each(lengths, f"{self.dot}({first}, {second}, {result})")
        else:
            wide = len(product.left) > 1 or len(product.right) > 1
            shape = f".reshape({self.shape(definition.shape)})" if wide else ""
            yield f"{INDENT}{name} = {self.dot}({first}, {second}){shape}"

    def _factor(
        self, ref: Ref, product: MatrixProduct, rows: Sequence[Expr], columns: Sequence[Expr], flip: bool,
        matrix: bool = False,
    ) -> str:  # fmt: skip
        """An array as a matrix, or as a vector unless it must be a matrix, for one place of the batch."""
        batched = bool(product.batch) and ref.indices[: len(product.batch)] == product.batch
        text = self._at(self.names[ref.name], len(product.batch) if batched else 0)
        one, two = (columns, rows) if flip else (rows, columns)
        if len(one) > 1 or len(two) > 1 or (matrix and not (one and two)):
            lengths = dict(zip(ref.indices, self.program.by_name[ref.name].shape, strict=True))
            groups = (one, two) if matrix else filter(None, (one, two))
            text += f".reshape({self.shape(Mul(*(lengths[index] for index in group)) for group in groups)})"
        return f"{text}.T" if flip and (matrix or (rows and columns)) else text

    def _solution(self, definition: Definition, solution: Solution) -> Iterator[Line]:
        product = solution.product
        self.arrays |= {solution.other.name, definition.name}
        factors = [
            self._at(array, solution.inverse.batch)
            for array in self.decomposed[self._key(solution.inverse)].values()
        ]  # fmt: skip
        on_left = solution.side == "left"
        rows, columns = (product.contracted, product.right) if on_left else (product.left, product.contracted)
        flip = product.flip_second if on_left else product.flip_first
        other = self._factor(solution.other, product, rows, columns, flip, matrix=True)
        result = self._factor(
            definition[definition.free], product, product.left, product.right, False, matrix=True
        )  # fmt: skip
        call = self._call("solve" if on_left else "solve_right", *factors, other, str(solution.transposed), result)
        yield from self._for_each([definition.lengths[index] for index in product.batch], call)

    # ---- functions of matrices ------------------------------------------------------------------------

    def _key(self, applied: Applied) -> tuple[str, str]:
        decomposition = applied.way.decomposition
        return applied.operand.name, decomposition.function if decomposition else ""

    def _decomposition(self, applied: Applied) -> Iterator[Line]:
        """The lines that compute what the value is computed from, unless they stand there already."""
        needed, key = applied.way.decomposition, self._key(applied)
        if needed is None or key in self.decomposed:
            return
        operand = self.names[applied.operand.name]
        self.arrays.add(applied.operand.name)
        shape = self.program.by_name[applied.operand.name].shape
        batch, matrix = shape[: applied.batch], shape[applied.batch :]
        self.decomposed[key] = {ending: self.unique(f"{operand}_{ending}") for ending in needed.arrays}
        for ending, array in self.decomposed[key].items():
            dtype = ", np.int64" if ending in needed.whole else self.dtype_argument()
            sizes = needed.arrays[ending](*matrix)
            yield f"{INDENT}{array} = np.empty({self.shape((*batch, *sizes))}{dtype})"
        arrays = [self._at(array, applied.batch) for array in (operand, *self.decomposed[key].values())]
        yield from self._for_each(batch, self._call(needed.function, *arrays))

    def _value(self, definition: Definition, applied: Applied) -> Iterator[Line]:
        way, name = applied.way, self.names[definition.name]
        if way.part:
            yield Store(definition.name, f"{INDENT}{name} = {self.decomposed[self._key(applied)][way.part]}")
            return
        if not way.decomposition:
            self.arrays.add(applied.operand.name)
        operand = {"": self.names[applied.operand.name]}
        read = self.decomposed[self._key(applied)] if way.decomposition else operand
        arrays = [self._at(array, applied.batch) for array in read.values()]
        target = self._at(name, applied.batch)
        if len(definition.shape) > applied.batch:
            call = self._call(way.function, *arrays, target)
        else:
            call = f"{target} = {self._number(self._call(way.function, *arrays))}"
        for line in self._for_each(definition.shape[: applied.batch], call):
            yield Store(definition.name, line) if definition.shape else line

    # ---- text --------------------------------------------------------------------------------------------

    def _at(self, array: str, batch: int) -> str:
        """The array, or its part at the loop variables of a batch."""
        places = ", ".join(self.variable(depth) for depth in range(batch))
        return f"{array}[{places}]" if batch else array

    def _call(self, function: str, *arguments: str) -> str:
        self.functions[function] = None
        return f"{function}({', '.join(arguments)})"

    def _for_each(self, lengths: Sequence[Expr], statement: str) -> Iterator[str]:
        """A statement in loops over a batch."""
        for depth, length in enumerate(lengths):
            yield f"{INDENT * (depth + 1)}for {self.variable(depth)} in range({self.index(length)}):"
        yield f"{INDENT * (len(lengths) + 1)}{statement}"

    def shape(self, lengths: Iterable[Expr]) -> str:
        """A shape as ``np.empty`` takes it."""
        texts = [self.index(length) for length in lengths]
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    def dtype_argument(self) -> str:
        """What follows the shape in ``np.empty``."""
        return ", np.float32" if self.dtype == "float32" else ""

    def _number(self, text: str) -> str:
        return f"f32({text})" if self.dtype == "float32" else text
