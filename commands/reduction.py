"""``pca``: rows of many numbers in fewer dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option
from chainrule.commands.files import output_option, written

if TYPE_CHECKING:
    from chainrule.learning.chart import Chart

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
    found = cr.pca(source, components, columns=named(columns), label=label, standardise=standardise)
    if as_plot or scree:
        return drawn(found.chart() if as_plot else found.scree(), output, as_json)
    _no_output(output)
    return Answer("", {"pca": found.to_dict()}) if as_json else Answer(found.text())


def named(columns: tuple[str, ...]) -> list[str]:
    """The names of columns, which may have spaces in them."""
    return [name.strip() for value in columns for name in value.split(",") if name.strip()]


def drawn(chart: Chart, output: str | None, as_json: bool) -> Answer:
    """A picture in a file, on standard output, or as data."""
    if as_json:
        return Answer("", {"chart": chart.to_dict()})
    png = output is not None and output.lower().endswith(".png")
    return written(output, chart.png() if png else chart.svg())


def _no_output(output: str | None) -> None:
    if output is not None:
        raise click.UsageError("-o is for pictures: ask for one with --plot")
