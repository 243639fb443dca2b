"""Which stages fold a pipeline: one, or one per entity where their keys force events to move between partitions."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from streams.aggregate import EVERYTHING
from streams.features import Features
from streams.keyed_groups import Groups
from streams.pipeline import Pipeline
from streams.stage import Role

SCORE, MONITOR = "score", "monitor"


class Step(NamedTuple):
    """One stage on the way of an event. Its inputs are keyed by `entity`, whose windows it holds; `following` keys what
    it passes on, None where it scores. `first`: it reads events and labels as they come."""

    stage: str
    entity: str
    first: bool
    following: str | None


class Rekey(NamedTuple):
    """A stage in front of the first step. It reads the input of this role, however it is keyed and cut into partitions,
    and passes it on keyed by `field`."""

    stage: str
    role: Role
    field: str


def rekeys(pipeline: Pipeline) -> tuple[Rekey, ...]:
    """The stages that key inputs anew, of which none knows of another."""
    return tuple(Rekey(f"rekey_{role}", role, pipeline.inputs[role].key) for role in pipeline.rekey)


def rekey_of(pipeline: Pipeline, stage: str) -> Rekey | None:
    """The re-keying that `stage` is; None for any other."""
    return next((rekey for rekey in rekeys(pipeline) if rekey.stage == stage), None)


def steps(pipeline: Pipeline, partitions: int) -> tuple[Step, ...]:
    """The way of an event through topics of so many partitions; the last step scores it.

    One partition holds all events of every key, so one stage has all windows. Of several, each holds all events of one
    entity's key: events move from stage to stage, beginning with the entity that they are keyed by.
    """
    if partitions == 1:
        return (Step(SCORE, pipeline.key, first=True, following=None),)
    everything = (EVERYTHING,) if pipeline.compiled.over_everything else ()
    entities = (pipeline.key, *everything, *(each for each in pipeline.entities if each != pipeline.key))
    names = [*map(_named, entities[:-1]), SCORE]
    return tuple(
        Step(name, entity, first=n == 0, following=(entities[n + 1] if n + 1 < len(entities) else None))
        for n, (name, entity) in enumerate(zip(names, entities, strict=True))
    )


def stages(pipeline: Pipeline, partitions: int) -> tuple[str, ...]:
    """The names of all stages: those that key inputs anew, those on the way of an event, and the one that watches."""
    way = (step.stage for step in steps(pipeline, partitions))
    return (*(rekey.stage for rekey in rekeys(pipeline)), *way, MONITOR)


def step_of(pipeline: Pipeline, partitions: int, stage: str) -> Step | None:
    """The step that `stage` is; None for one that is not on the way of an event."""
    return next((step for step in steps(pipeline, partitions) if step.stage == stage), None)


def key_of(pipeline: Pipeline, entity: str) -> Callable[[Sequence[str]], str]:
    """Called with the keys of an event, the key of one of its entities, or that of all events."""
    return itemgetter(pipeline.entities.index(entity)) if entity != EVERYTHING else lambda _: EVERYTHING


def held(features: Features, step: Step) -> Groups:
    """The windows that a step holds: all, where it is the only one."""
    return features if step.first and step.following is None else features.of(step.entity)


def declared(features: Features, way: Sequence[Step]) -> Sequence[int] | None:
    """Where each value that the steps have found, one after the other, is declared; None where they are in order."""
    passed = [group for step in way for group in held(features, step).groups]
    starts = dict(zip(features.groups, _starts(features.sizes), strict=True))
    sizes = dict(zip(features.groups, features.sizes, strict=True))
    places = [place for group in passed for place in range(starts[group], starts[group] + sizes[group])]
    order = sorted(range(len(places)), key=places.__getitem__)
    return None if order == list(range(len(order))) else order


def _starts(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:n]) for n in range(len(sizes))]


def _named(entity: str) -> str:
    return "by_all" if entity == EVERYTHING else f"by_{entity}"
