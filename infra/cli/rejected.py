"""`millrace rejected list` and `millrace rejected replay`: what was rejected and why, and sending it again."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from heapq import nlargest
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from infra.cli.rejected_table import as_fields, newest, totals
from infra.cli.stdout import stdout
from infra.rejected.log import RejectedLog, open_log
from infra.rejected.record import Rejected
from infra.rejected.replay import Replayed, plan, replay
from infra.rejected.selection import Selection, place, since
from infra.settings import Settings
from schemas.problem import Problem
from schemas.reject import Reason
from streams.load import load

Target = Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")]
Reasons = Annotated[list[Reason] | None, typer.Option("--reason", help="Only these; may be given several times.")]
AsJson = Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")]

rejected = typer.Typer(
    help="Look at what a pipeline rejected, and send it again once what was wrong is mended.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@rejected.command("list")
def show(
    target: Target,
    *,
    reason: Reasons = None,
    since_: Annotated[
        str, typer.Option("--since", help="An offset in `rejected`, or a Kafka time: 1200, 2025-03-02T10:00Z.")
    ] = "0",
    limit: Annotated[int, typer.Option(min=0, help="Show so many of the newest; the totals are of all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the newest rejected records, each with its place, its origin and the reason; and totals per reason.

    Example: millrace rejected list payments.py:payments --reason invalid --since 2025-03-02
    """
    selection = replace(since(since_), reasons=_reasons(reason))
    log = _open(target)
    replayed = log.replayed()
    counts, again = Counter[str](), Counter[str]()

    def counted() -> Iterator[Rejected]:
        for each in log.read(selection):
            counts[each.reason] += 1
            again[each.reason] += log.replay_id(each) in replayed
            yield each

    with Console(stderr=True).status(f"reading {log.topics.rejected}"):
        found = nlargest(max(limit, 1), counted(), key=lambda each: (each.timestamp_ms, *each.place))
    shown = found[:limit][::-1]
    if as_json:
        records = [{**as_fields(each), "replayed": log.replay_id(each) in replayed} for each in shown]
        sums = {name: {"records": many, "replayed": again[name]} for name, many in sorted(counts.items())}
        _say({"topic": log.topics.rejected, "records": records, "totals": sums})
    elif counts:
        if shown:
            stdout().print(newest(shown, {each.place for each in shown if log.replay_id(each) in replayed}))
        stdout().print(totals(counts, again, shown=len(shown)))
    else:
        stdout().print(f"nothing of that kind in {log.topics.rejected}")


@rejected.command("replay")
def again(
    target: Target,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every record that was not sent again yet.")] = False,
    reason: Reasons = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="PARTITION:OFFSET", help="One record, by its place; may be given several times."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send rejected records to the topics they came from, as if they arrived now; each at most once, ever.

    Key, value and headers are those they came with, without the ones that say why they were rejected. Start it as often
    as you like: a record that was sent again is remembered, also when this was killed.

    Example: millrace rejected replay payments.py:payments --reason unknown_schema
    """
    if everything + bool(reason) + bool(at) != 1:
        raise Problem("say what to replay: --all, or --reason, or --at PARTITION:OFFSET, and only one of them")
    if not yes and (as_json or not sys.stdin.isatty()):
        raise Problem("nobody can be asked here: look with `millrace rejected list`, then give --yes")
    selection = Selection(reasons=_reasons(reason), at=frozenset(place(text) for text in at or ()))
    settings, log = Settings(), _open(target)
    with Console(stderr=True).status(f"reading {log.topics.rejected}"):
        planned = plan(log, selection)
    done = planned
    if planned.sent:
        if not yes:
            typer.confirm(f"send {_told(planned.topics, 'to')} again?", abort=True)
        with _progress(planned.sent) as progress:
            done = replay(
                log, selection, replication_factor=settings.kafka_replication_factor, progress=lambda _: progress()
            )
    _say(_fields(done)) if as_json else _tell(done, log)


def _open(target: str) -> RejectedLog:
    return open_log(load(target), Settings())


def _reasons(given: list[Reason] | None) -> frozenset[str]:
    return frozenset(str(reason) for reason in given or ())


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    columns = (SpinnerColumn(), TextColumn("sending again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sending again", total=total)
        yield lambda: bar.advance(task)


def _told(counts: Counter[str], word: str) -> str:
    return ", ".join(f"{many:,} {word} {name}" for name, many in sorted(counts.items()))


def _tell(done: Replayed, log: RejectedLog) -> None:
    screen = stdout()
    sent = f"{_told(done.topics, 'to')} ({_told(done.reasons, 'were')})" if done.sent else "nothing"
    screen.print(f"sent {sent}", highlight=False)
    if done.before:
        screen.print(f"{done.before:,} had been sent again before", highlight=False)
    if done.foreign:
        screen.print(
            f"{done.foreign:,} stay: they come from none of the pipeline's inputs that are there "
            f"({', '.join(sorted(log.partitions)) or 'none'})",
            highlight=False,
        )


def _fields(done: Replayed) -> dict[str, object]:
    told = {"reasons": dict(done.reasons), "topics": dict(done.topics)}
    return {"sent": done.sent, **told, "before": done.before, "foreign": done.foreign}


def _say(facts: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
