"""What the demo feeds: exactly as many payments as asked for, and spoilt records of which none is accepted."""

from itertools import islice
from typing import Any

import pytest

from infra.demo.poison import SPOILS, Spoilt, sprinkled
from infra.demo.servers import opened
from infra.demo.story import DRIFT_DAY, story
from producers.known import Kind, Known
from schemas.payment import Payment
from schemas.problem import Problem


@pytest.mark.parametrize("events", [1_000, 3_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_story_has_exactly_the_payments_asked_for_and_goes_beyond_the_drift(events: int, seed: int) -> None:
    told = story(events, seed)
    payments = [known for known in told.records() if known.kind is Kind.EVENT]

    assert len(payments) == events
    assert told.day(payments[-1].time_ms) > DRIFT_DAY


def test_a_story_tells_only_labels_of_its_own_payments() -> None:
    known = list(story(500, 1).records())
    paid = {one.record.transaction_id for one in known if isinstance(one.record, Payment)}
    labelled: list[Any] = [one.record for one in known if one.kind is Kind.LABEL]

    assert {label.transaction_id for label in labelled} <= paid
    assert len(labelled) > 450


def test_every_kind_is_spoilt_in_turn_and_records_are_repeated() -> None:
    records = story(500, 1).records()
    fed = list(sprinkled(records, every=10, poison=len(SPOILS), repeats=3))
    spoilt = [known.record for known in fed if isinstance(known.record, Spoilt)]
    ids = [known.record.transaction_id for known in fed if isinstance(known.record, Payment)]

    assert [one.spoil for one in spoilt] == list(SPOILS)
    assert len(ids) - len(set(ids)) == 3


def test_what_is_sprinkled_keeps_the_time_of_the_record_before_it() -> None:
    fed: list[Known] = list(islice(sprinkled(story(500, 1).records(), every=3, poison=20, repeats=20), 300))
    times = [known.time_ms for known in fed]

    assert times == sorted(times)


def test_some_servers_named_and_some_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCHEMA_REGISTRY_URL", "CLICKHOUSE_URL"):
        monkeypatch.delenv(f"MILLRACE_{name}", raising=False)
    monkeypatch.setenv("MILLRACE_KAFKA_BOOTSTRAP", "localhost:9092")

    told = r"MILLRACE_KAFKA_BOOTSTRAP is set and MILLRACE_SCHEMA_REGISTRY_URL is not: set"
    with pytest.raises(Problem, match=told), opened(lambda _: None):
        pass
