"""Records that no pipeline can use, and records sent twice, sprinkled among good ones."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import cycle

from pydantic import BaseModel, ConfigDict

from producers.known import Kind, Known
from producers.publish import Route
from schemas.avro import HEADER_BYTES, MAGIC
from schemas.payment import Payment

UNKNOWN_ID = 2**31 - 1

Wire = tuple[bytes, bytes]
"""Key and value."""
Spoil = Callable[[Payment, Wire], Payment | Wire]
"""A payment and how it travels -> a payment that is not valid, or bytes that are none."""

SPOILS: tuple[Spoil, ...] = (
    lambda _, good: (good[0], b""),
    lambda _, good: (good[0], b"one payment, please"),
    lambda _, good: (good[0], bytes([MAGIC]) + UNKNOWN_ID.to_bytes(4, "big") + good[1][HEADER_BYTES:]),
    lambda _, good: (good[0], good[1][: len(good[1]) // 2]),
    lambda _, good: (good[0], good[1] + b"!"),
    lambda _, good: (b"nobody", good[1]),
    lambda payment, good: (good[0], payment.model_dump_json(exclude={"amount"}).encode()),
    lambda payment, _: payment.model_copy(update={"amount": -1.0}),
    lambda payment, _: payment.model_copy(update={"amount": float("nan")}),
    lambda payment, _: payment.model_copy(update={"occurred_at": payment.occurred_at + timedelta(days=365)}),
)
"""Empty, no Avro, unknown schema, cut off, too long, wrong key, a field missing, out of range, NaN, in the future."""


class Spoilt(BaseModel):
    """A record that travels as these bytes. `good`: a payment that becomes them in the route."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    good: Payment
    spoil: Spoil


class SpoiltRoute(Route):
    """The route of the events, which also lets spoilt records through."""

    def __init__(self, route: Route) -> None:
        self.topic = route.topic
        self._route = route

    def message(self, record: BaseModel) -> Wire:
        """Key and value of a payment, or of a spoilt record."""
        if not isinstance(record, Spoilt):
            return self._route.message(record)
        spoilt = record.spoil(record.good, self._route.message(record.good))
        return spoilt if isinstance(spoilt, tuple) else self._route.message(spoilt)


def sprinkled(records: Iterable[Known], *, every: int, poison: int, repeats: int) -> Iterator[Known]:
    """`records`, and behind each of the first `every`-th events a spoilt copy of it, and it once more.

    So at most `poison` spoilt records of all kinds in turn, and `repeats` duplicates.
    """
    spoils, events = cycle(SPOILS), 0
    for known in records:
        yield known
        if known.kind is not Kind.EVENT or not isinstance(known.record, Payment):
            continue
        events += 1
        turn = events // every
        if events % every == 0 and turn <= poison:
            yield known._replace(record=Spoilt(good=known.record, spoil=next(spoils)))
        if events % every == 0 and turn <= repeats:
            yield known
