"""Score requests beside a steady load of events: how long they take, and that every event is scored."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
from infra.run_worker import stage_process
from schemas.payment import Payment
from streams.load import load

TARGET = "infra.pipelines.payments:customers"
BUDGET_MS = 20.0
WARM_S = 10.0
TAUGHT = 2_000
"""Labels that come before anything is timed; those of later payments would come after the run."""

TEACHING = Stream(label_after=TAUGHT)
WITHIN_S = 300.0
SERVES = re.compile(r"metrics on (http://\S+)/metrics")
ANSWERED = 200

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long, and how many requests and payments a second."""

    seconds: float = 60.0
    asked_per_s: int = 200
    rate_per_s: int = 2_000
    late_s: float = 1.0
    """How late the load may be, at most, for the figures to mean anything."""


QUICK = Size(seconds=10.0)


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Offer, ask, read back. Raises `Problem` where something fails or takes too long."""
    pipeline, settings = load(TARGET), servers.settings
    create(pipeline, settings, partitions=1)
    with Sender(pipeline, settings) as sender:
        sender.send(TEACHING.records(0, 2 * TAUGHT))
    named = pipeline.topics(settings.topic_prefix)
    with (
        Lag(settings, named.group(pipeline.version, "score"), [named.events, named.labels]) as lag,
        stage_process(TARGET, "score", folder, env=servers.environment) as worker,
    ):
        asked, told = _asked(servers, folder, note, size, worker)
        until("everything is committed", lambda: lag.records() == 0, [worker], within_s=WITHIN_S)
    note("reading back what came out")
    sent = Stream(label_after=told.end - TAUGHT)
    void = outputs.wrong("the run", outputs.written(pipeline, settings), sent, told.end)
    if told.late_s > size.late_s:
        void.append(f"the load was {told.late_s:.1f} s late: events did not come at {size.rate_per_s:,} a second")
    shown = {"requests per s": size.asked_per_s, "payments per s": size.rate_per_s, "seconds": size.seconds}
    return Report(bench="requests", load=shown, figures=_figures(asked), void=void)


def _asked(servers: Servers, folder: Path, note: Note, size: Size, worker: ServerProcess) -> tuple[Asked, Told]:
    """What was answered while payments came, and what of those was sent."""
    until("it serves", lambda: " is ours" in worker.log(), [worker], within_s=WITHIN_S)
    found = SERVES.search(worker.log())
    assert found is not None
    with offering(_offer(size, folder), servers, folder) as load_process:
        begun_s = time.monotonic()
        passed(begun_s + WARM_S, [worker, load_process.process])
        note(f"asking {size.asked_per_s:,} times a second beside {size.rate_per_s:,} payments")
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


def _offer(size: Size, folder: Path) -> Offer:
    return Offer(
        target=TARGET,
        keys=TEACHING.keys,
        step_ms=TEACHING.step_ms,
        label_after=0,
        start=2 * TAUGHT,
        rate_per_s=size.rate_per_s,
        ahead=0,
        told=str(folder / "told.json"),
    )


def _figures(asked: Asked) -> list[Figure]:
    refused = sum(many for status, many in asked.statuses.items() if status != ANSWERED)
    return [
        Figure(name="p50", value=asked.quantile_ms(0.5), unit="ms"),
        Figure(name="p99", value=asked.quantile_ms(0.99), unit="ms", most=BUDGET_MS),
        Figure(name="p99.9", value=asked.quantile_ms(0.999), unit="ms"),
        Figure(name="longest", value=asked.quantile_ms(1.0), unit="ms"),
        Figure(name="refused", value=refused, unit=f"of {asked.statuses.total():,}", most=0),
    ]
