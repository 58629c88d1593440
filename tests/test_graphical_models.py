"""Graphical models: separation against brute force and random distributions, posteriors against whole sums."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from pathlib import Path as FilePath

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, LimitError
from chainrule.learning.graphs.dag import Dag, directed, read_dag
from chainrule.learning.graphs.separation import open_path, path_of, paths, separated
from chainrule.learning.graphs.separations import _path_gap, separation
from chainrule.learning.graphs.told import _factorisation_gap, _moral_gap, independence_gap
from chainrule.learning.graphs.witness import dependence

LAWN = "season -> rain; season -> sprinkler; rain, sprinkler -> wet -> slippery"


def random_dag(rng: np.random.Generator, most: int = 7) -> Dag:
    """Some variables, each two joined by an arrow with the same probability."""
    count, share = int(rng.integers(2, most + 1)), rng.random()
    return directed({f"v{k}": [f"v{j}" for j in range(k) if rng.random() < share] for k in range(count)})


def reachable(dag: Dag, start: str, given: Collection[str]) -> set[str]:
    """What a ball that bounces by the rules of Shachter (1998) reaches."""
    above = {name for name in dag.nodes if set(dag.descendants([name])) & set(given)}
    waiting, seen, reached = [(start, "child")], set[tuple[str, str]](), set[str]()
    while waiting:
        state = waiting.pop()
        if state in seen:
            continue
        seen.add(state)
        name, came_from = state
        reached |= {name} - set(given)
        if came_from == "child" and name not in given:
            waiting += [(parent, "child") for parent in dag.parents[name]]
            waiting += [(child, "parent") for child in dag.children[name]]
        if came_from == "parent":
            waiting += [(child, "parent") for child in dag.children[name] if name not in given]
            waiting += [(parent, "child") for parent in dag.parents[name] if name in above]
    return reached


def blocked_everywhere(dag: Dag, one: str, other: str, given: Collection[str]) -> bool:
    """Every ordering of variables in between that is a path, tried by the definition."""
    inner = [name for name in dag.nodes if name not in (one, other)]
    joined = {frozenset(edge) for edge in dag.edges}
    for count in range(len(inner) + 1):
        for between in itertools.permutations(inner, count):
            walk = (one, *between, other)
            if not all(frozenset(pair) in joined for pair in itertools.pairwise(walk)):
                continue
            if all(_passes(dag, *triple, given) for triple in zip(walk, walk[1:], walk[2:], strict=False)):
                return False
    return True


def _passes(dag: Dag, before: str, name: str, after: str, given: Collection[str]) -> bool:
    if before in dag.parents[name] and after in dag.parents[name]:
        return bool(set(dag.descendants([name])) & set(given))
    return name not in given


def test_separation_is_that_of_every_other_definition() -> None:
    answers = set()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        dag = random_dag(rng, 6)
        one, other, *rest = (str(name) for name in rng.permutation(dag.nodes))
        given = rest[: int(rng.integers(0, len(rest) + 1))]
        answer = separated(dag, [one], [other], given)
        answers.add(answer)
        assert answer == blocked_everywhere(dag, one, other, given)
        assert answer == (other not in reachable(dag, one, given))
        assert answer == (open_path(dag, one, other, given) is None)
        assert answer == (not any(path.open for path in paths(dag, one, other, given, 10**6)[0]))
        assert answer == (dependence(dag, one, other, given) == 0)
        found = separation(dag, [one], [other], given)
        assert bool(found) == answer
        assert all(held.holds for held in found.explanation.evidence())
    assert answers == {True, False}


def test_the_shortest_open_path_is_found() -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        dag = random_dag(rng)
        one, other, *rest = (str(name) for name in rng.permutation(dag.nodes))
        found = open_path(dag, one, other, rest[::2])
        every = [path for path in paths(dag, one, other, rest[::2], 10**6)[0] if path.open]
        assert (found is None) == (not every)
        if found:
            assert found.open
            assert len(found.nodes) == min(len(path.nodes) for path in every)


def test_mutual_information_is_zero_just_if_separated() -> None:
    dag = read_dag(LAWN)
    rng = np.random.default_rng(0)
    joint = np.ones([3] * 5)
    for name, parents in dag.parents.items():
        table = rng.dirichlet(np.ones(3), [3] * len(parents))
        order = sorted((*parents, name), key=dag.nodes.index)
        table = table.transpose([(*parents, name).index(axis) for axis in order])
        joint = joint * table.reshape([3 if axis in order else 1 for axis in dag.nodes])
    for one, other in itertools.combinations(dag.nodes, 2):
        rest = [name for name in dag.nodes if name not in (one, other)]
        for given in itertools.chain.from_iterable(itertools.combinations(rest, k) for k in range(4)):
            a, b, *c = (dag.nodes.index(name) for name in (one, other, *given))
            kept = ([a, b, *c], [a, *c], [b, *c], c)
            abc, ac, bc, by_c = (joint.sum(axis=tuple({*range(5)} - {*axes}), keepdims=True) for axes in kept)
            information = float(np.sum(joint * np.log(abc * by_c / (ac * bc))))
            assert (information < 1e-12) == separated(dag, [one], [other], given), (one, other, given, information)


def test_every_line_about_a_graph_holds() -> None:
    for seed in range(12):
        model = cr.GraphicalModel(random_dag(np.random.default_rng(seed), 5))
        assert all(held.holds for held in model.explanation.evidence())


def test_planted_faults_are_found() -> None:
    dag = read_dag("a -> c <- b; c -> d")
    assert independence_gap(dag, ["a"], ["b"], ["d"]) > 1e-6
    assert _factorisation_gap(dag, {**dag.parents, "d": ("a",)}) > 1e-6
    assert _moral_gap(dag, [("a", "c"), ("b", "c"), ("c", "d")]) > 0
    path = path_of(dag, ("a", "c", "b"), ["d"])
    assert path.open
    wrong = replace(path, junctions=(replace(path.junctions[0], witness=""),))
    assert _path_gap(dag, path, ["d"]) == 0
    assert _path_gap(dag, wrong, ["d"]) > 0


def test_what_a_graph_says() -> None:
    model = cr.graphical_model(LAWN)
    assert model.factorisation == (
        "p(season) p(rain | season) p(sprinkler | season) p(wet | rain, sprinkler) p(slippery | wet)"
    )
    assert ("rain", "sprinkler", ("season",)) in model.independences
    assert ("rain", "sprinkler") in model.moral_edges
    assert model.markov_blanket("rain") == ("season", "sprinkler", "wet")
    found = model.separated({"season"}, {"slippery"}, {"wet"})
    assert found
    assert {junction.name for path in found.paths for junction in path.blocking} >= {"wet"}
    assert not model.separated("rain, sprinkler | season, slippery")
    text = model.separated("rain, sprinkler | season, slippery").explanation.text()
    assert "wet is a collider whose descendant slippery is observed" in text


@pytest.mark.parametrize(
    "text",
    ["a -> b <- c; d", "b <- a, c\nd", "dag { a -> b; c -> b; d }", "[a][c][d][b|a:c]", "{a c} -> b; d", "a → b ← c; d",
     'dag {\nbb="0,0,1,1"\na [exposure,pos="0.1,0.2"]\nb [outcome]\nd\na -> b\nc -> b\n}',
     "a -> b # a comment\nc ->\n  b\n\nd", "a, c -> b; a -> b; d"],
)  # fmt: skip
def test_graphs_are_read(text: str) -> None:
    dag = read_dag(text)
    assert {name: set(parents) for name, parents in dag.parents.items()} == {
        "a": set(), "b": {"a", "c"}, "c": set(), "d": set()}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [("a -> b -> c -> a", "a -> b -> c -> a"), ("a -> a", "cycle"), ("a <-> b", "common cause"),
     ("a -- b", "one direction"), ("a -> ", "missing"), ("a b", "nothing between"), ("", "no variables"),
     ("a -> b!", "no meaning"), ("{a b -> c", "braces"), ("[a|]", "no factor"),
     ("a,, b -> c", "missing"), ("-> a", "missing"), ("dag { a - b }", "no meaning")],
)  # fmt: skip
def test_mistakes_in_graphs_are_answered(text: str, words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.graphical_model(text)
    assert words in str(caught.value)


def test_questions_are_checked() -> None:
    model = cr.graphical_model(LAWN)
    for text, words in [("rain", "two variables"), ("rain, wet |", "observed"), ("rain, rian", "did you mean: rain"),
                        ("rain, wet | wet", "two sides"), ("a, b, c", "two variables")]:  # fmt: skip
        with pytest.raises(ChainruleError) as caught:
            model.separated(text)
        assert words in str(caught.value)
    with pytest.raises(ChainruleError, match="two sides"):
        model.separated({"rain"})


def test_large_graphs_are_answered() -> None:
    chain = cr.GraphicalModel(directed({f"x{k}": [f"x{k - 1}"] if k else [] for k in range(400)}))
    assert chain.separated("x0, x399 | x200")
    assert not chain.separated("x0, x399")
    assert all(held.holds for held in chain.separated("x0, x399 | x7").explanation.evidence())
    dense = cr.GraphicalModel(directed({f"x{k}": [f"x{j}" for j in range(k)] for k in range(18)}))
    found = dense.separated("x0, x17 | x9")
    assert not found
    assert not found.complete
    assert found.paths[0].open
    with pytest.raises(LimitError):
        dependence(chain.dag, "x0", "x399", [])


# ---- probabilities ----------------------------------------------------------------------------------------


def random_model(rng: np.random.Generator) -> cr.GraphicalModel:
    """A graph with tables of fractions, of variables with two or three values."""
    dag, given = random_dag(rng, 6), {}
    values = {name: [f"{name}{k}" for k in range(rng.integers(2, 4))] for name in dag.nodes}

    def row(name: str) -> dict[str, str]:
        weights = [int(number) for number in rng.integers(1, 9, len(values[name]))]
        return {value: f"{weight}/{sum(weights)}" for value, weight in zip(values[name], weights, strict=True)}

    for name, parents in dag.parents.items():
        choices = itertools.product(*(values[parent] for parent in parents))
        rows = {", ".join(f"{p}={v}" for p, v in zip(parents, choice, strict=True)): row(name) for choice in choices}
        given[name] = rows if parents else rows[""]
    return cr.GraphicalModel(dag, cr.graphical_model(None, given).tables)


def enumerated(model: cr.GraphicalModel, name: str, given: dict[str, str]) -> dict[str, Fraction]:
    """The posterior, by a sum over the joint distribution."""
    sums = dict.fromkeys(model.tables[name].values, Fraction(0))
    for choice in itertools.product(*(model.tables[node].values for node in model.nodes)):
        values = dict(zip(model.nodes, choice, strict=True))
        if all(values[node] == value for node, value in given.items()):
            weight = Fraction(1)
            for table in model.tables.values():
                axes = (*table.parents, table.name)
                weight *= table.factor.values[tuple(model.tables[axis].values.index(values[axis]) for axis in axes)]
            sums[values[name]] += weight
    return {value: weight / sum(sums.values()) for value, weight in sums.items()}


def test_posteriors_are_sums_over_the_joint_distribution() -> None:
    for seed in range(25):
        rng = np.random.default_rng(seed)
        model = random_model(rng)
        name, *rest = (str(node) for node in rng.permutation(model.nodes))
        seen = rest[: int(rng.integers(0, len(rest) + 1))]
        given = {node: str(rng.choice(model.tables[node].values)) for node in seen}
        found = model.query([name], given)
        assert found.posterior == enumerated(model, name, given)
        assert all(held.holds for held in found.explanation.evidence())


def test_several_variables_are_asked_for_together() -> None:
    model = random_model(np.random.default_rng(4))
    one, other = model.nodes[:2]
    found = model.query([one, other])
    for value in model.tables[one].values:
        whole = sum(found.posterior[f"{value}, {second}"] for second in model.tables[other].values)
        assert whole == enumerated(model, one, {})[value]


def test_one_cause_explains_the_other_away() -> None:
    effect = {"b, e": "0.95", "b, not e": "0.94", "not b, e": "0.29", "not b, not e": "0.001"}
    model = cr.graphical_model("b -> a <- e", {"b": "0.01", "e": "0.02", "a": effect})
    alone, both = model.query("b | a").posterior["true"], model.query("P(b | a=true, e=true)").posterior["true"]
    joint = Fraction(1, 100) * (Fraction(2, 100) * Fraction(95, 100) + Fraction(98, 100) * Fraction(94, 100))
    other = Fraction(99, 100) * (Fraction(2, 100) * Fraction(29, 100) + Fraction(98, 100) * Fraction(1, 1000))
    assert alone == joint / (joint + other)
    assert both < alone
    assert model.query("b | e").posterior["true"] == Fraction(1, 100)


def test_samples_have_the_frequencies() -> None:
    model = random_model(np.random.default_rng(5))
    drawn = model.sample(100_000, 1)
    for name in model.nodes:
        for value, share in model.query(name).posterior.items():
            assert np.mean(drawn[name] == value) == pytest.approx(float(share), abs=8e-3)


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [("a -> b", {"a": "1/2"}, "no table for: b"), ("a", {"a": {"x": "1/2", "y": "1/3"}}, "5/6"),
     ("a -> b", {"a": 0.5, "b": {"a": 0.5}}, "no row for a=false"), ("a -> b", {"a": 0.5, "b": 0.5}, "no rows"),
     ("a -> b", {"a": 0.5, "b": {"a": 0.5, "a=true": 0.1}}, "two rows"), ("a", {"a": 1.5}, "no probability"),
     ("a -> b", {"a": 0.5, "b": {"c": 0.5}}, "parents"), ("a -> b", {"a": 0.5, "b": {"a=yes": 0.5}}, "no value 'yes'"),
     ("a", {"a": 0.5, "b": 0.5}, "no variable 'b'"),
     ("a -> b", {"a": 0.5, "b": {"a": 0.5, "not a": {"x": 1}}}, "different"),
     ("a", {"a": {"x,y": 1}}, "no , = | ( )"), (None, {"heavy rain": 0.5}, "called by a word"),
     ("a -> b", {"a": 0.5, "b": {"a = = ": 0.5}}, "its value"), ("a", {"a": "x"}, "no probability")],
)  # fmt: skip
def test_mistakes_in_tables_are_answered(text: str | None, given: dict[str, object], words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.graphical_model(text, given)
    assert words in str(caught.value)


def test_mistakes_in_queries_are_answered() -> None:
    model = cr.graphical_model(None, {"a": 1, "b": {"a": 0.5, "not a": 0.5}})
    for text, words in [("b | a=maybe", "no value"), ("b | not a", "impossible"),
                        ("b | b", "asked for and observed"),
                        ("", "no query"), ("c", "no variable"), ("b | a, a", "twice"),
                        ("b |", "no query")]:  # fmt: skip
        with pytest.raises(ChainruleError) as caught:
            model.query(text)
        assert words in str(caught.value)
    bare = cr.graphical_model("a")
    for asked in (lambda: bare.query("a"), lambda: bare.sample(3), cr.graphical_model):
        with pytest.raises(ChainruleError):
            asked()


def test_the_command_line(tmp_path: FilePath, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dag", LAWN, "--check", "--format", "text"]) == 0
    assert "p(slippery | wet)" in capsys.readouterr().out
    assert run(["dag", LAWN, "--separated", "rain, sprinkler | season", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["separated"] is True
    assert {"path": "rain -> wet <- sprinkler", "open": False, "blocked_by": ["wet"]} in data["paths"]
    table = tmp_path / "tables.json"
    table.write_text('{"rain": 0.2, "wet": {"rain": 0.9, "not rain": {"true": 0.1, "false": 0.9}}}')
    assert run(["dag", "--table", str(table), "--query", "rain | wet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["posterior"]["true"]["fraction"] == "9/13"
    assert run(["dag", LAWN, "--plot", "-o", str(tmp_path / "graph.svg")]) == 0
    assert "slippery" in (tmp_path / "graph.svg").read_text()
    assert run(["dag", LAWN, "--plot"]) == 0
    assert capsys.readouterr().out.startswith("slippery")
    table.write_text("[1]")
    for wrong in (["dag"], ["dag", "a -> a"], ["dag", "a", "--query", "a"], ["dag", "a", "--table", str(table)],
                  ["dag", "a", "--plot", "--separated", "a, b"], ["dag", "a", "--table", "none.json"]):  # fmt: skip
        assert run(wrong) == 2
