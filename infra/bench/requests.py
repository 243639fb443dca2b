"""Score requests beside a steady load of events: how long they take, and that every event is scored."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from infra.bench import outputs
from infra.bench.asking import Asked, asking
from infra.bench.offer import Offer, Told
from infra.bench.offering import offering
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.bench.waiting import passed, until
from infra.demo.lag import Lag
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.planned import planned
from infra.run_worker import stage_process
from infra.settings import Settings
from schemas.payment import Payment
from streams.load import load
from streams.pipeline import Pipeline
from streams.plan import steps

WARM_S = 10.0
TAUGHT = 2_000
"""Labels that come before anything is timed; those of later payments would come after the run."""

TEACHING = Stream(label_after=TAUGHT)
WITHIN_S = 300.0
SERVES = re.compile(r"metrics on (http://\S+)/metrics")
ANSWERED = 200

Note = Callable[[str], None]


class Way(NamedTuple):
    """A pipeline on so many partitions, within which time it should answer, and what its figures' names end in."""

    name: str
    target: str
    partitions: int
    budget_ms: float
    suffix: str


FUSED = Way("one stage", "infra.pipelines.payments:customers", 1, 20.0, "")
STAGED = Way("two stages", "infra.pipelines.payments:spread", 2, 40.0, "_in_two_stages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long, and how many requests and payments a second."""

    seconds: float = 45.0
    asked_per_s: int = 200
    rate_per_s: int = 2_000
    late_s: float = 1.0
    """How late the load may be, at most, for the figures to mean anything."""


QUICK = Size(seconds=10.0)


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Offer, ask, read back, in one stage and in two. Raises `Problem` where something fails or takes too long."""
    figures: list[Figure] = []
    void: list[str] = []
    for way in (FUSED, STAGED):
        (folder / way.name).mkdir()
        asked, wrong = _ran(way, servers, folder / way.name, note, size)
        figures += _figures(way, asked)
        void += wrong
    shown = {"requests per s": size.asked_per_s, "payments per s": size.rate_per_s, "seconds": size.seconds}
    return Report(bench="requests", load=shown, figures=figures, void=void)


def _ran(way: Way, servers: Servers, folder: Path, note: Note, size: Size) -> tuple[Asked, list[str]]:
    """What was answered, and what is wrong with what came out."""
    pipeline, settings = load(way.target), servers.settings
    create(pipeline, settings, partitions=way.partitions)
    with Sender(pipeline, settings) as sender:
        sender.send(TEACHING.records(0, 2 * TAUGHT))
    with ExitStack() as running:
        lags = [running.enter_context(lag) for lag in _lags(pipeline, settings, way.partitions)]
        workers = [
            running.enter_context(stage_process(way.target, step.stage, folder, env=servers.environment))
            for step in steps(pipeline, way.partitions)
        ]
        asked, told = _asked(way, servers, folder, note, size, workers)
        until("everything is committed", lambda: not any(lag.records() for lag in lags), workers, within_s=WITHIN_S)
    note("reading back what came out")
    sent = Stream(label_after=told.end - TAUGHT)
    void = outputs.wrong(way.name, outputs.written(pipeline, settings), sent, told.end)
    if told.late_s > size.late_s:
        void.append(f"the load was {told.late_s:.1f} s late: events did not come at {size.rate_per_s:,} a second")
    return asked, void


def _lags(pipeline: Pipeline, settings: Settings, partitions: int) -> list[Lag]:
    """How far each stage on the way of an event is behind."""
    named = pipeline.topics(settings.topic_prefix)
    *way, _ = planned(pipeline, partitions, settings.topic_prefix)
    return [Lag(settings, named.group(pipeline.version, each.stage), each.reads) for each in way]


def _asked(
    way: Way, servers: Servers, folder: Path, note: Note, size: Size, workers: Sequence[ServerProcess]
) -> tuple[Asked, Told]:
    """What was answered while payments came, and what of those was sent."""
    until("it serves", lambda: all(" is ours" in each.log() for each in workers), workers, within_s=WITHIN_S)
    found = SERVES.search(workers[0].log())
    assert found is not None
    with offering(_offer(way, size, folder), servers, folder) as load_process:
        begun_s = time.monotonic()
        passed(begun_s + WARM_S, [*workers, load_process.process])
        note(f"asking {way.name} {size.asked_per_s:,} times a second beside {size.rate_per_s:,} payments")
        body = _bodies(size.rate_per_s, begun_s)
        asked = asyncio.run(asking(f"{found[1]}/score", size.asked_per_s, size.seconds, body))
        return asked, load_process.stop()


def _bodies(rate_per_s: int, begun_s: float) -> Callable[[int], bytes]:
    """Request `n`: about another payment, at the time to which the load has come."""
    stream = Stream(label_after=0)

    def body(n: int) -> bytes:
        now = 2 * TAUGHT + int((time.monotonic() - begun_s) * rate_per_s)
        (payment,) = stream.records(now, now + 1)
        return Payment(**{**payment.fields, "transaction_id": f"r{n}"}).model_dump_json().encode()

    return body


def _offer(way: Way, size: Size, folder: Path) -> Offer:
    return Offer(
        target=way.target,
        keys=TEACHING.keys,
        step_ms=TEACHING.step_ms,
        label_after=0,
        start=2 * TAUGHT,
        rate_per_s=size.rate_per_s,
        ahead=0,
        told=str(folder / "told.json"),
    )


def _figures(way: Way, asked: Asked) -> list[Figure]:
    refused = sum(many for status, many in asked.statuses.items() if status != ANSWERED)
    told = [
        Figure(name="p50", value=asked.quantile_ms(0.5), unit="ms"),
        Figure(name="p99", value=asked.quantile_ms(0.99), unit="ms", most=way.budget_ms),
        Figure(name="p99.9", value=asked.quantile_ms(0.999), unit="ms"),
        Figure(name="longest", value=asked.quantile_ms(1.0), unit="ms"),
        Figure(name="refused", value=refused, unit=f"of {asked.statuses.total():,}", most=0),
    ]
    return [replace(each, name=each.name + way.suffix) for each in told]
