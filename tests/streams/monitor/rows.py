"""Builds scored rows and outcomes as the monitor reads them, calm or with a planted defect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.alert import Alert
from schemas.message import Message
from schemas.metric import Metric
from streams.monitor.definition import DAY_MS, Monitor
from streams.monitor.stage import MonitorStage, MonitorState
from streams.monitor.watched import Task, Watched
from streams.stage import Emitted, Output, Record, Role

HOUR_MS = 3_600_000
START_MS = 18_000 * DAY_MS
MODEL = "abc/0"
FEATURES = ("amount", "night", "count", "hour", "ratio")


def watched(task: Task = "binary", *, horizon_ms: int = 14 * DAY_MS, longest_ms: int = 0) -> Watched:
    return Watched(
        pipeline="payments",
        version=1,
        task=task,
        feature_names=FEATURES,
        digest="abc",
        horizon_ms=horizon_ms,
        longest_ms=longest_ms,
    )


def scored(
    time_ms: int, features: Sequence[float] = (1.0, 0.0, 2.0, 3.0, 0.5), score: float = 0.1, **more: Any
) -> Record:
    value = {"event_time_ms": time_ms, "features": list(features), "model_id": MODEL, "score": score} | more
    return Record(Role.SCORED, "payments.scored", 0, 0, time_ms, b"1", value)


def outcome(time_ms: int, label_ms: int, score: float, target: float | None, **more: Any) -> Record:
    label = "none" if target is None else ("true" if target else "false")
    value = {
        "event_time_ms": time_ms,
        "label_time_ms": label_ms,
        "features": [0.0] * len(FEATURES),
        "model_id": MODEL,
        "score": score,
        "predicted": "true" if score > 0.5 else "false",
        "probabilities": None,
        "label": label,
        "target": target,
    } | more
    return Record(Role.OUTCOMES, "payments.outcomes", 0, 0, label_ms, b"1", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A stream of days with a daily rhythm in rate, amount and risk; `defect` begins with day `day`."""

    seed: int = 0
    days: int = 4
    per_day: int = 9_000
    defect: str = ""
    size: float = 1.0
    day: int = 3
    label_delay_ms: float = 4 * HOUR_MS
    labelled: float = 0.95

    def records(self) -> list[Record]:
        """Scored rows and outcomes in the order of the merge; what would come after the last event is left out."""
        draw = np.random.default_rng(self.seed)
        found = [record for hour in range(24 * self.days) for record in self._hour(draw, hour)]
        end_ms = START_MS + self.days * DAY_MS
        kept = [record for record in found if record.timestamp_ms < end_ms]
        return sorted(kept, key=lambda record: (record.timestamp_ms, record.role is Role.OUTCOMES))

    def _hour(self, draw: np.random.Generator, hour: int) -> list[Record]:
        broken = self.defect if hour // 24 >= self.day else ""
        phase = 2.0 * np.pi * (hour % 24) / 24.0
        size = int(draw.poisson(self.per_day / 24.0 * (1.0 - 0.9 * np.cos(phase))))
        times = START_MS + hour * HOUR_MS + np.sort(draw.integers(0, HOUR_MS, size))
        amount = draw.lognormal(3.0 + 0.3 * np.cos(phase), 0.8, size)
        night = np.full(size, float(hour % 24 < 6))
        risk = 1.0 / (1.0 + np.exp(4.0 - np.log(amount) + 3.0 - 1.2 * night))
        amount *= self.size if broken == "amount" else 1.0
        truth = draw.random(size) < np.minimum(risk * (self.size if broken == "risk" else 1.0), 1.0)
        amount[draw.random(size) < (self.size if broken == "missing" else 0.0)] = np.nan
        if broken == "constant":
            amount[:] = 20.0
        if broken == "flag":
            night[:] = 0.5
        score = np.minimum(risk * (self.size if broken == "score" else 1.0), 1.0)
        count, ratio = draw.poisson(3.0, size).astype(float), draw.normal(size=size)
        vectors = np.stack((amount, night, count, np.full(size, hour % 24.0), ratio), axis=1)
        return self._records(draw, times, vectors, score, truth)

    def _records(
        self,
        draw: np.random.Generator,
        times: NDArray[np.int64],
        vectors: NDArray[np.float64],
        score: NDArray[np.float64],
        truth: NDArray[np.bool_],
    ) -> list[Record]:
        delays = draw.exponential(self.label_delay_ms, len(times)).astype(np.int64)
        known = draw.random(len(times)) < self.labelled
        rows = zip(times.tolist(), vectors.tolist(), score.tolist(), strict=True)
        found = [scored(time, vector, risk) for time, vector, risk in rows]
        labels = zip(times.tolist(), delays.tolist(), score.tolist(), truth.tolist(), known.tolist(), strict=True)
        return found + [outcome(t, t + delay, risk, float(fraud)) for t, delay, risk, fraud, kept in labels if kept]


def fold(
    records: Sequence[Record], definition: Monitor | None = None, of: Watched | None = None, *, batch: int = 1_000
) -> tuple[list[Emitted], MonitorState]:
    """Fold `records` in batches from the initial state."""
    stage = MonitorStage(of or watched(), definition or Monitor())
    state = stage.initial(0)
    emitted: list[Emitted] = []
    for start in range(0, len(records), batch):
        emitted += stage.fold(state, records[start : start + batch])
    return emitted, state


def messages(emitted: Sequence[Emitted]) -> list[Message]:
    return [each.value for each in emitted if isinstance(each, Output)]


def metrics(emitted: Sequence[Emitted], subject: str) -> list[Metric]:
    return [each for each in messages(emitted) if isinstance(each, Metric) and each.subject == subject]


def alerts(emitted: Sequence[Emitted]) -> list[Alert]:
    return [each for each in messages(emitted) if isinstance(each, Alert)]
