"""The views that answer by name, against figures computed by hand."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from math import log, sqrt
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from consumers.clickhouse import ClickHouse, FeatureSet
from consumers.metrics import SinkMetrics
from consumers.rows import MESSAGES, Position, Raw, rejected
from consumers.tables import REJECTED
from infra.migrate import DIRECTORY, migrate
from infra.settings import Settings, clickhouse
from schemas.message import Message
from schemas.reject import HEADER_MESSAGE, HEADER_REASON, HEADER_STAGE, HEADER_TOPIC
from tests.integration.outputs import HOUR_MS, START_MS, metric, outcome, scored

pytestmark = pytest.mark.servers
DAY_MS = 24 * HOUR_MS
# score, truth: ties across the classes included
BINARY = [(0.9, True), (0.8, False), (0.7, True), (0.7, False), (0.4, True), (0.3, False), (0.2, False), (0.1, False)]


@pytest.fixture
def store(settings: Settings) -> Iterator[ClickHouse]:
    migrate(settings)
    with closing(
        ClickHouse(clickhouse(settings), stop=threading.Event(), metrics=SinkMetrics("payments", 1))
    ) as opened:
        yield opened


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as connected:
        yield connected


def put(store: ClickHouse, messages: Sequence[Message], *, pipeline: str = "p") -> None:
    """Insert messages of one class as the records of a topic, one after the other."""
    table, to_row = next(found for model, found in MESSAGES.items() if isinstance(messages[0], model))
    topic = f"{pipeline}.{messages[0].TOPIC}"
    rows = [to_row(Position(topic, 0, at, START_MS), each.model_dump()) for at, each in enumerate(messages)]
    store.insert(table, rows, f"{topic}-{len(rows)}")


def one(client: Client, query: str) -> dict[str, Any]:
    answered = list(client.query(query).named_results())
    assert len(answered) == 1, answered
    return answered[0]


def binary(*, day: int = 0, age_ms: int = HOUR_MS) -> list[Message]:
    return [
        outcome(
            number,
            event_time_ms=START_MS + day * DAY_MS + number,
            label_time_ms=START_MS + day * DAY_MS + number + age_ms,
            score=score,
            predicted="true" if score >= 0.5 else "false",
            label="true" if truth else "false",
            target=float(truth),
        )
        for number, (score, truth) in enumerate(BINARY)
    ]


def roc_auc(pairs: Sequence[tuple[float, bool]]) -> float:
    """The share of (positive, negative) pairs in the right order, ties half."""
    positives = [score for score, truth in pairs if truth]
    negatives = [score for score, truth in pairs if not truth]
    right = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return right / (len(positives) * len(negatives))


def average_precision(pairs: Sequence[tuple[float, bool]]) -> float:
    """Precision at each threshold, weighted by the recall it adds."""
    total, found, seen, area = sum(truth for _, truth in pairs), 0, 0, 0.0
    for threshold in sorted({score for score, _ in pairs}, reverse=True):
        level = [truth for score, truth in pairs if score == threshold]
        found, seen = found + sum(level), seen + len(level)
        area += sum(level) / total * found / seen
    return area


def log_loss(pairs: Sequence[tuple[float, bool]]) -> float:
    return -sum(log(score if truth else 1 - score) for score, truth in pairs) / len(pairs)


def assert_quality_of_binary(found: dict[str, Any]) -> None:
    assert found["task"] == "binary"
    assert (found["labelled"], found["positives"]) == (8, 3)
    assert found["accuracy"] == pytest.approx(5 / 8)
    assert found["log_loss"] == pytest.approx(log_loss(BINARY))
    assert found["roc_auc"] == pytest.approx(roc_auc(BINARY))
    assert found["average_precision"] == pytest.approx(average_precision(BINARY))
    assert found["mean_absolute_error"] is None


def test_quality_by_day_tells_the_figures_and_the_share_still_unlabelled(store: ClickHouse, client: Client) -> None:
    put(store, [scored(number, event_time_ms=START_MS + number) for number in range(32)])
    put(store, binary())

    found = one(client, "SELECT * FROM quality_by_day")

    assert (found["pipeline"], found["day"]) == ("p", date(2018, 4, 8))
    assert (found["scored"], found["unlabelled_share"]) == (32, pytest.approx(0.75))
    assert_quality_of_binary(found)


def test_a_day_without_any_label_yet_is_shown_as_unlabelled(store: ClickHouse, client: Client) -> None:
    put(store, [scored(0), scored(1)])

    found = one(client, "SELECT * FROM quality_by_day")

    assert (found["scored"], found["labelled"], found["unlabelled_share"]) == (2, 0, 1.0)
    assert (found["task"], found["roc_auc"], found["accuracy"]) == (None, None, None)


def test_whoever_asks_with_nulls_in_joins_is_told_the_same(store: ClickHouse, client: Client) -> None:
    put(store, [scored(0), scored(1)])

    found = one(client, "SELECT * FROM quality_by_day SETTINGS join_use_nulls = 1")

    assert (found["task"], found["labelled"], found["unlabelled_share"]) == (None, 0, 1.0)


def test_a_day_with_one_class_has_no_ranking_figures(store: ClickHouse, client: Client) -> None:
    put(store, [outcome(0), outcome(1)])

    found = one(client, "SELECT * FROM quality_by_day")

    assert (found["roc_auc"], found["average_precision"], found["accuracy"]) == (None, None, 1.0)


def test_what_the_prior_answered_is_labelled_and_left_out_of_the_figures(store: ClickHouse, client: Client) -> None:
    prior = [
        outcome(100 + number, event_time_ms=START_MS, score=0.5, predicted=None, rung="prior", label=label)
        for number, label in enumerate(["true", "false"])
    ]
    put(store, [*binary(), *prior])

    found = one(client, "SELECT * FROM quality_by_day")

    assert (found["labelled"], found["positives"]) == (10, 4)
    assert_quality_of_binary({**found, "labelled": 8, "positives": 3})


def test_multiclass_and_regression_have_figures_of_their_own(store: ClickHouse, client: Client) -> None:
    shares = {"sky": 0.75, "grass": 0.25}
    put(
        store,
        [
            outcome(number, score=0.75, predicted="sky", probabilities=shares, label=label, target=None)
            for number, label in enumerate(["sky", "grass"])
        ],
        pipeline="classes",
    )
    put(
        store,
        [
            outcome(number, score=score, predicted=None, label=str(target), target=target)
            for number, (score, target) in enumerate([(1.0, 2.0), (5.0, 2.0)])
        ],
        pipeline="numbers",
    )

    classes = one(client, "SELECT * FROM quality_by_day WHERE pipeline = 'classes'")
    numbers = one(client, "SELECT * FROM quality_by_day WHERE pipeline = 'numbers'")

    assert (classes["task"], classes["accuracy"], classes["roc_auc"]) == ("multiclass", 0.5, None)
    assert classes["log_loss"] == pytest.approx(-(log(0.75) + log(0.25)) / 2)
    assert (numbers["task"], numbers["accuracy"], numbers["log_loss"]) == ("regression", None, None)
    assert numbers["mean_absolute_error"] == pytest.approx(2.0)
    assert numbers["root_mean_squared_error"] == pytest.approx(sqrt(5))


def test_a_class_of_several_may_be_called_true(store: ClickHouse, client: Client) -> None:
    shares = {"true": 0.5, "false": 0.3, "maybe": 0.2}
    put(
        store,
        [
            outcome(number, score=0.5, predicted="true", probabilities=shares, label=label, target=None)
            for number, label in enumerate(["true", "false", "maybe", "true"])
        ],
    )

    found = one(client, "SELECT * FROM quality_by_day")

    assert (found["task"], found["labelled"], found["accuracy"], found["roc_auc"]) == ("multiclass", 4, 0.5, None)
    assert found["log_loss"] == pytest.approx(-(2 * log(0.5) + log(0.3) + log(0.2)) / 4)


def test_quality_by_label_age_tells_what_was_known_by_then(store: ClickHouse, client: Client) -> None:
    put(store, [scored(number) for number in range(32)])
    put(store, [*binary(), *binary(day=1, age_ms=7 * DAY_MS)])

    young, old = client.query("SELECT * FROM quality_by_label_age ORDER BY label_age_days").named_results()

    assert (young["label_age_days"], young["unlabelled_share"]) == (0, 0.75)
    assert (old["label_age_days"], old["unlabelled_share"]) == (7, 0.5)
    assert_quality_of_binary(young)
    assert_quality_of_binary(old)


def test_two_definitions_that_score_the_same_day_are_judged_apart(store: ClickHouse, client: Client) -> None:
    put(
        store,
        [
            scored(number, model_id=f"{name}/{number}")
            for name, many in (("d1", 16), ("d2", 32))
            for number in range(many)
        ],
    )
    right = [each.model_copy(update={"model_id": "d1/7"}) for each in binary()]
    wrong = [each.model_copy(update={"model_id": "d2/7", "score": 1 - each.model_dump()["score"]}) for each in binary()]
    put(store, [*right, *wrong])

    for view in ("quality_by_day", "quality_by_label_age"):
        first, second = client.query(f"SELECT * FROM {view} ORDER BY definition").named_results()
        assert (first["definition"], second["definition"]) == ("d1", "d2")
        assert (first["unlabelled_share"], second["unlabelled_share"]) == (0.5, 0.75)
        assert_quality_of_binary(first)
        assert second["roc_auc"] == pytest.approx(1 - roc_auc(BINARY))


def test_rows_from_before_have_a_definition_too(settings: Settings, client: Client, tmp_path: Path) -> None:
    for file in sorted(DIRECTORY.glob("000[1-8]_*.sql")):
        (tmp_path / file.name).write_text(file.read_text())
    migrate(settings, tmp_path)
    metrics = SinkMetrics("payments", 1)
    with closing(ClickHouse(clickhouse(settings), stop=threading.Event(), metrics=metrics)) as before:
        put(before, [scored(1, model_id="d1/0")])

    migrate(settings)

    assert client.query("SELECT definition FROM scored").result_rows == [("d1",)]
    assert one(client, "SELECT * FROM quality_by_day")["definition"] == "d1"


def test_throughput_counts_per_minute_and_rung(store: ClickHouse, client: Client) -> None:
    put(store, [*(scored(number, score=number / 100) for number in range(90)), scored(90, rung="prior")])

    found = list(client.query("SELECT * FROM throughput").named_results())

    assert [(row["rung"], row["scored"]) for row in found] == [("champion", 60), ("champion", 30), ("prior", 1)]
    assert found[0]["minute"].replace(tzinfo=UTC) == datetime(2018, 4, 8, tzinfo=UTC)
    assert found[0]["scored_per_second"] == pytest.approx(1.0)
    assert found[0]["mean_score"] == pytest.approx(sum(range(60)) / 60 / 100)


def test_outcomes_by_hour_agree_with_the_outcomes(store: ClickHouse, client: Client) -> None:
    put(store, binary())

    found = one(
        client,
        "SELECT sum(labelled) AS labelled, sum(positives) AS positives, avgMerge(accuracy) AS accuracy, "
        "avgMerge(log_loss) AS log_loss, avgMerge(squared_error) AS brier, avgMerge(label_age_s) AS age_s "
        "FROM outcomes_by_hour",
    )

    assert (found["labelled"], found["positives"], found["accuracy"], found["age_s"]) == (8, 3, 5 / 8, 3600)
    assert found["log_loss"] == pytest.approx(log_loss(BINARY))
    assert found["brier"] == pytest.approx(sum((score - truth) ** 2 for score, truth in BINARY) / 8)


def test_drift_merges_partitions_and_takes_the_latest_revision(store: ClickHouse, client: Client) -> None:
    put(
        store,
        [
            metric(values={"mean": 100.0, "distance": 9.0}),
            metric(revision=1, count=10, missing=5, values={"mean": 5.0, "distance": 0.1}),
            metric(partition=1, count=30, values={"mean": 9.0, "distance": 0.4}),
            metric(partition=2, count=0, missing=5, values={}),
            metric(kind="quality", subject="quality"),
        ],
    )

    found = one(client, "SELECT * FROM drift")

    assert (found["subject"], found["count"], found["missing"], found["missing_share"]) == ("amount", 40, 10, 0.2)
    assert found["mean"] == pytest.approx((10 * 5 + 30 * 9) / 40)
    assert (found["largest_distance"], found["largest_distance_partition"]) == (pytest.approx(0.4), 1)


def test_rejects_by_reason_counts_and_shows_one(store: ClickHouse, client: Client) -> None:
    said = [(HEADER_STAGE, b"score"), (HEADER_TOPIC, b"p.events"), (HEADER_REASON, b"empty"), (HEADER_MESSAGE, b"why")]
    rows = [rejected(Position("p.rejected", 0, at, START_MS), Raw(b"k", b"v", said)) for at in range(3)]
    store.insert(REJECTED, rows, "rejects")

    found = one(client, "SELECT * FROM rejects_by_reason")

    assert (found["pipeline"], found["source_topic"], found["stage"]) == ("p", "p.events", "score")
    assert (found["reason"], found["rejected"], found["example"]) == ("empty", 3, "why")


def test_what_the_sink_could_not_read_of_a_ledger_is_of_its_pipeline(store: ClickHouse, client: Client) -> None:
    said = [(HEADER_STAGE, b"sink"), (HEADER_REASON, b"not_avro"), (HEADER_MESSAGE, b"why")]
    rows = [rejected(Position(topic, 0, 0, START_MS), Raw(b"k", b"v", said)) for topic in ("x.p.v1.score.ledger",)]
    store.insert(REJECTED, rows, "ledger")

    assert one(client, "SELECT * FROM rejects_by_reason")["pipeline"] == "x.p"


def test_a_feature_is_read_by_its_name(store: ClickHouse, client: Client) -> None:
    put(store, [scored(1), scored(2), scored(3, feature_set="other")])
    for _ in range(2):
        store.name_features(FeatureSet(id="f5", pipeline="p", version=1, names=("amount", "night")))
    store.name_features(FeatureSet(id="f5", pipeline="q", version=2, names=("amount", "night")))

    found = client.query("SELECT event_id, value FROM feature(name = 'amount') ORDER BY event_id").result_rows

    assert found == [("e1", 1.0), ("e2", 2.0)]
    assert client.query("SELECT count() FROM feature(name = 'nobody')").result_rows == [(0,)]
    assert client.query("SELECT count() FROM feature_sets").result_rows == [(2,)]
