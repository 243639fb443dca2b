"""A backtest that goes on: what comes later, and an outage meanwhile, change nothing of what is scored."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from infra.backtest.entrant import Entrant
from infra.backtest.fold import Folding, Within, ignore
from infra.backtest.log import Feed, Log, Part, Pulled
from schemas.problem import Outage
from streams.runtime.codec import Source
from streams.runtime.raw import Run
from streams.stage import Role
from tests.infra.backtest.stream import scores
from tests.streams.builders import EVENTS, LABELS, Finding, Tap, pipeline
from tests.streams.runtime.logs import Stored

COUNT = 60
TOPICS = (LABELS, EVENTS)


def stored() -> dict[str, list[Stored]]:
    """Taps, a millisecond apart, and what is known of each five later."""
    taps = [Tap(tap_id=str(n), at_ms=1_000 + n, card="a", amount=float(n % 7)) for n in range(COUNT)]
    findings = [Finding(tap_id=str(n), known_ms=1_005 + n, card="a", fraud=n % 7 > 4) for n in range(COUNT)]
    return {
        EVENTS: [Stored(EVENTS, n, tap.at_ms, b"a", tap.model_dump_json().encode()) for n, tap in enumerate(taps)],
        LABELS: [
            Stored(LABELS, n, one.known_ms, b"a", one.model_dump_json().encode()) for n, one in enumerate(findings)
        ],
    }


class Topics:
    """Topics that hold more each time they are looked at; Kafka is away where a read is `torn`."""

    def __init__(self, cuts: Sequence[int], torn: Sequence[int]) -> None:
        self.records, self.cuts, self.torn = stored(), list(cuts), set(torn)

    def log(self) -> Log:
        sources = [
            Source(role=Role.LABELS, topic=LABELS, decode=lambda value: Finding.model_validate_json(value or b"")),
            Source(role=Role.EVENTS, topic=EVENTS, decode=lambda value: Tap.model_validate_json(value or b"")),
        ]
        feed = self._until(self.cuts.pop(0), dict.fromkeys(TOPICS, 0))
        part = Part(numbers=(0,), positions=dict.fromkeys(TOPICS, 0), feed=feed)
        return Log(sources=sources, partitions=1, parts=[part], records=COUNT, place="topics", more=self.more)

    def more(self, _: int, positions: Mapping[str, int]) -> Feed | None:
        return self._until(self.cuts.pop(0), positions) if self.cuts else None

    def _until(self, end: int, positions: Mapping[str, int]) -> Pulled:
        torn = len(self.cuts) in self.torn
        return Pulled({topic: self._runs(topic, positions[topic], end, torn=torn) for topic in TOPICS})

    def _runs(self, topic: str, start: int, end: int, *, torn: bool) -> Iterator[Run]:
        for at in range(start, end, 4):
            until = min(at + 4, end)
            yield Run(topic, at, until, end, self.records[topic][at:until])
            if torn and topic == EVENTS and at > start:
                raise Outage("Kafka is away")
        if start >= end:
            yield Run(topic, start, start, start, [])


def folded(cuts: Sequence[int], torn: Sequence[int] = ()) -> dict[str, str]:
    entrant, topics = Entrant("p", pipeline()), Topics(cuts, torn)
    folding = Folding(topics.log(), [entrant], Within())
    folding.fold(ignore, goes_on=True)
    while topics.cuts:
        try:
            folding.go_on()
        except Outage:
            topics.cuts.insert(0, topics.cuts[0] if topics.cuts else COUNT)
    folding.go_on()
    folding.end()
    return scores(entrant)


@pytest.mark.parametrize("cuts", [[30, COUNT], [1, 2, 3, COUNT], [0, 33, COUNT]])
def test_what_comes_later_is_scored_as_if_it_had_stood_there(cuts: list[int]) -> None:
    at_once = folded([COUNT])

    assert len(at_once) == COUNT
    assert folded(cuts).keys() == at_once.keys()


def test_an_outage_in_the_middle_loses_and_doubles_nothing() -> None:
    assert folded([20, COUNT, COUNT], torn=[1]).keys() == folded([COUNT]).keys()
