"""The laws that the lines of a derivation by differentials or tangents use."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sympy import Abs, Dummy, Expr, Function, Mul, Pow

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.forms.latex_names import DIFFERENTIAL
from chainrule.derive.kinks import derivative
from chainrule.derive.narrative.moving import Writing
from chainrule.derive.normalised import Normalised, normalised
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Index, Input, Program, Ref, fresh_names
from chainrule.derive.render.page import Note, Shown
from chainrule.derive.reverse import local_derivative
from chainrule.derive.scalar import Indicator, where
from chainrule.derive.steps import Along, Partial, Step

#: Laws of differentials, in text and in LaTeX.
LINEAR = Shown("d(a*U + V) = a*dU + dV", r"\mathrm{d}(a U + V) = a\,\mathrm{d}U + \mathrm{d}V")
PRODUCT = Shown("d(A @ B) = dA @ B + A @ dB", r"\mathrm{d}(A B) = \mathrm{d}A\,B + A\,\mathrm{d}B")
ENTRYWISE = Shown("d(u*v) = du*v + u*dv", r"\mathrm{d}(u v) = \mathrm{d}u\,v + u\,\mathrm{d}v")
SOFTMAX = Shown(
    "p = softmax(a): dp = p*(da - sum(p*da))",
    r"p = \operatorname{softmax}(a): \mathrm{d}p = p \odot (\mathrm{d}a - p^\top \mathrm{d}a)",
)
LOG_SOFTMAX = Shown(
    "d(a - logsumexp(a)) = da - sum(softmax(a)*da)",
    r"\mathrm{d}(a - \operatorname{logsumexp}(a)) = \mathrm{d}a - \operatorname{softmax}(a)^\top \mathrm{d}a",
)
BRANCHES = Shown(
    "d(where(c, u, v)) = where(c, du, dv)",
    r"\mathrm{d}\operatorname{where}(c, u, v) = \operatorname{where}(c, \mathrm{d}u, \mathrm{d}v)",
)
REDUCTIONS = {
    "logsumexp": Shown(
        "d(logsumexp(a)) = sum(softmax(a)*da)",
        r"\mathrm{d}\operatorname{logsumexp}(a) = \operatorname{softmax}(a)^\top \mathrm{d}a",
    ),
    "prod": Shown(
        "d(prod(a)) = sum_k (prod_{l != k} a_l) da_k",
        r"\mathrm{d}\prod_k a_k = \sum_k \Big(\prod_{l \ne k} a_l\Big) \mathrm{d}a_k",
    ),
    "max": Shown(
        "d(max(a)) = mean of da over the largest entries",
        r"\mathrm{d}\max(a) = \text{mean of } \mathrm{d}a \text{ over the largest entries}",
    ),
    "min": Shown(
        "d(min(a)) = mean of da over the least entries",
        r"\mathrm{d}\min(a) = \text{mean of } \mathrm{d}a \text{ over the least entries}",
    ),
}  # fmt: skip

#: How factors go to the other side of an inner product.
CYCLIC = Shown("tr(A @ B) = tr(B @ A)", r"\operatorname{tr}(A B) = \operatorname{tr}(B A)")
ACROSS = Shown("g.T @ (A @ u) = (A.T @ g).T @ u", r"g^\top (A u) = (A^\top g)^\top u")
OUTER = Shown("g.T @ A @ u = tr(outer(g, u).T @ A)", r"g^\top A u = \operatorname{tr}((g u^\top)^\top A)")
ENTRIES = {
    1: Shown("g.T @ (u*v) = (g*u).T @ v", r"g^\top (u \odot v) = (g \odot u)^\top v"),
    2: Shown("tr(A.T @ (B*C)) = tr((A*B).T @ C)", r"\operatorname{tr}(A^\top (B \odot C))"
             r" = \operatorname{tr}((A \odot B)^\top C)"),
}  # fmt: skip
SUMS = {
    1: Shown("sum(u*v) = u.T @ v", r"\sum_i u_i v_i = u^\top v"),
    2: Shown("sum(A*B) = tr(A.T @ B)", r"\sum_{i,j} A_{ij} B_{ij} = \operatorname{tr}(A^\top B)"),
}  # fmt: skip
ROWS = Shown("g.T @ sum(A*B, axis=1) = tr((diag(g) @ A).T @ B)",
             r"\sum_i g_i \sum_j A_{ij} B_{ij} = \operatorname{tr}((\operatorname{diag}(g) A)^\top B)")
COLUMNS = Shown("g.T @ sum(A*B, axis=0) = tr((A @ diag(g)).T @ B)",
                r"\sum_j g_j \sum_i A_{ij} B_{ij} = \operatorname{tr}((A \operatorname{diag}(g))^\top B)")
#: Laws as they are told entry by entry.
BY_ENTRY = {
    LINEAR: Shown("d(a*u + v) = a*du + dv", r"\mathrm{d}(a u + v) = a\,\mathrm{d}u + \mathrm{d}v"),
    PRODUCT: Shown(
        "d(sum_k u[k] v[k]) = sum_k (du[k] v[k] + u[k] dv[k])",
        r"\mathrm{d}\sum_k u_k v_k = \sum_k (\mathrm{d}u_k\,v_k + u_k\,\mathrm{d}v_k)",
    ),
    SOFTMAX: Shown(
        "p = softmax(a): dp[i] = p[i] (da[i] - sum_k p[k] da[k])",
        r"p = \operatorname{softmax}(a): \mathrm{d}p_i = p_i \Big(\mathrm{d}a_i - \sum_k p_k\,\mathrm{d}a_k\Big)",
    ),
    LOG_SOFTMAX: Shown(
        "p = softmax(a): d(a[i] - logsumexp(a)) = da[i] - sum_k p[k] da[k]",
        r"p = \operatorname{softmax}(a): \mathrm{d}(a_i - \operatorname{logsumexp}(a)) ="
        r" \mathrm{d}a_i - \sum_k p_k\,\mathrm{d}a_k",
    ),
    REDUCTIONS["logsumexp"]: Shown(
        "p = softmax(a): d(logsumexp(a)) = sum_k p[k] da[k]",
        r"p = \operatorname{softmax}(a): \mathrm{d}\operatorname{logsumexp}(a) = \sum_k p_k\,\mathrm{d}a_k",
    ),
}  # fmt: skip
SYMMETRIC = "The matrix diag(p) - outer(p, p) in the differential of a softmax is symmetric"
REPEATED = "What is repeated along an axis meets the sum over it"


def differential_laws(step: Step, write: Writing, by_entry: bool = False) -> Note:
    """The laws that a differential or tangent follows from; ``by_entry``, told of entries where there is such a law."""
    scope = _Scope.of(step, write.program)
    laws = dict.fromkeys(law for item in scope.items for law in _laws(item, scope))
    found = [law for law in laws if law is not LINEAR] or list(laws)
    return _with_facts(_listed([_told_by_entry(law) for law in found] if by_entry else found), (), step)


def _told_by_entry(law: Shown) -> Shown:
    """A law of entries; one of a function of a matrix is said to be one of matrices."""
    if "@" in law.text and law not in BY_ENTRY:
        return Shown(f"as matrices, {law.text}", lambda: rf"\text{{as matrices, }} {law.latex}")
    return BY_ENTRY.get(law, law)


def carrying_laws(step: Step, write: Writing, by_entry: bool) -> Note:
    """The laws by which the factors of a differential go to the other side, and facts that were used.

    Entry by entry, ``by_entry``, that is the order of the sums.
    """
    scope = _Scope.of(step, write.program)
    reached = {item.name for item in scope.items} | {value for key, value in step.bindings if key == "to"}
    laws = dict.fromkeys(law for item in scope.items for law in _carried(item, scope, reached))
    if _is_even(step, write.program):
        laws = dict.fromkeys(SUMS[2] if law in (ROWS, COLUMNS) else law for law in laws)
    words = [law for law in laws if isinstance(law, str)]
    found = [law for law in laws if isinstance(law, Shown)]
    if by_entry:
        words, found = (["Exchange the sums"] if laws else []), []
    note = _listed([law for law in found if law not in SUMS.values()] or found)
    return _with_facts(note, words, step) or ("Rearrange",)


def _with_facts(note: Note, words: Sequence[str], step: Step) -> Note:
    """A note, sentences behind it, and the facts that were used."""
    facts = [value.removesuffix(".") for key, value in step.bindings if key == "fact"]
    for sentence in (*words, *dict.fromkeys(facts)):
        note = (*note, f"; {sentence[0].lower()}{sentence[1:]}" if note and sentence[:2].isalpha() else sentence)
    return note


def _is_even(step: Step, program: Program) -> bool:
    """Whether the factor that is carried over is the same for all entries."""
    factors = (program.by_name[value] for key, value in step.bindings if key == "carried")
    return any(isinstance(item, Definition) and not item.refs and not item.body.atoms(Index) for item in factors)


class _Scope:
    """The definition that a differential belongs to and the nameless ones in it, and what depends on the variables."""

    def __init__(self, quantity: Definition, active: set[str], program: Program) -> None:
        self.quantity, self.active, self.program = quantity, active, program
        self.items = [quantity]
        for item in self.items:
            normaliser = _normaliser(item, program, active)
            inner = (program.by_name[name] for name in sorted(item.reads & active) if name != normaliser)
            new = (part for part in inner if isinstance(part, Definition) and part.origin == "auto")
            self.items += [part for part in new if part not in self.items]

    @staticmethod
    def of(step: Step, program: Program) -> _Scope:
        """The scope of a step about the differential of a quantity."""
        quantity = program.by_name[dict(step.bindings)["through"]]
        assert isinstance(quantity, Definition)
        return _Scope(quantity, _active(step, program), program)

    def refs(self, item: Definition) -> list[Ref]:
        """What an item reads that depends on the variables."""
        return [ref for ref in item.refs if ref.name in self.active]


def _active(step: Step, program: Program) -> set[str]:
    """What depends on the variables."""
    claim = step.before.body
    variables = {value for key, value in step.bindings if key == "variable"}
    if isinstance(claim, Along):
        variables |= set(claim.directions)
    elif isinstance(claim, Partial):
        variables.add(claim.variable.name)
    return reached(program, frozenset(variables))


def _normaliser(item: Definition, program: Program, active: set[str]) -> str:
    """The logsumexp that a softmax is told without."""
    unit = normalised(item, program.by_name, active)
    return unit.normaliser.name if unit else ""


def _is_softmax(item: Definition, unit: Normalised) -> bool:
    """Whether normalised scores are read in an exponential alone."""
    return bool(unit.share in (item.body, item[item.free]))


def _listed(laws: Sequence[Shown]) -> Note:
    return tuple(part for law in laws for part in (", ", law))[1:]


# ---- differentials


def _laws(item: Definition, scope: _Scope) -> Iterator[Shown]:
    """The laws for one definition."""
    if item.reduce in MATRIX_FUNCTION_BY_NAME:
        function = MATRIX_FUNCTION_BY_NAME[item.reduce]
        upright = re.sub(r"(?<![A-Za-z\\])d(?=[A-Z\\])", r"\\mathrm{d}", function.law)
        yield Shown(function.differential or _law_text(function.name, function.tangent), upright)
        return
    unit = normalised(item, scope.program.by_name, scope.active)
    if unit:
        yield SOFTMAX if _is_softmax(item, unit) else LOG_SOFTMAX
        return
    if item.reduce in REDUCTIONS:
        yield REDUCTIONS[item.reduce]
    yield from dict.fromkeys(_products(item, scope))
    yield from _functions(item, scope)
    yield LINEAR


def _law_text(name: str, tangent: str) -> str:
    """``d(inv(A)) = -inv(A) @ dA @ inv(A)`` for the tangent ``-B @ D @ B``."""
    words = {"B": f"{name}(A)", "D": "dA"}
    tangent = tangent.replace("trace(", "tr(")
    *parts, value = re.sub(r"\b[BD]\b", lambda match: words[match[0]], tangent).split("; ")
    return ", where ".join([f"d({words['B']}) = {value}", *parts])


def _products(item: Definition, scope: _Scope) -> Iterator[Shown]:
    """The product rule for every term in which several factors vary, of matrices or entry by entry."""
    for term in item.body.atoms(Mul):
        factors = [factor for factor in Mul.make_args(term) if _moving(factor, scope)]
        entries = [factor.indices for factor in factors if isinstance(factor, Ref)]
        if len(factors) > 1:
            yield PRODUCT if item.reduce == "sum" and len({*entries}) == len(factors) else ENTRYWISE


def _moving(expr: Expr, scope: _Scope) -> bool:
    return any(ref.name in scope.active for ref in expr.atoms(Ref))


def _functions(item: Definition, scope: _Scope) -> Iterator[Shown]:
    """``d(tanh(u)) = (1 - tanh(u)**2)*du`` for the functions of one argument in a body."""
    for node in sorted(item.body.atoms(Function, Abs, Pow), key=lambda node: node.sort_key()):
        inner = [arg for arg in node.args if _moving(arg, scope)]
        if isinstance(node, where):
            yield BRANCHES
        elif isinstance(node, Indicator):
            continue
        elif len(inner) == 1 and not any(arg.atoms(Ref) for arg in node.args if arg is not inner[0]):
            yield _law_of(node, inner[0], scope.program)


def _law_of(node: Expr, inner: Expr, program: Program) -> Shown:
    """The law of one function, for an argument called u."""
    names = [next(fresh_names(program.by_name, name)) for name in ("u", "du")]
    u, du = (Input(name) for name in names)
    plain = Dummy("u", real=True)
    outer = node.func(*(plain if arg == inner else arg for arg in node.args))
    bodies = outer, derivative(outer, plain, program.kinks) * du[()]
    write = Writing(
        replace(program, inputs=(*program.inputs, u, du)), {du.name: DIFFERENTIAL + u.name}, frozenset([du.name])
    )
    left, right = (write.shown(Definition("law", (), body.xreplace({plain: u[()]}))) for body in bodies)
    return Shown(f"d({left.text}) = {right.text}", lambda: rf"\mathrm{{d}}\left({left.latex}\right) = {right.latex}")


# ---- carrying over


def _carried(item: Definition, scope: _Scope, reached: Collection[str]) -> Iterator[Shown | str]:
    """How the factors in one definition go to the other side, before the differentials that are ``reached``."""
    rank = len(item.shape)
    unit = normalised(item, scope.program.by_name, scope.active)
    if unit:
        yield SYMMETRIC if _is_softmax(item, unit) else REPEATED
        return
    if item.reduce in MATRIX_FUNCTION_BY_NAME:
        yield CYCLIC
    for ref in [ref for ref in scope.refs(item) if ref.name in reached]:
        lower = len(ref.indices)
        slope = local_derivative(item, ref, scope.program.kinks)
        constant = not slope.has(Index)
        if item.reduce and rank == 1 and {*ref.indices} == {*item.free, *item.bound_indices} and lower == 2:
            law = _along_axis(item, ref, slope)
            yield SUMS[2] if law in (ROWS, COLUMNS) and _is_summed(item, scope) else law
        elif item.reduce == "sum" and rank:
            yield CYCLIC if rank == lower == 2 else OUTER if lower == 2 else ACROSS
        elif item.reduce and not rank and lower in SUMS:
            if not constant:
                yield SUMS[lower]
        elif not constant and rank in ENTRIES:
            yield ENTRIES[rank]
        if not item.reduce and lower < rank:
            yield REPEATED


def _is_summed(item: Definition, scope: _Scope) -> bool:
    """Whether all entries are added up, each with the same weight."""
    readings = [(reader, ref) for reader in scope.items for ref in reader.refs if ref.name == item.name]
    return any(
        reader.reduce == "sum" and not reader.shape
        and not local_derivative(reader, ref, scope.program.kinks).has(Index)
        for reader, ref in readings
    )  # fmt: skip


def _along_axis(item: Definition, ref: Ref, slope: Expr) -> Shown | str:
    """How factors go past a reduction of the rows or columns of a matrix."""
    if item.reduce == "sum" and not slope.has(*item.bound_indices):
        return REPEATED
    if item.reduce == "sum" and not slope.has(*item.free):
        return OUTER
    return ROWS if ref.indices[0] == item.free[0] else COLUMNS
