"""Processor time of a derivation page in a running process, for every entry of the catalogue of losses.

    python benchmarks/page_time.py [part of a name ..]

Each round reads every formula with new names for its inputs and lengths, derives it by its usual
variables and prints the page as text; the losses take turns, so that a slow spell of the machine
meets them all.  What SymPy remembers of earlier pages helps only as far as it does not depend on
those names.  Prints the median of the rounds for each loss, beside the limit, the slowest first.
Exits with 1 if a page takes 50 ms or more.
"""

from __future__ import annotations

import re
import statistics
import sys
import time

import chainrule as cr
from chainrule.derive.catalog.losses import ENTRIES, Entry

ROUNDS = 7
LIMIT_SECONDS = 0.050


def renamed(entry: Entry, number: int) -> tuple[str, tuple[str, ...]]:
    """The text of a loss and its variables, the names of inputs and lengths followed by a number."""
    program = cr.formula(entry.name).program
    names = [*(item.name for item in program.inputs), *(length.name for length in program.dims)]
    words = re.compile(rf"(?<![.\w])({'|'.join(map(re.escape, names))})\b(?!\()")
    return words.sub(rf"\1_{number}", entry.text), tuple(f"{name}_{number}" for name in entry.wrt)


def seconds(text: str, wrt: tuple[str, ...]) -> float:
    """Seconds to read a formula, derive it and print the page."""
    start = time.process_time()
    f = cr.formula(text)
    (cr.jacobian if f.shape else cr.gradient)(f, wrt).text()
    return time.process_time() - start


def main(wanted: list[str]) -> int:
    """Measure, print the table, judge."""
    entries = [entry for entry in ENTRIES if not wanted or any(part in entry.name for part in wanted)]
    if not entries:
        print("no loss has such a name")
        return 2
    rounds = [[seconds(*renamed(entry, number)) for entry in entries] for number in range(ROUNDS + 1)]
    # The first round also loads what is loaded on first use.
    times = [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
    print("  ms  of limit")
    for value, entry in sorted(zip(times, entries, strict=True), key=lambda pair: -pair[0]):
        print(f"{1000 * value:4.0f} {value / LIMIT_SECONDS:9.2f}  {entry.name}")
    print(f"median {1000 * statistics.median(times):.0f} ms, largest {1000 * max(times):.0f} ms, {len(times)} losses")
    return int(max(times) >= LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
