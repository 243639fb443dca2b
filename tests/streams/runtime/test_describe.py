"""What a topic is, is asked again where the broker does not say at first."""

from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.runtime.kafka import RealKafka
from streams.runtime.ports import Facts


class Admin:
    """A client whose first answers are these errors."""

    def __init__(self, errors: Sequence[int]) -> None:
        self._errors = list(errors)

    def describe_topics(self, _: Any, **__: object) -> dict[str, Future[Any]]:
        answer: Future[Any] = Future()
        if self._errors:
            answer.set_exception(KafkaException(KafkaError(self._errors.pop(0))))
        else:
            answer.set_result(SimpleNamespace(topic_id="x1", partitions=[0, 1]))
        return {"taps": answer}


def asking(*errors: int) -> RealKafka:
    kafka = RealKafka({"bootstrap.servers": "127.0.0.1:1"})
    kafka._admin = Admin(errors)  # type: ignore[assignment]
    return kafka


def test_what_passes_is_asked_again() -> None:
    kafka = asking(KafkaError._TIMED_OUT, KafkaError.LEADER_NOT_AVAILABLE)

    assert kafka.describe(["taps"]) == {"taps": Facts("x1", 2)}


def test_what_does_not_pass_is_told_at_once() -> None:
    with pytest.raises(Exception, match="Kafka does not answer"):
        asking(KafkaError.TOPIC_AUTHORIZATION_FAILED).describe(["taps"])
