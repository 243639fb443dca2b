"""`millrace bench`: claims of speed and size, measured here and now, each beside its budget."""

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from infra.bench import every
from infra.bench import profile as measured_profile
from infra.bench import soak as measured_soak
from infra.bench.benches import BENCHES, Measure, Note, on_servers
from infra.bench.report import Verdict
from infra.bench.shown import show, show_budgets
from infra.cli.up import interrupt
from infra.demo.running import noting

INTERRUPTED = 130
AsJson = Annotated[bool, typer.Option("--json", help="Say all as one line of JSON; the rest goes to standard error.")]
Quick = Annotated[bool, typer.Option("--quick", help="A small load: shows that it works, its figures are rough.")]
Long = Annotated[bool, typer.Option("--long", help="Minutes in which nothing comes, too.")]
Found = TypeVar("Found")

bench = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@bench.callback()
def options() -> None:
    """Measure what is claimed of speed and size. Exit status 1: a budget was missed, or the run is void."""


@bench.command(name="all")
def everything(
    *,
    quick: Quick = False,
    long: Annotated[bool, typer.Option("--long", help="Idle minutes and an hour at half speed, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every budget with its figure. Takes most of an hour on two cores, minutes with --quick.

    Example: millrace bench all --quick --json
    """
    console = Console(stderr=as_json)
    standing = measured(lambda note, folder: every.run(note, folder, quick=quick, long=long), console)
    if as_json:
        _say(standing.as_json())
    else:
        show_budgets(standing, console)
    _end(standing.verdict)


@bench.command()
def throughput(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Records a second with all that is guaranteed, of a loop that was written by hand and guarantees nothing.

    Example: millrace bench throughput --quick
    """
    _run("throughput", quick=quick, as_json=as_json)


@bench.command()
def guarantees(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Throughput with exactly-once, ledger and checkpoints, as a ratio of at-least-once without, in one run.

    Example: millrace bench guarantees --quick
    """
    _run("guarantees", quick=quick, as_json=as_json)


@bench.command()
def latency(*, quick: Quick = False, long: Long = False, as_json: AsJson = False) -> None:
    """From an event's time to its score, at 20, 200 and 1,000 a second and at 70 % of what is kept up.

    Example: millrace bench latency --quick
    """
    _run("latency", quick=quick, long=long, as_json=as_json)


@bench.command()
def freshness(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """From a label's time to the next score of a model that has learnt it, at 1,000 a second.

    Example: millrace bench freshness --quick
    """
    _run("freshness", quick=quick, as_json=as_json)


@bench.command()
def sink(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """From a score to its row in ClickHouse at 1,000 a second; and how fast a backlog is written.

    Example: millrace bench sink --quick
    """
    _run("sink", quick=quick, as_json=as_json)


@bench.command()
def recovery(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """From SIGKILL to caught up with a million keys of state, at 1,000 payments a second meanwhile.

    Example: millrace bench recovery --json
    """
    _run("recovery", quick=quick, as_json=as_json)


@bench.command()
def eos(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """What is lost, doubled or different where the process that scores is killed again and again.

    Example: millrace bench eos --quick
    """
    _run("eos", quick=quick, as_json=as_json)


@bench.command()
def scale(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """What a second worker adds, by records per second of the workers' own CPU time.

    Example: millrace bench scale --quick
    """
    _run("scale", quick=quick, as_json=as_json)


@bench.command()
def requests(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """How long score requests take, 200 a second beside 2,000 payments a second.

    Example: millrace bench requests --quick
    """
    _run("requests", quick=quick, as_json=as_json)


@bench.command()
def memory(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Bytes of resident memory per pending event, per remembered id, per key with windows. Needs no servers.

    Example: millrace bench memory
    """
    _run("memory", quick=quick, as_json=as_json)


@bench.command()
def neighbours(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Outputs a second beside Bytewax, Quix Streams and Faust, which `make neighbours` installs; the same fold in each.

    Example: millrace bench neighbours --quick
    """
    _run("neighbours", quick=quick, as_json=as_json)


@bench.command()
def profile(
    *,
    svg: Annotated[Path | None, typer.Option(dir_okay=False, help="Where a flame graph goes.")] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Where the microseconds of the score stage go, file by file, by py-spy.

    Example: millrace bench profile --svg flames.svg
    """
    size = measured_profile.QUICK if quick else measured_profile.Size()
    _report(on_servers(measured_profile.run, replace(size, svg=svg)), as_json=as_json)


@bench.command()
def soak(
    *,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="How long; without it 10, 2 with --quick, 60 with --long.")
    ] = None,
    quick: Quick = False,
    long: Annotated[bool, typer.Option("--long", help="At half speed, and stricter.")] = False,
    as_json: AsJson = False,
) -> None:
    """Minutes at full speed: memory, threads and descriptors of the stages must not grow after warm-up.

    Example: millrace bench soak --long --json
    """
    size = measured_soak.LONG if long else measured_soak.QUICK if quick else measured_soak.Size()
    wanted = size if minutes is None else replace(size, minutes=minutes)
    _report(on_servers(measured_soak.run, wanted), as_json=as_json)


def _run(name: str, *, quick: bool, long: bool = False, as_json: bool) -> None:
    """The bench of this name, of the size that is asked for."""
    measure = BENCHES[name].measure(quick=quick, long=long)
    assert measure is not None
    _report(measure, as_json=as_json)


def _report(measure: Measure, *, as_json: bool) -> None:
    """Measure, show, and end with the status that the verdict asks for."""
    console = Console(stderr=as_json)
    report = measured(measure, console)
    if as_json:
        _say(report.as_json())
    else:
        show(report, console)
    _end(report.verdict)


def measured(measure: Callable[[Note, Path], Found], console: Console) -> Found:
    """What it gives; a signal ends it, as a `SystemError` where it came while Kafka's client was asked."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with _folder() as folder, noting(console) as note:
            return measure(note, folder)
    except (KeyboardInterrupt, SystemError) as stopped:
        if not isinstance(stopped, KeyboardInterrupt) and not isinstance(stopped.__cause__, KeyboardInterrupt):
            raise
        console.print("stopped")
        raise typer.Exit(INTERRUPTED) from None


def _say(told: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _end(verdict: Verdict) -> None:
    if verdict is not Verdict.PASS:
        raise typer.Exit(1)


@contextmanager
def _folder() -> Iterator[Path]:
    """Where processes write their logs; it stays when one of them fails."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-bench-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
