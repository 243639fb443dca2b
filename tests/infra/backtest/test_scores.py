"""Scores of a backtest: those of a plain loop around the model, bit for bit, and nothing from the future in them."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.preprocessing import StandardScaler

from infra.backtest.files import Files
from infra.backtest.fold import Within
from schemas.problem import Problem
from streams import Derived, Limits
from tests.infra.backtest.stream import DELAY_MS, Row, folded, folded_log, rows, scores, written
from tests.streams import builders


class Known(NamedTuple):
    """A row of a file of labels."""

    tap_id: str
    card: str
    fraud: bool
    known_ms: int


def plain_loop(made: list[Row], delay_ms: int) -> Iterator[tuple[str, str]]:
    """Predict when the question comes, learn when its answer does: first what is due, then the next question."""
    model: Any = StandardScaler() | LogisticRegression()
    names = builders.pipeline().feature_names
    due: deque[tuple[int, dict[str, float], bool]] = deque()
    for number, row in enumerate(made):
        while due and due[0][0] <= row.at_ms:
            model.learn_one(*due.popleft()[1:])
        x = dict(zip(names, vector(made[: number + 1]), strict=True))
        yield row.tap_id, float(model.predict_proba_one(x).get(True, 0.0)).hex()
        if row.fraud is not None:
            due.append((row.at_ms + delay_ms, x, row.fraud))


def vector(past: list[Row]) -> list[float]:
    """The features of the last of these rows."""
    last, counts, sums, means = past[-1], [], [], []
    for span_ms in (20, 50):
        amounts = [row.amount for row in past if row.card == last.card and row.at_ms > last.at_ms - span_ms]
        counts.append(float(len(amounts)))
        sums.append(fsum(amounts))
        means.append(float(sum(map(Fraction, amounts)) / len(amounts)))  # rounded once
    return [last.amount, *counts, *sums, *means]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_every_score_is_that_of_a_plain_loop_around_the_model(tmp_path: Path, ending: str) -> None:
    made = rows()
    (entrant,) = folded(written(tmp_path / f"taps{ending}", made), builders.pipeline())

    assert scores(entrant) == dict(plain_loop(made, DELAY_MS))
    assert entrant.counts["labels.learnt"] == sum(row.fraud is not None for row in made)


def test_labels_of_a_file_teach_when_they_were_known(tmp_path: Path) -> None:
    made = rows()
    events = written(tmp_path / "taps.csv", made)
    known = [Known(r.tap_id, r.card, r.fraud, r.at_ms + DELAY_MS) for r in made if r.fraud is not None]
    labels = written(tmp_path / "findings.csv", known)
    (entrant,) = folded_log(Files(events=events, labels=labels), builders.pipeline())

    assert scores(entrant) == dict(plain_loop(made, DELAY_MS))


def test_a_label_that_is_known_later_changes_no_score_before(tmp_path: Path) -> None:
    made, middle = rows(), 200
    until_ms = made[middle].at_ms + DELAY_MS
    turned = [row._replace(fraud=not row.fraud) if number >= middle else row for number, row in enumerate(made)]
    before, after = (
        scores(folded(written(tmp_path / f"{name}.csv", each), builders.pipeline())[0])
        for name, each in (("made", made), ("turned", turned))
    )

    differing = [row.at_ms for row in made if before[row.tap_id] != after[row.tap_id]]
    assert differing
    assert min(differing) >= until_ms


def test_labels_that_are_known_too_early_are_found_out(tmp_path: Path) -> None:
    made = rows()
    path = written(tmp_path / "taps.csv", made)

    assert scores(folded(path, builders.pipeline(), delay="0ms")[0]) != dict(plain_loop(made, DELAY_MS))


def test_pipelines_side_by_side_score_as_each_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "taps.parquet", rows())
    pair = (
        builders.pipeline(),
        builders.pipeline(name="bayes", model=lambda: GaussianNB()),  # type: ignore[no-untyped-call]  # River
    )

    together = [scores(entrant) for entrant in folded(path, *pair)]

    assert together == [scores(folded(path, pipeline)[0]) for pipeline in pair]
    assert together[0] != together[1]


def test_only_what_lies_within_is_folded(tmp_path: Path) -> None:
    made = rows()
    start_ms, end_ms = made[100].at_ms, made[300].at_ms
    path = written(tmp_path / "taps.csv", made)
    (entrant,) = folded(path, builders.pipeline(), within=Within(start_ms=start_ms, end_ms=end_ms))

    assert list(scores(entrant)) == [row.tap_id for row in made if start_ms <= row.at_ms < end_ms]


@pytest.mark.parametrize("which", ["events", "labels"])
def test_a_file_that_is_not_in_the_order_of_time_is_refused(tmp_path: Path, which: str) -> None:
    made = rows(20)
    known = [Known(row.tap_id, row.card, bool(row.fraud), row.at_ms + DELAY_MS) for row in made]
    events = written(tmp_path / "taps.csv", made[::-1] if which == "events" else made)
    labels = written(tmp_path / "findings.csv", known[::-1] if which == "labels" else known)

    with pytest.raises(Problem, match=r"row \d+, is earlier than the row before: .* add --sort"):
        folded_log(Files(events=events, labels=labels), builders.pipeline())
    (entrant,) = folded_log(Files(events=events, labels=labels, sort=True), builders.pipeline())
    assert entrant.counts["labels.learnt"] == len(made)


def test_a_backtest_stops_where_a_worker_would(tmp_path: Path) -> None:
    path = written(tmp_path / "taps.csv", rows(20))
    broken = builders.pipeline(features=[Derived("broken", fails)], limits=Limits(rejects_in_a_row=5))

    with pytest.raises(Problem, match="a worker would stop here, and so does its backtest: 5 records in a row"):
        folded(path, broken)


def fails(tap: builders.Tap) -> float:
    return tap.amount / 0
