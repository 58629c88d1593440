"""Graphs as SVG: boxes in columns, solid lines forward with shapes, dashed lines back with local derivatives."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from chainrule.derive.errors import cells
from chainrule.derive.pictures.colours import BACKWARD, BACKWARD_DARK, FORWARD, FORWARD_DARK
from chainrule.derive.pictures.layout import Box, Place, layers, ordered, places
from chainrule.derive.pictures.record import Edge, Node

#: Sizes of fonts, the width of a character and the height of a line in units of them.
SIZE, SMALL, CHARACTER, LINE = 13.0, 11.5, 0.615, 1.4
#: Room around text in boxes, between boxes (across, down), around the picture, and between two edges at a box.
PADDING, GAP, MARGIN, PORT = 10.0, (30.0, 14.0), 16.0, 17.0
#: Half the distance of the lines forward and back.
HALF = 4.0
#: Characters of a line and lines of a text at most; what is longer can be read in the tooltip.
COLUMNS, LABEL_COLUMNS, LINES = 38, 26, 5

STYLE = f"""
.page {{ fill: #ffffff }}
text {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; fill: #1b1b1b }}
text {{ white-space: pre }}
.box {{ fill: #ffffff; stroke: #555555; stroke-width: 1.2 }}
.input .box {{ fill: #f0f3f6; stroke: #8a949e }}
.output .box {{ stroke: #1b1b1b; stroke-width: 2.4 }}
.name {{ font-weight: bold }}
path {{ fill: none; stroke-width: 1.5 }}
.forward path {{ stroke: {FORWARD} }}
.back path {{ stroke: {BACKWARD}; stroke-dasharray: 5 3 }}
.forward path.head {{ fill: {FORWARD}; stroke: none }}
.back path.head {{ fill: {BACKWARD}; stroke: none }}
text.forward {{ fill: {FORWARD} }}
text.back {{ fill: {BACKWARD} }}
@media (prefers-color-scheme: dark) {{
.page {{ fill: #16191d }}
text {{ fill: #e8e8e8 }}
.box {{ fill: #22272e; stroke: #9aa4ae }}
.input .box {{ fill: #2c333b; stroke: #768390 }}
.output .box {{ stroke: #f0f0f0 }}
.forward path {{ stroke: {FORWARD_DARK} }}
.back path {{ stroke: {BACKWARD_DARK} }}
.forward path.head {{ fill: {FORWARD_DARK} }}
.back path.head {{ fill: {BACKWARD_DARK} }}
text.forward {{ fill: {FORWARD_DARK} }}
text.back {{ fill: {BACKWARD_DARK} }}
}}
"""


@dataclass(frozen=True)
class _Text:
    """A line of text with its class and the size of its font."""

    text: str
    style: str
    size: float = SIZE

    @property
    def width(self) -> float:
        return cells(self.text) * CHARACTER * self.size


@dataclass(frozen=True)
class _Drawing:
    """Everything with its place; labels are keyed by the ends of their edges."""

    nodes: Mapping[str, Node]
    edges: Sequence[Edge]
    boxes: Mapping[Hashable, Box]
    at: Mapping[Hashable, Place]
    routes: Mapping[Edge, Sequence[Hashable]]

    def side(self, key: Hashable, direction: int) -> float:
        """The left (-1) or right (1) side of a box."""
        return self.at[key].x + direction * self.boxes[key].width / 2


def graph_svg(nodes: Sequence[Node], edges: Sequence[Edge], title: str | None = None) -> str:
    """The picture as an SVG document."""
    drawing = _arranged({node.name: node for node in nodes}, edges)
    width = max(drawing.side(key, 1) for key in drawing.boxes) + 2 * MARGIN
    bottom = max(drawing.at[key].y + box.height / 2 for key, box in drawing.boxes.items())
    legend = _legend(edges)
    width = max(width, _widest(legend) + 2 * MARGIN)
    height = bottom + (MARGIN + _height(legend) if legend else 0.0) + 2 * MARGIN
    ports = _ports(drawing)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title or f'The computation graph of {nodes[-1].name}')}</title>",
        f"<style>{STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<g transform="translate({MARGIN:g} {MARGIN:g})">',
        *(line for edge in edges for line in _edge(drawing, edge, ports)),
        *(line for node in nodes for line in _node(drawing, node)),
        *_lines(legend, 0.0, bottom + MARGIN, "start"),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


# ---- texts -------------------------------------------------------------------------------------


def _wrapped(text: str, first: str = "", columns: int = COLUMNS) -> list[str]:
    lines = textwrap.wrap(text, columns, initial_indent=first, subsequent_indent=" " * len(first))
    return [*lines[: LINES - 1], lines[LINES - 1][: columns - 2] + " …"] if len(lines) > LINES else lines


def _equation(text: str) -> list[str]:
    """An equation in one line, or in one line for each side that fits."""
    if cells(text) <= LABEL_COLUMNS:
        return [text]
    left, _, right = text.partition(" = ")
    return [*_wrapped(left, columns=LABEL_COLUMNS), *_wrapped(right, "= ", LABEL_COLUMNS)]


def _node_texts(node: Node) -> list[_Text]:
    """The lines in a node's box."""
    lines = [_Text(node.title, "name")]
    if node.right:
        lines += [_Text(line, "plain") for line in _wrapped(node.right, "= ")]
    if node.value:
        lines.append(_Text(f"value {node.value.text}", "forward", SMALL))
    lines += [_Text(line, "back", SMALL) for line in _wrapped(node.backward)]
    if node.slope:
        lines.append(_Text(f"adjoint {node.slope.text}", "back", SMALL))
    return lines


def _edge_texts(edge: Edge) -> tuple[list[_Text], list[_Text]]:
    """The lines above and below an edge."""
    above = [_Text(edge.lengths, "forward", SMALL)] if edge.shape else []
    return above, [_Text(line, "back", SMALL) for local in edge.local for line in _equation(local)]


def _legend(edges: Sequence[Edge]) -> list[_Text]:
    """What the two kinds of lines are, where there are two."""
    if not any(edge.back for edge in edges):
        return []
    return [
        _Text("→ solid: values, with their shapes", "forward", SMALL),
        _Text("← dashed: adjoints, with the local derivatives they are multiplied by", "back", SMALL),
    ]


def _height(lines: Sequence[_Text]) -> float:
    return sum(line.size * LINE for line in lines)


def _widest(lines: Sequence[_Text]) -> float:
    return max((line.width for line in lines), default=0.0)


# ---- places ------------------------------------------------------------------------------------


def _arranged(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> _Drawing:
    """Boxes for nodes, in even columns, for labels, in the odd column before the reader, and for what passes."""
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for edge in edges:
        sources[edge.target].append(edge.source)
    layer = layers(sources)
    columns: list[list[Box]] = [[] for _ in range(2 * max(layer.values()) + 1)]
    for name, node in nodes.items():
        columns[2 * layer[name]].append(_node_box(node, edges))
    links: list[tuple[Hashable, Hashable]] = []
    routes: dict[Edge, list[Hashable]] = {}
    for edge in edges:
        route: list[Hashable] = [edge.source]
        for number in range(2 * layer[edge.source] + 1, 2 * layer[edge.target]):
            label = number == 2 * layer[edge.target] - 1
            box = _label_box(edge) if label else Box((edge.source, edge.target, number), 0.0, 2 * HALF)
            columns[number].append(box)
            route.append(box.key)
        routes[edge] = [*route, edge.target]
        links += itertools.pairwise(routes[edge])
    columns = ordered(columns, links)
    boxes = {box.key: box for column in columns for box in column}
    return _Drawing(nodes, edges, boxes, places(columns, links, GAP), routes)


def _node_box(node: Node, edges: Sequence[Edge]) -> Box:
    lines = _node_texts(node)
    ports = max(sum(edge.source == node.name for edge in edges), sum(edge.target == node.name for edge in edges))
    return Box(node.name, _widest(lines) + 2 * PADDING, max(_height(lines) + 2 * PADDING, PORT * (ports + 0.5)))


def _label_box(edge: Edge) -> Box:
    above, below = _edge_texts(edge)
    return Box((edge.source, edge.target), _widest([*above, *below]) + PADDING, _sides(edge))


def _sides(edge: Edge) -> float:
    """The height of a label, whose edge runs through the middle."""
    above, below = _edge_texts(edge)
    return 2 * max(_height(above), _height(below)) + 2 * HALF


def _ports(drawing: _Drawing) -> dict[tuple[Hashable, Hashable], float]:
    """The height at which the line between two boxes next to each other leaves the first, if that is a node.

    The lines of one side of a node are spread over it, in the order of their other ends.
    """
    found: dict[tuple[Hashable, Hashable], float] = {}
    for name in drawing.nodes:
        for turn in (1, -1):
            routes = [route[::turn] for route in drawing.routes.values() if route[::turn][0] == name]
            near = sorted((route[1] for route in routes), key=lambda key: drawing.at[key].y)
            step = min(PORT, drawing.boxes[name].height / (len(near) or 1))
            for number, key in enumerate(near):
                found[name, key] = drawing.at[name].y + (number - (len(near) - 1) / 2) * step
    return found


# ---- drawing -----------------------------------------------------------------------------------


def _node(drawing: _Drawing, node: Node) -> Iterator[str]:
    box, at = drawing.boxes[node.name], drawing.at[node.name]
    lines = _node_texts(node)
    yield f'<g class="node {node.kind}"><title>{escape(_tooltip(node))}</title>'
    yield (
        f'<rect class="box" x="{at.x - box.width / 2:.1f}" y="{at.y - box.height / 2:.1f}" '
        f'width="{box.width:.1f}" height="{box.height:.1f}" rx="5"/>'
    )
    yield from _lines(lines, at.x - box.width / 2 + PADDING, at.y - _height(lines) / 2, "start")
    yield "</g>"


def _tooltip(node: Node) -> str:
    text = f"{node.title} = {node.right}" if node.right else node.title
    return f"{text}\n{node.backward}" if node.backward else text


def _lines(lines: Sequence[_Text], x: float, top: float, anchor: str) -> Iterator[str]:
    """Lines of text under each other."""
    for line in lines:
        base = top + line.size * (LINE + 0.7) / 2
        top += line.size * LINE
        yield (
            f'<text class="{line.style}" x="{x:.1f}" y="{base:.1f}" font-size="{line.size:g}" '
            f'text-anchor="{anchor}">{escape(line.text)}</text>'
        )


def _edge(drawing: _Drawing, edge: Edge, ports: Mapping[tuple[Hashable, Hashable], float]) -> Iterator[str]:
    above, below = _edge_texts(edge)
    half = HALF if edge.back else 0.0
    label = drawing.at[edge.source, edge.target]
    yield f'<g class="forward">{_line(_points(drawing, edge, ports, -half), 1)}</g>'
    if edge.back:
        yield f'<g class="back">{_line(_points(drawing, edge, ports, half), -1)}</g>'
    yield f'<g class="label"><title>{escape(f"{edge.source} to {edge.target}")}</title>'
    yield from _lines(above, label.x, label.y - half - 2 - _height(above), "middle")
    yield from _lines(below, label.x, label.y + half + 1, "middle")
    yield "</g>"


def _points(
    drawing: _Drawing, edge: Edge, ports: Mapping[tuple[Hashable, Hashable], float], shift: float
) -> list[tuple[float, float]]:
    """Where an edge leaves and enters boxes: level within columns, so that it meets no other box of them."""
    route = drawing.routes[edge]
    found: list[tuple[float, float]] = []
    for a, b in itertools.pairwise(route):
        leaves = ports.get((a, b), drawing.at[a].y) + shift
        enters = ports.get((b, a), drawing.at[b].y) + shift
        found += [(drawing.side(a, 1), leaves), (drawing.at[a].right, leaves)]
        found += [(drawing.at[b].left, enters), (drawing.side(b, -1), enters)]
    return found


def _line(points: Sequence[tuple[float, float]], direction: int) -> str:
    """A curve through the points with a head at its end (1) or at its beginning (-1)."""
    (x, y), (end_x, end_y) = points[0], points[-1]
    d = f"M{x:.1f} {y:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (x0 + x1) / 2
        d += f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}" if y0 != y1 else f"H{x1:.1f}"
    (tip_x, tip_y), back = ((end_x, end_y), -7) if direction == 1 else ((x, y), 7)
    return f'<path d="{d}"/><path class="head" d="M{tip_x:.1f} {tip_y:.1f}l{back} -3.5v7z"/>'
