"""Naive Bayes on real data: accuracy beside scikit-learn's, and the classes along one measurement."""

from __future__ import annotations

import numpy as np

from chainrule.derive.errors import UnsupportedError
from chainrule.learning.chart import Chart, Series
from chainrule.learning.data_sets import data_set
from chainrule.learning.explanation import Demonstration
from chainrule.learning.naive_bayes.classifier import naive_bayes
from chainrule.learning.naive_bayes.report import split

#: Data sets, each with the distributions that its features are tried with.
TRIED = (("iris", ("normal", "gamma")), ("wine", ("normal", "log_normal")), ("breast_cancer", ("normal",)))
#: Share of the rows held out; the column of iris that is drawn.
HELD_OUT, PETAL_LENGTH = 0.3, 2


def demonstration(seed: int) -> Demonstration:
    """Accuracy on rows that were held out, beside scikit-learn's where it has the same classifier.

    Raises:
        UnsupportedError: scikit-learn is not installed.
    """
    try:
        from sklearn.naive_bayes import GaussianNB
    except ImportError as error:
        raise UnsupportedError("scikit-learn is not installed", hint="pip install 'chainrule[data]'") from error
    lines = ["accuracy on 30 % of the rows, held out", f"{'data':15}{'features':12}{'here':>8}{'scikit-learn':>14}"]
    lines[1] += "   largest difference of p(c | x)"
    numbers: dict[str, float] = {}
    for name, distributions in TRIED:
        data = data_set(name)
        kept, held = split(data.labels, HELD_OUT, seed)
        for distribution in distributions:
            found = naive_bayes(data.features[kept], data.labels[kept], distribution)
            here = found.accuracy(data.features[held], data.labels[held])
            numbers[f"{name}, {distribution}"] = here
            line = f"{name:15}{distribution:12}{100 * here:6.1f} %"
            if distribution == "normal":
                other = GaussianNB().fit(data.features[kept], data.labels[kept])
                there = float(other.score(data.features[held], data.labels[held]))
                gap = found.predict_proba(data.features[held]) - other.predict_proba(data.features[held])
                numbers |= {f"{name}, scikit-learn": there, f"{name}, difference": float(np.abs(gap).max())}
                line += f"{100 * there:12.1f} %   {np.abs(gap).max():.1e}"
            lines.append(line)
    return Demonstration("\n".join(lines), numbers)


def picture() -> Chart:
    """Prior times density of every species of iris by petal length; where they cross, the decision changes."""
    data = data_set("iris")
    found = naive_bayes({"petal": data.features[:, PETAL_LENGTH]}, data.labels)
    grid = np.linspace(0.5, 8.0, 751)
    joint = np.exp(found.log_joint({"petal": grid}))
    series = [Series(name, tuple(grid.tolist()), tuple(joint[:, place].tolist()))
              for place, name in enumerate(data.classes)]  # fmt: skip
    best = joint.argmax(axis=1)
    crossings = np.flatnonzero(np.diff(best))
    points = (tuple(grid[crossings].tolist()), tuple(joint[crossings].max(axis=1).tolist()))
    series.append(Series("the decision changes", *points, "points"))
    return Chart("Naive Bayes with one normal feature", "petal length in cm", "p(c) p(x | c)", tuple(series))
