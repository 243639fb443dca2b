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

from infra.bench import guarantees as measured_guarantees
from infra.bench import latency as measured_latency
from infra.bench import memory as measured_memory
from infra.bench import neighbours as measured_neighbours
from infra.bench import profile as measured_profile
from infra.bench import recovery as measured_recovery
from infra.bench import requests as measured_requests
from infra.bench import rounds
from infra.bench import soak as measured_soak
from infra.bench import throughput as measured_throughput
from infra.bench.report import Report, Verdict
from infra.bench.shown import show
from infra.cli.up import interrupt
from infra.demo.running import noting
from infra.demo.servers import Servers, opened

INTERRUPTED = 130
AsJson = Annotated[bool, typer.Option("--json", help="Say all as one line of JSON; the rest goes to standard error.")]
Quick = Annotated[bool, typer.Option("--quick", help="A small load: shows that it works, its figures are rough.")]
Long = Annotated[bool, typer.Option("--long", help="Minutes in which nothing comes, too.")]
Note = Callable[[str], None]
Measure = Callable[[Note, Path], Report]
S = TypeVar("S")

bench = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@bench.callback()
def options() -> None:
    """Measure what is claimed of speed and size. Exit status 1: a budget was missed, or the run is void."""


@bench.command()
def guarantees(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Throughput with exactly-once, ledger and checkpoints, as a ratio of at-least-once without, in one run.

    Example: millrace bench guarantees --quick
    """
    size = rounds.QUICK if quick else rounds.Size()
    _run(_on_servers(measured_guarantees.run, size), as_json=as_json)


@bench.command()
def throughput(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Throughput with all that is guaranteed, as a ratio of a loop that was written by hand and guarantees nothing.

    Example: millrace bench throughput --quick
    """
    size = rounds.QUICK if quick else rounds.Size()
    _run(_on_servers(measured_throughput.run, size), as_json=as_json)


@bench.command()
def latency(*, quick: Quick = False, long: Long = False, as_json: AsJson = False) -> None:
    """From an event's time to its score, at 20, 200 and 1,000 a second and at 70 % of what is kept up.

    Example: millrace bench latency --quick
    """
    size = measured_latency.QUICK if quick else measured_latency.Size()
    wanted = replace(size, idle_s=measured_latency.IDLE_S) if long else size
    _run(_on_servers(measured_latency.run, wanted), as_json=as_json)


@bench.command()
def recovery(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """From SIGKILL to caught up with a million keys of state, at 1,000 payments a second meanwhile.

    Example: millrace bench recovery --json
    """
    size = measured_recovery.QUICK if quick else measured_recovery.Size()
    _run(_on_servers(measured_recovery.run, size), as_json=as_json)


@bench.command()
def requests(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """How long score requests take, 200 a second beside 2,000 payments a second.

    Example: millrace bench requests --quick
    """
    size = measured_requests.QUICK if quick else measured_requests.Size()
    _run(_on_servers(measured_requests.run, size), as_json=as_json)


@bench.command()
def memory(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Bytes of resident memory per pending event, per remembered id, per key with windows. Needs no servers.

    Example: millrace bench memory
    """
    size = measured_memory.QUICK if quick else measured_memory.Size()
    _run(lambda note, _: measured_memory.run(note, size), as_json=as_json)


@bench.command()
def neighbours(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """Outputs a second beside Bytewax, Quix Streams and Faust, which `make neighbours` installs; the same fold in each.

    Example: millrace bench neighbours --quick
    """
    size = measured_neighbours.QUICK if quick else measured_neighbours.Size()
    _run(_on_servers(measured_neighbours.run, size), as_json=as_json)


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
    _run(_on_servers(measured_profile.run, replace(size, svg=svg)), as_json=as_json)


@bench.command()
def soak(
    *,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="How long; 10 without it, 2 with --quick.")] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Minutes at full speed: memory, threads and descriptors of the stages must not grow after warm-up.

    Example: millrace bench soak --minutes 60 --json
    """
    size = measured_soak.QUICK if quick else measured_soak.Size()
    wanted = size if minutes is None else replace(size, minutes=minutes)
    _run(_on_servers(measured_soak.run, wanted), as_json=as_json)


def _on_servers(run: Callable[[Servers, Path, Note, S], Report], size: S) -> Measure:
    """A bench of this size, on servers that are opened for it."""

    def measure(note: Note, folder: Path) -> Report:
        with opened(note, "bench") as servers:
            return run(servers, folder, note, size)

    return measure


def _run(measure: Measure, *, as_json: bool) -> None:
    """Measure, show, and end with the status that the verdict asks for."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    console = Console(stderr=as_json)
    try:
        with _folder() as folder, noting(console) as note:
            report = measure(note, folder)
    except KeyboardInterrupt:
        console.print("stopped")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
        sys.stdout.flush()
    else:
        show(report, console)
    if report.verdict is not Verdict.PASS:
        raise typer.Exit(1)


@contextmanager
def _folder() -> Iterator[Path]:
    """Where processes write their logs; it stays when one of them fails."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-bench-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
