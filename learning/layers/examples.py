"""The layers of the introduction: a product with numbers, one layer with any activation, a small network."""

from __future__ import annotations

from chainrule.derive.derivation import Derivation
from chainrule.derive.goals import gradient
from chainrule.learning.explanation import Explanation
from chainrule.learning.layers.network import network
from chainrule.learning.layers.products import entries

X = [[1.5, 2.3, 0.8], [2.1, 1.9, 1.2], [0.9, 2.7, 0.5]]
W = [[0.5, 0.3], [0.2, 0.8], [0.7, 0.1]]
#: One layer, any activation, and the adjoint of its output that whatever follows sends back.
DENSE_LAYER = (
    "input: real[n, d]; weights: real[d, k]; bias: real[k]; activation: function; output_bar: real[n, k]; "
    "z = input @ weights + bias; output = activation(z); sum(output_bar*output)"
)


def matrix_product() -> Explanation:
    """Three points with three features through weights for two outputs."""
    return entries("output = X @ W", X=X, W=W)


def dense_layer() -> Derivation:
    """What an adjoint of the output becomes for the input, the weights and the bias."""
    return gradient(DENSE_LAYER, ["input", "weights", "bias"])


def backpropagation() -> Explanation:
    """Three layers with any activations, and the adjoint of the output that any loss sends back."""
    return network("d -> h phi1 -> m phi2 -> k phi3", given="phi1, phi2, phi3: function").explain()


def small_network() -> Explanation:
    """Two hidden layers and a softmax."""
    return network("4 -> 16 tanh -> 16 relu -> 3 softmax", "cross_entropy").explain()
