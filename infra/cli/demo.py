"""`millrace demo`: the whole stream at work, once, with figures that can be checked."""

import signal
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.up import interrupt
from infra.demo import payments, phishing
from schemas.problem import Problem

INTERRUPTED = 130
EVENTS = 200_000
SEED = 1


class Shown(StrEnum):
    """The pipelines that have a demo."""

    PAYMENTS = "payments"
    PHISHING = "phishing"


def demo(
    *,
    pipeline: Annotated[
        Shown, typer.Option(help="payments: generated, with a drift. phishing: real data, compared with River.")
    ] = Shown.PAYMENTS,
    events: Annotated[
        int | None, typer.Option(min=1_000, max=5_000_000, help="Payments to generate; 200,000 without it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the generated payments; 1 without it.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep servers and stages running until Ctrl-C.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say all figures as one line of JSON; the rest goes to standard error.")
    ] = False,
) -> None:
    """Start servers and stages, feed payments with late labels and a drift, show what happens, stop everything.

    On embedded servers, or on yours where MILLRACE_KAFKA_BOOTSTRAP, _SCHEMA_REGISTRY_URL and _CLICKHOUSE_URL are set.

    Example: millrace demo --keep
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    console = Console(stderr=as_json)
    try:
        if pipeline is Shown.PHISHING:
            if events is not None or seed is not None:
                raise Problem("--events and --seed are about generated payments: leave them out with phishing")
            phishing.run(console, keep=keep, as_json=as_json)
        else:
            given = {"events": events or EVENTS, "seed": SEED if seed is None else seed}
            payments.run(payments.Wanted(**given, keep=keep, as_json=as_json), console)
    except KeyboardInterrupt:
        console.print("stopped")
        raise typer.Exit(INTERRUPTED) from None
