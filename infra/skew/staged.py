"""The skew check of a pipeline in several stages: each stage's features in the order in which that stage has read."""

from collections.abc import Callable, Sequence

from infra.audit.opened import Opened, numbers
from infra.skew.checker import Checker
from infra.skew.everywhere import Everywhere, Seen
from infra.skew.once import Checked
from infra.skew.recorded import Recorded
from infra.skew.settled import Settled
from streams.aggregate import Windows
from streams.feature import Feature
from streams.pipeline import Pipeline
from streams.plan import Step, steps


def check(
    stages: Sequence[Opened], advance: Callable[[int], None] = lambda _: None, partition: int | None = None
) -> list[Checked]:
    """Check the features of every stage, in each partition or one; `advance` is told of records that were gone through.

    Raises `Problem` as `Everywhere`, `Settled.wait` and `Recorded` do.
    """
    last = stages[-1]
    rows = Everywhere(last)
    ends = Settled(stages, rows).wait()
    found = []
    for stage, features in judged(stages):
        for number in numbers(stage, partition):
            checker = Checker(stage.pipeline, features)
            recorded = Recorded(stage, number, Seen(rows))
            while batches := list(recorded.batches(ends[stage.stage, number])):
                for batch in batches:
                    checker.take(batch)
                    advance(len(batch.records))
            events = checker.tally.events if stage is last else 0
            found.append(Checked(partition=number, tally=checker.tally, left_out=0, events=events))
    return found


def judged(stages: Sequence[Opened]) -> list[tuple[Opened, list[Feature]]]:
    """Each stage with the features that it finds."""
    last = stages[-1]
    way = {step.stage: step for step in steps(last.pipeline, last.binding.partitions)}
    return [(stage, _features_of(stage.pipeline, way[stage.stage])) for stage in stages]


def _features_of(pipeline: Pipeline, step: Step) -> list[Feature]:
    """What a stage finds: windows of its entity; the last one also what needs no windows, or those of several."""
    return [
        each
        for each in pipeline.features
        if (each.entity == step.entity if isinstance(each, Windows) else step.following is None)
    ]
