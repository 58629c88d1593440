"""Small models to look at: a wet lawn, and two causes of one alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from chainrule.derive.render.page import Shown
from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Demonstration, Explanation, Move, Part
from chainrule.learning.graphs.inference import Query
from chainrule.learning.graphs.model import GraphicalModel, graphical_model
from chainrule.learning.graphs.told import WRONG
from chainrule.learning.graphs.words import density
from chainrule.learning.probability.bayes import Number, fraction_latex, readable

#: Drawn for frequencies.
SAMPLES = 400_000
#: A lawn gets wet by rain and by a sprinkler, both of which depend on the season.
LAWN: Mapping[str, object] = {
    "season": {"summer": "1/2", "winter": "1/2"},
    "rain": {"season=summer": "1/10", "season=winter": "2/5"},
    "sprinkler": {"season=summer": "1/2", "season=winter": "1/20"},
    "wet": {"rain, sprinkler": "99/100", "rain, not sprinkler": "4/5", "not rain, sprinkler": "9/10",
            "not rain, not sprinkler": "0"},
    "slippery": {"wet": "3/10", "not wet": "1/50"},
}  # fmt: skip


def alarm(burglary: Number = "1/100", earthquake: Number = "1/50") -> GraphicalModel:
    """Two independent causes of an alarm."""
    effect = {"burglary, earthquake": "0.95", "burglary, not earthquake": "0.94", "not burglary, earthquake": "0.29",
              "not burglary, not earthquake": "0.001"}  # fmt: skip
    return graphical_model(None, {"burglary": burglary, "earthquake": earthquake, "alarm": effect})


def lawn() -> GraphicalModel:
    """The model of the lawn."""
    return graphical_model(None, LAWN)


def lawn_explained() -> Explanation:
    """Factorisation and independences of the lawn, and what a wet lawn says of rain."""
    model = lawn()
    answer = model.query("rain | wet").explanation
    return replace(model.explanation, parts=(*model.explanation.parts, *answer.parts[1:]))


def lawn_sampled(seed: int) -> Demonstration:
    """Posterior probabilities against frequencies among samples."""
    model = lawn()
    drawn = model.sample(SAMPLES, seed)
    lines, numbers = [f"{SAMPLES} samples, drawn parents first", f"{'':32}exact   frequency"], dict[str, float]()
    for text in ("rain", "rain | wet", "rain | wet, sprinkler", "rain | slippery", "sprinkler | wet, season=winter"):
        found = model.query(text)
        chosen = np.full(SAMPLES, True)
        for name, value in found.given.items():
            chosen &= drawn[name] == value
        exact, seen = float(found.posterior["true"]), float(np.mean(drawn[found.names[0]][chosen] == "true"))
        numbers |= {text: exact, f"{text}: frequency": seen}
        lines.append(f"{f'p({text})':30}{exact:7.4f}   {seen:.4f}")
    return Demonstration("\n".join(lines), numbers)


def explaining_away() -> Explanation:
    """Two causes are independent until their common effect is seen; then each makes the other less likely."""
    model = alarm()
    parts = [
        *_separations(model, "burglary, earthquake", "Nothing observed"),
        *_separations(model, "burglary, earthquake | alarm", "The alarm observed"),
    ]
    seen = [model.query(text) for text in ("burglary", "burglary | alarm", "burglary | alarm, earthquake")]
    for found in seen[1:]:
        lead = "Given " + " and ".join(found.given)
        parts += [replace(part, title=f"{lead}: {part.title[0].lower()}{part.title[1:]}")
                  for part in found.explanation.parts[1:]]  # fmt: skip
    parts.append(_comparison(model, seen))
    return Explanation(Shown("Explaining away", ""), tuple(parts), (
        "The alarm makes a burglary likely; an earthquake explains the alarm, and takes most of this back.",
        "Source: Pearl, Probabilistic Reasoning in Intelligent Systems (1988), section 2.2.4."))  # fmt: skip


def _separations(model: GraphicalModel, question: str, lead: str) -> list[Part]:
    paths, _, answer = model.separated(question).explanation.parts
    titles = (f"{lead}: {paths.title[0].lower()}{paths.title[1:]}", f"{lead}: {answer.title.removeprefix('Answer: ')}")
    return [replace(part, title=title) for part, title in zip((paths, answer), titles, strict=True)]


def _comparison(model: GraphicalModel, found: list[Query]) -> Part:
    before, alone, both = found
    reasons = ("Before anything is observed.", "The alarm speaks for a burglary.", "The earthquake explains the alarm.")
    moves = []
    for item, reason in zip((before, alone, both), reasons, strict=True):
        value = item.posterior["true"]
        symbol = density(item.names, tuple(item.given), {**item.given, "burglary": "true"})
        shown = Shown(readable(value), rf"{fraction_latex(value)} \approx {float(value):.6g}")
        moves.append(Move(shown, (symbol,), (reason,), partial(_enumerated_gap, model, item)))
    return Part("The three side by side", tuple(moves))


def _enumerated_gap(model: GraphicalModel, item: Query) -> float:
    """A posterior against the sum over the whole joint distribution, term by term."""
    sums = {True: 0.0, False: 0.0}
    names = model.nodes
    for place in np.ndindex(*(len(model.tables[name].values) for name in names)):
        values = {name: model.tables[name].values[k] for name, k in zip(names, place, strict=True)}
        if all(values[name] == value for name, value in item.given.items()):
            index = dict(zip(names, place, strict=True))
            weight = np.prod([float(model.tables[name].factor.at(index).values.item()) for name in names])
            sums[values[item.names[0]] == "true"] += float(weight)
    whole = sums[True] + sums[False]
    return abs(sums[True] / whole - float(item.posterior["true"])) if whole else WRONG


def alarm_picture() -> Chart:
    """What an alarm says of a burglary, by how common the other cause is."""
    shares = [float(f"{10**power:.3g}") for power in np.linspace(-4, -0.1, 60)]
    series = []
    for label, text in (("before", "burglary"), ("given the alarm", "burglary | alarm"),
                        ("given the alarm and an earthquake", "burglary | alarm, earthquake")):  # fmt: skip
        heights = [float(alarm("1/100", repr(share)).query(text).posterior["true"]) for share in shares]
        series.append(Series(label, tuple(shares), tuple(heights)))
    title = "Explaining away: the probability of a burglary"
    return Chart(title, "P(earthquake)", "P(burglary | ..)", tuple(series), x_scale="log")


def alarm_sampled(seed: int) -> Demonstration:
    """Frequencies of burglaries among samples with an alarm, with and without an earthquake."""
    model = alarm()
    drawn = {name: values == "true" for name, values in model.sample(SAMPLES, seed).items()}
    chosen = {"burglary": np.full(SAMPLES, True), "burglary | earthquake": drawn["earthquake"],
              "burglary | alarm": drawn["alarm"],
              "burglary | alarm, earthquake": drawn["alarm"] & drawn["earthquake"]}  # fmt: skip
    lines, numbers = [f"{SAMPLES} nights", f"{'':34}exact   frequency      nights"], dict[str, float]()
    for text, rows in chosen.items():
        exact, seen = float(model.query(text).posterior["true"]), float(np.mean(drawn["burglary"][rows]))
        numbers |= {text: exact, f"{text}: frequency": seen}
        lines.append(f"{f'p({text})':32}{exact:7.4f}   {seen:.4f}   {int(rows.sum()):10}")
    return Demonstration("\n".join(lines), numbers)
