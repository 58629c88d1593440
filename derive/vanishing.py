"""Where derivatives vanish: the differences between a model and its targets.

A residual is a difference ``e - y``, or a multiple of it, in the results; ``y`` is an input that is no
variable, ``e`` is what the model says of each entry of ``y``.  Where ``y`` is ``e``, results are often zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Function, Mul, Pow, Symbol

from chainrule.derive.limits import limits
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Index, Input, Program, Ref, free_index
from chainrule.derive.transforms import unmoved

#: Residuals of one derivation that are looked at.
MAX_RESIDUALS = 6
#: Stands for a residual.
DIFFERENCE = Symbol("difference", real=True)


@dataclass(frozen=True)
class Residual:
    """``value - target``.

    Attributes:
        target: the input.
        value: what the model says of its entries, over the free indices of the target.
        name: the definition that is this difference, if there is one.
    """

    target: Input
    value: Expr
    name: str = ""

    @property
    def is_discrete(self) -> bool:
        """Whether the target takes isolated values, which the model may only approach."""
        return bool(self.target.domain.values) or self.target.domain.integer

    @property
    def missing(self) -> tuple[int, ...]:
        """The axes of the target that the model says nothing of."""
        return tuple(n for n in range(len(self.target.shape)) if not self.value.has(free_index(n)))

    @property
    def squeezed(self) -> Expr:
        """The value over the axes that it has."""
        kept = [n for n in range(len(self.target.shape)) if n not in self.missing]
        return self.value.xreplace({free_index(n): free_index(place) for place, n in enumerate(kept)})

    def is_difference(self, part: Expr) -> bool:
        """Whether an expression is a multiple of the residual."""
        values = {ref: self.of(ref) for ref in part.atoms(Ref) if ref.name == self.target.name}
        return bool(values) and bool(part.xreplace(values) == 0)

    def of(self, part: Expr) -> Expr | None:
        """What stands for an entry of the target where the residual is zero."""
        if not isinstance(part, Ref) or part.name != self.target.name:
            return None
        return self.value.xreplace({free_index(n): place for n, place in enumerate(part.indices)})


def vanishing(program: Program, residual: Residual) -> tuple[str, ...]:
    """The outputs of a program that are zero where a residual is, or where it is in the mean.

    If the model says the same along an axis of the target, it may be the mean over that axis.
    """
    known = limits(program.definitions, residual.of, {})
    zero = tuple(name for name in program.outputs if known.get(name) == 0)
    if zero and len(residual.missing) == 1:
        steady = unmoved(program, residual.target.name, residual.missing[0])
        return tuple(name for name in zero if name in steady)
    return () if residual.missing else zero


def is_approached(program: Program, residual: Residual, active: Collection[str]) -> bool:
    """Whether the output tends to zero with a residual that is never zero, wherever the variables go meanwhile.

    So it is if whatever depends on the target is a polynomial in the residual and in the model's value.
    """
    later = reached(program, frozenset([residual.target.name]))
    bounded = {residual.value.name} if isinstance(residual.value, Ref) else set()
    return all(
        _is_polynomial(item, residual, later, {*active} - later, bounded)
        for item in program.definitions
        if item.name in later
    )


def _is_polynomial(
    item: Definition, residual: Residual, later: Collection[str], moving: Collection[str], bounded: Collection[str]
) -> bool:
    """Whether a definition is a polynomial in residuals and bounded values; other values that move are not in it."""
    body = item.body.xreplace(dict.fromkeys(filter(residual.is_difference, item.body.atoms(Add)), DIFFERENCE))
    if item.reduce not in ("", "sum") or any(ref.name in moving and ref.name not in bounded for ref in body.atoms(Ref)):
        return False
    changing = {*later, *bounded, *moving}
    return all(
        isinstance(part, Pow) and bool(part.exp.is_Integer and part.exp.is_positive)
        for part in body.atoms(Pow, Function)
        if part.has(DIFFERENCE) or any(ref.name in changing for ref in part.atoms(Ref))
    )


def is_multiple(result: Definition, residual: Residual) -> bool:
    """Whether a result is a number times the residual, entry by entry: then everybody sees where it is zero."""
    moving = [factor for factor in Mul.make_args(result.body) if factor.atoms(Ref)]
    if result.reduce or len(moving) != 1:
        return False
    return moving[0].is_Add or (isinstance(moving[0], Ref) and moving[0].name == residual.name)


def residuals(program: Program, variables: Collection[str]) -> list[Residual]:
    """The residuals in a program, each once."""
    active = reached(program, frozenset(variables))
    found: dict[tuple[str, Expr], Residual] = {}
    for definition in program.definitions:
        for difference in sorted(definition.body.atoms(Add), key=str):
            for residual in _of(program, definition, difference, variables):
                moves = residual.value.atoms(Ref)
                if any(ref.name in active for ref in moves):
                    key = (residual.target.name, residual.value)
                    found[key] = max(found.get(key, residual), residual, key=lambda item: item.name)
    return list(found.values())[:MAX_RESIDUALS]


def _of(program: Program, definition: Definition, difference: Expr, variables: Collection[str]) -> Iterator[Residual]:
    """The residuals that a difference is, one for each target in it."""
    for term in difference.args:
        weight, ref = term.as_coeff_Mul()
        item = program.by_name.get(ref.name) if isinstance(ref, Ref) else None
        if not isinstance(item, Input) or item.name in variables or not _distinct(ref.indices):
            continue
        rest = (term - difference) / weight
        if rest.could_extract_minus_sign():  # a sum, not a difference
            continue
        if rest.atoms(Index) <= {*ref.indices} and item.name not in _read(program, rest):
            value = rest.xreplace({place: free_index(n) for n, place in enumerate(ref.indices)})
            whole = not definition.reduce and definition.body in (difference, -difference)
            yield Residual(item, value, _name(program, definition) if whole else "")


def _name(program: Program, definition: Definition) -> str:
    """The name that the user has for a definition, if there is one."""
    if definition.origin == "named":
        return definition.name
    names = (item.name for item in program.definitions if item.origin == "named" and not item.reduce
             and item.body == definition[item.free] and item.shape == definition.shape)  # fmt: skip
    return next(names, "")


def _distinct(indices: Sequence[Expr]) -> bool:
    return all(isinstance(index, Index) for index in indices) and len(set(indices)) == len(indices)


def _read(program: Program, expr: Expr) -> set[str]:
    """Everything that an expression reads, also through definitions."""
    waiting = [ref.name for ref in expr.atoms(Ref)]
    read: set[str] = set()
    while waiting:
        name = waiting.pop()
        item = program.by_name[name]
        if name not in read and isinstance(item, Definition):
            waiting += item.reads
        read.add(name)
    return read
