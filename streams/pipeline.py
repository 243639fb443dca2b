"""The definition of a pipeline: one object of plain values, checked when it is made."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel

from schemas.avro import avro_schema
from schemas.duration import duration_ms
from schemas.problem import Problem
from schemas.topics import Topics
from streams.aggregate import EVERYTHING, NEVER_OF_NOTHING, OF_LATER, Aggregate, Windows
from streams.checks import (
    NUMBERS,
    check_default,
    check_derived,
    check_field,
    check_function,
    check_number,
    check_topics,
    checked_features,
    checked_rekey,
    topic_word,
    types_of,
)
from streams.digest import digest
from streams.feature import Derived, Feature, Field
from streams.features import Features
from streams.labels import Labels, Task
from streams.learner import kind_of, learner
from streams.limits import Limits
from streams.monitor.definition import Monitor
from streams.parts import digest_of, parts_of
from streams.repeatable import check_repeatable
from streams.sources import class_tree
from streams.stage import Role
from streams.unmoved import check_unmoved

Late = Literal["score", "skip"]
Learning = Literal["inline", "inline_per_partition"]
Begin = Literal["earliest", "latest"] | int
"""Where the inputs begin: at their first record, behind their last, or at a Kafka timestamp (ms)."""

_KEYS = (str, int)
DEFAULT_REMEMBERED = "1d"


class Input(NamedTuple):
    """The class of what comes on a topic, and the field that it is keyed by."""

    model: type[BaseModel]
    key: str


class Pipeline:
    """What to score, from what, with which model, and how the truth comes back.

    `event` is a pydantic class, `id` and `time` are its fields with the event's unique id and the time it happened
    (a `datetime` with an offset, or `int` milliseconds). `model` is a function that builds a River model.

    - `key`: the field that events and labels are keyed by in their topics: that of the first windows, unless told.
      Labels that carry no such field may be keyed by the event's id, where events are too: `key=` the field `id`.
    - `rekey`: the inputs, `"events"` or `"labels"`, whose topics are keyed, partitioned or counted in partitions
      otherwise: a stage in front keys them anew. The rest has as many partitions as the inputs that are not re-keyed;
      where all are, as what was re-keyed or scored before has, else as the largest input.
    - `learning`: `inline` tests, then trains, in one total order, so it needs topics of one partition;
      `inline_per_partition` trains one model per partition.
    - `lateness`: how much older than the newest of its partition an event may be and count like any other; its windows
      are as of its own time, and whole (those of tiles to the end of its tile). Events are held so much longer for it.
    - `late`: what becomes of one that is older: `score` it as of its own time, with what is still held, or `skip` it.
    - `ahead`: an event or label further in the future of its Kafka timestamp than this is rejected.
    - `remember`: how long event ids are kept to spot duplicates; the label horizon where there is one.
    - `begin`: where in its topics a version begins: "earliest", "latest" (where they end when a partition is first
      taken), or a time as in "2026-11-01T00:00+00:00", by the Kafka timestamps: at the end, where none is so new.
      Its ledger tells it from then on.
    - `requests`: whether `POST /score` of a worker and the topic `requests` answer what an event would be scored with.
    - `limits`: how many rejects stop a partition, and how many events that are remembered.

    Raises `Problem`, naming the field and the cure, where the definition cannot work.
    """

    def __init__(
        self,
        *,
        name: str,
        event: type[BaseModel],
        id: str,
        time: str,
        features: Sequence[Feature],
        model: Callable[[], Any],
        labels: Labels | None = None,
        version: int = 1,
        learning: Learning = "inline",
        lateness: str = "0s",
        late: Late = "score",
        ahead: str = "1h",
        remember: str | None = None,
        begin: str = "earliest",
        monitor: Monitor | None = None,
        limits: Limits | None = None,
        requests: bool = False,
        key: str | None = None,
        rekey: Sequence[str] = (),
        events_topic: str | None = None,
        labels_topic: str | None = None,
        **not_built: object,
    ) -> None:
        for option in not_built:
            raise Problem(f"Pipeline({option}=…) is not built yet or does not exist: leave it out")
        self.name, self.version = topic_word(name), version
        self.event, self.id, self.time = event, id, time
        self.features, self.model, self.labels = checked_features(features), model, labels
        self.learning, self.late = learning, late
        self.monitor = monitor if monitor is not None else Monitor()
        self.limits = limits if limits is not None else Limits()
        self.requests = requests
        self.events_topic, self.labels_topic = events_topic, labels_topic
        self.lateness_ms, self.ahead_ms = duration_ms(lateness, "lateness"), duration_ms(ahead, "ahead")
        if labels is not None and not isinstance(labels, Labels):
            raise Problem(f"labels={labels!r}: write Labels(…)")
        horizon = labels.horizon if labels is not None else DEFAULT_REMEMBERED
        self.begin = _begin(begin)
        self.remember_ms = duration_ms(remember or horizon, "remember")
        self.task: Task = labels.task if labels is not None else "none"
        self._check_choices()
        self._check_event()
        self.compiled = Features(self.features, self.lateness_ms)
        self.feature_names = self.compiled.names
        self.entities = self.compiled.entities or (id,)
        self._entities = tuple(enumerate(self.entities))
        self.key = key if key is not None else self.entities[0]
        if key is not None:
            check_field("key", self.event, key, _KEYS)
        self._check_features()
        self._check_labels()
        self.rekey = checked_rekey(rekey, Role.LABELS in self.inputs)
        check_topics(self.topics(), list(self.inputs))
        built = model()
        learns = learner(built, self.task)
        self.kind = kind_of(built)
        check_repeatable(built, text_classes=self._has_text_classes())
        self.feature_set = digest(self.feature_names)
        self.parts = parts_of(self.features, built, self._rules())
        self.digest = digest_of(self.parts)
        if requests:
            if labels is not None and labels.inside:
                raise Problem("requests=True, but a request would have to bring its label, which is inside the event")
            check_unmoved(built, model.__module__, learns, self.feature_names, self.task)

    @property
    def inputs(self) -> dict[Role, Input]:
        """What comes on topics from outside: events, and labels where they have their own."""
        found = {Role.EVENTS: Input(self.event, self.key)}
        if self.labels is not None and self.labels.event is not None:
            found[Role.LABELS] = Input(self.labels.event, self.label_key)
        return found

    @property
    def label_key(self) -> str:
        """The field of a label that is its key."""
        labels = self.labels
        by_id = labels is not None and labels.id is not None and self.key == self.id
        return labels.id if by_id else self.key  # type: ignore[union-attr, return-value]  # both are there

    @property
    def revised(self) -> bool:
        """Whether a later label takes the place of the first one in rates."""
        return self.labels is not None and self.labels.revised

    def entities_of(self, keys: Sequence[str]) -> dict[str, str]:
        """The values of an event's entities, by their names."""
        return {name: keys[n] for n, name in self._entities}

    def topics(self, prefix: str = "") -> Topics:
        """Where the pipeline reads and writes."""
        return Topics(pipeline=self.name, prefix=prefix, events_topic=self.events_topic, labels_topic=self.labels_topic)

    def _rules(self) -> dict[str, object]:
        """What else decides what a record gives."""
        labels = self.labels
        return {
            "task": self.task,
            "id": self.id,
            "time": self.time,
            "key": self.key,
            **({"rekey": [role.value for role in self.rekey]} if self.rekey else {}),
            "late": self.late,
            **({"lateness": self.lateness_ms} if self.lateness_ms else {}),
            "ahead": self.ahead_ms,
            "remember": self.remember_ms,
            **self._classes(),
            "labels": labels and (labels.inside, labels.id, labels.field, labels.time, labels.horizon_ms),
            **({"revisions": "rates"} if self.revised else {}),
        }

    def _has_text_classes(self) -> bool:
        """Whether labels name classes by text."""
        labels = self.labels
        return labels is not None and str in types_of(labels.event or self.event, labels.field)

    def _classes(self) -> dict[str, object]:
        """What the classes of the definition's own file make of records; those of others go by their name alone."""
        labels = self.labels
        fields = {each.name for each in self.features if isinstance(each, Field)}
        asked = {a.field or "" for each in self.features if isinstance(each, Windows) for a in each.aggregates}
        used = {"event": (self.event, {self.id, self.time, self.key, *self.entities, *fields, *asked})}
        if labels is not None and labels.event is not None:
            used["label"] = (labels.event, {labels.id or "", labels.time or "", labels.field, self.label_key})
        elif labels is not None:
            used["event"][1].add(labels.field)
        own = {what: each for what, each in used.items() if each[0].__module__ == self.model.__module__}
        trees = {f"class of {what}s": class_tree(*each) for what, each in own.items()}
        return {name: tree for name, tree in trees.items() if tree}

    def _check_choices(self) -> None:
        if self.learning not in get_args(Learning):
            raise Problem(f'learning={self.learning!r} is not built: write "inline" or "inline_per_partition"')
        if self.late not in get_args(Late):
            raise Problem(f'late={self.late!r}: write "score" or "skip"')
        if not isinstance(self.version, int) or self.version < 1:
            raise Problem(f"version={self.version!r}: versions are whole numbers that count from 1")
        if not isinstance(self.requests, bool):
            raise Problem(f"requests={self.requests!r}: write requests=True to take score requests, or leave it out")
        if not isinstance(self.monitor, Monitor) or not isinstance(self.limits, Limits):
            raise Problem(f"monitor={self.monitor!r}, limits={self.limits!r}: write Monitor(…) and Limits(…)")
        if not callable(self.model):
            raise Problem("model= must be a function that builds a River model: write model=lambda: …")
        if self.labels_topic is not None and (self.labels is None or self.labels.inside):
            raise Problem(f"labels_topic={self.labels_topic!r}, but labels= names no class of its own: leave it out")
        if self.labels is not None and self.remember_ms < self.labels.horizon_ms:
            raise Problem("remember= is shorter than the labels' horizon: an event is remembered until its label comes")
        if self.remember_ms < self.lateness_ms:
            raise Problem("remember= is shorter than lateness=: an event that comes again so late would count twice")

    def _check_event(self) -> None:
        if not (isinstance(self.event, type) and issubclass(self.event, BaseModel)):
            raise Problem(f"event={self.event!r} must be a pydantic class: class Payment(BaseModel): …")
        check_field("id", self.event, self.id, _KEYS)
        check_field("time", self.event, self.time, (datetime, int))
        avro_schema(self.event)

    def _check_features(self) -> None:
        repeated = sorted({name for name in self.feature_names if self.feature_names.count(name) > 1})
        if repeated:
            raise Problem(f"feature {repeated[0]} is defined twice: leave one out")
        before: list[str] = []
        for feature in self.features:
            self._check_feature(feature, before)
            before += feature.names

    def _check_feature(self, feature: Feature, before: Sequence[str]) -> None:
        if isinstance(feature, Field):
            check_number(self.event, feature.name, feature.default)
        elif isinstance(feature, Derived):
            check_derived(feature, before)
        elif isinstance(feature, Windows):
            if not feature.aggregates:
                raise Problem(f"per({feature.entity!r}).over(…) aggregates nothing: add .count() or .mean(field)")
            if feature.entity != EVERYTHING:
                check_field("per()", self.event, feature.entity, _KEYS)
            if feature.where is not None:
                check_function(f"per({feature.entity!r}).over(where=…)", feature.where, 1)
            for aggregate in feature.aggregates:
                self._check_aggregate(feature, aggregate)

    def _check_aggregate(self, windows: Windows, aggregate: Aggregate) -> None:
        what = f"per({windows.entity!r}).over(…).{aggregate.verb}(…)"
        if aggregate.field is not None and aggregate.verb == "distinct":
            check_field(what, self.event, aggregate.field, (*NUMBERS, str))
        elif aggregate.field is not None:
            check_number(self.event, aggregate.field, None)
        if aggregate.verb == "rate" and self.task != "binary":
            raise Problem(f"{what} is the rate of a binary label, and there is none: leave it out")
        if aggregate.verb in NEVER_OF_NOTHING and windows.may_be_empty and aggregate.default is None:
            raise Problem(
                f"{what} may find no event in its window: give it a default, as in {aggregate.verb}(…, default=0.0)"
            )
        if aggregate.verb in OF_LATER and aggregate.default is None:
            raise Problem(f"{what} may find no event: give it a default, as in {aggregate.verb}(…, default=0.0)")
        check_default(what, aggregate.default)

    def _check_labels(self) -> None:
        labels = self.labels
        if labels is None:
            return
        if labels.revised and not self.compiled.rated:
            raise Problem(
                'Labels(revisions="rates"), but no feature is a rate of labels: leave it out, or add .rate(…)'
            )
        owner = labels.event or self.event
        check_field("labels.field", owner, labels.field, (bool, int, str, float))
        if labels.event is not None and labels.id is not None and labels.time is not None:
            check_field("labels.id", labels.event, labels.id, _KEYS)
            check_field("labels.time", labels.event, labels.time, (datetime, int))
            if self.label_key not in labels.event.model_fields:
                raise Problem(
                    f"{labels.event.__name__} has no field {self.key}: a label travels to the partition of its event, "
                    f"so it must carry the event's key; add {self.key} to it, or key both by the event's id: "
                    f"key={self.id!r}"
                )
            check_field("the key of the labels", labels.event, self.label_key, _KEYS)
            avro_schema(labels.event)


def _begin(text: str) -> Begin:
    if text == "earliest":
        return "earliest"
    if text == "latest":
        return "latest"
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        raise Problem(f'begin={text!r}: write "earliest", "latest" or a time with its offset: "2026-11-01T00:00+00:00"')
    return int(time.timestamp() * 1000)
