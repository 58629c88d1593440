"""A dual as an explanation: the Lagrangian, its parts minimised, the conjugates, the dual, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.binding import declaration
from chainrule.derive.checking.sampling import sample
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula, formula
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.program import Dim
from chainrule.derive.render.page import Shown
from chainrule.learning.convexity.intervals import REALS
from chainrule.learning.convexity.scalar import pieces
from chainrule.learning.duality.cases import Case, Scalar, U, X
from chainrule.learning.duality.dual import Dual
from chainrule.learning.explanation import Explanation, Move, Part

SOURCE = "Source: Boyd and Vandenberghe, Convex Optimization (2004), section 5.7; Rockafellar (1970), section 31."
#: Relations as LaTeX, and an index behind a name.
TEX, INDEX = {"=": "=", "<=": r"\le"}, r"\[[ij]\]"
#: Relative duality gap up to which both objectives agree, and random data that are tried for one.
CLOSED, ATTEMPTS = 1e-6, 6
#: Samples and weights of the data that a dual is tried on.
ROWS, COLUMNS = 14, 3


def explanation(found: Dual) -> Explanation:
    """The derivation, line by line."""
    parts = [_objective(found), _lagrangian(found), _conjugates(found), *_dual(found), *_back(found)]
    title = f"Dual in {found.variable} of the minimum over {', '.join(_unknowns(found))}"
    return Explanation(_text(title), tuple(parts), (*_remarks(found), SOURCE))


def _unknowns(found: Dual) -> list[str]:
    return [name for name in (found.parts.weights, found.parts.intercept) if name]


def _text(words: str) -> Shown:
    return Shown(words, rf"\text{{{words}}}".replace("_", r"\_"))


def _of(f: Formula) -> Shown:
    return shown(f.program, f.output.name)


def _expr(found: Dual, body: Expr, letter: str) -> Shown:
    """A function of one number by a letter, entries of inputs by their names with an index."""
    names: dict[Expr, Expr] = {X: sp.Symbol(letter)}
    names |= {symbol: sp.Symbol(f"{ref.name}_i") for symbol, ref in found.parts.entries.items() if ref.indices}
    plain = body.xreplace(names)
    return Shown(str(plain), sp.latex(plain))


def _scores(found: Dual) -> str:
    data = found.combined.split(" @ ")[0]
    factor = data.removesuffix(".T") if data.endswith(".T") else f"{data}.T"
    linear = f"{factor} @ {found.parts.weights}" + (f" + {found.parts.intercept}" if found.parts.intercept else "")
    bracketed = f"({linear})" if found.parts.intercept or found.parts.labels else linear
    return f"{found.parts.labels}*{bracketed}" if found.parts.labels else linear


def _objective(found: Dual) -> Part:
    name = "margin" if found.parts.labels else "score"
    argument = "norm(w)".replace("w", found.parts.weights) if found.parts.radial else f"{found.parts.weights}_j"
    moves = [
        Move(_of(found.primal), (_text("P"),), ("The objective.",)),
        Move(_plain(found, _scores(found)), (Shown("m", "m"),), (f"The {name} of each sample.",)),
        Move(_expr(found, found.parts.loss, "m_i"), (Shown("h(m_i)", "h(m_i)"),), ("The loss of one sample.",)),
        Move(_expr(found, found.parts.penalty, argument), (Shown(f"g({argument})", rf"g({argument})"),),
             ("The penalty" + (" of the norm." if found.parts.radial else " of one weight."),)),
    ]  # fmt: skip
    return Part("Objective", tuple(moves))


def _plain(found: Dual, text: str) -> Shown:
    """A text in the notation, sides of a relation one by one."""
    signs = re.findall("<=|=", text)
    sides = [_side(found, side.strip()) for side in re.split("<=|=", text)]
    latex = sides[0] + "".join(rf" {TEX[sign]} {side}" for sign, side in zip(signs, sides[1:], strict=True))
    return Shown(text, latex)


def _side(found: Dual, text: str) -> str:
    """A text as LaTeX; what is no formula of the inputs as it is."""
    unknowns = "; ".join(declaration(item) for item in found.primal.inputs if item.name in _unknowns(found))
    (rows,) = found.parts.scores.shape
    try:
        declared = f"{found.declared}; {unknowns}; m: real[{rows}]"
        return formula(f"{declared}; {re.sub(INDEX, '', text)}").latex() + _index(text)
    except ChainruleError:
        return rf"\mathtt{{{text}}}".replace("_", r"\_")


def _index(text: str) -> str:
    """The index of an entry, behind it."""
    return "_i" if re.fullmatch(r"\w+\[i\]", text) else "_j" if re.search(r"\[j\]", text) else ""


def _lagrangian(found: Dual) -> Part:
    a, w, b, v = found.variable, found.parts.weights, found.parts.intercept, found.combined
    scores, product = _scores(found), _side(found, v)
    a_, w_, m_ = (_side(found, name) for name in (a, w, "m"))
    moves = [
        Move(Shown(f"sum(h(m)) + g({w}) + {a} @ (m - {scores})",
                   rf"\sum_i h(m_i) + g({w_}) + {a_}^\top \left({m_} - {_side(found, scores)}\right)"),
             (Shown("Lambda", r"\Lambda"),), (f"The equation m = {scores} has the multiplier {a}.",)),
        Move(Shown(f"-sum(h*(-{a}))", rf"-\sum_i h^*(-{a_}_i)"),
             (Shown(f"min over m of sum(h(m)) + {a} @ m", rf"\min_m \sum_i h(m_i) + {a_}^\top {m_}"),),
             ("By the definition of the conjugate: h*(u) is the largest u*m - h(m).",)),
        Move(Shown(f"-g*({v})", rf"-g^*\left({product}\right)"),
             (Shown(f"min over {w} of g({w}) - ({v}) @ {w}",
                    rf"\min_{{{w_}}} g({w_}) - \left({product}\right)^\top {w_}"),),
             ("The same for the penalty.",)),
    ]  # fmt: skip
    if b:
        total = f"{a} @ {found.parts.labels}" if found.parts.labels else f"sum({a})"
        left = Shown(f"min over {b} of -{b}*({total})", rf"\min_{{{b}}} -{b} \left({_side(found, total)}\right)")
        moves.append(Move(Shown("0", "0"), (left,), (f"If {total} = 0, else there is no minimum.",)))
    return Part("Lagrangian", tuple(moves), ("The arguments of the loss become variables of their own.",))


def _conjugates(found: Dual) -> Part:
    moves = [*_cases(found, "h*", found.loss, "the loss"), *_cases(found, "g*", found.penalty, "the penalty")]
    return Part("Conjugates", tuple(moves), ("Each one is infinite outside of the cases given for it.",))


def _cases(found: Dual, name: str, scalar: Scalar, what: str) -> Iterator[Move]:
    for case in scalar.cases:
        left = Shown(f"{name}(u)", rf"{name[0]}^*(u)")
        radial = found.parts.radial and name == "g*"
        low = "0" if radial and case.low == -sp.oo else str(_expr(found, case.low, "m").text)
        between = f"{low} <= u <= {_expr(found, case.high, 'm').text}".replace("-oo <= ", "").replace(" <= oo", "")
        words = f"For {'every u' if between == 'u' else between}, for {what}: {_place(found, case)}"
        yield Move(_expr(found, case.value, "m"), (left,), (words,), partial(scalar.miss, case))


def _place(found: Dual, case: Case) -> str:
    return f"attained at {_expr(found, case.place, 'm').text}."


def _dual(found: Dual) -> list[Part]:
    gap = partial(relative_gap, found)
    moves = [Move(_of(found.objective), (_text("D"),), ("Maximised: what is left of the Lagrangian.",), gap)]
    limits = tuple(Move(_plain(found, text), (), (_why(found, text),)) for text in found.constraints)
    if _is_kernel(found):
        rows = found.parts.scores.shape[0]
        product = formula(f"{found.declared}; K_: real[{rows}, {rows}]; {_signed(found)} @ K_ @ {_signed(found)}")
        text = Shown(product.matrix().replace("K_", "K"), product.latex().replace(r"\mathrm{K\_}", "K"))
        left = _plain(found, f"norm({found.combined})**2")
        data = found.parts.data
        words = f"With K = {data} @ {data}.T: only inner products of samples are needed."
        moves.append(Move(text, (left,), (words,), partial(kernel_gap, found)))
    return [Part("Dual", tuple(moves)), *([Part("Subject to", limits)] if limits else [])]


def _signed(found: Dual) -> str:
    return f"({found.variable}*{found.parts.labels})" if found.parts.labels else found.variable


def _why(found: Dual, text: str) -> str:
    if found.combined in text:
        return "Where the conjugate of the penalty is finite."
    if text.endswith(" = 0") and found.parts.intercept:
        return f"From the minimum over {found.parts.intercept}."
    return "Where the conjugate of the loss is finite."


def _is_kernel(found: Dual) -> bool:
    """Whether the penalty's conjugate is a multiple of the square, so that inner products are enough."""
    (case, *others) = found.penalty.cases
    return not others and not sp.simplify(case.value / U**2).has(U) and case.value != 0 and found.combined.startswith(
        f"{found.parts.data}.T")  # fmt: skip


def _back(found: Dual) -> list[Part]:
    gap, moves = partial(relative_gap, found), []
    if found.weights is not None:
        reason = "The slope of g*: where the minimum over the weights is attained."
        moves.append(Move(_of(found.weights), (named(found.parts.weights),), (reason,), gap))
    if found.closed is not None:
        words = "The gradient of D is zero here."
        moves.append(Move(_of(found.closed), (named(found.variable),), (words,), gap))
    bounds = () if found.weights is not None else _of_bounds(found)
    slack = [Move(_plain(found, text), (), (why,)) for text, why in bounds]
    if found.parts.intercept:
        words = "is the multiplier of the equation in the dual, or from m[i] at a kink of the loss."
        slack.append(Move(_plain(found, found.parts.intercept), (), (words,)))
    each = [Move(_plain(found, text), (), (why,)) for text, why in samples(found)]
    titled = (("Weights", moves), ("Slackness", slack), ("Samples", each))
    return [Part(title, tuple(lines)) for title, lines in titled if lines]


def _of_bounds(found: Dual) -> Iterator[tuple[str, str]]:
    """What complementary slackness says of weights whose penalty has a kink."""
    w, v = found.parts.weights, found.combined
    for case in found.penalty.cases:
        if case.place.has(U) or case.low == case.high:
            continue
        low, high = (str(_expr(found, end, "m").text) for end in (case.low, case.high))
        if found.parts.radial:
            yield f"{w} = 0", f"Where norm({v}) < {high}; else {w} points in the direction of {v}."
        else:
            yield f"{w}[j] = {case.place}", f"Where {low} < ({v})[j] < {high}: most weights of a sparse model."
            yield f"{w}", "is the multiplier of the constraint elsewhere."


def samples(found: Dual) -> Iterator[tuple[str, str]]:
    """What the optimum says of each sample: -a[i] is a slope of its loss."""
    a = found.variable
    cut = pieces(found.parts.loss, X, REALS) or ()
    for piece in cut:
        slope = sp.simplify(-sp.diff(piece.body, X))
        text = _expr_words(found, str(slope.xreplace({X: sp.Symbol("m[i]")})))
        where = f"Where m[i] lies {piece.interval}" if piece.interval != REALS else "For every sample"
        where = _expr_words(found, where)
        yield f"{a}[i] = {text}", f"{where}: {a}[i] is minus the slope of the loss."
    for case in found.loss.cases:
        if not case.place.has(U):
            low, high = (_expr(found, -end, "m").text for end in (case.high, case.low))
            place = _expr(found, case.place, "m").text
            yield f"m[i] = {place}", f"Where {low} < {a}[i] < {high}: at the kink of the loss."


def _expr_words(found: Dual, words: str) -> str:
    """Words with entries of inputs by their names and the index of a sample."""
    for symbol, ref in found.parts.entries.items():
        words = words.replace(str(symbol), f"{ref.name}[i]") if ref.indices else words
    return words


def _remarks(found: Dual) -> tuple[str, ...]:
    strong = (
        "D is never larger than P (weak duality).",
        "They meet at the optimum (strong duality): P is convex and finite everywhere, and the equations are affine.",
    )
    checks = ("A check maximises D and evaluates P at the weights that belong to it, on random data.",)
    strength = [item.name for item in found.primal.inputs if item.domain.name == "nonnegative" and not item.shape]
    return (*strong, *checks, *((f"For {', '.join(strength)} > 0.",) if strength else ()))


# ---- checks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Key:
    """A dual by its texts, so that its check is made once."""

    text: str
    compute: Callable[[], float]

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.text == other.text


def relative_gap(found: Dual) -> float:
    """The duality gap at the optimum for random data, relative to the objective."""
    parts = (found.primal.matrix(), found.declared, found.objective.matrix(), found.weights, found.constraints)
    return _once(_Key("|".join(map(str, parts)), lambda: _gap(found)))


@cache
def _once(key: _Key) -> float:
    return key.compute()


def _gap(found: Dual) -> float:
    worst = np.inf
    for seed in range(ATTEMPTS):
        try:
            solved = found.solve(random_data(found, seed))
        except (ChainruleError, np.linalg.LinAlgError):
            continue
        gap = abs(solved.gap) / (1 + abs(solved.primal))
        worst = min(worst, gap) if np.isfinite(gap) else worst
        if worst <= CLOSED:
            return 0.0
    return float(worst)


def random_data(found: Dual, seed: int) -> dict[str, Any]:
    """Data for the inputs of a dual."""
    rng = np.random.default_rng(seed)
    rows, columns = (found.parts.scores.shape[0], found.combination.shape[0])
    sizes = {length: size for length, size in ((rows, ROWS), (columns, COLUMNS)) if isinstance(length, Dim)}
    inputs = [item for item in found.inputs if item.name != found.variable]
    return sample(inputs, sizes, rng)


def kernel_gap(found: Dual) -> float:
    """The difference of ``|X' a|^2`` from ``a' K a``."""
    data = random_data(found, 0)
    X_, rng = np.asarray(data[found.parts.data]), np.random.default_rng(1)
    a = rng.uniform(0, 1, X_.shape[0])
    signed = a * data[found.parts.labels] if found.parts.labels else a
    v = formula(f"{found.declared}; {found.combined}").evaluate(**data, **{found.variable: a})
    left, right = float(v @ v), float(signed @ (X_ @ X_.T) @ signed)
    gap = abs(left - right) / (1 + abs(left))
    return gap if gap > 1e-12 else 0.0


