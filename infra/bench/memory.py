"""What state weighs in resident memory, each kind in a process of its own, against its budget."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from infra.bench.report import Figure, Report
from infra.bench.weigh import FEATURES
from schemas.problem import Problem

PENDING_BYTES = 200 + 8 * FEATURES
SEEN_BYTES = 32
TILED_BYTES, TILED_EVENTS = 1_000, 3
WITHIN_S = 1_800.0

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many of each; windows of `keys` keys are weighed with so many `events` in each, and `tiled` keys of tiles."""

    pending: int = 5_000_000
    seen: int = 1_000_000
    keys: int = 20_000
    tiled: int = 100_000
    events: tuple[int, ...] = (1, 10, 50)


QUICK = Size(pending=200_000, seen=200_000, keys=5_000, tiled=5_000, events=(1, 10))


def run(note: Note, size: Size) -> Report:
    """Weigh everything. Raises `Problem` where a process fails, as for want of memory."""
    note(f"{size.pending:,} events that wait for their label")
    pending = _weighed("pending", size.pending)
    note(f"{size.seen:,} ids that are remembered")
    seen = _weighed("seen", size.seen)
    figures = [
        Figure(
            name="pending_event",
            value=pending["bytes"] / size.pending,
            unit="bytes",
            most=PENDING_BYTES,
            note=f"{FEATURES} features, id included",
        ),
        Figure(name="pending_all", value=pending["bytes"], unit="bytes", note=f"{size.pending:,} of them"),
        Figure(name="seen_id", value=seen["bytes"] / size.seen, unit="bytes", most=SEEN_BYTES),
    ]
    for events in size.events:
        note(f"{size.keys:,} keys with {events} events in six windows")
        grew = _weighed("windows", size.keys, events)["bytes"]
        figures.append(Figure(name=f"key_{events}_events", value=grew / size.keys, unit="bytes", note="exact windows"))
    note(f"{size.tiled:,} keys with {TILED_EVENTS} events in six windows that are tiled")
    grew = _weighed("tiled", size.tiled, TILED_EVENTS)["bytes"]
    figures.append(
        Figure(name="key_tiled", value=grew / size.tiled, unit="bytes", most=TILED_BYTES, note="tiles of a day")
    )
    load = {"pending": size.pending, "seen": size.seen, "keys": size.keys, "tiled keys": size.tiled}
    return Report(bench="memory", load=load, figures=figures)


def _weighed(what: str, many: int, events: int = 1) -> dict[str, float]:
    """What `infra.bench.weigh` says of it."""
    command = [sys.executable, "-P", "-m", "infra.bench.weigh", what, str(many), str(events)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise Problem(f"weighing {many:,} × {what} ended with status {done.returncode} ({last}): is there memory left?")
    found: dict[str, float] = json.loads(done.stdout)
    return found
