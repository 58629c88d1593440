"""What is told of training: the four parts of a network that learns, and the temperature of its probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

import numpy as np
import numpy.typing as npt
from scipy import optimize

from chainrule.derive.formula import formula
from chainrule.derive.goals import gradient, hessian
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.render.page import Shown
from chainrule.learning.chains import Text, chain, told
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.fitting.descent import ADAM
from chainrule.learning.layers.differences import Bench
from chainrule.learning.layers.network import network
from chainrule.learning.training.calibration import CURVE, DECLARED, INVERSE, LIKELIHOOD
from chainrule.learning.training.digits import LAYERS, LOSS

Array = npt.NDArray[np.float64]
SPREAD = "sum(sum(softmax(beta*Z, axis=1)*Z^2, axis=1) - sum(softmax(beta*Z, axis=1)*Z, axis=1)^2)/n"
SOFTENED = Shown("p", "p")
GUO = "Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks (2017), section 4.2."
#: What the four parts of the introduction's conclusion are called here, by the parts of a network's explanation.
FOUR = {
    "Given": "Given", "Forward": "Linear algebra: the stack of layers", "Parameters": "Its parameters",
    "Loss": "Probability: the negative log-likelihood of the labels",
    "Backward, from the last layer to the first": "Calculus: the gradient, from the last layer to the first",
}  # fmt: skip


def all_together() -> Explanation:
    """The network on digits: linear algebra, probability, calculus, optimisation."""
    layers = network(LAYERS, LOSS).explain()
    parts = [replace(part, title=FOUR[part.title]) for part in layers.parts]
    title = f"A network that learns: {LAYERS}"
    return Explanation(Shown(title, ""), (*parts, *_adam(), *_likelihood(), *_temperature()), layers.remarks)


def calibration() -> Explanation:
    """The temperature that makes the likelihood largest, and measures of calibration."""
    return Explanation(
        Shown("Calibrated probabilities: temperature scaling", ""),
        (*_temperature(), *_one_minimum(), *_same_order(), *_measures()), (GUO,),
    )  # fmt: skip


# ---- the parts -------------------------------------------------------------------------------------------------


def _adam() -> tuple[Part, ...]:
    """The steps of Adam, and why its means are divided."""
    beta1, beta2, guard = ADAM
    start = "With g for the gradient of a batch, m and v running means that start at 0, and eta for the rate:"
    m, v = Shown("m[t]", "m_t"), Shown("v[t]", "v_t")
    return (
        Part("Optimisation: a step of Adam on a batch", (
            Move(Shown(f"{beta1:g}*m[t-1] + {1 - beta1:.3g}*g", rf"{beta1:g}\, m_{{t-1}} + {1 - beta1:.3g}\, g"), (m,),
                 ("The direction, averaged.",)),
            Move(Shown(f"{beta2:g}*v[t-1] + {1 - beta2:.3g}*g^2",
                       rf"{beta2:g}\, v_{{t-1}} + {1 - beta2:.3g}\, g^{{\odot 2}}"), (v,), ("The size, averaged.",)),
            Move(Shown(f"g*(1 - {beta1:g}^t)", rf"g\, (1 - {beta1:g}^t)"), (m,),
                 ("For a gradient that stays the same: so the means are divided by 1 - 0.9^t and 1 - 0.999^t.",),
                 partial(_mean_gap, beta1)),
            Move(Shown(f"w - eta*(m[t]/(1 - {beta1:g}^t))/(sqrt(v[t]/(1 - {beta2:g}^t)) + {guard:g})",
                       rf"w - \eta\, \frac{{m_t/(1 - {beta1:g}^t)}}{{\sqrt{{v_t/(1 - {beta2:g}^t)}} + 10^{{-8}}}}"),
                 (Shown("w_next", r"w_{\text{next}}"),), ("Every unknown with a step length of its own.",)),
        ), (start,)),
    )  # fmt: skip


def _likelihood() -> tuple[Part, ...]:
    return chain(
        "z: real[n, k]; Y: onehot[n, k]", "-sum(Y*log(softmax(z, axis=1)))/n", (
            ("=", "-sum(Y*(z - logsumexp(z, axis=1)[:, None]))/n", "The logarithm of the quotient."),
            ("=", "sum(logsumexp(z, axis=1) - sum(Y*z, axis=1))/n", "The entries of a row of Y sum to one."),
        ), "Probability: the likelihood through the logits",
    )  # fmt: skip


def _temperature() -> tuple[Part, ...]:
    """The likelihood of softened probabilities, its derivative, and what that says where it vanishes."""
    derived = gradient(f"{DECLARED}; p = softmax(Z/T, axis=1); -sum(Y*log(p))/n", "T").result["T"]
    program = derived.program
    nll = Text(DECLARED, LIKELIHOOD)
    return (
        Part("Probability: a temperature for the logits Z", (
            Move(shown(program, "p"), (SOFTENED,), ("T = 1 leaves the probabilities, T > 1 softens them.",)),
            Move(nll.shown, (Shown("NLL", r"\mathrm{NLL}"),), ("On images that were not trained on.",)),
            Move(shown(program, program.output.name), (Shown("dNLL/dT", r"\frac{d\, \mathrm{NLL}}{d T}"),),
                 ("Derived; the network's weights stay.",), partial(_slope_gap, derived.matrix())),
        )),
        Part("Where it vanishes", (
            Move(Shown("sum(Z*Y)", r"\sum Z \odot Y"), (Shown("sum(Z*p)", r"\sum Z \odot p"),),
                 ("The logits that are expected are those of the labels, in the mean.",), _balance_gap),
        )),
    )  # fmt: skip


def _one_minimum() -> tuple[Part, ...]:
    curvature = hessian(f"{INVERSE}; {CURVE}", "beta").result["beta"].matrix()
    symbol = Shown("d2NLL/dbeta2", r"\frac{d^2 \mathrm{NLL}}{d \beta^2}")
    return (
        *told(symbol, INVERSE, curvature, "Derived.", (
            ("=", SPREAD, "The mean over the rows of the variance of the logits under p."),
        ), "The second derivative by beta = 1/T"),
        Part("So that there is one minimum", (
            Move(Shown("d2NLL/dbeta2 >= 0", rf"{symbol.latex} \ge 0"), (),
                 ("A variance is never negative: NLL is convex in beta.",), _convex_gap),
        )),
    )  # fmt: skip


def _same_order() -> tuple[Part, ...]:
    return (
        Part("What stays", (
            Move(Shown("argmax(Z)", r"\operatorname{argmax} Z"), (Shown("argmax(Z/T)", r"\operatorname{argmax} Z/T"),),
                 ("T is positive: the same predictions, the same accuracy.",), _order_gap),
        )),
    )  # fmt: skip


def _measures() -> tuple[Part, ...]:
    return (
        Part("How calibration is measured", tuple(_definitions())),
        *chain("P: simplex[n, k]; Y: onehot[n, k]", "sum((P - Y)^2)/n", (
            ("=", "sum(P^2)/n - 2*sum(P*Y)/n + 1", "The entries of a row of Y are 0 but for one 1."),
        ), "The Brier score"),
    )  # fmt: skip


def _definitions() -> Iterator[Move]:
    yield Move(
        Shown("sum_b count[b]/n * |accuracy[b] - confidence[b]|",
              r"\sum_b \frac{n_b}{n}\, |\mathrm{acc}_b - \mathrm{conf}_b|"),
        (named("ECE"),), ("Predictions sorted into bins b by their probability, the confidence.",),
    )  # fmt: skip


# ---- checks ----------------------------------------------------------------------------------------------------


def _mean_gap(beta: float) -> float:
    """A running mean of a constant."""
    mean = 0.0
    for _ in range(7):
        mean = beta * mean + (1 - beta) * 3.0
    return abs(mean - 3.0 * (1 - beta**7))


def _slope_gap(text: str) -> float:
    """The derivative against differences in many digits."""
    bench = Bench(formula(f"{DECLARED}; {LIKELIHOOD}").program)
    read = formula(f"{DECLARED}; p = softmax(Z/T, axis=1); {text}")
    value = float(read.evaluate(**{name: bench.value(name) for name in "ZYT"}))
    slope = bench.along("T")
    return abs(value * float(bench.direction("T")) - slope) / (1 + abs(slope))


@cache
def _logits() -> tuple[Array, Array, float]:
    """Random logits, labels, and the temperature of the largest likelihood by SciPy."""
    rng = np.random.default_rng(0)
    Z = 3 * rng.normal(size=(60, 4))
    labels = np.array([rng.choice(4, p=_softmax(row[None] / 2)[0]) for row in Z])
    Y = np.eye(4)[labels]
    read = formula(f"{DECLARED}; {LIKELIHOOD}")
    found = optimize.minimize_scalar(lambda T: read.evaluate(Z=Z, Y=Y, T=T), bounds=(0.3, 8), method="bounded",
                                     options={"xatol": 1e-12})  # fmt: skip
    return Z, Y, float(found.x)


def _softmax(Z: Array) -> Array:
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _balance_gap() -> float:
    """Both sums at SciPy's minimum, whose place is known to about the root of rounding."""
    Z, Y, T = _logits()
    gap = abs(float(np.sum(Z * (_softmax(Z / T) - Y)))) / float(np.sum(np.abs(Z)))
    return gap if gap > 1e-7 else 0.0


def _convex_gap() -> float:
    """No value between two others of beta lies above their chord."""
    Z, Y, _ = _logits()
    read = formula(f"{INVERSE}; {CURVE}")
    values = np.array([read.evaluate(Z=Z, Y=Y, beta=beta) for beta in np.linspace(0.05, 2, 20)])
    return float(max(0.0, -np.min(np.diff(values, 2))))


def _order_gap() -> float:
    Z, _, T = _logits()
    return float(np.any(np.argmax(Z / T, axis=1) != np.argmax(Z, axis=1)))
