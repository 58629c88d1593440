"""``dag``: directed graphical models: factorisation, separation, posterior probabilities."""

from __future__ import annotations

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option, read_text
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option, picture_form, written
from chainrule.commands.topics import derived
from chainrule.derive.render.page import Detail


@click.command(
    cls=WithExamples,
    short_help="Derive what a directed graphical model implies.",
    examples=(
        'chainrule dag "rain -> wet; sprinkler -> wet; rain -> sprinkler"',
        'chainrule dag "burglary -> alarm <- earthquake; alarm -> call" --separated "burglary, earthquake | call"',
        'chainrule dag --table examples/data/sprinkler.json --query "rain | wet"',
        'chainrule dag "a, b -> c -> d" --plot -o graph.svg',
    ),
)
@click.argument("text", metavar="GRAPH", required=False)
@click.option("--separated", metavar="QUESTION", help='Whether variables are separated: "a, b | c", "a, b _||_ c | d".')
@click.option("--table", metavar="FILE", help="Probabilities of every variable given its parents, as JSON.")
@click.option("--query", metavar="QUERY", help='A posterior distribution: "rain | wet=true, not sprinkler".')
@click.option("--plot", is_flag=True, help="Draw the graph, to -o FILE.svg or FILE.dot, or as a tree.")
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compare every line with random distributions over the graph.")
@json_option
def dag(
    text: str | None, separated: str | None, table: str | None, query: str | None, plot: bool, form: str | None,
    output: str | None, detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive what a directed graphical model implies.

    GRAPH has edges and single variables: "a -> b <- c; d, e -> b"; also "[a][b|a]" and "dag { a -> b }"; @FILE for a
    file, - for standard input. Without a question: factorisation, independences, Markov blankets, moral graph.
    """
    if sum(map(bool, (separated, query, plot))) > 1:
        raise click.UsageError("--separated, --query and --plot are three things: ask for one")
    if query and not table:
        raise click.UsageError("--query needs probabilities: --table FILE")
    model = cr.graphical_model(None if text is None else read_text(text, "graph"), table)
    if plot:
        return _picture(model, output, as_json)
    if separated:
        return _separation(model, separated, form, output, detail, check, as_json)
    if query:
        return _query(model, query, form, output, detail, check, as_json)
    answer = derived(model.explanation, form, output, detail, check, as_json)
    return Answer("", {**model.to_dict(), **answer.data}, answer.code, answer.note) if as_json else answer


def _picture(model: cr.GraphicalModel, output: str | None, as_json: bool) -> Answer:
    if as_json:
        return Answer("", {"graph": model.to_dict()})
    content = getattr(model, picture_form(None, output, ("svg", "dot")))()
    return written(output, content if content.endswith("\n") else content + "\n")


def _separation(
    model: cr.GraphicalModel, question: str, form: str | None, output: str | None, detail: Detail | None,
    check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    found = model.separated(question)
    answer = derived(found.explanation, form, output, detail, check, as_json)
    if not as_json:
        return answer
    paths = [{"path": path.text, "open": path.open, "blocked_by": [item.name for item in path.blocking]}
             for path in found.paths]  # fmt: skip
    data = {"separated": found.separated, "paths": paths, "all_paths": found.complete, **answer.data}
    return Answer("", data, answer.code, answer.note)


def _query(
    model: cr.GraphicalModel, text: str, form: str | None, output: str | None, detail: Detail | None,
    check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    found = model.query(text)
    answer = derived(found.explanation, form, output, detail, check, as_json)
    if not as_json:
        return answer
    posterior = {name: {"fraction": str(value), "value": float(value)} for name, value in found.posterior.items()}
    data = {"posterior": posterior, "evidence": str(found.evidence), **answer.data}
    return Answer("", data, answer.code, answer.note)
