"""Graphs for terminals: a tree from the output back to the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.derive.errors import cells
from chainrule.derive.pictures.record import Edge, Node


def graph_text(nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """The output with what it reads under it, and so on; what was told above is only named.

    Left stand the quantities, right what flows back: the adjoint, then the local derivatives of
    the reader above by the quantity.
    """
    tree = _Tree(nodes, edges)
    rows = list(tree.rows(nodes[-1], None, "", ""))
    left_over = [node for node in nodes if node.name not in tree.told]
    rows += [row for node in left_over for row in tree.rows(node, None, "", "")]
    width = max((cells(left) for left, right in rows if right), default=0)
    return "\n".join(_row(left, right, width) for left, right in rows)


def _row(left: str, right: str, width: int) -> str:
    return f"{left}{' ' * (width - cells(left))}    {right}" if right else left.rstrip()


class _Tree:
    """Walks from readers to what they read; ``told`` are the nodes that were shown in full."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.by_name = {node.name: node for node in nodes}
        self.into: dict[str, list[Edge]] = {node.name: [] for node in nodes}
        for edge in edges:
            self.into[edge.target].append(edge)
        self.told: set[str] = set()

    def rows(self, node: Node, edge: Edge | None, first: str, rest: str) -> Iterator[tuple[str, str]]:
        """The lines about a node and everything under it, left and right."""
        again = node.name in self.told
        self.told.add(node.name)
        below = [] if again else self.into[node.name]
        left = [f"{node.called} (above)"] if again and node.kind != "input" else [_title(node)]
        left += [f"value {node.value.text}"] if node.value and not again else []
        right = [] if again else [node.backward]
        right += [f"adjoint {node.slope.text}"] if node.slope and not again else []
        right = [text for text in [*right, *(edge.local if edge else ())] if text]
        bar = rest + ("│  " if below else "   ")
        for number in range(max(len(left), len(right))):
            start = first if number == 0 else bar if number < len(left) or right else ""
            text = left[number] if number < len(left) else ""
            yield start + text, right[number] if number < len(right) else ""
        for other in below:
            last = other is below[-1]
            yield from self.rows(
                self.by_name[other.source], other, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")
            )


def _title(node: Node) -> str:
    if node.kind == "input":
        return node.title
    shape = f"    {node.lengths}" if node.lengths else ""
    return f"{node.called} = {node.right}{shape}" if node.right else f"{node.called}{shape}"
