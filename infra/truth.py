"""How the labels of a file's events are made, from what a person says of them."""

from producers.recording import Truth
from schemas.duration import duration_ms
from schemas.problem import Problem
from streams.pipeline import Pipeline


def truth(pipeline: Pipeline, label_field: str | None, label_delay: str | None) -> Truth | None:
    """How labels are made from rows, or None. Raises `Problem` where options and pipeline do not fit."""
    if label_field is None and label_delay is None:
        return None
    if label_field is None or label_delay is None:
        raise Problem("--label-field and --label-delay belong together: give both or none")
    labels = pipeline.labels
    if labels is None or labels.event is None or labels.id is None or labels.time is None:
        where = "has no labels" if labels is None else "finds them inside the event"
        raise Problem(f"{pipeline.name} {where}: leave --label-field and --label-delay out")
    return Truth(
        label=labels.event,
        id=labels.id,
        field=labels.field,
        time=labels.time,
        event_id=pipeline.id,
        event_time=pipeline.time,
        key=pipeline.key,
        label_key=pipeline.label_key,
        delay_ms=duration_ms(label_delay),
    )
