"""Rows of files become what they would be if they had gone through Kafka."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, field_validator

from infra.backtest import values
from infra.backtest.values import Carried, is_plain
from producers.publish import Route
from schemas.decode import input_decoder
from schemas.payment import Payment


class Reading(BaseModel):
    """Every kind of field that is spared the way through Avro."""

    reading_id: int
    at: datetime
    seen: datetime | None = None
    where: str = "hall"
    level: float | None = None
    open: bool = False
    kind: Literal["hot", "cold"] = "hot"


class Doubled(BaseModel):
    """Validated twice, it is another."""

    reading_id: str
    at: datetime
    level: float

    @field_validator("level")
    @classmethod
    def double(cls, level: float) -> float:
        return level * 2


class Rounded(BaseModel):
    """Code in an annotation."""

    level: Annotated[float, BeforeValidator(round)]


class Sealed(BaseModel):
    """Code behind the validation."""

    level: float

    def model_post_init(self, _: Any) -> None:
        self.level += 1.0


class Nested(BaseModel):
    """A value in a value."""

    level: float
    within: Reading


def through_avro(record: BaseModel, key: str) -> BaseModel:
    """Encoded as `millrace produce` does, decoded as a worker does."""
    registry = values._Alone()
    model = type(record)
    encoded = Route(model, topic="t", key=key, registry=registry).message(record)[1]
    decoded: BaseModel = input_decoder(model, registry)(encoded)
    return decoded


zones: st.SearchStrategy[Any] = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-7, minutes=-30))]
)
times = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=zones).map(lambda time: time.replace(fold=0))


@given(
    reading_id=st.integers(-(2**63), 2**63 - 1),
    at=times,
    seen=st.none() | times,
    where=st.text(st.characters(codec="utf-8")),
    level=st.none() | st.floats(),
    is_open=st.booleans(),
    kind=st.sampled_from(["hot", "cold"]),
)
def test_what_is_spared_the_way_is_equal_to_what_went_it(is_open: bool, **fields: Any) -> None:
    record = Reading(open=is_open, **fields)
    expected = through_avro(record.model_copy(), "reading_id")
    carried = Carried(Reading, key="reading_id")
    found = carried.decode(carried.send(record))

    assert is_plain(Reading)
    assert repr(found) == repr(expected)
    assert [each.tzinfo for each in (found.at, found.seen) if each] == [UTC] * (1 + (found.seen is not None))


def test_a_value_that_its_class_changes_goes_the_way() -> None:
    record = Doubled(reading_id="r", at=datetime(2026, 1, 1, tzinfo=UTC), level=1.0)
    carried = Carried(Doubled, key="reading_id")

    assert record.level == 2.0
    assert carried.decode(carried.send(record)) == through_avro(record, "reading_id")
    assert carried.decode(carried.send(record)).level == 4.0


@pytest.mark.parametrize(
    ("model", "plain"),
    [(Payment, True), (Reading, True), (Doubled, False), (Rounded, False), (Sealed, False), (Nested, False)],
)
def test_a_class_with_code_or_other_types_is_not_plain(model: type[BaseModel], plain: bool) -> None:
    assert is_plain(model) is plain
