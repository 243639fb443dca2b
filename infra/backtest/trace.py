"""What one pipeline said of each event of a partition, and what became known of it later, both in their order."""

from array import array
from collections.abc import Sequence

from schemas.outcome import Outcome
from schemas.scored import Scored
from streams.stage import Emitted, Output

NONE = -1
"""Where no class was said, or none is known; where no label has come."""

NAN = float("nan")

Classes = dict[str, int]
"""Classes as text, by the numbers that stand for them in a trace."""


class Trace:
    """Columns of what a fold has emitted: a row for each event that was scored, and one for each label that was met.

    `known` is how many labels had been met when an event was scored: all that a baseline may have learnt from.
    """

    def __init__(self, partition: int, classes: Classes) -> None:
        """`classes` grows with each new class; one object for all traces of a pipeline."""
        self.partition = partition
        self.classes = classes
        self.ids: list[str] = []
        self.times_ms, self.offsets, self.known = array("q"), array("q"), array("q")
        self.scores, self.said, self.by_model = array("d"), array("q"), array("b")
        self.events, self.labels_ms, self.truths = array("q"), array("q"), array("q")
        self.targets, self.given = array("d"), array("d")
        self._waiting: dict[str, int] = {}

    def take(self, emitted: Sequence[Emitted]) -> None:
        """Note scores and outcomes, in their order."""
        for each in emitted:
            if isinstance(each, Output):
                value = each.value
                if isinstance(value, Scored):
                    self._scored(value)
                elif isinstance(value, Outcome):
                    self._outcome(value)

    def _scored(self, scored: Scored) -> None:
        self._waiting[scored.event_id] = len(self.ids)
        self.ids.append(scored.event_id)
        self.times_ms.append(scored.event_time_ms)
        self.offsets.append(scored.source_offset)
        self.known.append(len(self.events))
        self.scores.append(scored.score)
        self.said.append(self._class(scored.predicted))
        self.by_model.append(scored.rung == "champion")

    def _outcome(self, outcome: Outcome) -> None:
        self.events.append(self._waiting.pop(outcome.event_id))
        self.labels_ms.append(outcome.label_time_ms)
        if outcome.target is not None:
            self.targets.append(outcome.target)
            self.truths.append(int(outcome.target > 0.0))
            self.given.append(NAN)
            return
        self.targets.append(NAN)
        self.truths.append(self._class(outcome.label))
        shares = outcome.probabilities
        self.given.append(shares.get(outcome.label, 0.0) if shares else NAN)

    def _class(self, name: str | None) -> int:
        return NONE if name is None else self.classes.setdefault(name, len(self.classes))
