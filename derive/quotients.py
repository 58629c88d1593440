"""The derivative of a softmax by the quotient rule, as it is taught.

With ``e[k] = exp(a[k])`` and ``s = sum_k e[k]``, a softmax is ``p[k] = e[k]/s``, and

    dp[k]/da[l] = (delta[k,l] e[k] s - e[k] e[l])/s^2      quotient rule
                = delta[k,l] p[k] - p[k] p[l]              e/s = p
                = p[k] (delta[k,l] - p[l])

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.106.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sympy import Expr, exp

from chainrule.derive.normalised import Normalised, normalised
from chainrule.derive.program import Definition, Index, Program, fresh_names
from chainrule.derive.steps import Step

#: Names of the exponentials and of their sum, in the order in which they are taken.
LETTERS = {False: "eua", True: "stc"}


def with_quotients(program: Program) -> Program:
    """The program with the exponentials of the scores and their sum for every softmax with a name.

    They are only spoken of where the derivative of the softmax is told.
    """
    taken = {*program.by_name, *(length.name for length in program.dims)}
    definitions: list[Definition] = []
    for item in program.definitions:
        for part in _parts(item, program) if item.origin == "named" else ():
            letters = LETTERS[bool(part.reduce)]
            name = next((letter for letter in letters if letter not in taken), next(fresh_names(taken, letters[0])))
            taken.add(name)
            definitions.append(Definition(name, part.shape, part.body, part.reduce, part.bound, origin="adjoint"))
        definitions.append(item)
    return program.with_definitions(definitions)


def _parts(item: Definition, program: Program) -> Iterator[Definition]:
    """Numerator and denominator of a softmax, without names; nothing for any other definition."""
    unit = normalised(item, program.by_name, set(item.reads))
    if unit is not None and is_softmax(item, unit):
        yield Definition("", item.shape, exp(unit.scores))
        normaliser = unit.normaliser
        yield Definition("", normaliser.shape, exp(normaliser.body), "sum", normaliser.bound)


def is_softmax(quantity: Definition, unit: Normalised) -> bool:
    """Whether what reads normalised scores is their softmax itself."""
    return bool(unit.share == quantity[quantity.free])


def quotient_moves(
    link: Step, quantity: Definition, unit: Normalised, others: Mapping[Index, Index], factors: tuple[Expr, Expr],
    placed: Mapping[Index, Index], program: Program,
) -> tuple[Step, ...]:  # fmt: skip
    """The derivative of a softmax by one of its scores, from the quotient rule to the form that a link has.

    Args:
        link: the link.
        quantity: the softmax.
        unit: how it reads its scores.
        others: for each axis that the softmax runs over, the index of the score.
        factors: 1 where both indices are equal, else 0; the derivative of the score by what it reads.
        placed: how these indices are called in the link.
        program: the program that :func:`with_quotients` made.

    Returns:
        The moves; none where the program does not have both parts of the quotient.
    """
    parts = [_named(part, program) for part in _parts(quantity, program)]
    if len(parts) < 2 or parts[0] is None or parts[1] is None:
        return ()
    above, below = parts[0], parts[1]
    back = {there: here for here, there in unit.own.items()}
    e, s, p = above[above.free], below[tuple(back[index] for index in below.free)], quantity[quantity.free]
    same, slope = factors
    bodies = [
        slope * (same * e * s - e * e.xreplace(dict(others))) / s**2,
        slope * (same * p - p * p.xreplace(dict(others))),
    ]
    names = (("softmax", quantity.name), ("above", above.name), ("below", below.name))
    found = [link.after.with_body(body.xreplace(dict(placed))) for body in bodies]
    moves = [Step("softmax-quotient", link.where, link.before, found[0], names)]
    moves += [Step("softmax-shares", link.where, found[0], found[1], names)]
    return (*moves, Step("softmax-cases", link.where, found[1], link.after, names))


def _named(part: Definition, program: Program) -> Definition | None:
    """The definition of a program that is the same but for its name."""
    for item in program.definitions:
        if item.origin == "adjoint" and (item.shape, item.body, item.reduce) == (part.shape, part.body, part.reduce):
            return item
    return None
