"""A stack of dense layers as a formula of the notation, with named weights, and what one does with it.

The layer is ``output = activation(input @ weights + bias)``; what follows from it, backpropagation among
it, comes from the engine.  Source: Bishop, Pattern Recognition and Machine Learning (2006), sections 5.1 to 5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.sampling import shape_at
from chainrule.derive.derivation import Derivation
from chainrule.derive.errors import InputError
from chainrule.derive.goals import gradient
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.learning.explanation import Explanation
from chainrule.learning.layers.backward import backpropagation
from chainrule.learning.layers.initial import drawn
from chainrule.learning.layers.losses import read_loss
from chainrule.learning.layers.stack import read_layers
from chainrule.learning.layers.writing import Stack

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Network(Stack):
    """Dense layers, one after the other; see :func:`network`."""

    def explain(self) -> Explanation:
        """The layers forward, and backpropagation through each of them; every line can be checked."""
        return backpropagation(self)

    def gradient(self) -> Derivation:
        """Backpropagation to all parameters, and to the input where the adjoint comes from above."""
        return gradient(self.objective, [*(["X"] if self.loss is None else []), *self.parameters])

    def kernel(self, dtype: str = "float64") -> Kernel:
        """Loss and gradients compiled; without a loss the value along ``G`` and what flows back to ``X``."""
        wrt = [*(["X"] if self.loss is None else []), *self.parameters]
        return kernel(self.objective, wrt, dtype=dtype)

    def initial(
        self, seed: int = 0, scheme: str = "glorot", sizes: Mapping[str, int] | None = None
    ) -> dict[str, Array]:
        """Random weights and zero biases to start from.

        Args:
            seed: of the random numbers.
            scheme: ``glorot`` (variance 2/(rows + columns)), ``he`` (2/rows), ``lecun`` (1/rows), or ``preserving``:
                one over the rows and the mean square of the activation before, so that products stay of
                one size from layer to layer.
            sizes: numbers for widths that have names.

        Raises:
            InputError: there is no such scheme, or a width has no number.

        Source: Glorot and Bengio (2010), eq. 16; He, Zhang, Ren and Sun (2015), eq. 10.
        """
        known = {dim: int((sizes or {})[dim.name]) for dim in self.output.program.dims if dim.name in (sizes or {})}
        missing = [dim.name for item in self.unknowns() for length in item.shape
                   for dim in length.free_symbols - known.keys()]  # fmt: skip
        if missing:
            raise InputError(f"the width {missing[0]} has no number", hint=f"sizes={{'{missing[0]}': 16}}")
        shapes = {item.name: shape_at(item.shape, known) for item in self.unknowns()}
        return drawn(self.layers, shapes, self.given, scheme, np.random.default_rng(seed))

    def to_dict(self) -> dict[str, Any]:
        """The network as plain data."""
        return {
            "layers": [{"rows": layer.rows, "columns": layer.columns, "activation": layer.activation or "linear"}
                       for layer in self.layers],
            "parameters": list(self.parameters), "count": str(self.count()), "formula": self.formula.text,
        }  # fmt: skip


def network(text: str, loss: str | None = None, given: str = "") -> Network:
    """A network in the short notation: ``4 -> 16 tanh -> 16 relu -> 3 softmax``.

    Widths are numbers or names; an activation is a function of the table, ``softmax``, or an expression in
    ``z`` such as ``z*sigmoid(z)``; without one a layer is affine.  The batch ``X`` is (n, first width), the
    weights of layer l are ``Wl`` (rows, columns) and ``bl`` (columns,).

    Args:
        text: the layers.
        loss: ``cross_entropy`` (through the logits), ``mse``, ``mae``, ``logcosh``, ``huber``, ``hinge``, a loss of the
            catalogue, or a formula in ``output``, ``logits`` and the targets ``y`` of the output's shape.
        given: declarations of further names, such as ``beta: positive``, of ``Y``, or of activations without a
            definition, ``phi: function``.

    Raises:
        InputError: the text is not in this notation, or the loss does not fit.
        UnknownNameError: there is no such activation or loss.
        ShapeError: an activation changes the shape, or the loss is no number.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.1.

    Example:
        >>> net = network("4 -> 16 tanh -> 3 softmax", loss="cross_entropy")
        >>> net.parameters, net.count()
        (('W1', 'b1', 'W2', 'b2'), 131)
        >>> net.output.matrix()
        'softmax(z2, axis=1)'
    """
    layers = read_layers(text, given)
    found = Network(text, layers, read_loss(loss, layers[-1]) if loss is not None else None, given)
    if found.objective.shape:
        shape = ", ".join(map(str, found.objective.shape))
        raise InputError("a loss is one number", found=f"an array ({shape})", hint="take its mean or its sum")
    return found
