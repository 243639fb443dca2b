"""A broker that stalls for seconds, as one does whose machine sleeps, is waited for."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra import topics
from infra.topics import TopicSpec, described, ensure
from schemas.problem import Outage, Problem

SPEC = TopicSpec(name="one", partitions=1)
STALLED = KafkaError.INVALID_REPLICATION_FACTOR
AWAY = KafkaError._TRANSPORT
UNKNOWN = KafkaError.UNKNOWN_TOPIC_OR_PART


class Admin:
    """Answers with these errors in turn, or well; so many `brokers` are known to be up, None: nobody says."""

    def __init__(
        self, *, describing: Sequence[int] = (), creating: Sequence[int] = (), brokers: int | None = None
    ) -> None:
        self._describing, self._creating = iter(describing), iter(creating)
        self._brokers = brokers

    def describe_topics(self, _: Any, **__: Any) -> dict[str, Future[Any]]:
        return {"one": _answer(self._describing)}

    def create_topics(self, _: Any, **__: Any) -> dict[str, Future[Any]]:
        return {"one": _answer(self._creating)}

    def describe_configs(self, asked: Any, **__: Any) -> dict[Any, Future[Any]]:
        found: Future[Any] = Future()
        found.set_result({name: SimpleNamespace(value=value) for name, value in SPEC.config().items()})
        return {asked[0]: found}

    def list_topics(self, **_: Any) -> Any:
        if self._brokers is None:
            raise KafkaException(KafkaError(AWAY))
        return SimpleNamespace(brokers=dict.fromkeys(range(self._brokers)))


def _answer(errors: Iterator[int]) -> Future[Any]:
    answer: Future[Any] = Future()
    code = next(errors, None)
    if code is None:
        answer.set_result(SimpleNamespace(partitions=[SimpleNamespace(leader=1)]))
    else:
        answer.set_exception(KafkaException(KafkaError(code)))
    return answer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "AGAIN_S", 0.001)


@pytest.mark.parametrize("brokers", [0, None])
def test_a_broker_that_stalls_is_asked_again(brokers: int | None) -> None:
    admin: Any = Admin(describing=[AWAY, UNKNOWN], creating=[STALLED, AWAY], brokers=brokers)

    assert ensure(admin, [SPEC]) == ("one",)


def test_too_few_brokers_are_told_at_once() -> None:
    admin: Any = Admin(describing=[UNKNOWN], creating=[STALLED], brokers=1)

    with pytest.raises(Problem, match="needs more brokers than there are"):
        ensure(admin, [SPEC])


@pytest.mark.parametrize("asked", [{"describing": [AWAY] * 10_000}, {"creating": [STALLED] * 10_000}])
def test_one_that_stays_away_is_told_in_time(asked: Any) -> None:
    admin: Any = Admin(**{"describing": [UNKNOWN], **asked})

    with pytest.raises(Outage, match="are up and try again"):
        ensure(admin, [SPEC], within_s=0.05)


def test_what_is_described_late_is_not_asked_for_again() -> None:
    admin: Any = Admin(describing=[AWAY])

    with pytest.raises(Outage):
        described(admin, ["one"], time.monotonic())
