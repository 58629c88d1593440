"""Time to derive the gradient of a tanh network, by depth: linear in the number of layers.

Reads a network of 10 to 50 layers, derives the gradient by every weight matrix, and prints the
median time of several rounds.  Exits with 1 if 50 layers take 2 s or more, or if the time per
layer grows by more than a factor of 1.5 between 10 and 50 layers.
"""

from __future__ import annotations

import statistics
import sys
import time

from sympy.core.cache import clear_cache

import chainrule as cr
from chainrule.derive.calculus import derivative_program

DEPTHS = (10, 20, 30, 40, 50)
ROUNDS = 5
LIMIT_SECONDS = 2.0
LIMIT_GROWTH = 1.5


def network(depth: int) -> str:
    """The text of a network whose layers all have the width d."""
    weights = ", ".join(f"W{layer}" for layer in range(1, depth + 1))
    layers = "; ".join(f"h{layer} = tanh(h{layer - 1} @ W{layer})" for layer in range(1, depth + 1))
    return f"h0: real[n, d]; Y: real[n, d]; {weights}: real[d, d]; {layers}; mean((h{depth} - Y)^2)"


def seconds(depth: int) -> float:
    """Seconds to derive the gradient, without what SymPy remembers of earlier rounds."""
    program = cr.formula(network(depth)).differentiable
    names = tuple(f"W{layer}" for layer in range(1, depth + 1))
    clear_cache()
    start = time.perf_counter()
    derivative_program(program, names)
    return time.perf_counter() - start


def main() -> int:
    """Measure, print the table, judge."""
    rounds = [[seconds(depth) for depth in DEPTHS] for _ in range(ROUNDS)]
    times = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print("layers   seconds   ms per layer")
    for depth, value in zip(DEPTHS, times, strict=True):
        print(f"{depth:6d} {value:9.3f} {1000 * value / depth:14.2f}")
    growth = (times[-1] / DEPTHS[-1]) / (times[0] / DEPTHS[0])
    print(f"time per layer at {DEPTHS[-1]} layers over {DEPTHS[0]} layers: {growth:.2f}")
    return 0 if times[-1] < LIMIT_SECONDS and growth <= LIMIT_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
