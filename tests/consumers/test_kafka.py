"""What Kafka cannot tell for a moment is asked again; what it refuses is not."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition

from consumers import kafka
from consumers.kafka import ends_of
from schemas.problem import Outage, Problem

NO_LEADER = KafkaError._NOENT
END = 7


class Admin:
    """Answers with these errors in turn, or, behind the last of them, well."""

    def __init__(self, errors: Sequence[int]) -> None:
        self._errors: Iterator[int] = iter(errors)
        self.asked = 0

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        self.asked += 1
        code = next(self._errors, None)
        return {one: _answer(code) for one in asked}


def _answer(code: int | None) -> Future[Any]:
    answer: Future[Any] = Future()
    if code is None:
        answer.set_result(SimpleNamespace(offset=END))
    else:
        answer.set_exception(KafkaException(KafkaError(code)))
    return answer


def end_of(admin: Any) -> dict[tuple[str, int], int]:
    return ends_of(admin, [("taps", 0), ("taps", 1)], IsolationLevel.READ_COMMITTED)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "AGAIN_S", 0.001)


def test_ends_are_asked_for_again_while_there_is_no_leader() -> None:
    admin = Admin([NO_LEADER, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError._TRANSPORT])

    assert end_of(admin) == {("taps", 0): END, ("taps", 1): END}
    assert admin.asked == 4


def test_a_broker_that_stays_away_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "WITHIN_S", 0.01)

    with pytest.raises(Outage, match=r"Kafka does not tell where taps end \(.+\): check the brokers"):
        end_of(Admin([NO_LEADER] * 1_000))


def test_what_kafka_refuses_is_not_asked_again() -> None:
    admin = Admin([KafkaError.TOPIC_AUTHORIZATION_FAILED])

    with pytest.raises(Problem) as refused:
        end_of(admin)
    assert not isinstance(refused.value, Outage)
    assert admin.asked == 1
