"""A formula: a program with one output, read from text, a NumPy function or the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from sympy import Expr

from chainrule.derive.binding import bind
from chainrule.derive.calculus import differentiate
from chainrule.derive.catalog.distributions import DISTRIBUTIONS, Distribution
from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.catalog.losses import ALIASES, BY_NAME, ENTRIES, Entry
from chainrule.derive.catalog.tensor_functions import TENSOR_FUNCTIONS, TensorFunction
from chainrule.derive.computed import Kind, computed
from chainrule.derive.errors import InputError, UnknownNameError, near_names
from chainrule.derive.forms.index_form import array_latex, index_letters, index_text
from chainrule.derive.forms.latex_names import shown_names
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.kinks import with_kinks
from chainrule.derive.notation.declarations import collect
from chainrule.derive.notation.read import NOTATIONS, Notation, parse_formula
from chainrule.derive.notation.syntax import Name, Node
from chainrule.derive.notation.tokens import MAX_CHARACTERS, MAX_NAME, WORD
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.notebook import bundle
from chainrule.derive.render.numpy_source import numpy_source
from chainrule.derive.reverse import Derivative
from chainrule.derive.stable import stabilise
from chainrule.derive.tracing.trace import trace


@dataclass(frozen=True)
class Source:
    """Where a derivative comes from.

    Attributes:
        program: the formula that was differentiated.
        kind: how.
        wrt: the variables.
        position: which output of ``computed(program, kind, wrt)`` the derivative is.
    """

    program: Program
    kind: Kind
    wrt: tuple[str, ...]
    position: int


@dataclass(frozen=True)
class Start:
    """A derivative as it is everywhere, declared facts not used.

    Attributes:
        source: what was differentiated.
        wrt: by which variables.
        variable: the variable of this derivative.
    """

    source: Program
    wrt: tuple[str, ...]
    variable: str

    def program(self) -> Program:
        """The derivative by the variable."""
        found = _exact(self.source, self.wrt)
        return found.program.pruned([found.results[self.variable]])


@lru_cache(maxsize=16)
def _exact(source: Program, wrt: tuple[str, ...]) -> Derivative:
    """One run of reverse mode, which the derivatives by all of its variables come from."""
    return differentiate(source, wrt, exact=True)


@dataclass(frozen=True)
class Formula:
    """A scalar, vector, matrix or tensor as a function of declared inputs.

    Attributes:
        program: its definitions; the only output is its value.
        text: the text it was read from, if any.
        name: its name in the catalogue, if any.
        wrt: the variables by which one usually differentiates it (empty if not known).
        exact: a program that is the same function everywhere, where ``program`` is so only on
            the declared domains; derivatives start from it.
        start: where to find that program when it is needed.
        source: what it is the derivative of, if it is one.
    """

    program: Program
    text: str = field(default="", compare=False)
    name: str = field(default="", compare=False)
    wrt: tuple[str, ...] = field(default=(), compare=False)
    exact: Program | None = field(default=None, compare=False, repr=False)
    start: Start | None = field(default=None, compare=False, repr=False)
    source: Source | None = field(default=None, compare=False, repr=False)

    @property
    def output(self) -> Input | Definition:
        """The input or definition that is the formula's value."""
        return self.program.output

    @property
    def shape(self) -> tuple[Expr, ...]:
        """The length of each axis; ``()`` for a scalar."""
        return self.output.shape

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The declared inputs."""
        return self.program.inputs

    @cached_property
    def differentiable(self) -> Program:
        """The program that derivatives start from."""
        if self.exact is None and self.start is not None:
            return self.start.program()
        return self.exact or self.program

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value at the given inputs, with NumPy; a float for a scalar formula.

        Every keyword is an input's name.  Raises ``InputError``, ``ShapeError`` or
        ``DomainError`` where the arrays do not fit the declarations.
        """
        values, _ = bind(self.inputs, arrays, dtype=np.float64)
        result = evaluate(self.computed, values)[self.computed.output.name]
        return result if self.shape else float(result)

    def matrix(self) -> str:
        """The formula in matrix notation; in index notation where it has no matrix form."""
        node = self.node
        return self.index() if node is None else unparse(node)

    def index(self) -> str:
        """The formula in index notation."""
        return index_text(self.program, self.output.name)

    def latex(self, parts: bool = False) -> str:
        """The formula in LaTeX, in matrix notation where it has one.

        Args:
            parts: whether the definitions that the formula refers to by name stand before it, in an
                ``aligned`` block, so that ``formula`` can read the whole with the declarations of the inputs.
        """
        if not parts:
            return self._latex(self.output.name)
        names = [*(name for name, _ in self.parts()), self.output.name]
        rows = [f"{node_latex(Name(name), self.program.ranks, self.shown)} &= {self._latex(name)}" for name in names]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _latex(self, name: str) -> str:
        """The right side of a definition."""

        def latex(node: Node) -> str:
            return node_latex(node, self.program.ranks, self.shown)

        node = self.node if name == self.output.name else matrix_form(self.program, name)
        return array_latex(self.program, name, latex) if node is None else latex(node)

    @cached_property
    def shown(self) -> frozenset[str]:
        """The names that the formula is written in, which must look different."""
        return shown_names(self.program)

    def numpy(self, function_name: str = "") -> str:
        """Runnable NumPy source of a function that computes the formula."""
        return numpy_source(self.program, function_name or self.output.name)

    @cached_property
    def computed(self) -> Program:
        """The program that computes the formula, in numerically stable form, as kernels do.

        Of a derivative it is the derivative of the stable form of what was differentiated.
        """
        source = self.source
        if source is None or stabilise(source.program, source.wrt).definitions == source.program.definitions:
            return computed(self.program)
        whole = computed(source.program, source.kind, source.wrt)
        return whole.pruned([whole.outputs[source.position]])

    @cached_property
    def node(self) -> Any:
        """The syntax tree of the matrix form, or ``None``."""
        return matrix_form(self.program, self.output.name)

    def parts(self) -> Iterator[tuple[str, str]]:
        """Name and matrix (or index) form of every definition that the formula refers to by name."""

        def text(name: str) -> str:
            node = matrix_form(self.program, name)
            return index_text(self.program, name) if node is None else unparse(node)

        return self._mentioned(self.matrix(), text)

    def index_parts(self) -> Iterator[tuple[str, str]]:
        """The same definitions in index notation, each with the letters of its axes."""
        for name, text in self._mentioned(self.index(), lambda name: index_text(self.program, name)):
            letters = ",".join(index_letters(self.program, name))
            yield f"{name}[{letters}]" if letters else name, text

    def _mentioned(self, text: str, form: Callable[[str], str]) -> Iterator[tuple[str, str]]:
        """The definitions that a text mentions, and those that their own forms mention, in order."""
        named = {d.name for d in self.program.definitions if d.origin != "auto" and d.name != self.output.name}
        forms: dict[str, str] = {}
        waiting = [text]
        while waiting:
            for name in named.intersection(WORD.findall(waiting.pop())) - forms.keys():
                forms[name] = form(name)
                waiting.append(forms[name])
        yield from ((d.name, forms[d.name]) for d in self.program.definitions if d.name in forms)

    def __str__(self) -> str:
        where = "".join(f"\n  {self._left_side(name)} = {text}" for name, text in self.parts())
        return self.matrix() + (f"\nwhere{where}" if where else "")

    def _left_side(self, name: str) -> str:
        """A definition's name, with the letters of its axes where it is written in index notation."""
        letters = "" if matrix_form(self.program, name) else ",".join(index_letters(self.program, name))
        return f"{name}[{letters}]" if letters else name

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        return bundle({"text/plain": self.__str__, "text/latex": self._repr_latex_}, include, exclude)


def formula(source: str | Callable[..., Any], /, **declarations: str) -> Formula:
    r"""Reads a formula from text, from LaTeX or from a NumPy function, or looks it up in the catalogue.

    Args:
        source: declarations and statements, or a catalogue name; or a Python function, which is
            run on values that record what is done with them, see :func:`traced`.
        declarations: further declarations, such as ``X="real[n, d]"``; of a function's parameters.
            ``notation="latex"`` and ``notation="text"`` say what a text is written in, where it does
            not show that: a text with words such as ``\frac``, ``$``, or superscripts in braces is LaTeX.

    Raises:
        NotationError: if the text cannot be read; also ``ShapeError`` and ``LimitError``.
        UnsupportedError: if the function does something that cannot be traced.

    Example:
        >>> f = formula("mean((y - X @ w)^2)", X="real[n, d]", y="real[n]", w="real[d]")
        >>> f.evaluate(X=[[1, 2], [3, 4]], y=[1, 0], w=[1, -1])
        2.5
        >>> formula(r"\lVert y - X w \rVert_2^2", X="real[n, d]", y="real[n]", w="real[d]").matrix()
        'norm(y - X @ w)**2'
    """
    if callable(source):
        return Formula(trace(source, collect([], declarations, MAX_CHARACTERS)))
    if not isinstance(source, str):
        raise InputError("a formula is text or a function", expected="str", found=type(source).__name__)
    # No domain has such a name, so an input called notation can still be declared.
    written = declarations.get("notation")
    notation: Notation = written if written in NOTATIONS else "auto"  # type: ignore[assignment]
    declared = {name: text for name, text in declarations.items() if name != "notation" or text not in NOTATIONS}
    name = source.strip()
    entry = BY_NAME.get(ALIASES.get(name, name)) if not declared and notation != "latex" else None
    if entry is not None:
        return Formula(parse_formula(entry.text), entry.text, entry.name, entry.wrt)
    if not declared and notation != "latex" and name.isidentifier() and len(name) <= MAX_NAME:
        raise UnknownNameError(
            f"the catalogue has no formula called {name!r}",
            near=near_names(name, [*BY_NAME, *ALIASES]),
            hint=f"for a variable of that name, declare it: {name}: real; {name}",
        )
    return Formula(parse_formula(source, declared, notation=notation), source)


def traced(**declarations: str) -> Callable[[Callable[..., Any]], Formula]:
    """A decorator that makes a formula of an ordinary function written with NumPy.

    The function is run, on values that record what is done with them; local variables name their
    values, as statements do in text.

    Args:
        declarations: of the parameters, such as ``X="real[n, d]"``.  A parameter called like a
            length is that length; one without a declaration keeps its default.

    Raises:
        UnsupportedError: if the function does something that cannot be traced, which is named.
        InputError: if the function fails, or its parameters are not those declared.

    Example:
        >>> @traced(X="real[n, d]", y="real[n]", w="real[d]")
        ... def mse(X, y, w):
        ...     r = X @ w - y
        ...     return (r**2).mean()
        >>> mse.matrix()
        'mean(r**2)'
    """
    return lambda function: formula(function, **declarations)


def as_formula(source: str | Formula, kinks: Mapping[str, Any] | None = None) -> Formula:
    """A formula as it is, or read from text; its derivatives at kinks are those chosen."""
    if callable(source) and not isinstance(source, Formula):
        raise InputError(
            "a function is made a formula first, with declarations of its parameters",
            expected="a formula or a text", found=type(source).__name__,
            hint='write cr.formula(function, X="real[n, d]", ..)',
        )  # fmt: skip
    found = source if isinstance(source, Formula) else formula(source)
    if kinks is None:
        return found
    exact = with_kinks(found.differentiable, kinks) if found.exact or found.start else None
    return replace(found, program=with_kinks(found.program, kinks), exact=exact, start=None)


class Catalog:
    """Every named formula: ``catalog["mse"]``, iteration in order, ``"mse" in catalog``."""

    #: Every function that formulas may use: ``name``, ``signature``, ``about``.
    functions: tuple[Elementwise | TensorFunction, ...] = (*ELEMENTWISE, *TENSOR_FUNCTIONS)
    #: Every distribution of the table: ``name``, ``about``, ``text``.
    distributions: tuple[Distribution, ...] = DISTRIBUTIONS

    def __getitem__(self, name: str) -> Entry:
        found = BY_NAME.get(ALIASES.get(name, name))
        if found is None:
            near = near_names(name, [*BY_NAME, *ALIASES])
            raise UnknownNameError(f"the catalogue has no formula called {name!r}", near=near)
        return found

    def __iter__(self) -> Iterator[Entry]:
        return iter(ENTRIES)

    def __len__(self) -> int:
        return len(ENTRIES)

    def __contains__(self, name: object) -> bool:
        return name in BY_NAME or name in ALIASES


catalog = Catalog()
