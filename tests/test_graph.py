"""Computation graphs: against the program, against values, and as pictures in which nothing overlaps."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from support import differences

import chainrule as cr
from chainrule.derive.catalog.losses import ENTRIES
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.formula import formula
from chainrule.derive.numeric import bind_dims, evaluate
from chainrule.derive.pictures.graph import Graph, graph
from chainrule.derive.pictures.layout import Box, crossings, layers, ordered, places

GATES = "\n".join(f"{g} = {'tanh' if g == 'g' else 'sigmoid'}(W{g} @ x + U{g} @ h + b{g})" for g in "ifog")
WEIGHTS = "; ".join(f"W{g}: real[k, d]; U{g}: real[k, k]; b{g}: real[k]" for g in "ifog")
LSTM = f"x: real[d]; h: real[k]; c: real[k]; {WEIGHTS}\n{GATES}\nc1 = f*c + i*g; h1 = o*tanh(c1); sum(h1^2)"

FORMULAS = {
    **{entry.name: (entry.name, ",".join(entry.wrt)) for entry in ENTRIES},
    "attention": (
        "Q: real[n,d]; K: real[m,d]; V: real[m,e]; S = Q @ K.T / sqrt(d); P = softmax(S, axis=1); O = P @ V; mean(O^2)",
        "Q,K,V",
    ),
    "two_weights": ("x: real; w1: real; w2: real; t: real; z = w1*x; y = sigmoid(w2*z); (y - t)^2", "w1,w2"),
    "lstm": (LSTM, "Wi,bg,Uf"),
    "inverse": ("A: spd[n,n]; x: real[n]; x @ inv(A) @ x + logdet(A)", "A"),
    "vector": ("x: real[n]; softmax(x)", "x"),
    "input": ("x: real[n]; x", "x"),
    "unused": ("x: real[n]; u: real; sum(x^2)", "x,u"),
}
CASES = [(name, back) for name in FORMULAS for back in (False, True)]


def made(name: str, back: bool) -> Graph:
    text, wrt = FORMULAS[name]
    return graph(text, wrt if back else None)


# ---- structure ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "back"), CASES)
def test_nodes_stand_after_what_they_read_and_the_output_is_last(name: str, back: bool) -> None:
    found, program = made(name, back), formula(FORMULAS[name][0])
    place = {node.name: number for number, node in enumerate(found.nodes)}
    assert len(place) == len(found.nodes)
    assert all(place[edge.source] < place[edge.target] for edge in found.edges)
    assert len({(edge.source, edge.target) for edge in found.edges}) == len(found.edges)
    assert found.nodes[-1].name == program.output.name or not program.program.definitions
    assert [node.name for node in found.nodes if node.kind == "input"] == [item.name for item in program.inputs]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_quantity_is_what_its_text_says_of_what_its_edges_come_from(name: str) -> None:
    """The text of a node is a formula of the sources of its edges, whose value is that of the node."""
    f = formula(FORMULAS[name][0])
    found = graph(f)
    sizes = size_assignments(f.program)[0]
    given = sample(f.inputs, sizes, np.random.default_rng(3))
    values = evaluate(f.program, given)
    dims = {str(length): size for length, size in bind_dims(f.inputs, given).items()}
    domains = {item.name: item.domain.name for item in f.inputs}
    by_name = {node.name: node for node in found.nodes}
    for node in found.nodes:
        sources = [edge.source for edge in found.edges if edge.target == node.name]
        assert bool(sources) == (node.kind != "input")
        if sources:
            shapes = {source: by_name[source].shape for source in sources}
            used = {str(length) for shape in shapes.values() for length in shape}
            # Lengths that the text mentions but none of its sources has are numbers.
            text = node.text
            for length in dims.keys() - used:
                text = re.sub(rf"\b{length}\b", str(dims[length]), text)
            declared = {s: f"{domains.get(s, 'real')}[{', '.join(shape)}]" if shape else domains.get(s, "real")
                        for s, shape in shapes.items()}  # fmt: skip
            value = cr.formula(text, **declared).evaluate(**{source: values[source] for source in sources})
            np.testing.assert_allclose(value, values[node.name], rtol=1e-9, atol=1e-12, err_msg=f"{node.name} = {text}")


@pytest.mark.parametrize(("name", "back"), CASES)
def test_edges_have_the_shapes_of_what_they_carry(name: str, back: bool) -> None:
    found = made(name, back)
    shapes = {node.name: node.shape for node in found.nodes}
    assert all(edge.shape == shapes[edge.source] for edge in found.edges)
    program = formula(FORMULAS[name][0]).program
    known = {item: tuple(map(str, program.by_name[item].shape)) for item in shapes.keys() & program.by_name.keys()}
    assert known == {item: shapes[item] for item in known}
    assert {item.name for item in program.inputs} <= known.keys()


@pytest.mark.parametrize("name", FORMULAS)
def test_adjoints_flow_back_along_every_way_to_the_variables(name: str) -> None:
    found = made(name, True)
    on_the_way = set(found.wrt)
    for edge in found.edges:
        if edge.source in on_the_way:
            on_the_way.add(edge.target)
    for edge in found.edges:
        wanted = edge.source in on_the_way
        assert edge.back == wanted, edge
        assert bool(edge.local) == wanted, edge
    assert {node.name for node in found.nodes if node.symbol} == on_the_way - {found.nodes[-1].name}
    assert not any(edge.back or edge.local for edge in made(name, False).edges)


def test_nameless_parts_are_shown_where_derivations_show_them() -> None:
    assert [node.name for node in graph("logistic_regression").nodes] == ["X", "y", "w", "b", "p", "L"]
    found = graph("logistic_regression", "w,b")
    assert [(node.name, node.text, node.backward) for node in found.nodes[4:]] == [
        ("z", "X @ w + b", "delta = dL/dz"),
        ("p", "sigmoid(z)", "p_bar = dL/dp"),
        ("L", "-mean(y*log(p) + (1 - y)*log(1 - p))", ""),
    ]
    assert [(edge.source, edge.target) for edge in found.edges] == [
        ("X", "z"), ("w", "z"), ("b", "z"), ("z", "p"), ("y", "L"), ("p", "L"),
    ]  # fmt: skip
    assert {edge.source: edge.local for edge in found.edges if edge.back} == {
        "w": ("dz[i]/dw[j] = X[i,j]",),
        "b": ("dz[i]/db = 1",),
        "z": ("dp[i]/dz[i] = p[i] (1 - p[i])",),
        "p": ("dL/dp[i] = (p[i] - y[i])/(n p[i] (1 - p[i]))",),
    }


# ---- numbers ------------------------------------------------------------------------------------


def test_values_and_adjoints_are_those_of_numpy() -> None:
    rng = np.random.default_rng(5)
    X, w, b, y = rng.normal(size=(6, 3)), rng.normal(size=3), 0.3, np.array([0, 1, 1, 0, 1, 0])
    found = {node.name: node for node in graph("logistic_regression", "w,b", at={"X": X, "y": y, "w": w, "b": b}).nodes}
    z = X @ w + b
    p = 1 / (1 + np.exp(-z))
    delta = (p - y) / 6
    expected = {
        "X": (X, None), "y": (y, None), "w": (w, X.T @ delta), "b": (b, delta.sum()), "z": (z, delta),
        "p": (p, delta / (p * (1 - p))), "L": (-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), None),
    }  # fmt: skip
    for name, pair in expected.items():
        for numbers, array in zip((found[name].value, found[name].slope), pair, strict=True):
            if array is None:
                assert numbers is None
            else:
                assert numbers is not None
                assert (numbers.mean, numbers.norm) == pytest.approx((np.mean(array), np.linalg.norm(array)))
                assert numbers.scalar == (np.ndim(array) == 0)


@pytest.mark.parametrize("name", ["attention", "inverse", "two_layer_network", "softmax_regression", "two_weights"])
@pytest.mark.parametrize("sizes", [0, -1])
def test_adjoints_agree_with_differences(name: str, sizes: int) -> None:
    text, wrt = FORMULAS[name]
    f = formula(text)
    given = sample(f.inputs, size_assignments(f.program)[sizes], np.random.default_rng(8))
    nodes = [node for node in graph(f, wrt, at=given).nodes if node.symbol and node.name in f.program.by_name]
    assert {*wrt.split(",")} <= {node.name for node in nodes}
    for node in nodes:
        assert node.slope is not None
        expected = differences(f.program, f.output.name, node.name, given)
        assert node.slope.norm == pytest.approx(np.linalg.norm(expected), rel=1e-9)
        assert node.slope.mean == pytest.approx(np.mean(expected), rel=1e-9, abs=1e-15)


def test_local_derivatives_multiply_to_the_derivative() -> None:
    text, wrt = FORMULAS["two_weights"]
    values = {"x": 0.7, "w1": -0.4, "w2": 1.3, "t": 0.2}
    found = graph(text, wrt, at=values)
    at = {node.name: node.value.mean for node in found.nodes if node.value}
    local = {}
    for edge in found.edges:
        if edge.back:
            right = edge.local[0].partition(" = ")[2]
            names = {name: "real" for name in at if re.search(rf"\b{name}\b", right)}
            local[edge.source, edge.target] = cr.formula(right, **names).evaluate(**{n: at[n] for n in names})
    z = values["w1"] * values["x"]
    y = 1 / (1 + np.exp(-values["w2"] * z))
    outer = 2 * (y - values["t"]) * y * (1 - y)
    assert local["y", "L"] * local["y", "L"] > 0
    assert local["y", "L"] * local["z", "y"] * local["w1", "z"] == pytest.approx(outer * values["w2"] * values["x"])
    assert local["y", "L"] * local["w2", "y"] == pytest.approx(outer * z)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(cr.ChainruleError, match="no value is given for 'X' and 'y'"):
        graph("mse", at={"w": [1.0]})
    with pytest.raises(cr.ChainruleError, match="no variable called 'v'"):
        graph("mse", "v")


# ---- layout -------------------------------------------------------------------------------------


def test_layers_leave_inputs_next_to_their_readers() -> None:
    sources = {"x": [], "y": [], "z": ["x"], "p": ["z"], "L": ["y", "p"]}
    assert layers(sources) == {"x": 0, "y": 2, "z": 1, "p": 2, "L": 3}


def test_crossings_are_counted_and_avoided() -> None:
    box = {name: Box(name, 1.0, 1.0) for name in "abcxyz"}
    columns = [[box["a"], box["b"], box["c"]], [box["x"], box["y"], box["z"]]]
    links = [("a", "z"), ("b", "y"), ("c", "x")]
    assert crossings(columns, links) == 3
    assert crossings(ordered(columns, links), links) == 0


def test_boxes_stand_apart_and_near_their_neighbours() -> None:
    a, b, c = Box("a", 10.0, 10.0), Box("b", 10.0, 30.0), Box("c", 4.0, 8.0)
    at = places([[a, b], [c]], [("a", "c"), ("b", "c")], (5.0, 2.0))
    assert at["b"].y - at["a"].y >= 22.0 - 1e-9
    assert at["c"].y == pytest.approx((at["a"].y + at["b"].y) / 2)
    assert at["c"].left >= at["a"].right + 5.0


# ---- pictures -----------------------------------------------------------------------------------

Rectangle = tuple[float, float, float, float]
SVG = "{http://www.w3.org/2000/svg}"


def picture(found: Graph) -> ElementTree.Element:
    return ElementTree.fromstring(found.svg())


def rectangle(element: ElementTree.Element) -> Rectangle:
    x, y, width, height = (float(element.attrib[key]) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def text_box(element: ElementTree.Element) -> Rectangle:
    """Where a text is drawn, measured with the font itself."""
    weight = "bold" if element.attrib["class"] == "name" else "normal"
    font = FontProperties(family="DejaVu Sans Mono", weight=weight)
    size, x, y = (float(element.attrib[key]) for key in ("font-size", "x", "y"))
    box = TextPath((0, 0), element.text or "", size=size, prop=font, usetex=False).get_extents()
    left = x - (box.x1 - box.x0) / 2 if element.attrib["text-anchor"] == "middle" else x + box.x0
    return left, y - box.y1, left + box.x1 - box.x0, y - box.y0


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def node_boxes(root: ElementTree.Element) -> list[Rectangle]:
    return [rectangle(box) for box in root.iter(f"{SVG}rect") if box.attrib["class"] == "box"]


def along(d: str) -> list[tuple[float, float]]:
    """Points on a path of M, H and C commands."""
    found: list[tuple[float, float]] = []
    for command, numbers in re.findall(r"([MHC])([^MHC]*)", d):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            found.append((values[0], values[1]))
        elif command == "H":
            x, y = found[-1]
            found += [(x + t * (values[0] - x), y) for t in np.linspace(0, 1, 20)[1:]]
        else:
            ends = np.array([found[-1], *zip(values[::2], values[1::2], strict=True)])
            for t in np.linspace(0, 1, 20)[1:]:
                weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
                found.append(tuple((weights @ ends).tolist()))
    return found


@pytest.mark.parametrize(("name", "back"), CASES)
def test_in_the_picture_nothing_overlaps_and_nothing_is_clipped(name: str, back: bool) -> None:
    found = made(name, back)
    root = picture(found)
    boxes = node_boxes(root)
    assert len(boxes) == len(found.nodes)
    assert not [pair for pair in itertools.combinations(boxes, 2) if overlap(*pair)]
    margin = float(re.findall(r"[\d.]+", next(root.iter(f"{SVG}g")).attrib["transform"])[0])
    page = (-margin, -margin, float(root.attrib["width"]) - margin, float(root.attrib["height"]) - margin)
    for group in root.iter(f"{SVG}g"):
        if group.attrib.get("class", "").startswith("node"):
            x0, y0, x1, y1 = rectangle(group.find(f"{SVG}rect"))
            for box in map(text_box, group.findall(f"{SVG}text")):
                assert x0 <= box[0]
                assert y0 <= box[1]
                assert box[2] <= x1
                assert box[3] <= y1
    labels = [text_box(text) for group in root.iter(f"{SVG}g") if group.attrib.get("class") == "label"
              for text in group.findall(f"{SVG}text")]  # fmt: skip
    assert not [pair for pair in itertools.product(labels, boxes) if overlap(*pair)]
    assert not [pair for pair in itertools.combinations(labels, 2) if overlap(*pair)]
    for box in [*boxes, *map(text_box, root.iter(f"{SVG}text"))]:
        assert page[0] <= box[0]
        assert page[1] <= box[1]
        assert box[2] <= page[2]
        assert box[3] <= page[3]


@pytest.mark.parametrize(("name", "back"), CASES)
def test_lines_pass_through_no_box(name: str, back: bool) -> None:
    root = picture(made(name, back))
    boxes = node_boxes(root)
    paths = [path for path in root.iter(f"{SVG}path") if path.attrib.get("class") != "head"]
    assert len(paths) == sum(1 + edge.back for edge in made(name, back).edges)
    for path in paths:
        for x, y in along(path.attrib["d"]):
            assert not [box for box in boxes if box[0] + 1 < x < box[2] - 1 and box[1] + 1 < y < box[3] - 1]


def test_a_long_text_is_wrapped_and_told_whole_in_the_tooltip() -> None:
    terms = " + ".join(f"sin({n}*x)*cos({n}*x)" for n in range(1, 30))
    found = graph(f"x: real; {terms}")
    root = picture(found)
    assert all(len(text.text or "") <= 40 for text in root.iter(f"{SVG}text"))
    assert any((text.text or "").endswith("…") for text in root.iter(f"{SVG}text"))
    assert any(found.nodes[-1].text in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_every_shape_and_local_derivative_is_written_at_its_edge() -> None:
    found = graph("two_layer_network", "W1,W2")
    groups = [group for group in picture(found).iter(f"{SVG}g") if group.attrib.get("class") == "label"]
    for group, edge in zip(groups, found.edges, strict=True):
        words = " ".join(text.text or "" for text in group.findall(f"{SVG}text"))
        assert words == " ".join([edge.lengths, *edge.local])


# ---- other forms --------------------------------------------------------------------------------


def test_the_tree_tells_shared_quantities_once() -> None:
    text = graph("x: real[n]; w: real; z = w*x; sum(exp(z)*sin(z) + tanh(z))", "w").text()
    assert text.count("z = w*x") == 1
    assert graph("x: real; z = x^2; p = sin(z); q = cos(z); p*q").text().splitlines() == [
        "L = p*q",
        "├─ p = sin(z)",
        "│  └─ z = x**2",
        "│     └─ x: real",
        "└─ q = cos(z)",
        "   └─ z (above)",
    ]


def test_dot_has_every_node_and_both_directions() -> None:
    found = graph("logistic_regression", "w")
    lines = found.dot().splitlines()
    nodes = re.findall(r'^  "(\w+)" \[label=', found.dot(), flags=re.MULTILINE)
    assert nodes == [node.name for node in found.nodes]
    arrows = re.findall(r'^  "(\w+)" -> "(\w+)" \[(.*)\];$', found.dot(), flags=re.MULTILINE)
    forward = {(a, b) for a, b, options in arrows if "dashed" not in options}
    back = {(b, a) for a, b, options in arrows if "dashed" in options}
    assert forward == {(edge.source, edge.target) for edge in found.edges}
    assert back == {(edge.source, edge.target) for edge in found.edges if edge.back}
    assert lines[0] == "digraph formula {"
    assert lines[-1] == "}"
    assert found.dot().count('"') % 2 == 0


def test_json_and_notebooks() -> None:
    found = graph("mse", "w")
    data = json.loads(found.to_json())
    assert [node["name"] for node in data["nodes"]] == ["X", "y", "w", "r", "L"]
    (edge,) = (edge for edge in data["edges"] if edge["source"] == "w")
    assert edge == {
        "source": "w", "target": "r", "shape": ["d"], "local": ["dr[i]/dw[j] = -X[i,j]"], "back": True,
    }  # fmt: skip
    bundle = found._repr_mimebundle_()
    assert bundle == {"text/plain": found.text(), "image/svg+xml": found.svg()}
    assert replace(found, wrt=()) != found
