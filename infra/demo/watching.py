"""One look at everything: what was sent, what each process has done with it, what stands in ClickHouse."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from infra.demo.feeding import Feeder, Sent
from infra.demo.lag import Lag
from infra.demo.running import Running
from infra.demo.store import Found, Quality
from infra.demo.workers import SINK, Sample

QUALITY_EVERY_S = 2.0
"""It reads every outcome."""

RECORDS = "millrace_records_total"
ENDS = ("scored", "duplicate", "late", "rejected")
"""What an event can become; other counts tell what happened to it later."""
Counts = dict[str, int]
"""What became of the records of one role -> how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen. `lag` counts Kafka positions; `watched` is what the monitor has folded, by role."""

    at_s: float
    fed: bool
    sent: Sent
    events: Counts = field(default_factory=dict)
    labels: Counts = field(default_factory=dict)
    watched: Counts = field(default_factory=dict)
    scored_to_ms: int = 0
    lag: Counts = field(default_factory=dict)
    rows: Counts = field(default_factory=dict)
    quality: Quality | None = None
    alerts: tuple[Found, ...] = ()

    @property
    def scored(self) -> int:
        return self.events.get("scored", 0)

    @property
    def ended(self) -> int:
        """Events that have become what they become."""
        return sum(self.events.get(end, 0) for end in ENDS)

    @property
    def met(self) -> int:
        """Labels that met their event: learnt, or only told."""
        return self.labels.get("learnt", 0) + self.labels.get("met", 0)

    @property
    def unlabelled_share(self) -> float | None:
        """Of the scored events, those whose label is not known (or came beyond the horizon)."""
        return 1.0 - self.met / self.scored if self.scored else None

    @property
    def all_scored(self) -> bool:
        return self.fed and self.lag["score"] == 0 and self.ended == self.sent.events

    @property
    def all_watched(self) -> bool:
        return self.all_scored and self.watched == {"scored": self.scored, "outcomes": self.met}

    @property
    def all_stored(self) -> bool:
        """Whether nothing is under way any more. What is asked last is asked downstream, so one look is enough."""
        stored = (self.rows["scored"], self.rows["outcomes"]) == (self.scored, self.met)
        return self.all_watched and self.lag[SINK] == 0 and stored


class Watcher:
    """Takes looks, inside a `with`."""

    def __init__(self, watched: Running, feeder: Feeder) -> None:
        self._feeder, self._workers, self._store = feeder, watched.workers, watched.store
        pipeline, settings = watched.pipeline, watched.servers.settings
        topics = pipeline.topics(settings.topic_prefix)
        separate = pipeline.labels is not None and pipeline.labels.event is not None
        inputs = [topics.events, *([topics.labels] if separate else [])]
        self._score_lag = Lag(settings, topics.group(pipeline.version, "score"), inputs)
        self._sink_lag = Lag(settings, topics.sink, topics.outputs)
        self._held = ExitStack()
        self._quality: tuple[float, Quality | None] = (float("-inf"), None)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._score_lag)
            opening.enter_context(self._sink_lag)
            self._held = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._held.close()

    def look(self) -> Look:
        """Everything now, from the source downstream."""
        fed, sent = self._feeder.done, replace(self._feeder.sent)
        score_lag = self._score_lag.records()
        scoring, monitoring = self._workers.samples("score"), self._workers.samples("monitor")
        events, labels = _counts(scoring, "events"), _counts(scoring, "labels")
        watched = {role: sum(_counts(monitoring, role).values()) for role in ("scored", "outcomes")}
        to_watch = events.get("scored", 0) + labels.get("learnt", 0) + labels.get("met", 0)
        sink_lag = self._sink_lag.records()
        return Look(
            at_s=time.monotonic(),
            fed=fed,
            sent=sent,
            events=events,
            labels=labels,
            watched=watched,
            scored_to_ms=round(1000 * max(_values(scoring, "millrace_watermark_seconds"), default=0.0)),
            lag={"score": score_lag, "monitor": max(0, to_watch - sum(watched.values())), SINK: sink_lag},
            rows=self._store.rows(),
            quality=self._quality_now(),
            alerts=tuple(self._store.alerts()),
        )

    def _quality_now(self) -> Quality | None:
        asked_s, known = self._quality
        if time.monotonic() - asked_s >= QUALITY_EVERY_S:
            known = self._store.quality()
            self._quality = (time.monotonic(), known)
        return known


def _counts(samples: list[Sample], role: str) -> Counts:
    counts: Counts = {}
    for name, labels, value in samples:
        if name == RECORDS and labels["role"] == role and value:
            counts[labels["result"]] = counts.get(labels["result"], 0) + int(value)
    return counts


def _values(samples: list[Sample], wanted: str) -> list[float]:
    return [value for name, _, value in samples if name == wanted]
