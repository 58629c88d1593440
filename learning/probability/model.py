"""A distribution as formulas: the log-density of one observation, and the log-likelihood of a sample."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr

from chainrule.derive.catalog.distributions import BY_NAME, Distribution
from chainrule.derive.errors import InputError, UnknownNameError, near_names
from chainrule.derive.formula import Formula, formula
from chainrule.derive.program import Definition, Input, Program, Ref, bound_index, dim, free_index, fresh_names


@dataclass(frozen=True)
class Model:
    """A distribution that was read.

    Attributes:
        entry: the distribution as it was written.
        density: the logarithm of its density at one observation.
        parameters: what is estimated.
    """

    entry: Distribution
    density: Formula
    parameters: tuple[str, ...]

    @property
    def variable(self) -> Input:
        """The observation."""
        return self.density.inputs[0]

    @property
    def known(self) -> tuple[str, ...]:
        """The parameters that are given."""
        return tuple(item.name for item in self.density.inputs[1:] if item.name not in self.parameters)

    @cached_property
    def likelihood(self) -> Formula:
        """The log-likelihood of independent observations, one in each row of the variable."""
        return Formula(sampled(self.density.program, self.variable.name), wrt=self.parameters)

    @property
    def size(self) -> Expr:
        """The number of observations."""
        return self.likelihood.inputs[0].shape[0]


def model(
    source: str | Distribution | Model, known: Sequence[str] | None = None,
    support: tuple[str, str] | None = None,
) -> Model:  # fmt: skip
    """A distribution of the table by its name, or one that is written like its entries.

    Args:
        source: a name, or declarations, the variable's first, and the logarithm of the density.
        known: parameters that are given and not estimated, besides those of the table; none at all if empty.
        support: the lower and the upper end of the support, where it depends on parameters.

    Raises:
        UnknownNameError: there is no such distribution, or no such parameter.
        NotationError: the text cannot be read.
        InputError: the log-density is not one number, or has no parameter.

    Example:
        >>> model("normal", known=["sigma"]).parameters
        ('mu',)
    """
    if isinstance(source, Model):
        source = source.entry
    entry = source if isinstance(source, Distribution) else _entry(source)
    given = () if known is not None and not known else tuple(dict.fromkeys((*entry.known, *(known or ()))))
    entry = replace(entry, known=given, support=support or entry.support)
    density = formula(entry.text)
    names = tuple(item.name for item in density.inputs)
    _check(density, names, entry)
    return Model(entry, density, tuple(name for name in names[1:] if name not in entry.known))


def _entry(source: str) -> Distribution:
    name = source.strip().replace("-", "_")
    if name in BY_NAME:
        return BY_NAME[name]
    if name.isidentifier():
        raise UnknownNameError(
            f"the table has no distribution called {name!r}", near=near_names(name, BY_NAME),
            hint="chainrule list distributions shows the table; any other one is written as in 'x: positive; "
            "lam: positive; log(lam) - lam*x', the variable first",
        )  # fmt: skip
    return Distribution("", "a distribution of your own", source, "")


def _check(density: Formula, names: Sequence[str], entry: Distribution) -> None:
    if density.shape:
        raise InputError("a log-density is one number", found=f"an array of shape {density.shape}")
    if len(names) < 2:
        raise InputError("a distribution has a variable and parameters", expected="x: real; mu: real; ..")
    for name in (*entry.known, *filter(_is_name, entry.support)):
        if name not in names[1:]:
            raise UnknownNameError(f"the distribution has no parameter {name!r}", near=near_names(name, names[1:]))
    if set(entry.known) >= set(names[1:]):
        raise InputError("all parameters are known: nothing is left to estimate")


def _is_name(end: str) -> bool:
    return end.isidentifier() and constant(end) is None


def constant(end: str) -> float | None:
    """The value of an end of a support that is a number, such as ``-pi``; ``None`` for a name.

    Raises:
        NotationError: it is neither.
    """
    if end.isidentifier() and end != "pi":
        return None
    found = formula(f"({end})")
    if found.inputs or found.shape:
        raise InputError("an end of the support is a number or a parameter", found=end)
    return float(found.evaluate())


# ---- samples ----------------------------------------------------------------------------------------------


def sampled(density: Program, variable: str) -> Program:
    """The sum of a scalar formula over rows of one of its inputs."""
    by_row = rowwise(density, [variable])
    n = by_row.by_name[variable].shape[0]
    inputs, definitions = by_row.inputs, list(by_row.definitions)
    last = definitions.pop()
    if last.reduce:
        names = fresh_names({*density.by_name}, "s")
        last = replace(last, name=next(names), origin="auto")
        definitions.append(last)
        total = last[(bound_index(0),)] if last.shape else last[()]
    else:
        total = last.body.xreplace({free_index(0): bound_index(0)})
    whole = Definition(density.outputs[0], (), total, "sum", (n,), origin="named")
    return Program(inputs, (*definitions, whole), density.outputs, written=density.written)


def rowwise(density: Program, variables: Collection[str]) -> Program:
    """A scalar formula for every row of some of its inputs.

    Every definition that depends on them has one more axis, its first.
    """
    n = dim(next(fresh_names({d.name for d in density.dims} | set(density.by_name), "n")))
    inputs = tuple(replace(i, shape=(n, *i.shape)) if i.name in variables else i for i in density.inputs)
    rows, definitions = set(variables), list[Definition]()
    for item in density.definitions:
        if item.reads & rows:
            rows.add(item.name)
            definitions.append(replace(item, shape=(n, *item.shape), body=_in_row(item.body, rows)))
        else:
            definitions.append(item)
    return Program(inputs, tuple(definitions), density.outputs, written=density.written)


def _in_row(body: Expr, rows: set[str]) -> Expr:
    """The body for one row: the free indices make room for the row's."""
    free = sorted((i for i in body.atoms(type(free_index(0))) if str(i).startswith("i")), key=str)
    moved = body.xreplace({index: free_index(int(str(index)[1:]) + 1) for index in free})
    refs = {ref: Ref(ref.args[0], free_index(0), *ref.indices) for ref in moved.atoms(Ref) if ref.name in rows}
    return moved.xreplace(refs)
