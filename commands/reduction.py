"""``pca`` and ``tsne``: rows of many numbers in fewer dimensions."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option
from chainrule.commands.files import drawn, output_option

DATA_HELP = (
    "A table of comma-separated values with names in its first line, or a data set of scikit-learn: "
    "iris, wine, breast_cancer, digits."
)
Decorator = Callable[[Callable[..., Answer]], Callable[..., Answer]]
data_option: Decorator = click.option("--data", "source", metavar="FILE", required=True, help=DATA_HELP)
columns_option: Decorator = click.option(
    "--columns", multiple=True, metavar="A,B", help="The columns with quantities (default: all but the label)."
)
label_option: Decorator = click.option("--label", metavar="COLUMN", help="The column of a table with the classes.")
plot_option: Decorator = click.option(
    "--plot", "as_plot", is_flag=True, help="Draw the rows in a colour for each class, to -o FILE.svg or FILE.png."
)


@click.command(
    cls=WithExamples,
    short_help="Find the principal components of data.",
    examples=(
        "chainrule pca --data examples/data/iris.csv --label species",
        "chainrule pca --data examples/data/iris.csv --label species --components 2 --plot -o iris.svg",
    ),
)
@data_option
@columns_option
@label_option
@click.option("--components", type=int, metavar="K", help="How many directions (default: all there are).")
@click.option("--standardise", is_flag=True, help="Divide every column by its standard deviation first.")
@plot_option
@click.option("--scree", is_flag=True, help="Draw the share of the variance that every component explains.")
@output_option("Where to write a picture: FILE.svg or FILE.png.")
@json_option
def pca(
    source: str, columns: tuple[str, ...], label: str | None, components: int | None, standardise: bool,
    as_plot: bool, scree: bool, output: str | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Find orthonormal directions of largest variance in the rows of a table, and what they explain."""
    if as_plot and scree:
        raise click.UsageError("--plot and --scree are two pictures: ask for one")
    if not as_plot and not scree:
        _no_output(output)
    found = cr.pca(source, components, columns=named(columns), label=label, standardise=standardise)
    if as_plot or scree:
        return drawn(found.chart() if as_plot else found.scree(), output, as_json)
    return Answer("", {"pca": found.to_dict()}) if as_json else Answer(found.text())


@click.command(
    cls=WithExamples,
    short_help="Map data to the plane, near points near each other.",
    examples=(
        "chainrule tsne --data examples/data/iris.csv --label species",
        "chainrule tsne --data digits --rows 500 --plot -o digits.svg",
    ),
)
@data_option
@columns_option
@label_option
@click.option("--components", type=int, default=2, show_default=True, metavar="K", help="Coordinates of the map.")
@click.option("--perplexity", type=float, default=30.0, show_default=True, help="Neighbours of a row, in effect.")
@click.option("--steps", type=int, default=1000, show_default=True, help="Steps of the descent.")
@click.option("--rows", type=int, metavar="N", help="Draw so many rows at random (default: all).")
@click.option("--standardise", is_flag=True, help="Divide every column by its standard deviation first.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="For --rows.")
@plot_option
@output_option("Where to write a picture: FILE.svg or FILE.png.")
@json_option
def tsne(
    source: str, columns: tuple[str, ...], label: str | None, components: int, perplexity: float, steps: int,
    rows: int | None, standardise: bool, seed: int, as_plot: bool, output: str | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Map rows so that near ones stay near, by t-SNE on its derived gradient."""
    if not as_plot:
        _no_output(output)
    found = cr.tsne(
        source, components, perplexity=perplexity, steps=steps, rows=rows, columns=named(columns), label=label,
        standardise=standardise, seed=seed, progress=_progress(),
    )  # fmt: skip
    if as_plot:
        return drawn(found.chart(), output, as_json)
    return Answer("", {"tsne": found.to_dict()}) if as_json else Answer(found.text())


def _progress() -> Callable[[int, float], None] | None:
    """Messages for a person who waits."""
    if not sys.stderr.isatty():
        return None
    return lambda step, value: click.echo(f"step {step}: {value:.5f}", err=True)


def named(columns: tuple[str, ...]) -> list[str]:
    """The names of columns, which may have spaces in them."""
    return [name.strip() for value in columns for name in value.split(",") if name.strip()]


def _no_output(output: str | None) -> None:
    if output is not None:
        raise click.UsageError("-o is for pictures: ask for one with --plot")
