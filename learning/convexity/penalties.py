"""Penalties that are sums over entries, norms of groups, or singular values: the function of one number in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sympy import Dummy, Expr, Mul, Symbol

from chainrule.derive.domains import DOMAINS
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Input, Program, Ref
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.constants import terms_over
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval
from chainrule.learning.convexity.leaves import parameters

X = Symbol("x", real=True)


@dataclass(frozen=True)
class Penalty:
    """What a penalty is a function of.

    Attributes:
        body: the penalty of one number ``x``.
        interval: where that number lies.
        of: what the number is: an entry, a norm, or a singular value or eigenvalue.
    """

    body: Expr
    interval: Interval
    of: str


def penalty(f: Formula, wrt: str) -> Penalty:
    """The penalty of one entry, of the norm of the variable or of each of its rows, or of each singular value.

    Raises:
        UnsupportedError: it is none of these.
    """
    spectral = _of_spectrum(f.program, wrt)
    if spectral is not None:
        program, name, of = spectral
        inner = _sum_over(Calculus(program, (name,)), name)
        if inner is not None:
            return Penalty(inner, NONNEGATIVE if of == "singular value" else REALS, of)
    calculus = Calculus(f.program, (wrt,))
    body = _sum_over(calculus, wrt)
    if body is not None:
        claim = calculus.definition(wrt)
        return Penalty(body, REALS if claim is None else claim.interval, "entry")
    grouped = _of_norm(f.program, wrt, calculus)
    if grouped is None:
        raise UnsupportedError(f"{f.matrix()} is neither a sum over the entries of {wrt} nor a function of its norm")
    return grouped


def _sum_over(calculus: Calculus, name: str) -> Expr | None:
    """A sum over the entries of a variable, as a function of one; inputs called x are no entries."""
    inner = Dummy("x", real=True)
    body = terms_over(calculus, name, inner)
    return None if body is None else _bare(body).xreplace({inner: X})


def _bare(body: Expr) -> Expr:
    """``y`` for the entry ``y[k0]`` of the same place."""
    names = {symbol: str(symbol).partition("[")[0] for symbol in body.free_symbols if not isinstance(symbol, Dummy)}
    kept = list(names.values())
    bare = {symbol: renamed(name) if kept.count(name) == 1 else str(symbol) for symbol, name in names.items()}
    return body.xreplace({symbol: Symbol(name, **symbol.assumptions0) for symbol, name in bare.items()})


def renamed(name: str) -> str:
    """The name of an input where it would be taken for the entry, the point or the step."""
    return f"{name}_" if name in ("x", "v", "t") else name


# ---- spectra ------------------------------------------------------------------------------------------------


def _of_spectrum(program: Program, wrt: str) -> tuple[Program, str, str] | None:
    """The program with an input in place of the spectrum of the variable, if it is read through that alone."""
    for item in program.definitions:
        kind = {"svdvals": "singular value", "eigvalsh": "eigenvalue"}.get(item.reduce, "")
        body = item.body
        if not kind or not isinstance(body, Ref) or body.name != wrt or len(set(body.indices)) < 2:
            continue
        others = [other for other in program.definitions if other.name != item.name]
        if any(ref.name == wrt for other in others for ref in other.refs):
            return None
        domain = DOMAINS["nonnegative" if kind == "singular value" else "real"]
        given = Input(item.name, item.shape, domain)
        return replace(program, inputs=(*program.inputs, given), definitions=tuple(others)), item.name, kind
    return None


# ---- norms ----------------------------------------------------------------------------------------------------


def _of_norm(program: Program, wrt: str, calculus: Calculus) -> Penalty | None:
    """A function of the norm of the variable, or a sum of such functions of the norms of its rows or columns."""
    output = program.output
    if not isinstance(output, Definition) or output.reduce not in ("", "sum"):
        return None
    item, weight = output, Mul()
    if not item.reduce:
        factors = [factor for factor in Mul.make_args(item.body) if calculus.moves(factor)]
        inner = program.by_name[factors[0].name] if len(factors) == 1 and isinstance(factors[0], Ref) else None
        if isinstance(inner, Definition) and inner.reduce == "sum" and not _is_norm(program, wrt, factors[0], inner):
            item, weight = inner, item.body / factors[0]
    whole = calculus.composition(item.body)
    scalar = None if whole is None else whole.scalar
    if whole is None or scalar is None or len(whole.parts) != 1 or not calculus.is_nonnegative(weight):
        return None
    if not _is_norm(program, wrt, scalar.arguments[0], item):
        return None
    symbol, _ = scalar.box[0]
    exponent = 1 / whole.parts[0].exponent if whole.parts[0].wording else 1
    body = _bare(weight.xreplace(parameters(weight)) * scalar.body.xreplace({symbol: Dummy("x", positive=True)}))
    inner = next(s for s in body.free_symbols if isinstance(s, Dummy))
    of = "norm of each group" if item.reduce else "norm"
    return Penalty(body.xreplace({inner: X ** (2 / exponent)}), NONNEGATIVE, of)


def _is_norm(program: Program, wrt: str, leaf: Expr, item: Definition) -> bool:
    """Whether a part is the sum of the squares of the variable's entries, or of those of a row."""
    inner = program.by_name[leaf.name] if isinstance(leaf, Ref) else None
    if not isinstance(inner, Definition) or inner.reduce != "sum" or set(leaf.indices) != set(item.bound_indices):
        return False
    refs = [ref for ref in inner.body.atoms(Ref) if ref.name == wrt]
    places = {*inner.free, *inner.bound_indices}
    return len(refs) == 1 and set(refs[0].indices) == places and bool(inner.body == refs[0] ** 2)
