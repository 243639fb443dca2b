"""A bug in the live path is named by the features that it changes, and by no others."""

from collections.abc import Callable

import pytest

from streams import Derived, Field, per, reading
from streams.columns import from_field
from streams.decayed import Decayed
from streams.delayed import DelayedHistory
from streams.exact import PrefixSums
from streams.feature import Feature
from streams.join import Join
from streams.tiles import Tiles
from streams.windows import History
from tests.infra.skew.folded import batches, checked, found, skewed
from tests.infra.skew.stream import taps
from tests.simulation.planting import Plant
from tests.streams.builders import COMPACT, Tap, labels, pipeline
from tests.streams.builders import WINDOWS as EVERY

STREAM = taps(600)
DELAYS = [each for each in EVERY if each.delay is not None and each.where is None]
PLAIN = per("card").over("20ms", "50ms").count().sum("amount").mean("amount").max("amount").since(default=9.0)
RATES = [Field("amount"), *EVERY]
SMALL = [Field("amount"), *COMPACT]
WINDOWS = [Field("amount"), PLAIN, *DELAYS, Derived("over", lambda a, m: a - m, of=("amount", "card.amount.mean.20ms"))]

LIVE = [
    (
        Plant(
            "the amount in cents",
            from_field,
            "return float(value)",
            "return float(value) * (1 + 99 * (name == 'amount'))",
        ),
        WINDOWS,
        lambda name: "amount" in name or name == "over",
    ),
    (
        Plant(
            "an event's own label", reading._rate, "append(positive /", "append((positive + (not history.delay_ms)) /"
        ),
        RATES,
        lambda name: name.startswith("card.rate"),
    ),
    (
        Plant("an edge too much", History.add, "at_ms - span_ms)", "at_ms - span_ms - 1)"),
        WINDOWS,
        lambda name: name.startswith("card.") or name == "over",
    ),
    (
        Plant("a delay too long", DelayedHistory._move, "times[until] <= end_ms", "times[until] < end_ms"),
        WINDOWS,
        lambda name: name.startswith("shop."),
    ),
    (
        Plant(
            "a rounded sum",
            PrefixSums.sums,
            "(until - prefix[start]) / scale",
            "round((until - prefix[start]) / scale)",
        ),
        WINDOWS,
        lambda name: ".sum." in name,
    ),
    (
        Plant("a tile too few", Tiles.look, "max(last - length, oldest)", "max(last - length + 1, oldest)"),
        SMALL,
        lambda name: ".tile_" in name,
    ),
    (
        Plant("too fast a decay", Decayed.add, "weight = 2.0 **", "weight = 2.1 **"),
        SMALL,
        lambda name: ".decayed" in name,
    ),
]


@pytest.mark.parametrize(("plant", "features", "meant"), LIVE, ids=[plant.name for plant, *_ in LIVE])
def test_a_bug_in_the_live_path_is_named_by_its_features(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, features: list[Feature], meant: Callable[[str], bool]
) -> None:
    plant.put(monkeypatch)
    made = pipeline(features=features, labels=labels(horizon="60ms"))
    tally = checked(made, batches(made, STREAM))

    assert skewed(tally) == {name for name in made.feature_names if meant(name)} != set()


def test_a_revised_label_that_the_live_path_ignores_is_named_by_the_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pipeline(features=[*RATES, *COMPACT], labels=labels(horizon="60ms", revisions="rates"))
    assert skewed(checked(made, batches(made, STREAM))) == set()

    Plant("a revision ignored", Join.revise, "if self._revised else None", "if False else None").put(monkeypatch)
    wrong = skewed(checked(made, batches(made, STREAM)))

    assert {"card.rate.20ms", "shop.rate.30ms.delay_15ms"} <= wrong
    assert all(".rate" in name for name in wrong)


def test_without_a_bug_nothing_is_named() -> None:
    for features in (WINDOWS, RATES):
        made = pipeline(features=features, labels=labels(horizon="60ms"))

        assert skewed(checked(made, batches(made, STREAM))) == set()


def test_the_worst_value_is_told_with_its_event(monkeypatch: pytest.MonkeyPatch) -> None:
    plant, features, _ = LIVE[0]
    plant.put(monkeypatch)
    made = pipeline(features=features, labels=labels(horizon="60ms"))
    tally = checked(made, batches(made, STREAM))
    highest = max((each.value for each in STREAM if isinstance(each.value, Tap)), key=lambda tap: tap.amount)
    worst = found(tally)["amount"].worst

    assert worst is not None
    assert (worst.event_id, worst.served, worst.recomputed) == (highest.tap_id, highest.amount * 100, highest.amount)
    assert list(tally.hours) == [0]
