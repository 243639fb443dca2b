"""Card taps and what became known of them: small pipelines and records for the tests of the folds."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.reject import Reject
from streams import Field, Labels, Pipeline, per
from streams.score import ScoreStage
from streams.score_state import ScoreState
from streams.stage import Emitted, Output, Record, Refused, Role
from streams.windows import History

EVENTS = "taps.events"
LABELS = "taps.labels"


class Tap(BaseModel):
    """One event, its time in whole milliseconds."""

    tap_id: str
    at_ms: int
    card: str = "a"
    amount: float = 1.0
    tip: float | None = None
    shop: str = "s"


class Finding(BaseModel):
    """What became known of one tap."""

    tap_id: str
    known_ms: int
    card: str = "a"
    fraud: bool = True


def dear(tap: Tap) -> bool:
    """Whether it is one of the dear ones."""
    return tap.amount > 100


WINDOWS = [
    per("card").over("20ms", "50ms").count().sum("amount").min("amount").max("amount").variance("amount"),
    per("card").over("5ms", "50ms").last("amount", default=-1.0).since(default=9.0),
    per("card").over("20ms", "50ms").quantile("amount", "0.5").quantile("amount", "0.25").distinct("shop"),
    per("card").over("20ms", "50ms", itself=False).count().sum("amount").mean("amount", default=-1.0),
    per("card").over("20ms", "50ms", itself=False).min("amount", default=4.0).quantile("amount", "0.5", default=3.0),
    per("card").over("20ms", "50ms", itself=False).variance("amount", default=7.0).distinct("shop"),
    per("shop").over("10ms", "30ms", delay="15ms").count().mean("amount", default=-1.0).variance("amount", default=2.0),
    per("shop").over("30ms", delay="15ms").min("amount", default=5.0).max("amount", default=6.0),
    per("shop").over("30ms", delay="15ms").last("amount", default=-1.0).distinct("card"),
    per("shop").over("30ms", delay="15ms").quantile("amount", "0.9", default=8.0),
    per("shop").over("30ms", delay="15ms").rate("label").rate("label", among="labelled", default=0.5),
    per("card").over("5ms", "20ms").rate("label"),
    per("card").over("20ms", itself=False).rate("label", default=0.1).rate("label", among="labelled", default=0.6),
    per().over("5ms", "20ms").count().sum("amount").max("amount"),
    per("card").over("5ms", "20ms", where=dear).count().sum("amount").min("amount", default=-1.0),
    per("card").over("20ms", where=dear).last("amount", default=-2.0).since(default=8.0).distinct("shop"),
    per("card").over("20ms", where=dear, itself=False).count().quantile("amount", "0.5", default=-3.0),
    per("shop").over("30ms", delay="15ms", where=dear).count().max("amount", default=0.5),
    per("shop").over("30ms", delay="15ms", where=dear).rate("label").rate("label", among="labelled", default=0.3),
    per("card").over("20ms", where=dear, itself=False).rate("label", default=0.2),
    per("card").over("5ms", "50ms", most=3).count().sum("amount").mean("amount"),
    per("card").over("5ms", "50ms", most=3).min("amount").quantile("amount", "0.5"),
    per("card").over("50ms", most=3, itself=False).count().last("amount", default=-1.5).distinct("shop"),
    per("card").over("20ms", most=2).variance("amount").since(default=7.5),
    per("shop").over("10ms", "30ms", delay="15ms", most=4).count().mean("amount", default=-1.2),
    per("shop").over("30ms", delay="15ms", most=3).max("amount", default=-1.3).distinct("card"),
    per("card").over("50ms", most=1, where=dear).count().since(default=8.5),
]
"""Every verb over windows of several entities: with and without the event, up to it, before it, filtered, bounded."""


COMPACT = [
    per("card").over("20ms", "50ms", tile="10ms").count().sum("amount").mean("amount", default=-1.0),
    per("card").over("20ms", tile="10ms").min("amount", default=-2.0).max("amount", default=-3.0),
    per("card").over("50ms", tile="10ms", itself=False).count().variance("amount", default=-4.0),
    per("card").over("24ms", tile="auto").rate("label").rate("label", among="labelled", default=0.5),
    per("shop").over("30ms", delay="15ms", tile="10ms").count().max("amount", default=-1.0).rate("label"),
    per("shop").over("30ms", tile="10ms", where=dear).sum("amount").rate("label", among="labelled", default=0.4),
    per().over("40ms", tile="5ms").count().distinct("amount"),
    per("card").over("20ms", "50ms", tile="10ms").quantile("amount", "0.9", default=-7.0).distinct("shop"),
    per("card").over("50ms", tile="10ms", itself=False).quantile("amount", "0.5", default=-8.0).distinct("amount"),
    per("shop").over("30ms", delay="15ms", tile="10ms").quantile("amount", "0.25", default=-9.0).distinct("card"),
    per("shop").over("30ms", tile="10ms", where=dear).distinct("card").quantile("amount", "0.5", default=-9.5),
    per("card").decayed("5ms", "40ms").mean("amount"),
    per("card").decayed("40ms", itself=False).mean("amount", default=-5.0),
    per("shop").decayed("9ms", where=dear).mean("amount", default=-6.0),
]
"""What takes constant memory: windows of tiles and decaying means."""


def labels(**overrides: Any) -> Labels:
    """Findings on a topic of their own, taught up to 100 ms after their tap."""
    given = {"id": "tap_id", "field": "fraud", "time": "known_ms", "task": "binary", "horizon": "100ms"}
    return Labels(Finding, **{**given, **overrides})


def definition(**overrides: Any) -> dict[str, Any]:
    """The arguments of a pipeline over taps, with two windows per card."""
    given: dict[str, Any] = {
        "name": "taps",
        "event": Tap,
        "id": "tap_id",
        "time": "at_ms",
        "labels": labels(),
        "features": [Field("amount"), per("card").over("20ms", "50ms").count().sum("amount").mean("amount")],
        "model": lambda: StandardScaler() | LogisticRegression(),
        "ahead": "1s",
    }
    return {**given, **overrides}


def pipeline(**overrides: Any) -> Pipeline:
    return Pipeline(**definition(**overrides))


class Log:
    """Builds records in the order of folding, each topic with offsets of its own."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._ends = {EVENTS: 0, LABELS: 0}

    def tap(self, tap_id: str, at_ms: int, *, kafka_ms: int | None = None, **fields: Any) -> "Log":
        return self.event(Tap(tap_id=tap_id, at_ms=at_ms, **fields), at_ms if kafka_ms is None else kafka_ms)

    def finding(self, tap_id: str, known_ms: int, **fields: Any) -> "Log":
        return self.label(Finding(tap_id=tap_id, known_ms=known_ms, **fields), known_ms)

    def event(self, value: BaseModel | Reject, kafka_ms: int, key: bytes = b"a") -> "Log":
        return self._add(Role.EVENTS, EVENTS, value, kafka_ms, key)

    def label(self, value: BaseModel | Reject, kafka_ms: int, key: bytes = b"a") -> "Log":
        return self._add(Role.LABELS, LABELS, value, kafka_ms, key)

    def _add(self, role: Role, topic: str, value: object, kafka_ms: int, key: bytes) -> "Log":
        self.records.append(Record(role, topic, 0, self._ends[topic], kafka_ms, key, value))
        self._ends[topic] += 1
        return self


def fold(made: Pipeline, records: Sequence[Record]) -> tuple[ScoreState, list[Emitted]]:
    """All records in one batch, from the initial state."""
    stage = ScoreStage(made)
    state = stage.initial(0)
    return state, stage.fold(state, records)


def messages(emitted: Sequence[Emitted], kind: type) -> list[Any]:
    """What was emitted of one kind, in order."""
    return [each.value for each in emitted if isinstance(each, Output) and isinstance(each.value, kind)]


def refusals(emitted: Sequence[Emitted]) -> list[Refused]:
    return [each for each in emitted if isinstance(each, Refused)]


def times_ms(state: ScoreState, card: str = "a") -> list[int]:
    """The event times that the windows of a card hold."""
    history = state.windows[0].histories[card]
    assert isinstance(history, History)
    return history.times.tolist()
