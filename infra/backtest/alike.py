"""Whether pipelines can be tested side by side: on identical events, against identical truths."""

from collections.abc import Sequence

from infra.backtest.entrant import Entrant
from schemas.problem import Problem
from streams.load import load
from streams.pipeline import Pipeline


def entrants(targets: Sequence[str]) -> list[Entrant]:
    """The pipelines that a person names, each under a name of its own.

    Raises `Problem` where one is named twice, or they do not read the same.
    """
    repeated = next((each for each in targets if targets.count(each) > 1), None)
    if repeated is not None:
        raise Problem(f"{repeated} is named twice: name each pipeline once")
    pipelines = [load(target) for target in targets]
    for other in pipelines[1:]:
        _require_alike(pipelines[0], other)
    names = _names(targets, pipelines)
    return [Entrant(name, pipeline) for name, pipeline in zip(names, pipelines, strict=True)]


def require_same_key(pipelines: Sequence[Pipeline]) -> None:
    """Raise `Problem` unless all can read the same topics: their records stand under one key."""
    first = pipelines[0]
    for other in pipelines[1:]:
        if other.key != first.key:
            raise Problem(
                f"the topics of {first.name} are keyed by {first.key}, {other.name} wants them by {other.key}: test it "
                f"by itself, or give a file with --events"
            )


def _names(targets: Sequence[str], pipelines: Sequence[Pipeline]) -> Sequence[str]:
    """The pipelines' own names; where these are alike, those in their files; else all that was given."""
    own = [pipeline.name for pipeline in pipelines]
    given = [target.rpartition(":")[2] for target in targets]
    return next((names for names in (own, given) if len(set(names)) == len(targets)), targets)


def _require_alike(first: Pipeline, other: Pipeline) -> None:
    for what, one, two in zip(_FACTS, _facts(first), _facts(other), strict=True):
        if one != two:
            told, here = (each.__name__ if isinstance(each, type) else repr(each) for each in (one, two))
            why = "a class of that name, but not the same one" if told == here else here
            raise Problem(
                f"{first.name} has {what} {told}, {other.name} has {why}: pipelines side by side read the same events "
                f"and labels; import what they share from one file, or test them one by one"
            )


_FACTS = ("the event class", "the event's id", "its time", "the label class", "the label's id", "field", "time", "task")


def _facts(pipeline: Pipeline) -> tuple[object, ...]:
    labels = pipeline.labels
    told = (labels.event, labels.id, labels.field, labels.time) if labels is not None else (None,) * 4
    return pipeline.event, pipeline.id, pipeline.time, *told, pipeline.task
