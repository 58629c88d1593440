"""``naive-bayes``: a classifier of a table, fitted, tried on rows that were held out, derived."""

from __future__ import annotations

from collections.abc import Iterable

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option, split_names
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.derive.errors import InputError, near_names
from chainrule.derive.render.page import Detail


@click.command(
    "naive-bayes",
    cls=WithExamples,
    short_help="Classify a table by naive Bayes.",
    examples=(
        "chainrule naive-bayes --data examples/data/iris.csv --target species",
        "chainrule naive-bayes --data examples/data/iris.csv --target species --feature petal_width=gamma --explain",
        "chainrule naive-bayes --data examples/data/iris.csv --target species --row 71 --check",
        "chainrule naive-bayes --data examples/data/orings.csv --target damage --columns temperature --holdout 0",
    ),
)
@click.option("--data", "path", required=True, metavar="FILE", help="Comma-separated values, names in the first line.")
@click.option("--target", required=True, metavar="COLUMN", help="The column of the classes.")
@click.option(
    "--feature", "features", multiple=True, metavar="COLUMN=DISTRIBUTION",
    help="The distribution of a column in every class, binomial(m=10) for one with known parameters; several columns, "
    "a,b=multivariate_normal. Without it numbers are normal, words categorical.",
)  # fmt: skip
@click.option("--columns", multiple=True, metavar="COLUMNS", help="The columns that are read (default: all).")
@click.option(
    "--holdout", type=click.FloatRange(0, 1, max_open=True), default=0.3, show_default=True,
    help="The share of rows of every class that are held out.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the rows held out.")
@click.option(
    "--alpha", type=click.FloatRange(0), default=1.0, show_default=True, help="Pseudo-counts of probabilities."
)
@click.option(
    "--variance-smoothing", type=click.FloatRange(0), default=1e-9, show_default=True,
    help="The share of the largest variance that is added to every variance.",
)  # fmt: skip
@click.option("--uniform", is_flag=True, help="Take all classes for equally probable.")
@click.option("--explain", is_flag=True, help="Derive the classifier instead.")
@click.option("--row", type=click.IntRange(1), metavar="N", help="Tell why row N is taken for its class instead.")
@click.option("--check", is_flag=True, help="With --explain and --row: compute every line again.")
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="With --explain and --row: as for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@json_option
def naive_bayes(
    path: str, target: str, features: tuple[str, ...], columns: tuple[str, ...], holdout: float, seed: int,
    alpha: float, variance_smoothing: float, uniform: bool, explain: bool, row: int | None, check: bool,
    form: str | None, output: str | None, detail: Detail | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Fit a naive Bayes classifier to a table, and try it on rows that were held out.

    Any distribution that "chainrule list distributions" shows may be that of a feature, with maximum-likelihood
    estimates in every class. What is missing ("", "?", "NA") is left out.
    """
    if not explain and not row and (check or form or output or detail):
        raise click.UsageError("--check, --format, --detail and -o are for --explain and --row")
    if explain and row:
        raise click.UsageError("--explain and --row are two things: ask for one")
    table = cr.read_table(path)
    wanted = split_names(columns) or [name for name in table if name != target]
    for name in wanted:
        if name not in table:
            raise InputError(f"the table has no column {name!r}", expected=", ".join(table),
                             near=near_names(name, table))  # fmt: skip
    kept = {name: values for name, values in table.items() if name in {*wanted, target}}
    found = cr.classify_table(
        kept, target, _choices(features), holdout=holdout, seed=seed, alpha=alpha,
        variance_smoothing=variance_smoothing, priors="uniform" if uniform else None,
    )  # fmt: skip
    if row:
        return derived(found.classifier.explain(_row(kept, row)), form, output, detail, check, as_json)
    if explain:
        return derived(found.classifier.explanation, form, output, detail, check, as_json)
    return Answer("" if as_json else found.text(), found.to_dict())


def _row(table: dict[str, list[str]], number: int) -> dict[str, list[str]]:
    length = len(next(iter(table.values())))
    if number > length:
        raise InputError(f"the table has no row {number}", expected=f"1 to {length}")
    return {name: values[number - 1 : number] for name, values in table.items()}


def _choices(texts: Iterable[str]) -> dict[str | tuple[str, ...], str]:
    found: dict[str | tuple[str, ...], str] = {}
    for text in texts:
        name, equals, distribution = (part.strip() for part in text.partition("="))
        columns = tuple(part.strip() for part in name.split(",") if part.strip())
        if not equals or not columns or not distribution:
            raise InputError("--feature gives a column a distribution", expected="COLUMN=DISTRIBUTION", found=text)
        found[columns[0] if len(columns) == 1 else columns] = distribution
    return found
