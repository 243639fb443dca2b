"""The plan of a pipeline in words: which stage reads, holds and writes what, and what its users must know of it."""

from typing import NamedTuple

from schemas.alert import Alert
from schemas.metric import Metric
from schemas.topics import Topics
from streams.aggregate import EVERYTHING, Windows
from streams.pipeline import Pipeline
from streams.plan import MONITOR, SCORE, Step, rekeys, steps
from streams.stage import Role


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
    front = [
        Planned(
            each.stage,
            [topics.input(each.role)],
            each.field,
            [],
            [topics.rekeyed(pipeline.version, each.role), topics.rejected],
        )
        for each in rekeys(pipeline)
    ]
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
    return [
        *front,
        *found,
        Planned(MONITOR, watched, None, [], [topics.named(Metric.TOPIC), topics.named(Alert.TOPIC)]),
    ]


def consequences(pipeline: Pipeline, partitions: int) -> list[str]:
    """What this number of partitions means for results, a sentence each."""
    told = [
        f"{each.stage} reads {each.role} of any key and partitioner, on as many partitions as they have; from there on "
        f"those of several partitions stand in the order of its commits, which its topic records"
        for each in rekeys(pipeline)
    ]
    if Role.EVENTS in pipeline.rekey:
        told.append(
            "an event that a newer one of another partition overtakes there is late, by the difference of their times, "
            "and missing from what that one's windows have found: lateness= says up to when its own are whole"
        )
    way = steps(pipeline, partitions)
    if partitions == 1:
        told.append("one partition: one total order, one model; a second worker takes over and does not share the work")
        return told
    last = way[-1].entity
    told.append(f"each of the {partitions} partitions of {SCORE} has a model of its own ({_events_of(last)})")
    if len(way) > 1:
        hops = len(way) + (Role.EVENTS in pipeline.rekey)
        told.append(
            "an event that a newer one of another partition overtakes on its way is late for the stages behind, by the "
            "difference of their times: lateness= says how much of that changes none of its own windows"
        )
        told.append(
            f"an event goes through {hops} transactions until it is scored; one that a later stage rejects "
            f"stays counted in the windows of {_names(way[:-1])}"
        )
        if pipeline.requests:
            told.append(
                f"a score request is answered by {len(way)} processes, one after the other, each from its last commit; "
                f"it is put to {way[0].stage}"
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
    """What the first step reads."""
    return [
        topics.rekeyed(pipeline.version, role) if role in pipeline.rekey else topics.input(role)
        for role in pipeline.inputs
    ]


def _outputs(pipeline: Pipeline, topics: Topics, following: str | None) -> list[str]:
    if following is not None:
        return [topics.passed(pipeline.version, following), topics.rejected]
    return [topics.scored, *([topics.outcomes] if pipeline.labels is not None else []), topics.alerts, topics.rejected]
