"""A window that closes: what is stated of each subject, and which of them are found to have drifted."""

from dataclasses import dataclass

from streams.monitor.definition import Monitor
from streams.monitor.reference import Baseline
from streams.monitor.stability import Crossing, Distance, distance
from streams.monitor.watched import Watched
from streams.monitor.window import Window
from streams.stage import Output, Record


@dataclass(frozen=True, slots=True)
class Closing:
    """A full window and the record at which it was found to be over."""

    watched: Watched
    monitor: Monitor
    window: Window
    record: Record

    @property
    def _span(self) -> dict[str, int]:
        cell_ms = self.monitor.window_ms
        return {"window_start_ms": self.window.first * cell_ms, "window_end_ms": self.window.end * cell_ms}

    def state(self, place: int, subject: str, baseline: Baseline | None, crossing: Crossing) -> list[Output]:
        """The metric of the column at `place`, and before it the alert where this window makes it one."""
        apart = self._distance(place, baseline)
        found = [self._metric(place, subject, baseline, apart)]
        if apart is None or baseline is None:
            return found
        if crossing.step(apart.value, self._threshold(baseline), self.monitor.consecutive):
            found.insert(0, self._alert(subject, baseline, apart))
        return found

    def _threshold(self, baseline: Baseline) -> float:
        return self.monitor.score_stability if baseline.rolling else self.monitor.stability

    def _distance(self, place: int, baseline: Baseline | None) -> Distance | None:
        """Distance from the same hours of the baseline; none where they hold less than half of `at_least`."""
        if baseline is None or self.window.bins is None:
            return None
        compared = baseline.between(self.window.first, self.window.end)
        if 2 * int(compared.sum()) < self.monitor.at_least:
            return None
        return distance(self.window.bins[place], compared)

    def _metric(self, place: int, subject: str, baseline: Baseline | None, apart: Distance | None) -> Output:
        column, bins = self.window.columns[place], self.window.bins
        values = {"late": float(self.window.late)} | column.values()
        if apart is not None:
            values |= {"distance": apart.value, "stability_index": apart.raw}
        return self.watched.metric(
            self.record,
            kind="score" if place == len(self.watched.feature_names) else "feature",
            subject=subject,
            revision=0,
            count=column.count,
            missing=column.missing,
            values=values,
            edges=baseline.edges() if baseline is not None and bins is not None else [],
            bins=bins[place][:-1].tolist() if bins is not None else [],
            sketch=column.sketch(),
            **self._span,
        )

    def _alert(self, subject: str, baseline: Baseline, apart: Distance) -> Output:
        span, threshold = self._span, self._threshold(baseline)
        with_what = "the same hours of the day before" if baseline.rolling else "the same hours of the reference"
        return self.watched.alert(
            self.record,
            monitor="stability",
            subject=subject,
            event_time_ms=span["window_end_ms"],
            value=apart.value,
            threshold=threshold,
            evidence=f"population stability index above {threshold:g} in {self.monitor.consecutive} windows in a "
            f"row, now {apart.value:.2f}: {apart.share:.0%} of the values are {baseline.named(apart.worst)}, "
            f"against {apart.reference_share:.0%} in {with_what}",
            **span,
        )
