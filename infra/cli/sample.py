"""`millrace sample`: a file of generated payments, to try the commands that read one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.stdout import stdout
from infra.demo.story import story
from infra.sample import require_writable, write
from schemas.problem import Problem

MOST = 5_000_000


def sample(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .csv, .parquet or .jsonl.")],
    *,
    labels: Annotated[
        Path | None, typer.Option(help="Write the chargebacks here, each with its time, instead of a column fraud.")
    ] = None,
    events: Annotated[int, typer.Option(min=1_000, max=MOST, help="Payments to generate, over 60 days.")] = 60_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other payments.")] = 1,
) -> None:
    """Write generated card payments to a file, as those of `millrace demo`: what to try the other commands on.

    Amounts double after 46 days. What became of a payment stands in the column fraud, empty where it never became
    known, or with --labels in a file of its own, with the time at which it did.

    Example: millrace sample payments.csv
    """
    for path in filter(None, (out, labels)):
        require_writable(path)
    if labels is not None and labels.resolve() == out.resolve():
        raise Problem(f"payments and chargebacks cannot both be {out}: name two files")
    screen = Console(stderr=True)
    with screen.status(f"writing {out}"):
        paid, known = write(story(events, seed).records(), out, labels)
    there = "in the column fraud" if labels is None else f"in {labels}"
    stdout().print(
        f"{paid:,} payments are in {out}; what became of {known:,} is {there}", markup=False, highlight=False
    )
