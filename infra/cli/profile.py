"""`millrace profile`: what stands on topics or in a file, before there is a model."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.profile_table import show
from infra.cli.stdout import stdout
from infra.garbage import for_now
from infra.profile.describe import describe
from infra.profile.files import Named, from_file
from infra.profile.page import page
from infra.profile.pipeline_files import from_files
from infra.profile.table import Table
from infra.profile.topics import from_topics
from infra.settings import Settings
from schemas.problem import Problem
from streams.load import load


def profile(
    target: Annotated[
        str | None, typer.Argument(metavar="[FILE.py:NAME]", help="A pipeline: read with its classes, or its topics.")
    ] = None,
    *,
    events: Annotated[Path | None, typer.Option(help="Events: .csv, .parquet or .jsonl.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels in such a file, of the pipeline's class.")] = None,
    label_field: Annotated[str | None, typer.Option(help="Instead: the column of the events with the truth.")] = None,
    label_time: Annotated[str | None, typer.Option(help="The column that says when that was known.")] = None,
    time: Annotated[str | None, typer.Option(help="The column with the event's time; the first one of times.")] = None,
    id: Annotated[str | None, typer.Option(help="The column with the event's id.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="PAGE.html", help="Write a page that opens offline.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Describe events before there is a model: fields, labels, what changes over time, what looks like a leak.

    Without --events it is what stands now on the topics that the pipeline reads; that reads only, also beside running
    workers. A file needs no pipeline.

    Example: millrace profile --events april.parquet --label-field fraud --id transaction_id --out april.html
    """
    if out is not None:
        _require_writable(out)
    named = Named(time=time, id=id, label=label_field, label_time=label_time)
    with for_now():
        table = _of_file(events, labels, named) if target is None else _of_pipeline(target, events, labels, named)
        found = describe(table)
    if out is not None:
        _write(out, page(found))
    if as_json:
        sys.stdout.write(found.model_dump_json() + "\n")
    else:
        show(found, stdout(), out)


def _of_file(events: Path | None, labels: Path | None, named: Named) -> Table:
    if events is None:
        raise Problem("nothing says what to read: name a pipeline, a file with --events, or both")
    if labels is not None:
        raise Problem("--labels needs a pipeline, which says how labels meet events: name one, or give --label-field")
    if named.label_time is not None and named.label is None:
        raise Problem("--label-time is about the column of --label-field: name that too")
    return from_file(events, named)


def _of_pipeline(target: str, events: Path | None, labels: Path | None, named: Named) -> Table:
    for option, given in (("--time", named.time), ("--id", named.id), ("--label-time", named.label_time)):
        if given is not None:
            raise Problem(f"{option} is told by the pipeline: leave it out, or leave the pipeline out")
    if labels is not None and named.label is not None:
        raise Problem("--labels and --label-field contradict each other: give one of them")
    pipeline = load(target)
    if events is not None:
        return from_files(pipeline, events, labels, named.label)
    if labels is not None or named.label is not None:
        raise Problem("--labels and --label-field are about files: name the events with --events")
    return from_topics(pipeline, Settings())


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(f"--out {path} cannot be written ({error.strerror}): name another file") from error


def _require_writable(path: Path) -> None:
    """Before anything is read. Raises `Problem` where there is no place for the page."""
    if not path.parent.is_dir():
        raise Problem(f"--out {path}: there is no folder {path.parent}, make it first")
    if path.suffix.lower() not in (".html", ".htm"):
        raise Problem(f"--out {path}: the page is HTML, call it {path.with_suffix('.html')}")
