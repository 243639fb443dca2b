"""Slices of a report, and baselines that know no more than was known when an event was scored."""

from collections import Counter
from collections.abc import Sequence
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.anomaly import HalfSpaceTrees

from infra.backtest.baselines import no_change, prior
from infra.backtest.report import report
from infra.backtest.trace import NONE, Trace
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams import Field
from streams.labels import Task
from streams.stage import Output
from tests.streams import builders

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CLASSES = ("sky", "sea", "sand")


def scored(name: str, time_ms: int, score: float = 0.3, predicted: str | None = "false") -> Output:
    return Output(
        b"",
        Scored(
            event_id=name,
            entities={},
            event_time_ms=time_ms,
            features=[],
            feature_set="",
            score=score,
            predicted=predicted,
            probabilities=None,
            model_id="",
            rung="prior" if predicted is None else "champion",
            explanation=None,
            source_topic="t",
            source_partition=0,
            source_offset=time_ms,
        ),
        time_ms,
    )


def outcome(of: Output, label: str, target: float | None, label_ms: int) -> Output:
    row = of.value
    assert isinstance(row, Scored)
    kept = {name: getattr(row, name) for name in Outcome.model_fields if name in Scored.model_fields}
    made = Outcome(**kept, label_time_ms=label_ms, label=label, target=target, learnt=True)
    return Output(b"", made, label_ms)


def traced(emitted: Sequence[Output], classes: dict[str, int] | None = None) -> Trace:
    trace = Trace(0, {"false": 0, "true": 1} if classes is None else classes)
    trace.take(emitted)
    return trace


# Which truth each event has, and how many events later it becomes known; None: never.
stories = st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 6)), max_size=25)


def told(story: list[tuple[int, int | None]], task: Task) -> tuple[list[Output], list[list[int]]]:
    """What a fold emits of the story, and for each event the truths that were known when it was scored."""
    emitted: list[Output] = []
    events: list[Output] = []
    known: list[int] = []
    before: list[list[int]] = []
    for number in range(len(story) + 7):
        for place, (truth, delay) in enumerate(story[:number]):
            if delay is not None and place + delay + 1 == number:
                label, target = _truth(truth, task)
                emitted.append(outcome(events[place], label, target, number))
                known.append(truth)
        if number < len(story):
            events.append(scored(f"e{number}", number, predicted=None if task == "regression" else "x"))
            emitted.append(events[-1])
            before.append(list(known))
    return emitted, before


def _truth(truth: int, task: Task) -> tuple[str, float | None]:
    if task == "binary":
        return ("true", 1.0) if truth else ("false", 0.0)
    return (CLASSES[truth], None) if task == "multiclass" else (str(truth), float(truth))


@given(stories)
def test_binary_baselines_know_what_was_known(story: list[tuple[int, int | None]]) -> None:
    emitted, before = told(story, "binary")
    trace = traced(emitted, {"false": 0, "true": 1, "x": 2})
    positives = [[int(truth > 0) for truth in known] for known in before]
    shares = [(sum(known) + 1) / (len(known) + 2) for known in positives]

    assert no_change(trace, "binary").scores.tolist() == [known[-1] if known else 0.5 for known in positives]
    assert no_change(trace, "binary").classes.tolist() == [known[-1] if known else NONE for known in positives]
    assert prior(trace, "binary").scores.tolist() == shares
    assert prior(trace, "binary").classes.tolist() == [
        int(share > 0.5) if known else NONE for known, share in zip(positives, shares, strict=True)
    ]


@given(stories)
def test_baselines_of_values_know_what_was_known(story: list[tuple[int, int | None]]) -> None:
    emitted, before = told(story, "regression")
    trace = traced(emitted, {})

    assert no_change(trace, "regression").scores.tolist() == [known[-1] if known else 0.0 for known in before]
    means = [sum(known) / len(known) if known else 0.0 for known in before]
    assert prior(trace, "regression").scores.tolist() == pytest.approx(means)


@given(stories)
def test_baselines_of_classes_know_what_was_known(story: list[tuple[int, int | None]]) -> None:
    emitted, before = told(story, "multiclass")
    classes: dict[str, int] = {name: code for code, name in enumerate(CLASSES)}
    trace = traced(emitted, classes)
    frequent = prior(trace, "multiclass")

    same = no_change(trace, "multiclass")
    assert same.classes.tolist() == [known[-1] if known else NONE for known in before]
    for place, known in enumerate(before):
        counts = Counter(known)
        said = int(frequent.classes[place])
        assert counts[said] == max(counts.values(), default=0)
        assert (said == NONE) == (not known)
        truth, delay = story[place]
        if delay is None or not known:
            assert isnan(frequent.given[place])
            assert not known or same.given[place] == 0.0
        else:
            assert same.given[place] == float(known[-1] == truth)
            assert frequent.given[place] == (counts[truth] + 1) / (len(known) + len(counts) + 1)


def test_slices_share_out_all_events_and_what_is_unlabelled() -> None:
    delays_ms = [0, HOUR_MS - 1, HOUR_MS, DAY_MS, 7 * DAY_MS, 8 * DAY_MS, None, None]
    events = [scored(f"e{n}", n * 6 * HOUR_MS, predicted=None if n == 0 else "true") for n in range(8)]
    labels = [
        outcome(event, "true", 1.0, event.timestamp_ms + delay_ms)
        for event, delay_ms in zip(events, delays_ms, strict=True)
        if delay_ms is not None
    ]
    end_ms = events[-2].timestamp_ms + DAY_MS
    found = report(builders.pipeline(), [traced([*events, *labels])], Counter(), end_ms)

    assert (found.overall.events, found.overall.labels, found.overall.by_prior) == (8, 6, 1)
    assert found.overall.unlabelled_share == 0.25
    assert [(day.name, day.events, day.labels) for day in found.days] == [("1970-01-01", 4, 4), ("1970-01-02", 4, 2)]
    assert [(m.name, m.events, m.labels) for m in found.maturities] == [
        ("1h", 2, 2),
        ("1d", 2, 1),  # with the last event, which is 18 hours old when the log ends
        ("7d", 2, 1),  # with the one that is a day old then
        ("later", 2, 2),
    ]
    assert found.overall.figures["model"]["accuracy"] == 1.0
    assert found.maturities[0].figures["model"]["brier"] == pytest.approx(0.49)


def test_partitions_are_judged_together_and_known_apart() -> None:
    traces = []
    for partition in range(2):
        events = [scored(f"e{n}", n) for n in range(3)]
        emitted = [events[0], outcome(events[0], "true", 1.0, 5), *events[1:]]
        emitted += [outcome(event, "false", 0.0, 9) for event in events[1:]]
        trace = traced(emitted)
        trace.partition = partition
        traces.append(trace)
    found = report(builders.pipeline(), traces, Counter(), 9).overall

    assert (found.events, found.labels) == (6, 6)
    assert found.figures["no_change"]["accuracy"] == 0.0  # the first event of each partition knows of no label
    assert found.figures["model"]["accuracy"] == pytest.approx(2 / 3)


def test_an_anomaly_score_is_judged_by_its_order_alone() -> None:
    pipeline = builders.pipeline(model=lambda: HalfSpaceTrees(seed=1), features=[Field("amount")])
    events = [scored(f"e{n}", n, score=n / 4, predicted=None) for n in range(4)]
    labels = [outcome(each, str(n > 1).lower(), float(n > 1), 9) for n, each in enumerate(events)]

    found = report(pipeline, [traced([*events, *labels])], Counter(), 9).overall.figures["model"]

    assert found == {"roc_auc": 1.0, "average_precision": 1.0}
