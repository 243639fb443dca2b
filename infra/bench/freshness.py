"""From when a label is due to when a score of a model that has learnt it is there for a reader of committed records."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.bench.live import MILLRACE, live
from infra.bench.paced import MS_PER_S
from infra.bench.report import Report
from infra.bench.trial import Trial, taken
from infra.demo.servers import Servers
from infra.settings import schema_registry
from schemas.decode import own_decoder
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.scored import Scored

MOST_MS = 50.0

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Payments a second, each with a label of an earlier one; how long; and how late the sender may be at its p99."""

    rate_per_s: int = 1_000
    seconds: float = 30.0
    warm_s: float = 5.0
    late_ms: float = 10.0


QUICK = Size(seconds=10.0, warm_s=2.0)


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Send, watch, match. Raises `Problem` where something fails or takes too long."""
    with live(MILLRACE, servers, folder, "fresh") as running, Registry(schema_registry(servers.settings)) as registry:
        note(f"{size.rate_per_s:,} payments and labels a second")
        found = running.trial(size.rate_per_s, size.seconds + size.warm_s)
        took_ms = np.array(list(_taken_ms(found, registry, size.warm_s)))
        if not len(took_ms):
            raise Problem("no label was seen to be learnt: try an idle machine")
        void = running.wrong("the run")
    figures = taken(took_ms, MOST_MS)
    _, p99, _ = figures
    void += found.doubts(p99.value, size.late_ms)
    load = {"payments per s": size.rate_per_s, "labels": len(took_ms), "seconds": size.seconds}
    return Report(bench="freshness", load=load, figures=figures, void=void)


def _taken_ms(found: Trial, registry: Registry, warm_s: float) -> Iterator[float]:
    """Of each label behind the warm-up. Labels are learnt in the order of their payments, so they need only counting.

    The score that is waited for comes with the next payment, which is part of what is measured.
    """
    decode, pace, begun_s = own_decoder(Scored, registry), found.pace, found.paced.begun_s
    n = pace.start
    for seen in found.seen:
        learnt = int(decode(seen.value)["model_id"].rpartition("/")[2])
        while n < pace.end and pace.stream.labels(n + 1) <= learnt:
            due_s = pace.due_s(n, begun_s)
            if due_s >= begun_s + warm_s:
                yield (seen.at_s - due_s) * MS_PER_S
            n += 1
