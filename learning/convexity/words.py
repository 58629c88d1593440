"""Proofs in words: what each claim says, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy import Expr

from chainrule.derive.narrative.symbols import entry, named, shown
from chainrule.derive.program import Definition, Index, Input, Program, contents, free_index, fresh_names
from chainrule.derive.render.page import Note, Shown
from chainrule.learning.convexity.claims import Claim, Scalar
from chainrule.learning.convexity.rules import BY_ID
from chainrule.learning.convexity.scalar import Curvature, minors, pieces, second_derivatives

#: Operations up to which a second derivative is simplified before it is shown.
MAX_SIMPLIFIED = 60
#: What needs no words where it has no name.
PLAIN = ("affine", "spectrum")


@dataclass(frozen=True)
class Statement:
    """One line of a proof.

    Attributes:
        left: the name of the quantity, if it has one.
        right: the quantity.
        curvature: what it is in the variables.
        rule: the id of the law.
        reason: the line in words.
        quantity: a program whose output the line is about, to try it on its own.
    """

    left: tuple[Shown, ...]
    right: Shown
    curvature: Curvature
    rule: str
    reason: Note
    quantity: Program | None = field(default=None, compare=False, repr=False)


def statements(program: Program, claim: Claim, wrt: tuple[str, ...]) -> tuple[Statement, ...]:
    """The lines of a proof, premises first, every one once."""
    found: dict[tuple[str, str], Statement] = {}
    for item in _with_lengths(claim, {}):
        if item.curvature == "constant" or (item.rule in PLAIN and not _is_definition(program, item)):
            continue
        if item.scalar is not None and item.scalar.body == item.scalar.box[0][0]:
            continue
        made = _statement(program, item, wrt)
        found.setdefault((made.right.text, made.rule), made)
    return tuple(found.values())


def _with_lengths(claim: Claim, lengths: Mapping[Index, Expr]) -> Iterator[Claim]:
    """The claims in order, each with the ranges of the indices that it stands in."""
    own = claim.lengths or lengths
    for part in claim.parts:
        yield from _with_lengths(part, own)
    yield replace(claim, lengths=dict(own))


def _is_definition(program: Program, claim: Claim) -> bool:
    return bool(claim.name) and not isinstance(program.by_name[claim.name], Input)


def _statement(program: Program, claim: Claim, wrt: tuple[str, ...]) -> Statement:
    rule = BY_ID[claim.rule]
    if claim.name and not claim.wording and _is_definition(program, claim):
        left: tuple[Shown, ...] = (named(claim.name),)
        right = shown(program, claim.name)
    else:
        left, right = (), _worded(entry_shown(program, claim.what, claim.lengths), claim.wording, claim.exponent)
    reason: Note = (f"{claim.curvature} in {' and '.join(wrt)}: {rule.says}",)
    if claim.scale:
        reason = (f"{claim.curvature} in {' and '.join(wrt)}: {rule.says}, {claim.scale}",)
    if claim.scalar is not None:
        reason = (f"{claim.curvature} in {' and '.join(wrt)}: ", *_of_scalar(program, claim, claim.scalar))
    quantity = _quantity(program, claim)
    return Statement(left, right, claim.curvature, claim.rule, (*reason, f" ({rule.source})."), quantity)


def _quantity(program: Program, claim: Claim) -> Program:
    """A program that computes what a claim is about."""
    if claim.name and not claim.wording and _is_definition(program, claim):
        return program.pruned([claim.name])
    item = _item(program, claim.what, claim.lengths)
    wrapped = WORDINGS[claim.wording](item.body, claim.exponent) if claim.wording else item.body
    return program.with_definitions((*program.definitions, item.with_body(wrapped)), (item.name,))


#: What a claim is about where it is not the expression itself.
WORDINGS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "sqrt": lambda body, _: sp.sqrt(body),
    "log": lambda body, _: sp.log(body),
    "exp": lambda body, _: sp.exp(body),
    "power": lambda body, exponent: body**exponent,
}


def _worded(inner: Shown, wording: str, exponent: Expr) -> Shown:
    if not wording:
        return inner
    if wording == "power":
        return Shown(f"({inner.text})^({exponent})", rf"\left({inner.latex}\right)^{{{sp.latex(exponent)}}}")
    latex = rf"\sqrt{{{inner.latex}}}" if wording == "sqrt" else rf"\{wording}\left({inner.latex}\right)"
    return Shown(f"{wording}({inner.text})", latex)


def entry_shown(program: Program, what: Expr, lengths: Mapping[Index, Expr]) -> Shown:
    """An expression over entries, in the usual letters of their axes."""
    return entry(program, _item(program, what, lengths))


def _item(program: Program, what: Expr, lengths: Mapping[Index, Expr]) -> Definition:
    """A definition of an expression over entries."""
    used = [index for index in lengths if index in contents(what).indices]
    renamed = {index: free_index(n) for n, index in enumerate(used)}
    name = next(fresh_names(program.by_name, "part"))
    return Definition(name, tuple(lengths[index] for index in used), what.xreplace(renamed))


def _of_scalar(program: Program, claim: Claim, scalar: Scalar) -> Note:
    """The scalar function and its derivatives."""
    scalar = replace(scalar, body=_without_indices(scalar.body))
    symbols = tuple(symbol for symbol, _ in scalar.box)
    letters = ", ".join(map(str, symbols))
    head = _math(f"h({letters})", rf"h({letters})", scalar.body)
    inner: list[str | Shown] = []
    for symbol, argument, part in zip(symbols, scalar.arguments, claim.parts, strict=True):
        inner += [", ", _argument(program, symbol, argument, part, claim.lengths)]
    return ("", head, *inner, *_derivatives(scalar, claim.curvature))


def _without_indices(body: Expr) -> Expr:
    """A scalar function with ``y`` for the entry ``y[i]``, where only one entry of it is read."""
    names = [str(symbol).partition("[")[0] for symbol in body.free_symbols]
    bare = {
        symbol: sp.Symbol(name, **symbol.assumptions0)
        for symbol in body.free_symbols
        if (name := str(symbol).partition("[")[0]) != str(symbol) and names.count(name) == 1
    }
    return body.xreplace(bare)


def _argument(program: Program, symbol: Expr, argument: Expr, part: Claim, lengths: Mapping[Index, Expr]) -> Shown:
    """What an argument stands for."""
    if part.name and part.name in program.by_name and not part.wording:
        return Shown(f"{symbol} = {part.name}", rf"{symbol} = {named(part.name).latex}")
    inner = _worded(entry_shown(program, argument, lengths), part.wording, part.exponent)
    return Shown(f"{symbol} = {inner.text}", rf"{symbol} = {inner.latex}")


def _derivatives(scalar: Scalar, curvature: Curvature) -> Iterator[str | Shown]:
    relation, sense = (">=", r"\ge") if curvature == "convex" else ("<=", r"\le")
    if len(scalar.box) > 1:
        body = scalar.body if curvature == "convex" else -scalar.body
        what = "Hessian" if curvature == "convex" else "Hessian of -h"
        yield f", whose {what} has the principal minors "
        for n, minor in enumerate(minors(body, tuple(symbol for symbol, _ in scalar.box))):
            yield ", " if n else ""
            yield Shown(f"{minor} >= 0", rf"{sp.latex(minor)} \ge 0")
        return
    (symbol, interval) = scalar.box[0]
    found = pieces(scalar.body, symbol, interval) or ()
    bends = second_derivatives(found, symbol)
    for piece, bend in zip(found, bends, strict=True):
        bend = _positive_form(sp.factor(sp.simplify(bend))) if bend.count_ops() < MAX_SIMPLIFIED else bend
        where = f" for {symbol} {piece.interval}" if len(found) > 1 or piece.interval.low != -sp.oo else ""
        yield ", "
        yield Shown(f"h'' = {bend} {relation} 0", rf"h'' = {sp.latex(bend)} {sense} 0")
        yield where.replace("for every real number", "real") if where else ""
    if len(found) > 1:
        yield ", and the slope does not " + ("fall" if curvature == "convex" else "rise") + " where they meet"


def _positive_form(expr: Expr) -> Expr:
    """``(1 - p) p`` for ``-(p - 1) p``."""
    factors = sp.Mul.make_args(expr)
    sums = (part for part in factors if isinstance(part, sp.Add))
    turned = next((part for part in sums if part.as_coeff_Add()[0].is_negative), None)
    if turned is None or not expr.could_extract_minus_sign():
        return expr
    rest = sp.Mul(*(part for part in factors if part != turned))
    return sp.Mul(-rest, -turned, evaluate=False) if -rest != 1 else -turned


def _math(text: str, latex: str, body: Expr) -> Shown:
    return Shown(f"{text} = {body}", f"{latex} = {sp.latex(body)}")
