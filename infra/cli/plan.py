"""`millrace plan`: the stages that fold a pipeline, what each reads, holds and writes, and what that means."""

import json
import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from infra.cli.stdout import stdout
from infra.feed import partitions_there
from infra.planned import Planned, consequences, planned
from infra.settings import Settings, reach
from streams.load import load
from streams.plan import rekeys
from streams.runtime.bind import check_partitions


def plan(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="On so many partitions; without it, as many as its topics have.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Show the stages that fold a pipeline: one, or one per entity where events have to move between partitions.

    Needs no server where the number of partitions is given.

    Example: millrace plan payments.py:payments --partitions 4
    """
    settings, pipeline = Settings(), load(target)
    if partitions is None:
        reach(settings, ("kafka",))
        partitions = partitions_there(pipeline, settings)
    check_partitions(pipeline, partitions)
    found, told = planned(pipeline, partitions, settings.topic_prefix), consequences(pipeline, partitions)
    if as_json:
        fields = {"pipeline": pipeline.name, "partitions": partitions, "stages": [each._asdict() for each in found]}
        sys.stdout.write(json.dumps({**fields, "consequences": told}) + "\n")
        return
    console = stdout()
    console.print(
        _drawn(
            f"{pipeline.name} v{pipeline.version} on topics of {partitions} partition{'s' if partitions > 1 else ''}",
            found,
            len(rekeys(pipeline)),
        )
    )
    console.print()
    for sentence in told:
        console.print(f"- {escape(sentence)}", highlight=False)


def _drawn(title: str, found: list[Planned], rekeys: int) -> Tree:
    """The way of an event, from topic to topic; behind it the stage that watches, before it those that key anew."""
    *way, monitor = found[rekeys:]
    drawn = at = Tree(f"[bold]{escape(title)}[/]")
    for each in found[:rekeys]:
        stage = f"[bold cyan]{escape(each.stage)}[/]: keys by {escape(each.key or '')}"
        drawn.add(escape(each.reads[0]), guide_style="dim").add(stage, guide_style="dim").add(escape(each.writes[0]))
    for each in way:
        at = at.add(escape("\n".join(each.reads)), guide_style="dim").add(_stage(each), guide_style="dim")
    written = at.add(escape("\n".join(way[-1].writes)), guide_style="dim")
    written.add(_stage(monitor), guide_style="dim").add(escape("\n".join(monitor.writes)))
    return drawn


def _stage(each: Planned) -> str:
    """What it has: a key where it needs one, windows where it holds some."""
    has = [f"keyed by {each.key}"] if each.key is not None else ["one partition has all"] if each.features else []
    has += [f"{len(each.features)} features of windows"] if each.features else []
    return f"[bold cyan]{escape(each.stage)}[/]{escape(': ' + ', '.join(has) if has else '')}"
