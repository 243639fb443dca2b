"""The figures of a payments demo that has ended, each computed from what stands in ClickHouse and in the processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.demo.store import Found, Quality, Store
from infra.demo.story import Story
from infra.demo.timeline import Timeline
from infra.demo.watching import ENDS, Look
from infra.demo.workers import Workers
from schemas.problem import Problem

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`unique` is rows and different Kafka positions per table, `cpu_s` CPU seconds per process."""

    story: Story
    look: Look
    quality: Quality
    unique: Mapping[str, tuple[int, int]]
    alerts: tuple[Found, ...]
    cpu_s: Mapping[str, float]
    times: Timeline

    @property
    def early(self) -> list[Found]:
        """Alerts from before the planted drift."""
        return [alert for alert in self.alerts if alert.time_ms < self.story.drift_ms]

    @property
    def after(self) -> list[Found]:
        """Alerts from the planted drift on."""
        return [alert for alert in self.alerts if alert.time_ms >= self.story.drift_ms]

    @property
    def scoring_s(self) -> float:
        """From the first score until every event was scored."""
        return self.times.between_s("stages up", "all scored")

    @property
    def per_s(self) -> float:
        return self.look.sent.events / self.scoring_s

    def hours_after_drift(self, alert: Found) -> float:
        return (alert.time_ms - self.story.drift_ms) / HOUR_MS

    def check(self) -> None:
        """Raise `Problem` where the figures do not add up: then Millrace has lost or doubled something."""
        look = self.look
        if look.ended != look.sent.events:
            raise Problem(f"{look.sent.events:,} events went in and {look.ended:,} came out: please report this")
        for table, (rows, positions) in self.unique.items():
            if rows != positions:
                raise Problem(f"{table} has {rows:,} rows of {positions:,} records: please report this")
        if look.rows["rejected"] != look.events.get("rejected", 0) + look.labels.get("rejected", 0):
            raise Problem(
                f"{look.rows['rejected']:,} rejects are stored, not as many as were counted: please report it"
            )

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        look, quality = self.look, self.quality
        first = self.after[0] if self.after else None
        return {
            "pipeline": "payments",
            "events": look.sent.events,
            **{end: look.events.get(end, 0) for end in ENDS},
            "labels": look.sent.labels,
            "learnt": look.labels.get("learnt", 0),
            "labels_by_result": dict(sorted(look.labels.items())),
            "unlabelled_share": look.unlabelled_share,
            "auc": quality.roc_auc,
            "average_precision": quality.average_precision,
            "accuracy": quality.accuracy,
            "alerts": len(self.alerts),
            "alerts_before_drift": len(self.early),
            "hours_from_drift_to_alert": self.hours_after_drift(first) if first else None,
            "rows": {table: rows for table, (rows, _) in self.unique.items()},
            "unique": {table: positions for table, (_, positions) in self.unique.items()},
            "seconds": round(self.times.between_s(None, "all stored"), 3),
            "scoring_seconds": round(self.scoring_s, 3),
            "events_per_second": round(self.per_s, 1),
            "cpu_seconds": {name: round(used, 2) for name, used in self.cpu_s.items()},
        }


def gathered(story: Story, look: Look, store: Store, workers: Workers, times: Timeline) -> Figures:
    """The figures after `look`, the last one. Raises `Problem` where they do not add up."""
    figures = Figures(
        story=story,
        look=look,
        quality=store.quality(),
        unique=store.unique(),
        alerts=tuple(store.alerts()),
        cpu_s=workers.cpu_s(),
        times=times,
    )
    figures.check()
    return figures
