"""From when an event was due to when its score is there for a reader of committed records, beside a hand-written loop.

Open loop: who is slow delays no event behind it, and is told so by each of them. Every latency is kept, so that the
quantiles are those of all.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.bench.live import HAND, MILLRACE, Live, Scorer, live
from infra.bench.report import Figure, Report
from infra.bench.sustained import kept_up, sustained
from infra.demo.servers import Servers

RATIO, MOST_MS, MOST_AT = 1.5, 50.0, 1_000
IDLE_MS = 1_000.0
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
SHARE = 0.7
"""Of the rate that Millrace keeps up."""

SUSTAINED = "sustained"

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Payments a second, how long, how often each scorer is visited, and how late the sender may be at its p99.

    `search_s`: how long each step of the search for the rate that is kept up lasts, 0: no search. `idle_s`: how long
    nothing comes before one last payment, 0: there is none.
    """

    rates: tuple[int, ...] = (20, 200, 1_000)
    seconds: float = 15.0
    warm_s: float = 5.0
    visits: int = 2
    search_s: float = 5.0
    idle_s: float = 0.0
    late_ms: float = 10.0


QUICK = Size(seconds=8.0, warm_s=2.0, visits=1, search_s=0.0)
IDLE_S = 300.0


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Visit both, there and back. Raises `Problem` where one fails or the load does not come through."""
    bench = _Latency(servers, folder, note, size)
    for visit in range(size.visits):
        for scorer in (MILLRACE, HAND) if visit % 2 == 0 else (HAND, MILLRACE):
            bench.visit(scorer, first=visit == 0)
    load = {"payments per s": list(bench.rates.values()), "seconds": size.seconds, "visits": size.visits}
    return Report(bench="latency", load=load, figures=bench.figures(), void=bench.void)


class _Latency:
    """Visits scorers, and keeps what was found at each rate."""

    def __init__(self, servers: Servers, folder: Path, note: Note, size: Size) -> None:
        self._servers, self._folder, self._note, self._size = servers, folder, note, size
        self._found = defaultdict[tuple[str, str], list[float]](list)
        self._late = defaultdict[str, float](float)
        self._told: list[Figure] = []
        self._places = 0
        self.rates = {f"{rate}": rate for rate in size.rates}
        self.void: list[str] = []

    def visit(self, scorer: Scorer, *, first: bool) -> None:
        """Each rate once; at the `first` visit the rate is looked for that it keeps up."""
        self._places += 1
        with live(scorer, self._servers, self._folder, f"v{self._places}") as running:
            if first and self._size.search_s:
                self._search(scorer, running)
            for name, rate in self.rates.items():
                self._measure(scorer, running, name, rate)
            if first and scorer is MILLRACE and self._size.idle_s:
                self._idle(running)
            self.void += running.wrong(f"visit {self._places} ({scorer.name})")

    def _measure(self, scorer: Scorer, running: Live, name: str, rate: int) -> None:
        found = running.trial(rate, self._size.seconds + self._size.warm_s)
        latencies_ms = found.latencies_ms(self._size.warm_s)
        self._found[scorer.name, name] += latencies_ms.tolist()
        self._late[name] = max(self._late[name], found.paced.late_p99_ms)
        p50, p99 = (float(q) for q in np.quantile(latencies_ms, [0.5, 0.99]))
        self._note(f"{scorer.name} at {rate:,}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        self.void += [f"{scorer.name} at {rate:,}/s: {doubt}" for doubt in found.doubts(p99, self._size.late_ms)]

    def _search(self, scorer: Scorer, running: Live) -> None:
        rate = sustained(lambda rate: kept_up(running.trial(rate, self._size.search_s)), self._size.rates[-1])
        self._note(f"{scorer.name} keeps up {rate:,}/s")
        self._told.append(Figure(name=f"{scorer.name}_sustained", value=rate, unit="payments/s"))
        if scorer is MILLRACE and rate:
            self.rates[SUSTAINED] = round(SHARE * rate)

    def _idle(self, running: Live) -> None:
        self._note(f"nothing for {self._size.idle_s:g} s")
        time.sleep(self._size.idle_s)
        (value,) = running.trial(1, 1.0).latencies_ms().tolist()
        self._told.append(Figure(name="first_after_idle", value=value, unit="ms", most=IDLE_MS))

    def figures(self) -> list[Figure]:
        """At each rate: the quantiles of both, and the ratio of their p99."""
        return [figure for name, rate in self.rates.items() for figure in self._at(name, rate)] + self._told

    def _at(self, name: str, rate: int) -> list[Figure]:
        ours, hand = ({q: self._quantile(s, name, q) for q in SHARES} for s in (MILLRACE, HAND))
        most = MOST_MS if rate == MOST_AT else None
        note = f"{rate:,} payments/s"
        return [
            *(
                Figure(name=f"{q}_at_{name}", value=v, unit="ms", most=most if q == "p99" else None, note=note)
                for q, v in ours.items()
            ),
            *(Figure(name=f"hand_{q}_at_{name}", value=v, unit="ms") for q, v in hand.items()),
            Figure(name=f"ratio_p99_at_{name}", value=ours["p99"] / hand["p99"], unit="of the hand loop", most=RATIO),
            Figure(name=f"sender_late_p99_at_{name}", value=self._late[name], unit="ms", note="at worst"),
        ]

    def _quantile(self, scorer: Scorer, name: str, quantile: str) -> float:
        return float(np.quantile(self._found[scorer.name, name], SHARES[quantile]))
