"""Where the truth comes from, and what kind of truth it is."""

from typing import Literal

from pydantic import BaseModel

from schemas.duration import duration_ms
from schemas.problem import Problem

Task = Literal["binary", "multiclass", "regression", "none"]


class Labels:
    """The truth about events: on a topic of its own, or (without `event`) inside the event itself.

    `id` names the label's field with the event's id, `field` the one with the truth, `time` the one that says when it
    became known. A label that comes later than `horizon` after its event no longer teaches.

    `revisions` says what becomes of a later label of an event that has another value. Without it nothing: the first one
    stands. With `"rates"` it takes the place of the label before it in every rate of labels, in the order of the topic,
    where it too comes within the horizon; before the event has come, in everything. The model is never taught an event
    twice, and the outcome, with all that is measured of it, stays the first. An event is then kept whole, not until its
    label comes but for as long as it is remembered.

    >>> Labels(field="fraud", task="binary").inside
    True
    """

    def __init__(
        self,
        event: type[BaseModel] | None = None,
        *,
        field: str,
        task: Task,
        id: str | None = None,
        time: str | None = None,
        horizon: str = "30d",
        revisions: str | None = None,
    ) -> None:
        if task not in ("binary", "multiclass", "regression"):
            raise Problem(f'Labels(task={task!r}): write "binary", "multiclass" or "regression"')
        if revisions not in (None, "rates"):
            raise Problem(f'Labels(revisions={revisions!r}): write "rates", or leave it out: the first label stands')
        if event is not None and not (isinstance(event, type) and issubclass(event, BaseModel)):
            raise Problem(f"Labels({event!r}): the first argument must be a pydantic class, or be left out")
        if event is not None and (id is None or time is None):
            raise Problem("labels on a topic of their own need id= and time=, the label's fields with both")
        if event is None and (id is not None or time is not None):
            raise Problem("a label inside the event has no id= or time= of its own: leave them out, or name its class")
        if event is None and revisions is not None:
            raise Problem("a label inside the event comes once: leave revisions= out, or name its class")
        self.event = event
        self.id = id
        self.field = field
        self.time = time
        self.task: Task = task
        self.horizon = horizon
        self.revised = revisions == "rates"
        self.horizon_ms = duration_ms(horizon, "Labels(…) horizon")

    @property
    def inside(self) -> bool:
        """Whether the label stands in the event and is known at once."""
        return self.event is None
