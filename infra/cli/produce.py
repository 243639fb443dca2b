"""`millrace produce`: a file of events, and labels from it, into a pipeline's topics."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from infra.cli.stdout import stdout
from infra.feed import Fed, feed, values
from infra.settings import Settings, reach
from infra.topics import AHEAD_MS
from infra.truth import truth
from producers import pace
from producers.files import EventFile
from producers.known import Known
from producers.recording import Survey, survey, tell
from schemas.problem import Problem
from streams.load import load
from streams.pipeline import Pipeline

_SHOW_EVERY = 1_000  # records


def produce(
    target: Annotated[str, typer.Argument(metavar="FILE.py:name", help="The pipeline, or package.module:name.")],
    *,
    file: Annotated[Path, typer.Option(help="Events in the order of their time: .csv, .parquet or .jsonl.")],
    label_field: Annotated[
        str | None, typer.Option(help="The column with the truth, where labels have a topic.")
    ] = None,
    label_delay: Annotated[str | None, typer.Option(help="How long after its event a label is known, as 7d.")] = None,
    rate: Annotated[str | None, typer.Option(help="Records a second, as 500/s.")] = None,
    speed: Annotated[str | None, typer.Option(help="Times faster than it happened, as 3600x.")] = None,
    at_most: Annotated[bool, typer.Option("--max", help="As fast as Kafka takes them (the default).")] = False,
    sort: Annotated[bool, typer.Option("--sort", help="Sort the file by time first, in memory.")] = False,
    partitions: Annotated[int | None, typer.Option(min=1, help="Of topics to create; 1 unless some exist.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was sent as one line of JSON.")] = False,
) -> None:
    """Send a file of events to Kafka, and its labels some time later, in the order in which they became known.

    Topics that are missing are created. The whole file is checked before anything is sent.

    Example: millrace produce payments.py:payments --file april.parquet --label-field fraud --label-delay 7d
    """
    chosen = _pace(rate, speed, at_most)
    pipeline = load(target)
    labelling = truth(pipeline, label_field, label_delay)
    settings = Settings()
    events = EventFile(file, pipeline.event, time=pipeline.time, label_field=label_field)

    def told() -> Iterator[Known]:
        return tell(events.sorted_events() if sort else events.events(), labelling, file)

    screen = Console(stderr=True)
    with screen.status(f"checking {file}"):
        reach(settings, ("kafka", "schema_registry"))
        found = survey(told(), file, values(pipeline))
        _check_known(found)
    with _progress(screen, found) as progress:
        fed = feed(pipeline, told(), settings, partitions=partitions, pace=chosen, progress=progress)
    _print_json(pipeline, settings, fed) if as_json else _print(pipeline, settings, fed)


def _pace(rate: str | None, speed: str | None, at_most: bool) -> pace.Pace:
    if (rate is not None) + (speed is not None) + at_most > 1:
        raise Problem("--rate, --speed and --max contradict each other: give one of them")
    if rate is not None:
        return pace.rate(rate)
    return pace.Pace() if speed is None else pace.speed(speed)


def _check_known(found: Survey) -> None:
    """Kafka refuses what lies far ahead of its clock."""
    if found.last_ms > time.time() * 1000 + AHEAD_MS:
        raise Problem(
            f"the last record is known {found.last_ms:,} ms after 1970, far ahead of now: "
            "mend the times (whole numbers are milliseconds), or shorten --label-delay"
        )


@contextmanager
def _progress(screen: Console, found: Survey) -> Iterator[Callable[[Known], None]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    total = found.events + found.labels
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("sending", total=total)
        sent = 0

        def advance(_: Known) -> None:
            nonlocal sent
            sent += 1
            if sent % _SHOW_EVERY == 0 or sent == total:
                bar.update(task, completed=sent)

        yield advance


def _topics(pipeline: Pipeline, settings: Settings) -> tuple[str, str]:
    named = pipeline.topics(settings.topic_prefix)
    return named.events, named.labels


def _print_json(pipeline: Pipeline, settings: Settings, fed: Fed) -> None:
    events, labels = _topics(pipeline, settings)
    said = {
        "events_topic": events,
        "labels_topic": labels if fed.labels else None,
        "events": fed.events,
        "labels": fed.labels,
        "seconds": round(fed.seconds, 3),
        "created": list(fed.created),
    }
    sys.stdout.write(json.dumps(said) + "\n")


def _print(pipeline: Pipeline, settings: Settings, fed: Fed) -> None:
    events, labels = _topics(pipeline, settings)
    screen = stdout()
    if fed.created:
        screen.print(f"created {', '.join(fed.created)}")
    per_s = (fed.events + fed.labels) / fed.seconds
    screen.print(
        f"sent {fed.events:,} events to {events}"
        + (f" and {fed.labels:,} labels to {labels}" if fed.labels else "")
        + f" in {fed.seconds:.1f} s ({per_s:,.0f}/s)"
    )
