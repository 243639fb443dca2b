"""All benches by name, each with a small load, with its own, and where there is one, with an hour's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from infra.bench import (
    eos,
    foreign,
    freshness,
    guarantees,
    latency,
    memory,
    neighbours,
    recovery,
    requests,
    rounds,
    scale,
    sink,
    soak,
    throughput,
)
from infra.bench.report import Report
from infra.demo.servers import Servers, opened

Note = Callable[[str], None]
Measure = Callable[[Note, Path], Report]
S = TypeVar("S")


class Bench(NamedTuple):
    """How it is measured with a small load, and with its own; `long` is for those with an hour."""

    quick: Measure | None
    full: Measure | None
    long: Measure | None = None

    def measure(self, *, quick: bool = False, long: bool = False) -> Measure | None:
        """The one that is asked for; None where this bench takes more time than that."""
        return (self.long if long else None) or (self.quick if quick else self.full)


def on_servers(
    run: Callable[[Servers, Path, Note, S], Report], size: S, require: Callable[[], None] = lambda: None
) -> Measure:
    """A bench of this size, on servers that are opened for it, where what it needs besides is there."""

    def measure(note: Note, folder: Path) -> Report:
        require()
        with opened(note, "bench") as servers:
            return run(servers, folder, note, size)

    return measure


def _bench(
    run: Callable[[Servers, Path, Note, S], Report], *sizes: S, require: Callable[[], None] = lambda: None
) -> Bench:
    return Bench(*(on_servers(run, size, require) for size in sizes))


BENCHES: Mapping[str, Bench] = {
    "throughput": _bench(throughput.run, rounds.QUICK, rounds.Size()),
    "neighbours": _bench(neighbours.run, neighbours.QUICK, neighbours.Size(), require=foreign.require),
    "guarantees": _bench(guarantees.run, rounds.QUICK, rounds.Size()),
    "latency": _bench(latency.run, latency.QUICK, latency.Size(), latency.Size(idle_s=latency.IDLE_S)),
    "freshness": _bench(freshness.run, freshness.QUICK, freshness.Size()),
    "sink": _bench(sink.run, sink.QUICK, sink.Size()),
    "recovery": _bench(recovery.run, recovery.QUICK, recovery.Size()),
    "eos": _bench(eos.run, eos.QUICK, eos.Size()),
    "scale": _bench(scale.run, scale.QUICK, scale.Size()),
    "memory": Bench(lambda note, _: memory.run(note, memory.QUICK), lambda note, _: memory.run(note, memory.Size())),
    "requests": _bench(requests.run, requests.QUICK, requests.Size()),
    "soak": Bench(None, None, on_servers(soak.run, soak.LONG)),
}
"""In the order in which `bench all` runs them."""
