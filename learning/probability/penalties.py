"""Maximum a posteriori estimates of linear regression: what penalty a prior of the weights is.

Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 3.4.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from sympy import Add, Expr, S

from chainrule.derive.errors import InputError
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.program import Definition, Input, Program, bound_index, dim, free_index
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.points import agreement, number

N, D = dim("n"), dim("d")
X, Y, W = Input("X", (N, D)), Input("y", (N,)), Input("w", (D,))
PREDICTIONS = Definition(
    "z", (N,), X[(free_index(0), bound_index(0))] * W[(bound_index(0),)], "sum", (D,), origin="auto"
)


def penalised(noise: str = "normal", prior: str = "normal", location: str = "mu") -> Explanation:
    """The negative logarithm of the posterior of the weights of ``y = X w + noise``.

    Args:
        noise: the distribution of an observation about its prediction.
        prior: the distribution of every weight about zero.
        location: the name of the location parameter of both.

    Raises:
        InputError: a distribution has no such parameter.
    """
    errors, weights = _with_location(noise, location), _with_location(prior, location)
    loss = _program(errors, location, "eps", Y, PREDICTIONS[(bound_index(0),)], N)
    penalty = _program(weights, location, "w", W, S.Zero, D)
    whole = _whole(loss, penalty)
    w, data = named("w"), Shown("X, y", "X, y")
    left = Shown(f"-log p(w | {data.text})", rf"-\log p({w.latex} \mid {data.latex})")
    bayes = Shown("-log p(y | X, w) - sum_j log p(w_j) + const",
                  r"-\log p(y \mid X, w) - \sum_j \log p(w_j) + \text{const}")  # fmt: skip
    first = Shown("-log p(y | X, w)", r"-\log p(y \mid X, w)")
    second = Shown("-sum_j log p(w_j)", r"-\sum_j \log p(w_j)")
    check = partial(_difference, errors, weights, location, whole)
    parts = (
        Part("Bayes' theorem", (Move(bayes, (left,), ("The evidence does not depend on the weights.",)),)),
        Part("Likelihood", (Move(_constant(loss), (first,), (f"The {noise} density of y_i about (X w)_i.",)),)),
        Part("Prior", (Move(_constant(penalty), (second,), (f"The {prior} density of w_j about 0.",)),)),
        Part("Posterior", (Move(_constant(whole), (left,), (), check),),
             ("Its smallest value is the maximum a posteriori: a loss with the prior as a penalty.",)),
    )  # fmt: skip
    title = f"Maximum a posteriori: {noise} noise, {prior} prior"
    return Explanation(Shown(title, rf"\text{{{title}}}"), parts)


def _with_location(name: str, location: str) -> Model:
    found = model(name, known=[])
    if location not in found.parameters or found.variable.shape:
        raise InputError(f"the distribution {name} has no parameter {location} that is its location")
    return found


def _program(m: Model, location: str, suffix: str, rows: Input, centre: Expr, length: Expr) -> Program:
    """The sum of the negative log-densities over rows, constants left out; parameters get a suffix."""
    item = m.density.program.output
    mu = m.density.program.by_name[location]
    assert isinstance(item, Definition)
    assert isinstance(mu, Input)
    others = {i: Input(f"{i.name}_{suffix}", (), i.domain) for i in m.density.inputs[1:] if i.name != location}
    place = (bound_index(0),)
    swap = {m.variable[()]: rows[place], mu[()]: centre} | {old[()]: new[()] for old, new in others.items()}
    terms = [-term for term in Add.make_args(item.body) if term.has(m.variable[()])]
    body = Add(*terms).xreplace(swap)
    total = Definition(f"total_{suffix}", (), body, "sum", (length,), origin="named")
    before = (PREDICTIONS,) if rows is Y else ()
    inputs = (X, Y, W) if rows is Y else (W,)
    return Program((*inputs, *others.values()), (*before, total), (total.name,))


def _whole(loss: Program, penalty: Program) -> Program:
    parts = [program.definitions[-1] for program in (loss, penalty)]
    hidden = [Definition(p.name, p.shape, p.body, p.reduce, p.bound, origin="auto") for p in parts]
    total = Definition("objective", (), hidden[0][()] + hidden[1][()], origin="named")
    return Program((*loss.inputs, *penalty.inputs[1:]), (PREDICTIONS, *hidden, total), (total.name,))


def _constant(program: Program) -> Shown:
    body = shown(program, program.output.name)
    return Shown(f"{body.text} + const", rf"{body.latex} + \text{{const}}")


def _difference(errors: Model, weights: Model, location: str, whole: Program) -> float:
    """Differences of the objective between weights, against those of the log-densities of the table."""
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(5, 3)), rng.normal(size=5)
    scales = {item.name: 0.5 + rng.random() for item in whole.inputs[3:]}

    def direct(w: np.ndarray) -> float:
        pairs = [(errors, "eps", x, c) for x, c in zip(targets, features @ w, strict=True)]
        pairs += [(weights, "w", x, 0.0) for x in w]
        return -sum(
            number(m.density.program, {m.variable.name: np.asarray(x), location: np.asarray(c), **{
                i.name: np.asarray(scales[f"{i.name}_{suffix}"])
                for i in m.density.inputs[1:] if i.name != location}})
            for m, suffix, x, c in pairs
        )  # fmt: skip

    points = rng.normal(size=(2, 3))
    ours = [number(whole, {"X": features, "y": targets, "w": w, **scales}) for w in points]
    return agreement(ours[0] - ours[1], direct(points[0]) - direct(points[1]))
