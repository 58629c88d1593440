"""Time to derive the gradient of a transformer-like program, by its number of blocks.

A block is a layer norm, attention with a residual connection, a layer norm, and a two-layer network
with a residual connection: 16 variables and about 20 definitions.  Exits with 1 if 12 blocks take
10 s of processor time or more, reading included, or if the time per block grows by more than a factor
of 1.5 between 3 and 12 blocks.
"""

from __future__ import annotations

import sys
import time

from sympy.core.cache import clear_cache

import chainrule as cr
from chainrule.derive.calculus import derivative_program

BLOCKS = (3, 6, 12)
LIMIT_SECONDS = 10.0
LIMIT_GROWTH = 1.5

DECLARED = (
    "Q{0}, K{0}, V{0}, P{0}: real[d, d]; g{0}, h{0}, e{0}, f{0}: real[d]; "
    "A{0}: real[d, m]; a{0}: real[m]; B{0}: real[m, d]; b{0}: real[d]; "
)
BLOCK = """
N{0} = g{0}*(X{0} - mean(X{0}, axis=1, keepdims=True))/sqrt(var(X{0}, axis=1, keepdims=True) + 1e-5) + h{0}
S{0} = softmax((N{0} @ Q{0}) @ (N{0} @ K{0}).T / sqrt(d), axis=1)
R{0} = X{0} + S{0} @ (N{0} @ V{0}) @ P{0}
M{0} = e{0}*(R{0} - mean(R{0}, axis=1, keepdims=True))/sqrt(var(R{0}, axis=1, keepdims=True) + 1e-5) + f{0}
X{1} = R{0} + gelu(M{0} @ A{0} + a{0}) @ B{0} + b{0}
"""


def transformer(blocks: int) -> str:
    """The text of a program with this many blocks and a softmax cross-entropy on top."""
    numbers = range(blocks)
    declared = "X0: real[t, d]; Y: onehot[t, v]; W: real[d, v]; " + "".join(DECLARED.format(n) for n in numbers)
    body = "".join(BLOCK.format(n, n + 1) for n in numbers)
    return f"{declared}{body}-mean(sum(Y*log_softmax(X{blocks} @ W, axis=1), axis=1))"


def seconds(blocks: int) -> float:
    """Processor seconds to read the program and derive its gradient by every parameter."""
    clear_cache()
    start = time.process_time()
    program = cr.formula(transformer(blocks)).differentiable
    derivative_program(program, [item.name for item in program.inputs if item.name not in ("X0", "Y")])
    return time.process_time() - start


def main() -> int:
    """Measure, print the table, judge."""
    times = [seconds(blocks) for blocks in BLOCKS]
    print("blocks   seconds   s per block")
    for blocks, value in zip(BLOCKS, times, strict=True):
        print(f"{blocks:6d} {value:9.2f} {value / blocks:13.3f}")
    growth = (times[-1] / BLOCKS[-1]) / (times[0] / BLOCKS[0])
    print(f"time per block at {BLOCKS[-1]} blocks over {BLOCKS[0]} blocks: {growth:.2f}")
    return 0 if times[-1] < LIMIT_SECONDS and growth <= LIMIT_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
