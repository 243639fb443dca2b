"""How far the ledgers of several stages can be checked: as far as all is known that came of what they have folded."""

from collections import Counter
from collections.abc import Mapping, Sequence

from confluent_kafka import IsolationLevel
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from consumers.kafka import ends_of
from infra.audit.opened import Opened, numbers
from infra.skew.everywhere import Everywhere
from infra.skew.versions import written
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored

POLL_S = 0.1
WITHIN_S = 20.0
"""For how long a stage may stand behind another before it is said to."""

Ends = Mapping[tuple[str, int], int]
"""By stage and partition the offset behind the last entry of the ledger."""


class Settled:
    """Where ledgers end now, told once every stage has folded what those before it had passed on by then."""

    def __init__(self, stages: Sequence[Opened], rows: Everywhere) -> None:
        self._stages, self._rows = stages, rows
        self._ends: Ends | None = None
        self._checked: Ends = {}
        self._forgettable: Ends = {}
        self._behind: list[Opened] = []
        self._goal: Mapping[int, int] = {}
        self._ledger_read = dict.fromkeys(numbers(stages[-1], None), 0)
        self._told: Counter[tuple[str, int]] = Counter()

    def look(self) -> Ends | None:
        """The ends of all ledgers when it was first looked for them; None until everything has gone all the way.

        The rows are read on to what belongs to those.
        """
        if self._ends is None:
            self._ends = {
                (s.stage, n): _end(s, s.binding.ledger.topic, n) for s in self._stages for n in numbers(s, None)
            }
            self._behind = [*self._stages[1:]]
            self._aim()
        while self._behind:
            if not all(_has_folded(self._behind[0], number, end) for number, end in self._goal.items()):
                return None
            self._behind.pop(0)
            self._aim()
        if not self._all_visible():
            return None
        self._checked, self._ends = self._ends, None
        return self._checked

    def checked(self) -> None:
        """All that was told is checked: forget rows of which no entry behind it has the records.

        A row that can be read is of records that every stage has folded in entries that stood in its ledger by then,
        known to be committed or not: once those are checked, it is not asked for again.
        """
        if all(self._checked[place] >= end for place, end in self._forgettable.items()):
            self._rows.forget()
            ledgers = {each.stage: _written(each, each.binding.ledger.topic) for each in self._stages}
            self._forgettable = {(stage, n): end for stage, ends in ledgers.items() for n, end in ends.items()}

    def wait(self) -> Ends:
        """The same, once it can be told. Raises `Problem` where a stage does not come on."""
        patient = Retrying(
            retry=retry_if_result(lambda ends: ends is None),
            wait=wait_fixed(POLL_S),
            stop=stop_after_delay(WITHIN_S),
            retry_error_callback=lambda _: None,
        )
        ends = patient(self.look)
        if ends is None:
            behind = (self._behind or self._stages[-1:])[0]
            raise Problem(
                f"{behind.stage} of {behind.pipeline.name} has not folded all that was passed on to it: features of "
                f"several stages are checked as far as all of them have come; start `millrace worker`, or wait for it"
            )
        return ends

    def _aim(self) -> None:
        """What the next stage has to fold: all that was passed on to it until now."""
        if self._behind:
            stage = self._behind[0]
            (topic,) = stage.binding.topics
            self._goal = _written(stage, topic)

    def _all_visible(self) -> bool:
        """Whether the rows of all entries of the last stage are there; a while after those entries, by a broker."""
        last = self._stages[-1]
        for number, start in self._ledger_read.items():
            for run in last.kafka.read(last.binding.ledger.topic, number, start):
                for record in run.records:
                    scored, outcomes = written(last.binding.ledger.entry(record.value))
                    self._told[Scored.TOPIC, number] += scored
                    self._told[Outcome.TOPIC, number] += outcomes
                self._ledger_read[number] = run.end
        self._rows.read()
        return all(self._rows.found[place] >= many for place, many in self._told.items())


def _end(stage: Opened, topic: str, number: int) -> int:
    return stage.kafka.bounds(topic, number)[1]


def _written(stage: Opened, topic: str) -> dict[int, int]:
    """Where a topic ends, by partition, with what is not yet known there to be committed: a broker may say that of a
    ledger before it says it of the records that the same transaction has passed on. Raises as `ends_of` does."""
    places = [(topic, number) for number in numbers(stage, None)]
    ends = ends_of(stage.admin, places, IsolationLevel.READ_UNCOMMITTED)
    return {number: end for (_, number), end in ends.items()}


def _has_folded(stage: Opened, number: int, end: int) -> bool:
    """Whether the stage has committed all records of its input before `end`, whatever markers stand behind them."""
    (topic,) = stage.binding.topics
    if _end(stage, topic, number) < end:
        return False  # some of them may yet be committed
    mark = stage.kafka.committed(stage.binding.group, [topic], number)[topic]
    at = mark.offset if mark is not None else stage.kafka.bounds(topic, number)[0]
    return at >= end or not any(run.records for run in stage.kafka.read(topic, number, at, end))
