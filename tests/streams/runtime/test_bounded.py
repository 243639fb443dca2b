"""A call of Kafka's client that never comes back is given up; one that does is as if it had been called."""

from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.runtime import transactions
from streams.runtime.ports import Unknown


def test_a_call_that_does_not_come_back_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "STUCK_S", 0.05)
    never = Event()

    with pytest.raises(Unknown, match="did not come back"):
        transactions._bounded(never.wait)
    never.set()


def test_a_call_that_comes_back_is_as_it_was() -> None:
    called: list[int] = []

    def fails() -> None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    transactions._bounded(called.append, 1)
    with pytest.raises(KafkaException):
        transactions._bounded(fails)
    assert called == [1]
