"""`millrace backtest`: a log folded again under one pipeline or several, and how good their scores were."""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.backtest import scores as scores_file
from infra.backtest.alike import entrants
from infra.backtest.entrant import Entrant
from infra.backtest.files import Files, from_files
from infra.backtest.fold import Folding, Within
from infra.backtest.log import Log
from infra.backtest.report import Report, report
from infra.backtest.topics import from_topics
from infra.cli.backtest_table import Result, as_fields, show
from infra.cli.bar import folding_bar
from infra.cli.shadow import live
from infra.cli.stdout import stdout
from infra.garbage import for_now
from infra.settings import Settings
from infra.truth import truth
from schemas.problem import Outage, Problem
from schemas.reject import Reject
from streams.instant import instant_ms
from streams.pipeline import Pipeline


def backtest(
    targets: Annotated[
        list[str], typer.Argument(metavar="FILE.py:NAME…", help="Pipelines side by side, or package.module:NAME.")
    ],
    *,
    events: Annotated[
        Path | None, typer.Option(help="Events in the order of their time: .csv, .parquet or .jsonl.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels in such a file, known at their own time.")] = None,
    label_field: Annotated[str | None, typer.Option(help="Instead: the column of the events with the truth.")] = None,
    label_delay: Annotated[str | None, typer.Option(help="How long after its event a label is known, as 7d.")] = None,
    sort: Annotated[bool, typer.Option("--sort", help="Sort the files by time first, in memory.")] = False,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Leave out what is older.")] = None,
    end: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Leave out what is as new.")] = None,
    then_live: Annotated[
        bool, typer.Option("--then-live", help="Go on with what comes on the topics, until Ctrl-C: a shadow.")
    ] = False,
    scores: Annotated[Path | None, typer.Option(metavar="OUT.parquet", help="Write every score to a file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Fold a log again as a worker would, and judge every score by the label that came later.

    An event is scored before its label is learnt, and labels come as late as they did. Without --events the log is
    what stands now on the topics that the (first) pipeline reads; that reads only, also beside running workers. With
    --then-live it goes on from there with the same state, says how it stands, and judges all of it at the end.

    Example: millrace backtest payments.py:payments --events april.parquet --label-field fraud --label-delay 7d
    """
    began_s = time.process_time()
    within = Within(start_ms=_time_ms("--from", start), end_ms=_time_ms("--until", end))
    if scores is not None:
        scores_file.require_writable(scores)
    tested = entrants(targets)
    pipeline = tested[0].pipeline
    made = truth(pipeline, label_field, label_delay)
    if events is not None:
        files = Files(events=events, labels=labels, truth=made, label_field=label_field, sort=sort)
        opening = _files(pipeline, files)
    elif labels is not None or made is not None or sort:
        raise Problem("--labels, --label-field and --sort are about files: name the events with --events")
    else:
        opening = from_topics([each.pipeline for each in tested], Settings())
    if then_live and (events is not None or end is not None):
        raise Problem("--then-live goes on with the topics: leave --events and --until out")
    result = _result(opening, tested, within, began_s, then_live=then_live)
    if scores is not None:
        scores_file.write(scores, tested)
    if as_json:
        sys.stdout.write(json.dumps(as_fields(result, scores)) + "\n")
    else:
        show(result, pipeline.task, stdout(), scores)


def _result(
    opening: AbstractContextManager[Log], tested: list[Entrant], within: Within, began_s: float, *, then_live: bool
) -> Result:
    """All folded and judged. Raises `Problem` where nothing was scored, or a worker would stop."""
    with for_now(), opening as log:
        folding = Folding(log, tested, within)
        with folding_bar("folding", log.records) as advance:
            folding.fold(advance, goes_on=then_live)
        going = live(tested) if then_live else None
        while going is not None and going(folding.folded):
            try:
                folding.go_on()
            except Outage as outage:
                sys.stderr.write(f"{outage}: waiting for it\n")
        folded = folding.end()
    reports = {each.name: report(each.pipeline, each.traces, each.counts, folded.end_ms) for each in tested}
    if not any(each.overall.events for each in reports.values()):
        raise _nothing(log.place, reports, within)
    return Result(log=log, folded=folded, reports=reports, cpu_s=time.process_time() - began_s)


def _nothing(place: str, reports: Mapping[str, Report], within: Within) -> Problem:
    """What to say where nothing was scored: what became of the records instead."""
    became = [f"{count:,} {what}" for each in reports.values() for what, count in sorted(each.counts.items()) if count]
    told = f" ({', '.join(dict.fromkeys(became))})" if became else ""
    cure = "see what is wrong with them" if became else "see that there are some"
    between = ", between --from and --until" if within != Within() else ""
    return Problem(f"no event was scored of {place}{told}: {cure}{between}")


def _files(pipeline: Pipeline, files: Files) -> AbstractContextManager[Log]:
    """The log of these files. Raises `Problem` where they are not what the pipeline reads."""
    labels = pipeline.labels
    apart = labels is not None and not labels.inside
    if files.labels is not None and files.truth is not None:
        raise Problem("--labels and --label-field contradict each other: give one of them")
    if files.labels is not None and not apart:
        where = "has no labels" if labels is None else "finds its labels inside the event"
        raise Problem(f"{pipeline.name} {where}: leave --labels out")
    if apart and files.labels is None and files.truth is None:
        raise Problem(
            f"{pipeline.name} learns from labels, and nothing says where they are: add --labels FILE, or --label-field "
            f"and --label-delay where the truth stands in the events' rows"
        )
    return nullcontext(from_files(pipeline, files))


def _time_ms(option: str, text: str | None) -> int | None:
    """A time as people write it, without zone in UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Problem(f"{option} {text} is no time: write it as 2026-03-01 or 2026-03-01T12:00") from error
    try:
        return instant_ms(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except Reject as reject:
        raise Problem(f"{option} {text}: {reject.message}, when Kafka's times begin") from reject
