"""The join the naive way: what becomes of each tap and finding, with every deadline looked at again each time."""

from collections import Counter
from math import isfinite

from schemas.reject import Reject
from streams.stage import Record
from tests.streams.builders import Finding, Tap


class NaiveJoin:
    """Counts what became of records that are taps or findings; `taught` lists (id, truth) in order."""

    def __init__(
        self, *, horizon_ms: int, remember_ms: int, skips_late: bool, ahead_ms: int, revised: bool = False
    ) -> None:
        self.horizon_ms, self.remember_ms = horizon_ms, remember_ms
        self.skips_late, self.ahead_ms, self.revised = skips_late, ahead_ms, revised
        self.counts: Counter[str] = Counter()
        self.taught: list[tuple[str, bool]] = []
        self.taps: dict[str, tuple[int, bool | str | None]] = {}
        self.held: dict[str, Finding] = {}
        self.newest_ms = 0

    def add(self, record: Record) -> None:
        value = record.value
        if isinstance(value, Tap):
            self.counts[f"events.{self._tap(value, record.timestamp_ms)}"] += 1
        elif isinstance(value, Finding):
            became = self._finding(value, record.timestamp_ms)
            self.counts.update([f"labels.{became}"] if became else [])
        else:
            assert isinstance(value, Reject)
            self.counts[f"{record.role}.rejected"] += 1

    def _tap(self, tap: Tap, kafka_ms: int) -> str:
        if tap.at_ms > kafka_ms + self.ahead_ms:
            return "rejected"
        late = tap.at_ms < self.newest_ms
        self._forget(tap.at_ms)
        if tap.tap_id in self.taps:
            return "duplicate"
        if late and self.skips_late:
            return "late"
        if not isfinite(tap.amount):
            return "rejected"
        self.taps[tap.tap_id] = (tap.at_ms, None)
        early = self.held.pop(tap.tap_id, None)
        if early is not None:
            self.counts[f"labels.{self._meet(early)}"] += 1
        return "scored"

    def _finding(self, finding: Finding, kafka_ms: int) -> str | None:
        if finding.known_ms > kafka_ms + self.ahead_ms:
            return "rejected"
        earlier = self.held.get(finding.tap_id)
        said = earlier.fraud if earlier is not None else self.taps.get(finding.tap_id, (0, None))[1]
        if said is not None:
            return self._again(finding, said)
        if finding.tap_id in self.taps:
            return self._meet(finding)
        self.held[finding.tap_id] = finding
        return None

    def _again(self, finding: Finding, said: bool | str) -> str:
        """Another finding of a tap that has one, or has one held for it."""
        if said == finding.fraud:
            return "repeated"
        if not self.revised or said == "too late":
            return "superseded"
        if finding.tap_id in self.held:
            self.held[finding.tap_id] = finding
            return "revised"
        at_ms, _ = self.taps[finding.tap_id]
        if finding.known_ms > at_ms + self.horizon_ms:
            return "superseded"
        self.taps[finding.tap_id] = (at_ms, finding.fraud)
        return "revised"

    def _meet(self, finding: Finding) -> str:
        at_ms, _ = self.taps[finding.tap_id]
        late = finding.known_ms > at_ms + self.horizon_ms
        self.taps[finding.tap_id] = (at_ms, "too late" if late and self.revised else finding.fraud)
        if late:
            return "expired"
        self.taught.append((finding.tap_id, finding.fraud))
        return "learnt"

    def _forget(self, at_ms: int) -> None:
        if at_ms <= self.newest_ms:
            return
        self.newest_ms = at_ms
        old = [i for i, (tapped_ms, _) in self.taps.items() if tapped_ms + self.remember_ms < at_ms]
        self.counts["waiting.unlabelled"] += [self.taps.pop(i)[1] for i in old].count(None)
        lost = [i for i, finding in self.held.items() if finding.known_ms + self.horizon_ms < at_ms]
        self.counts["labels.orphaned"] += len([self.held.pop(i) for i in lost])
