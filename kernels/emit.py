"""Scheduled programs as the source of a Python function that numba compiles.

The source is meant to be read: names are those of the formula, and a comment before each piece
says which definition it computes.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Expr

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.errors import InputError
from chainrule.derive.program import Definition, Dim, Index, Input, Program, Ref, fresh_names
from chainrule.derive.ranges import is_within, required_facts
from chainrule.derive.zero_products import has_infinite, wild_names
from chainrule.kernels.calls import Calls, Line, Store
from chainrule.kernels.loops import Nest, Task, arrange, scattering, tasks_of
from chainrule.kernels.norms import norm_lines
from chainrule.kernels.operations import CALLED, operations
from chainrule.kernels.scalar_code import ScalarPrinter
from chainrule.kernels.sharing import INDENT, Scope, Sharing

#: Names that generated source uses for itself.
RESERVED = frozenset(
    {
        *BY_NAME, *keyword.kwlist, *CALLED,
        "np", "math", "njit", "types", "array", "number", "helper", "dot", "checked", "sizes", "results", "f32",
        "range", "len", "abs", "float", "max", "min", "tuple", "times", "polygamma", "besseli", "inf", "nan",
    }
)  # fmt: skip

#: Longest comment.
COMMENT_WIDTH = 110


@dataclass(frozen=True)
class Source:
    """A generated function.

    Attributes:
        name: of the function.
        parameters: name of the parameter for each input, in order.
        body: its lines, indented.
        helpers: sources of the functions it calls, in order.
        library: the names of functions of matrices that it calls.
    """

    name: str
    parameters: tuple[str, ...]
    body: tuple[str, ...]
    helpers: tuple[str, ...]
    library: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The function without decorator and helpers."""
        return "\n".join([f"def {self.name}({', '.join(self.parameters)}):", *self.body])


def emit(program: Program, name: str, dtype: str = "float64", dot: str = "np.dot") -> Source:
    """The source of a function of the inputs that returns the tuple of the outputs.

    ``dot`` is the function that multiplies matrices and vectors.
    """
    return _Emitter(program, name, dtype, dot).run()


class _Emitter:
    """Writes one function; the source grows from the outermost loop inwards."""

    def __init__(self, program: Program, name: str, dtype: str, dot: str) -> None:
        self.program, self.function, self.dtype = program, name, dtype
        self.names = _names(program, name)
        self.temporaries = fresh_names({*self.names, *self.names.values(), *RESERVED, name}, "t")
        self.arrays: set[str] = {name for name in program.outputs if program.by_name[name].shape}
        self.summed_in_place: set[str] = set()
        #: Of these the ones that are collected in double precision and not converted yet.
        self.in_double: set[str] = set()
        self.unbounded = wild_names(program)
        symbols: dict[Expr, str] = {dim: self.names[f"dim {dim.name}"] for dim in program.dims}
        self.labels = frozenset(item.name for item in program.inputs if item.selects)
        self.printer = ScalarPrinter(dtype, self.entry, symbols, self.unbounded.__contains__, self.labels)
        self.printer.positive = not has_infinite(program)
        self.values = Sharing(self.printer, self.temporaries, program)
        self.lengths: dict[Index, Expr] = {}
        self.operations = operations(program)
        self.calls = Calls(
            program, self.names, self.printer.index, lambda depth: self.loop_variable(depth).name, self.unique,
            dtype, dot, self.arrays,
        )  # fmt: skip

    def run(self) -> Source:
        lines: list[Line] = []
        for slot in arrange(tasks_of(self.program.definitions, self.operations)):
            block = self.slot(slot, 0)
            names = [slot.name] if isinstance(slot, Task) else [task.name for task in slot.tasks]
            lines += [line for name in names for line in self.allocation(name)]
            lines += [*self.values.pending.pop(0, []), *block]
            lines += [line for name in names for line in self.conversion(name)]
        results = ", ".join(self.result(name) for name in self.program.outputs)
        lines.append(f"{INDENT}return {results}" if len(self.program.outputs) > 1 else f"{INDENT}return ({results},)")
        body = [line for line in map(self.wanted, lines) if line is not None]
        parameters = tuple(self.names[item.name] for item in self.program.inputs)
        helpers, library = tuple(self.printer.helpers.values()), tuple(self.calls.functions)
        return Source(self.function, parameters, (*self.sizes(body), *body), helpers, library)

    def wanted(self, line: Line) -> str | None:
        if isinstance(line, str):
            return line
        return line.line if line.array in self.arrays else None

    def unique(self, text: str) -> str:
        """The text as the name of a local variable, different from all names of the formula."""
        while text in self.names.values() or text in RESERVED:
            text += "_"
        return text

    # ---- sizes, storage and results ------------------------------------------------------------------

    def sizes(self, body: list[str]) -> Iterator[str]:
        """Assignments of the lengths of axes to the names of dimensions that the body uses."""
        words = {word for line in body if not line.lstrip().startswith("#") for word in re.findall(r"\w+", line)}
        used = {dim for dim in self.program.dims if self.names[f"dim {dim.name}"] in words}
        for item in self.program.inputs:
            for axis, length in enumerate(item.shape):
                if length in used:
                    used.discard(length)
                    yield f"{INDENT}{self.names[f'dim {length.name}']} = {self.names[item.name]}.shape[{axis}]"
        if used:
            missing = ", ".join(sorted(dim.name for dim in used))
            raise InputError(f"no input has an axis of length {missing}", hint="declare an input with that axis")

    def allocation(self, name: str) -> Iterator[Line]:
        """The array of a definition, or the accumulator for its sums."""
        item = self.program.by_name[name]
        operation = self.operations.get(name)
        if not item.shape or (operation is not None and not self.calls.allocates(operation)):
            return
        shape = self.calls.shape(item.shape)
        variable = self.names[name]
        if name in self.summed_in_place:
            suffix = "_sum" if self.dtype == "float32" else ""
            yield f"{INDENT}{variable}{suffix} = np.zeros({shape})"
        else:
            yield Store(name, f"{INDENT}{variable} = np.empty({shape}{self.calls.dtype_argument()})")

    def conversion(self, name: str) -> Iterator[str]:
        if name in self.in_double:
            self.in_double.discard(name)
            yield f"{INDENT}{self.names[name]} = {self.names[name]}_sum.astype(np.float32)"

    def result(self, name: str) -> str:
        item = self.program.by_name[name]
        if isinstance(item, Input):
            return f"{self.names[name]}.copy()" if item.shape else self.names[name]
        return self.names[name]

    # ---- slots ---------------------------------------------------------------------------------------------

    def slot(self, slot: Nest | Task, depth: int) -> list[Line]:
        """The lines of a nest or of a definition without loops of its own, at a depth of loops."""
        if isinstance(slot, Nest):
            return self.nest(slot, depth)
        operation = self.operations.get(slot.name)
        if operation is not None:
            return [self.comment(slot.definition, depth), *self.calls.lines(slot.definition, operation)]
        return self.statement(slot, depth)

    def nest(self, nest: Nest, depth: int) -> list[Line]:
        variable = self.loop_variable(depth)
        starting = [task for task in nest.tasks if self.starts(task)]
        before = [line for task in starting for line in self.initial(task, depth)]
        self.values.scopes.append(Scope(variable))
        self.lengths[variable] = nest.length
        inner: list[Line] = []
        for slot in nest.body:
            block = self.slot(slot, depth + 1)
            inner += [*self.values.pending.pop(depth + 1, []), *block]
        self.values.scopes.pop()
        after = [line for task in starting for line in self.final(task, depth)]
        head = f"{_pad(depth)}for {variable.name} in range({self.printer.index(nest.length)}):"
        return [*before, head, *inner, *after]

    def loop_variable(self, depth: int) -> Index:
        taken = {*self.names.values(), *RESERVED, self.function}
        letters = [*"ijklmpqrstuv", *(f"i{n}" for n in range(100))]
        text = [letter for letter in letters if letter not in taken][depth]
        variable = Index(text, integer=True, nonnegative=True)
        self.printer.symbols[variable] = text
        return variable

    # ---- reductions ------------------------------------------------------------------------------------------

    def starts(self, task: Task) -> bool:
        """Whether the innermost loop around the task is the first of its reduction."""
        bound = task.definition.bound_indices
        return task.outer[-1] in bound and not any(index in bound for index in task.outer[:-1])

    def in_place(self, task: Task) -> bool:
        """Whether sums are collected in the array: free indices run inside, or labels say which entry it is."""
        free_inside = any(index in task.definition.free for index in task.inner)
        return self.starts(task) and (free_inside or scattering(task.definition) is not None)

    def accumulator(self, name: str, part: str = "") -> str:
        """The variable in which a sum, product or maximum is collected."""
        precise = "sum" if self.dtype == "float32" else ""
        suffix = "_".join(filter(None, (precise, part)))
        return self.unique(f"{self.local(name)}_{suffix}") if suffix else self.local(name)

    def local(self, name: str) -> str:
        """The variable that holds an entry in the loops over the axes of a definition."""
        rank = len(self.program.by_name[name].shape)
        suffix = "".join(scope.variable.name for scope in self.values.scopes[1 : 1 + rank] if scope.variable)
        return self.unique(f"{self.names[name]}_{suffix}") if suffix else self.names[name]

    def initial(self, task: Task, depth: int) -> list[Line]:
        comment = self.comment(task.definition, depth)
        if self.in_place(task):
            self.summed_in_place.add(task.name)
            self.arrays.add(task.name)
            if self.dtype == "float32":
                self.in_double.add(task.name)
            return [comment]
        variable = self.accumulator(task.name)
        start = {"sum": "0.0", "prod": "1.0", "max": "-np.inf", "min": "np.inf"}.get(task.definition.reduce)
        if start is not None:
            return [comment, f"{_pad(depth)}{variable} = {start}"]
        largest, total = self.accumulator(task.name, "max"), self.accumulator(task.name, "exp")
        return [comment, f"{_pad(depth)}{largest} = -np.inf", f"{_pad(depth)}{total} = 0.0"]

    def final(self, task: Task, depth: int) -> list[Line]:
        if task.name in self.summed_in_place:
            return []
        variable, local = self.accumulator(task.name), self.local(task.name)
        lines: list[Line] = []
        value = variable
        if task.definition.reduce == "logsumexp":
            value = f"{self.accumulator(task.name, 'max')} + math.log({self.accumulator(task.name, 'exp')})"
        if value != local:
            value = f"f32({value})" if self.dtype == "float32" else value
            lines.append(f"{_pad(depth)}{local} = {value}")
        return [*lines, *self.keep(task, local, depth)]

    def keep(self, task: Task, local: str, depth: int) -> list[Line]:
        """Makes a value known as a local variable, and stores it if anything needs the array."""
        entry = task.definition[tuple(self.running(task)[index] for index in task.definition.free)]
        self.values.scopes[-1].entries[entry] = local
        if not entry.indices:
            return []
        return [Store(task.name, f"{_pad(depth)}{self.array_entry(entry)} = {local}")]

    def running(self, task: Task) -> dict[Index, Index]:
        """The loop variable of each index whose loop surrounds the task."""
        variables = [scope.variable for scope in self.values.scopes[1:] if scope.variable is not None]
        return dict(zip(task.outer, variables, strict=False))

    # ---- statements ----------------------------------------------------------------------------------------------

    def statement(self, task: Task, depth: int) -> list[Line]:
        """Computes one entry of a pointwise definition, or adds to a reduction."""
        definition = task.definition
        if definition.reduce == "norm":
            return self.norm(task, depth)
        scatter = scattering(definition)
        body = (scatter.rest if scatter else definition.body).xreplace(self.running(task))
        value, lines = self.values.prepared(body, depth)
        text = self.printer.source(value)
        if definition.reduce:
            return [*lines, *self.accumulate(task, text, depth)]
        local = self.local(task.name)
        assignment = [self.comment(definition, depth), *lines, f"{_pad(depth)}{local} = {text}"]
        return [*assignment, *self.keep(task, local, depth)]

    def norm(self, task: Task, depth: int) -> list[Line]:
        """Computes one entry of a norm from the sum of its squares."""
        definition = task.definition
        bound = definition.bound_indices
        variables = dict(zip(bound, (self.loop_variable(depth + n) for n in range(len(bound))), strict=True))
        self.lengths |= {variable: definition.lengths[index] for index, variable in variables.items()}
        squares, size = definition.body.xreplace(self.running(task) | variables).args
        loops = [(variables[index].name, self.printer.index(definition.lengths[index])) for index in bound]
        local = self.local(task.name)
        texts = self.printer.source(squares), self.printer.source(size)
        lines = norm_lines(local, *texts, loops, self.dtype, [next(self.temporaries) for _ in range(3)])
        comment = self.comment(definition, depth)
        return [comment, *(_pad(depth) + line for line in lines), *self.keep(task, local, depth)]

    def accumulate(self, task: Task, text: str, depth: int) -> list[Line]:
        pad, kind = _pad(depth), task.definition.reduce
        if task.name in self.summed_in_place:
            suffix = "_sum" if self.dtype == "float32" else ""
            return [f"{pad}{self.names[task.name]}{suffix}[{self.target(task)}] += {text}"]
        variable = self.accumulator(task.name)
        if kind in {"sum", "prod"}:
            return [f"{pad}{variable} {'+' if kind == 'sum' else '*'}= {text}"]
        new = next(self.temporaries)
        if kind in {"max", "min"}:
            sign = ">" if kind == "max" else "<"
            test = f"{pad}if {new} {sign} {variable} or {new} != {new}:"
            return [f"{pad}{new} = {text}", test, f"{pad}{INDENT}{variable} = {new}"]
        largest, total = self.accumulator(task.name, "max"), self.accumulator(task.name, "exp")
        return [
            f"{pad}{new} = {text}",
            f"{pad}if {new} > {largest}:",
            f"{pad}{INDENT}{total} = {total} * math.exp({largest} - {new}) + 1.0",
            f"{pad}{INDENT}{largest} = {new}",
            f"{pad}else:",
            f"{pad}{INDENT}{total} += 1.0 if {new} == {largest} else math.exp({new} - {largest})",
        ]

    def target(self, task: Task) -> str:
        """The entry that a term is added to."""
        scatter, running = scattering(task.definition), self.running(task)
        places = scatter.places if scatter else {}
        return ", ".join(
            self.place(places.get(index, index).xreplace(running), length)
            for index, length in zip(task.definition.free, task.definition.shape, strict=True)
        )

    # ---- entries --------------------------------------------------------------------------------------------------

    def entry(self, ref: Ref) -> str:
        """The source of an entry: a local variable that holds it, or the array's entry."""
        held = self.values.held(ref)
        if held is not None:
            return held
        if not ref.indices:
            return self.names[ref.name]
        self.arrays.add(ref.name)
        return self.array_entry(ref)

    def array_entry(self, ref: Ref) -> str:
        shape = self.program.by_name[ref.name].shape
        places = [self.place(index, length) for index, length in zip(ref.indices, shape, strict=True)]
        if ref.name in self.in_double:
            return f"f32({self.names[ref.name]}_sum[{', '.join(places)}])"
        return f"{self.names[ref.name]}[{', '.join(places)}]"

    def place(self, index: Expr, length: Expr) -> str:
        """An index, kept within its axis where it is not known to lie there.

        An entry outside an array has no value; formulas read it only where they discard it.
        """
        text = self.printer.index(index)
        if self.lengths.get(index) == length:
            return text
        facts = (*self.printer.facts, *required_facts([index], self.program.by_name, self.lengths))
        if is_within(index, length, self.lengths, facts):
            return text
        return f"max(0, min({self.printer.index(length)} - 1, {text}))"

    # ---- comments -------------------------------------------------------------------------------------------------

    def comment(self, definition: Definition, depth: int) -> str:
        return f"{_pad(depth)}# {describe(definition)}"


def describe(definition: Definition) -> str:
    """A definition in one line: ``z[i] := sum over j < d of X[i,j]*w[j]``."""
    letters = dict(zip(definition.lengths, "ijklmnopqrstuvw", strict=False))
    renamed = {index: Index(letter, integer=True, nonnegative=True) for index, letter in letters.items()}
    left = ",".join(letters[index] for index in definition.free)
    over = ", ".join(f"{letters[index]} < {definition.lengths[index]}" for index in definition.bound_indices)
    reduction = f"{definition.reduce} over {over} of " if over else ""
    body = definition.body.args[1] if definition.reduce == "norm" else definition.body
    text = f"{definition.name}{f'[{left}]' if left else ''} := {reduction}{body.xreplace(renamed)}"
    return text if len(text) <= COMMENT_WIDTH else text[: COMMENT_WIDTH - 3] + "..."


def _pad(depth: int) -> str:
    return INDENT * (depth + 1)


def _dims_of(definition: Definition) -> set[Dim]:
    lengths = (length.atoms(Dim) for length in definition.lengths.values())
    return set(definition.body.atoms(Dim).union(*lengths))


def _names(program: Program, function: str) -> dict[str, str]:
    """A Python name for every input, definition and (under "dim .."") dimension; all different."""
    taken = {*RESERVED, function}
    names: dict[str, str] = {}
    for key in [*program.by_name, *(f"dim {dim.name}" for dim in program.dims)]:
        stem = re.sub(r"\W", "_", key.removeprefix("dim "))
        stem = stem if stem.isidentifier() else f"v_{stem}"
        names[key] = next(fresh_names(taken, stem if stem not in RESERVED else f"{stem}_"))
        taken.add(names[key])
    return names
