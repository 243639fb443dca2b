"""The plan of a pipeline in words: which stage reads, holds and writes what, and what its users must know of it."""

from typing import NamedTuple

from schemas.alert import Alert
from schemas.metric import Metric
from schemas.topics import Topics
from streams.aggregate import EVERYTHING, Windows
from streams.pipeline import Pipeline
from streams.plan import MONITOR, SCORE, Step, steps


class Planned(NamedTuple):
    """One stage: the topics that it reads and writes, what its inputs are keyed by, and the features of its windows."""

    stage: str
    reads: list[str]
    key: str | None
    features: list[str]
    writes: list[str]


def planned(pipeline: Pipeline, partitions: int, prefix: str) -> list[Planned]:
    """All stages in the order in which an event comes to them."""
    topics, way = pipeline.topics(prefix), steps(pipeline, partitions)
    found = [
        Planned(
            step.stage,
            _inputs(pipeline, topics) if step.first else [topics.passed(pipeline.version, step.stage)],
            None if step.entity == EVERYTHING else step.entity,
            _features(pipeline, None if len(way) == 1 else step.entity),
            _outputs(pipeline, topics, way[n + 1].stage if n + 1 < len(way) else None),
        )
        for n, step in enumerate(way)
    ]
    watched = [topics.scored, *([topics.outcomes] if pipeline.labels is not None else [])]
    return [*found, Planned(MONITOR, watched, None, [], [topics.named(Metric.TOPIC), topics.named(Alert.TOPIC)])]


def consequences(pipeline: Pipeline, partitions: int) -> list[str]:
    """What this number of partitions means for results, a sentence each."""
    way = steps(pipeline, partitions)
    if partitions == 1:
        return ["one partition: one total order, one model; a second worker takes over and does not share the work"]
    last = way[-1].entity
    told = [f"each of the {partitions} partitions of {SCORE} has a model of its own ({_events_of(last)})"]
    if len(way) > 1:
        told.append(
            "an event that a newer one of another partition overtakes on its way is late for the stages behind, by the "
            "difference of their times: lateness= says how much of that changes none of its own windows"
        )
        told.append(
            f"an event goes through {len(way)} transactions until it is scored; one that a later stage rejects "
            f"stays counted in the windows of {_names(way[:-1])}"
        )
    if any(step.entity == EVERYTHING for step in way):
        told.append("per() needs all events in one partition: its stage does not become faster with more of them")
    return told


def _features(pipeline: Pipeline, entity: str | None) -> list[str]:
    """Those of windows, of one entity or of all."""
    windows = [each for each in pipeline.features if isinstance(each, Windows)]
    return [name for each in windows if entity in (None, each.entity) for name in each.names]


def _events_of(entity: str) -> str:
    return "which is one alone: per() comes last" if entity == EVERYTHING else f"all events of a {entity} meet one"


def _names(way: tuple[Step, ...]) -> str:
    return " and ".join(step.stage for step in way)


def _inputs(pipeline: Pipeline, topics: Topics) -> list[str]:
    later = pipeline.labels is not None and not pipeline.labels.inside
    return [topics.events, *([topics.labels] if later else [])]


def _outputs(pipeline: Pipeline, topics: Topics, following: str | None) -> list[str]:
    if following is not None:
        return [topics.passed(pipeline.version, following), topics.rejected]
    return [topics.scored, *([topics.outcomes] if pipeline.labels is not None else []), topics.alerts, topics.rejected]
