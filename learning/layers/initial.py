"""Where the weights of a network start: random, of a size that keeps products of one size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, near_names
from chainrule.derive.formula import formula
from chainrule.derive.numeric import evaluate
from chainrule.learning.layers.stack import Layer

Array = npt.NDArray[np.float64]
#: Nodes of the quadrature over a standard normal argument.
NODES = 201

#: The variance of a weight by rows, columns, and the mean square of what is multiplied.
SCHEMES: Mapping[str, Callable[[int, int, float], float]] = {
    "glorot": lambda rows, columns, square: 2 / (rows + columns),
    "he": lambda rows, columns, square: 2 / rows,
    "lecun": lambda rows, columns, square: 1 / rows,
    "preserving": lambda rows, columns, square: 1 / (rows * square),
}


def drawn(
    layers: Sequence[Layer], shapes: Mapping[str, tuple[int, ...]], given: str, scheme: str, rng: np.random.Generator
) -> dict[str, Array]:
    """Normal weights with the variance of the scheme, and zero biases."""
    if scheme not in SCHEMES:
        near = near_names(scheme, SCHEMES)
        raise InputError(f"there is no scheme {scheme!r} to start from", expected=", ".join(SCHEMES), near=near)
    found: dict[str, Array] = {}
    square = 1.0
    for layer in layers:
        rows, columns = shapes[layer.weights]
        deviation = np.sqrt(SCHEMES[scheme](rows, columns, square))
        found[layer.weights] = rng.normal(scale=deviation, size=(rows, columns))
        found[layer.bias] = np.zeros(columns)
        square = mean_square(layer, given) if scheme == "preserving" and layer is not layers[-1] else 1.0
    return found


def mean_square(layer: Layer, given: str = "") -> float:
    """``E[phi(z)^2]`` for a standard normal ``z``: 1/2 for relu, whence He's variance.

    Raises:
        InputError: the activation is no function of one number without parameters.
    """
    if not layer.activation:
        return 1.0
    read = formula(f"z: real[n, m]; {given}; {layer.activation}")
    if "axis" in layer.activation or len(read.inputs) > 1:
        raise InputError(
            f"the mean square of {layer.name} is not known", expected="a function of one number", hint="scheme='glorot'"
        )
    z, weights = np.polynomial.hermite_e.hermegauss(NODES)
    values = evaluate(read.program, {"z": z[:, None]})[read.output.name][:, 0]
    return float(weights @ values**2 / weights.sum())
