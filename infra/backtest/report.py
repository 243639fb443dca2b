"""How good a pipeline's scores were: overall, by day, and by how long the truth took to come; beside baselines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from infra.backtest import figures
from infra.backtest.answers import Answers, Ints, Said, answers, joined, joined_said
from infra.backtest.baselines import no_change, prior
from infra.backtest.figures import Figures, Judge
from infra.backtest.trace import NONE, Trace
from schemas.duration import duration_ms
from streams.pipeline import Pipeline

MODEL = "model"
BASELINES = {"no_change": no_change, "prior": prior}
DAY_MS = duration_ms("1d")
MATURITIES = ("1h", "1d", "7d")
LATER = "later"

_JUDGES: dict[str, Judge] = {
    "binary": figures.binary,
    "multiclass": figures.multiclass,
    "regression": figures.regression,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some events: how many were scored, how many of them are labelled, and who said how good things of those.

    `by_prior`: events for which the model had nothing to say, so that the prior answered. `figures` are of the model
    and of each baseline.
    """

    name: str
    events: int
    labels: int
    by_prior: int
    figures: dict[str, Figures]

    @property
    def unlabelled_share(self) -> float:
        return 1.0 - self.labels / self.events if self.events else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Of one pipeline: what became of each record, and the slices.

    An event's maturity is how long its label took, or where none has come how old it is when the log ends: `1h` is
    less than an hour, `1d` less than a day and no less than an hour.
    """

    counts: Counter[str]
    overall: Slice
    days: tuple[Slice, ...]
    maturities: tuple[Slice, ...]


def report(pipeline: Pipeline, traces: Sequence[Trace], counts: Counter[str], end_ms: int) -> Report:
    """All that is to be said of one pipeline; `end_ms` is the time at which the log ends."""
    found = joined([answers(trace) for trace in traces])
    said = {MODEL: found.said}
    if pipeline.task != "none":
        for name, says in BASELINES.items():
            said[name] = joined_said([says(trace, pipeline.task) for trace in traces])
    slicing = _Slicing(judge_of(pipeline), found, said)
    everything = np.arange(len(found.times_ms))
    return Report(
        counts=counts,
        overall=slicing.of("overall", everything),
        days=tuple(slicing.of(_date(day), rows) for day, rows in _groups(found.times_ms // DAY_MS)),
        maturities=tuple(slicing.of(_NAMES[band], rows) for band, rows in _groups(_maturity(found, end_ms))),
    )


def standing(pipeline: Pipeline, traces: Sequence[Trace]) -> Slice:
    """How good the model is overall, of all that was scored so far."""
    found = joined([answers(trace) for trace in traces])
    return _Slicing(judge_of(pipeline), found, {MODEL: found.said}).of("overall", np.arange(len(found.times_ms)))


def judge_of(pipeline: Pipeline) -> Judge:
    """What judges the scores of `pipeline`: of how unusual events are, the order alone."""
    if pipeline.kind == "anomaly":
        return figures.ranking if pipeline.task == "binary" else _nothing
    return _JUDGES.get(pipeline.task, _nothing)


@dataclass(frozen=True, slots=True)
class _Slicing:
    judge: Judge
    answers: Answers
    said: dict[str, Said]

    def of(self, name: str, rows: Ints) -> Slice:
        truth = self.answers.truth
        labelled = rows[truth.classes[rows] != NONE]
        told = truth.at(labelled)
        return Slice(
            name=name,
            events=len(rows),
            labels=len(labelled),
            by_prior=int((self.answers.by_model[rows] == 0).sum()),
            figures={who: self.judge(said.at(labelled), told) for who, said in self.said.items()},
        )


_NAMES = (*MATURITIES, LATER)


def _maturity(found: Answers, end_ms: int) -> Ints:
    until = np.where(found.truth.classes == NONE, end_ms, found.truth.known_ms)
    return np.searchsorted([duration_ms(each) for each in MATURITIES], until - found.times_ms, side="right")


def _groups(keys: Ints) -> Iterator[tuple[int, Ints]]:
    """Each key, in order, with the rows that have it."""
    order = np.argsort(keys, kind="stable")
    if not len(order):
        return
    values, begins = np.unique(keys[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, begins[1:]), strict=True)


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * DAY_MS / 1000, UTC):%Y-%m-%d}"


def _nothing(*_: object) -> Figures:
    return {}
