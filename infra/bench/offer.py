"""Offers a bench's stream in a process of its own: so many payments a second, or as many as are taken.

Run as `python -m infra.bench.offer SPEC.json` until SIGTERM; then everything is flushed and what was sent is written.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.demo.lag import Lag
from infra.settings import Settings
from streams.load import load

SLICE_S = 0.01
LOOK_EVERY = 5_000
WAIT_S = 0.02
BEGUN = "sending"
"""What the process says when it is ready."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: from payment `start` on, `rate_per_s`, or 0: always about `ahead` records more than are taken."""

    target: str
    keys: int
    step_ms: int
    label_after: int
    start: int
    rate_per_s: int
    ahead: int
    told: str

    @property
    def stream(self) -> Stream:
        return Stream(keys=self.keys, step_ms=self.step_ms, label_after=self.label_after)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent: payments before `end`, and by how much the sender was late at worst."""

    end: int
    late_s: float


def offer(spec: Offer, settings: Settings, stopped: Callable[[], bool]) -> Told:
    """Send until `stopped()`. Raises `Problem` where Kafka does not take it."""
    pipeline = load(spec.target)
    with Sender(pipeline, settings) as sender:
        sys.stdout.write(f"{BEGUN}\n")
        sys.stdout.flush()
        if spec.rate_per_s:
            return _paced(spec, sender, stopped)
        named = pipeline.topics(settings.topic_prefix)
        group = named.group(pipeline.version, "score")
        with Lag(settings, group, [named.events, named.labels]) as lag:
            return _ahead(spec, sender, lag, stopped)


def _paced(spec: Offer, sender: Sender, stopped: Callable[[], bool]) -> Told:
    """Each payment is due at its time, however late the one before was."""
    at, begun_s, late_s = spec.start, time.monotonic(), 0.0
    while not stopped():
        passed_s = time.monotonic() - begun_s
        due = spec.start + int(passed_s * spec.rate_per_s)
        late_s = max(late_s, (due - at) / spec.rate_per_s)
        sender.send(spec.stream.records(at, due))
        at = due
        time.sleep(SLICE_S)
    return Told(end=at, late_s=late_s)


def _ahead(spec: Offer, sender: Sender, lag: Lag, stopped: Callable[[], bool]) -> Told:
    """A slice whenever less than `ahead` records wait."""
    at = spec.start
    while not stopped():
        if lag.records() > spec.ahead:
            time.sleep(WAIT_S)
            continue
        sender.send(spec.stream.records(at, at + LOOK_EVERY))
        at += LOOK_EVERY
    return Told(end=at, late_s=0.0)


if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Offer)
    Path(given.told).write_bytes(msgspec.json.encode(offer(given, Settings(), stop.is_set)))
