"""Features derived of other features: their values, their defaults, and that a failure leaves no trace."""

from math import inf, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.scored import Scored
from streams import Derived, Field, per
from streams.feature import Feature
from tests.streams.builders import Log, fold, messages, pipeline, refusals

MEAN = per("card").over("20ms", delay="3ms").mean("amount", default=0.0)
COUNT = per("card").over("9ms").count()
OF_RATIO = ("amount", "card.amount.mean.20ms.delay_3ms")


def ratio(amount: float, mean: float) -> float:
    return amount / mean


def told(features: list[Feature], log: Log) -> list[dict[str, float]]:
    """The vector of each tap that is scored."""
    made = pipeline(features=features)
    _, emitted = fold(made, log.records)
    return [dict(zip(made.feature_names, scored.features, strict=True)) for scored in messages(emitted, Scored)]


@given(order=st.permutations([Derived("square", lambda tap: tap.amount**2), Field("amount"), MEAN]))
def test_it_is_computed_of_what_stands_before_it_wherever_that_is(order: list[Feature]) -> None:
    features = [*order, Derived("ratio", ratio, of=OF_RATIO, default=-1.0), COUNT, Derived("log", log, of=("square",))]

    first, second = told(features, Log().tap("0", 1_000, amount=4.0).tap("1", 1_005, amount=2.0))

    assert list(first) == [name for feature in features for name in feature.names]
    assert first == {
        "square": 16.0,
        "amount": 4.0,
        "card.amount.mean.20ms.delay_3ms": 0.0,
        "ratio": -1.0,
        "card.count.9ms": 1.0,
        "log": log(16.0),
    }
    assert (second["ratio"], second["card.count.9ms"]) == (0.5, 2.0)


@pytest.mark.parametrize("bad", [inf, -inf, nan, "division"])
def test_an_event_of_which_none_can_be_computed_is_rejected_and_leaves_no_trace(bad: float | str) -> None:
    def broken(amount: float, mean: float) -> float:
        return amount if amount < 100 else (amount / (mean - mean) if bad == "division" else float(bad))

    features: list[Feature] = [Field("amount"), MEAN, COUNT, Derived("odd", broken, of=OF_RATIO)]
    calm = Log().tap("0", 1_000).tap("1", 1_004, amount=3.0).tap("2", 1_008)
    struck = Log().tap("x", 1_000, amount=100.0).tap("0", 1_000).tap("y", 1_002, amount=200.0)
    struck.tap("1", 1_004, amount=3.0).tap("z", 1_008, amount=300.0).tap("2", 1_008)

    _, emitted = fold(pipeline(features=features), struck.records)

    assert told(features, struck) == told(features, calm)
    assert [refused.record.offset for refused in refusals(emitted)] == [0, 2, 4]
    assert all("odd" in refused.reject.message for refused in refusals(emitted))


@pytest.mark.parametrize("value", [inf, nan])
def test_a_default_stands_in_for_what_is_not_finite(value: float) -> None:
    odd = Derived("odd", lambda tap: value if tap.amount == 2.0 else tap.amount, default=-7.0)

    vectors = told([Field("amount"), odd], Log().tap("0", 1_000, amount=1.0).tap("1", 1_001, amount=2.0))

    assert [vector["odd"] for vector in vectors] == [1.0, -7.0]
