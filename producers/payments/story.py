"""The payments of a scenario, day by day, merged with the labels of earlier ones in the order of becoming known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from producers.known import Kind, Known, strictly
from producers.payments.day import NEVER_MS, Day, Fraud, payments_of
from producers.payments.population import Ints, populate
from producers.payments.scenario import DAY_MS, Scenario
from schemas.payment import Chargeback, Payment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Due(NamedTuple):
    """Labels that wait for their time: columns by label, in the order of their payments."""

    known_ms: Ints
    payment: Ints
    customer: Ints
    fraud: Ints


def days(scenario: Scenario) -> Iterator[Day]:
    """The days of `scenario` as columns, for those who want more than records."""
    population = populate(scenario)
    for day in range(scenario.days):
        yield payments_of(scenario, population, day)


def tell(scenario: Scenario) -> Iterator[Known]:
    """Payments and chargebacks of `scenario` with their Kafka times, one day of columns in memory at a time.

    A label comes after its payment; one that is known at once comes before the next payment. After the last day come
    the labels that are still due. The same scenario gives the same records on every machine.
    """
    return strictly(_told(scenario))


def _told(scenario: Scenario) -> Iterator[Known]:
    nobody = np.empty(0, dtype=np.int64)
    due = _Due(nobody, nobody, nobody, nobody)
    first = 0
    for number, day in enumerate(days(scenario)):
        due = _joined(due, _labels(day, first))
        now = due.known_ms < scenario.start_ms + (number + 1) * DAY_MS
        yield from _merged(day, first, _taken(due, now))
        due = _taken(due, ~now)
        first += len(day.time_ms)
    order = np.argsort(due.known_ms, kind="stable")
    yield from _chargebacks(_taken(due, order))


def _labels(day: Day, first: int) -> _Due:
    told = day.known_ms != NEVER_MS
    payment = np.arange(first, first + len(told))
    return _Due(day.known_ms[told], payment[told], day.customer[told], (day.kind[told] != Fraud.NONE).astype(np.int64))


def _joined(one: _Due, other: _Due) -> _Due:
    return _Due(*(np.concatenate(columns) for columns in zip(one, other, strict=True)))


def _taken(due: _Due, which: "Ints | np.ndarray[tuple[int], np.dtype[np.bool_]]") -> _Due:
    return _Due(*(column[which] for column in due))


def _merged(day: Day, first: int, due: _Due) -> Iterator[Known]:
    """Payments of the day and labels due in it by time; a label at the time of its own payment right after it."""
    payments = len(day.time_ms)
    own = np.full(len(due.payment), False)
    today = due.payment >= first
    own[today] = due.known_ms[today] == day.time_ms[due.payment[today] - first]
    time_ms = np.concatenate((day.time_ms, due.known_ms))
    group = np.concatenate((np.ones(payments, dtype=np.int64), own))  # labels of other payments first
    payment = np.concatenate((np.arange(first, first + payments), due.payment))
    kind = np.concatenate((np.zeros(payments, dtype=np.int64), np.ones(len(own), dtype=np.int64)))
    records = list(_payments(day, first)) + list(_chargebacks(due))
    for index in np.lexsort((kind, payment, group, time_ms)).tolist():
        yield records[index]


def _payments(day: Day, first: int) -> Iterator[Known]:
    columns = (day.time_ms, day.customer, day.terminal, day.amount)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for number, (time_ms, customer, terminal, amount) in enumerate(rows, start=first):
        payment = Payment(
            transaction_id=f"p{number:08d}",
            occurred_at=_EPOCH + timedelta(milliseconds=time_ms),
            customer_id=f"c{customer:05d}",
            terminal_id=f"t{terminal:05d}",
            amount=amount,
        )
        yield Known(time_ms, Kind.EVENT, payment)


def _chargebacks(due: _Due) -> Iterator[Known]:
    for known_ms, number, customer, fraud in zip(*(column.tolist() for column in due), strict=True):
        chargeback = Chargeback(
            transaction_id=f"p{number:08d}",
            customer_id=f"c{customer:05d}",
            fraud=bool(fraud),
            reported_at=_EPOCH + timedelta(milliseconds=known_ms),
        )
        yield Known(known_ms, Kind.LABEL, chargeback)
