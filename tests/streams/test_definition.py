"""What cannot work is refused when the pipeline is defined, in one sentence that names the field and the cure."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Strict
from pydantic import Field as Bound
from river.active import EntropySampler
from river.anomaly import GaussianScorer, HalfSpaceTrees
from river.cluster import KMeans
from river.compose import Discard
from river.ensemble import BaggingClassifier
from river.forest import ARFClassifier
from river.linear_model import LinearRegression, LogisticRegression
from river.naive_bayes import GaussianNB
from river.neighbors import SWINN, KNNClassifier
from river.preprocessing import StandardScaler
from river.tree import HoeffdingAdaptiveTreeClassifier, ISOUPTreeRegressor

from schemas.problem import Problem
from schemas.reject import Reject
from streams import Derived, Field, Labels, Pipeline, per
from streams.features import Features
from streams.monitor.definition import Monitor
from streams.runtime.bind import bind, monitor_stage
from tests.schemas.in_process import InProcess
from tests.streams.builders import Tap, definition, labels


def of_two(tap: Any, other: Any) -> bool:
    return bool(tap is other)


async def later(tap: Any) -> float:
    return float(tap.amount)


def one_by_one(tap: Any) -> Any:
    yield tap.amount > 1


class Odd(BaseModel):
    """A tap of every kind that does not fit."""

    tap_id: str
    at_ms: int
    card: str = "a"
    amount: float = 1.0
    said: str = ""
    maybe: float | None = None
    maybe_said: str | None = None
    share: float = 0.5
    since: datetime | None = None
    numbers: list[float] = []


class Unkeyed(BaseModel):
    """A label that does not say whose it is."""

    tap_id: str
    known_ms: int
    fraud: bool


class Unsure(BaseModel):
    """A label whose key may be absent."""

    tap_id: str
    known_ms: int
    fraud: bool
    card: str | None = None


class Untyped(BaseModel):
    """A tap with a field that Avro cannot say."""

    tap_id: str
    at_ms: int
    amount: float
    thing: Any


class Called(BaseModel):
    """A tap with a function in it."""

    tap_id: str
    at_ms: int
    amount: float
    thing: Callable[[], int]


def taps(*features: Any, **overrides: Any) -> dict[str, Any]:
    return definition(event=Odd, features=list(features) or [Field("amount")], **overrides)


WRONG: dict[str, tuple[Callable[[], dict[str, Any]], tuple[str, ...]]] = {
    "no such id": (lambda: definition(id="tapid"), ("id='tapid'", "no such field", "tap_id")),
    "no such time": (lambda: definition(time="at"), ("time='at'", "no such field", "at_ms")),
    "id of the wrong type": (lambda: taps(id="share"), ("id='share'", "must be str or int", "float")),
    "time of the wrong type": (lambda: taps(time="said"), ("time='said'", "datetime or int", "str")),
    "time that may be absent": (lambda: taps(time="since"), ("time='since'", "NoneType")),
    "no such feature": (lambda: taps(Field("amont")), ("amont", "no such field", "amount")),
    "text as a feature": (lambda: taps(Field("said")), ("Odd.said", "must be float or int or bool", "str")),
    "a list as a feature": (lambda: taps(Field("numbers")), ("Odd.numbers", "must be float")),
    "optional without default": (lambda: taps(Field("maybe")), ("Odd.maybe", "default=0.0")),
    "optional text": (lambda: taps(Field("maybe_said", default=0.0)), ("Odd.maybe_said", "must be", "str")),
    "a default that is no number": (lambda: taps(Field("maybe", default=float("nan"))), ("maybe", "finite")),
    "optional in a window": (lambda: taps(per("card").over("1d").mean("maybe")), ("Odd.maybe", "default")),
    "text in a window": (lambda: taps(per("card").over("1d").sum("said")), ("said", "must be")),
    "no such field in a window": (lambda: taps(per("card").over("1d").sum("x")), ("'x'", "no such field")),
    "no such entity": (lambda: taps(per("cart").over("1d").count()), ("cart", "no such field", "card")),
    "a number as entity": (lambda: taps(per("share").over("1d").count()), ("per()", "share", "str or int")),
    "windows of nothing": (lambda: taps(per("card").over("1d")), ("aggregates nothing", ".count()")),
    "an entity without windows": (lambda: taps(per("card")), ("per('card')", ".over(")),
    "the same feature twice": (lambda: taps(Field("amount"), Field("amount")), ("amount", "twice")),
    "the same window twice": (lambda: taps(per("card").over("1d", "1d").count()), ("card.count.1d", "twice")),
    "no features": (lambda: definition(features=[]), ("features=", "at least one")),
    "a name as a feature": (lambda: definition(features=["amount"]), ("'amount'", "write Field")),
    "one feature, no list": (lambda: definition(features=Field("amount")), ("features=", "list")),
    "a dictionary as event": (lambda: definition(event=dict), ("event=", "pydantic class")),
    "a type that Avro lacks": (
        lambda: definition(event=Untyped, features=[Field("amount")]),
        ("Untyped", "Avro", "plain field types"),
    ),
    "a type that JSON lacks": (
        lambda: definition(event=Called, features=[Field("amount")]),
        ("Called", "Avro", "plain field types"),
    ),
    "a dictionary as label": (
        lambda: definition(labels=Labels(dict, id="a", time="b", field="c", task="binary")),  # type: ignore[arg-type]
        ("dict", "pydantic class"),
    ),
    "no such label field": (lambda: definition(labels=labels(field="frod")), ("labels.field='frod'", "fraud")),
    "no such label id": (lambda: definition(labels=labels(id="x")), ("labels.id='x'", "tap_id")),
    "no such label time": (lambda: definition(labels=labels(time="x")), ("labels.time='x'", "known_ms")),
    "no such label inside": (
        lambda: definition(labels=Labels(field="fraud", task="binary")),
        ("labels.field='fraud'", "Tap"),
    ),
    "a label without the key": (
        lambda: definition(labels=Labels(Unkeyed, id="tap_id", field="fraud", time="known_ms", task="binary")),
        ("Unkeyed", "card", "add card"),
    ),
    "a label whose key may be absent": (
        lambda: definition(labels=Labels(Unsure, id="tap_id", field="fraud", time="known_ms", task="binary")),
        ("Unsure.card", "str or int"),
    ),
    "a label topic without its class": (lambda: definition(labels=None, labels_topic="x"), ("labels_topic='x'",)),
    "one topic for both": (lambda: definition(labels_topic="x", events_topic="x"), ("labels_topic='x'", "its own")),
    "keys of an input that there is not": (lambda: definition(rekey=("models",)), ("rekey=('models',)", '("events",)')),
    "keys of one input, no list": (lambda: definition(rekey="events"), ("rekey='events'", '("events",)')),
    "keys of labels without a topic": (
        lambda: definition(labels=None, rekey=("labels",), model=lambda: HalfSpaceTrees(seed=1)),
        ("rekey=", "labels", "leave it out"),
    ),
    "memory shorter than the horizon": (lambda: definition(remember="50ms"), ("remember=", "horizon")),
    "a bad horizon": (lambda: definition(labels=labels(horizon="soon")), ("horizon='soon'", "7d")),
    "a number as horizon": (lambda: definition(labels=labels(horizon=30)), ("horizon=30", "7d")),
    "a bad ahead": (lambda: definition(ahead="1 hour"), ("ahead='1 hour'", "7d")),
    "a bad begin": (lambda: definition(begin="now"), ("begin='now'", '"latest"')),
    "a begin without offset": (lambda: definition(begin="2026-11-01"), ("begin='2026-11-01'", "offset")),
    "a lateness beyond what is remembered": (
        lambda: definition(labels=None, lateness="3d", model=lambda: HalfSpaceTrees(seed=1)),
        ("remember=", "lateness="),
    ),
    "requests that bring their labels": (
        lambda: taps(labels=Labels(field="share", task="regression"), model=LinearRegression, requests=True),
        ("requests=True", "inside the event"),
    ),
    "more tiles than fit": (
        lambda: taps(per("card").over("365d", tile="1s").count()),
        ("tile='1s'", "31,536,000", "5,000"),
    ),
    "a bad lateness": (lambda: definition(lateness="a bit"), ("lateness='a bit'", "7d")),
    "a bad remember": (lambda: definition(remember="-1d"), ("remember='-1d'", "7d")),
    "a bad span": (lambda: taps(per("card").over("1day").count()), ("1day", "7d", "card")),
    "an empty span": (lambda: taps(per("card").over("0s").count()), ("0s", "above zero")),
    "a bad delay": (lambda: taps(per("card").over("1d", delay="later").count()), ("later", "7d", "delay")),
    "a delay of nothing": (lambda: taps(per("card").over("1d", delay="0s").count()), ("delay='0s'", "leave it out")),
    "a mean of nothing": (
        lambda: taps(per("card").over("1d", delay="7d").mean("amount")),
        ("per('card')", "mean", "default=0.0"),
    ),
    "a mean's default that is no number": (
        lambda: taps(per("card").over("1d", delay="7d").mean("amount", default=float("nan"))),
        ("default nan", "finite"),
    ),
    "the time since a delayed event": (
        lambda: taps(per("card").over("1d", delay="7d").since(default=0.0)),
        ("since", "leave the delay out"),
    ),
    "derived of a feature that comes later": (
        lambda: taps(Derived("twice", lambda x: 2 * x, of=("card.count.1d",)), per("card").over("1d").count()),
        ("Derived('twice'", "card.count.1d", "before"),
    ),
    "derived with a default that is none": (
        lambda: taps(Derived("twice", lambda tap: tap.amount, default=float("inf"))),
        ("Derived('twice'", "default inf", "finite"),
    ),
    "derived with a default that is text": (
        lambda: taps(Derived("twice", lambda tap: tap.amount, default="0")),  # type: ignore[arg-type]
        ("Derived('twice'", "default '0'", "finite"),
    ),
    "derived by a function of two values of one": (
        lambda: taps(Derived("twice", of_two)),
        ("Derived('twice'", "the event alone", "of_two(tap, other)"),
    ),
    "derived of two features by a function of one": (
        lambda: taps(Field("amount"), Derived("b", lambda tap: tap, of=("amount", "amount"))),
        ("Derived('b'", "2 values"),
    ),
    "derived by what gives its value later": (
        lambda: taps(Derived("twice", later)),  # type: ignore[arg-type]
        ("later", "plain def"),
    ),
    "a filter that gives its value later": (
        lambda: taps(per("card").over("1d", where=one_by_one).count()),
        ("where=", "one_by_one", "plain def"),
    ),
    "a filter of two values": (
        lambda: taps(per("card").over("1d", where=of_two).count()),  # type: ignore[arg-type]
        ("where=", "the event alone"),
    ),
    "the last value, with no default": (
        lambda: taps(per("card").over("1d").last("amount", default=None)),  # type: ignore[arg-type]
        ("last", "default=0.0"),
    ),
    "a rate among others": (
        lambda: taps(per("card").over("1d").rate("label", among="known")),  # type: ignore[arg-type]
        ("among='known'", '"labelled"'),
    ),
    "windows per number": (lambda: taps(per(3).over("1d").count()), ("per(3)", "name of a field")),  # type: ignore[arg-type]
    "a window of more than a century": (lambda: taps(per("card").over("5219w").count()), ("5219w", "hundred years")),
    "labels of the events' topic": (
        lambda: definition(labels_topic="taps.events"),
        ("labels_topic='taps.events'", "events_topic too"),
    ),
    "events of the labels' topic": (
        lambda: definition(events_topic="taps.labels"),
        ("labels_topic='taps.labels'", "events_topic too"),
    ),
    "events of a topic of scores": (
        lambda: definition(events_topic="taps.scored"),
        ("events_topic='taps.scored'", "Millrace writes"),
    ),
    "a topic that Kafka cannot have": (
        lambda: definition(events_topic="all taps"),
        ("events_topic='all taps'", "249"),
    ),
    "a monitor that is none": (lambda: definition(monitor=5), ("monitor=5", "Monitor(…)")),
    "labels that are none": (lambda: definition(labels="fraud"), ("labels='fraud'", "Labels(…)")),
    "several classes for a model of two": (
        lambda: definition(labels=labels(task="multiclass")),
        ("LogisticRegression", "multiclass", "OneVsRestClassifier"),
    ),
    "a model that asks for labels": (
        lambda: definition(model=lambda: EntropySampler(LogisticRegression(), seed=1)),
        ("EntropySampler", "one class or number"),
    ),
    "a model of several targets": (
        lambda: definition(labels=labels(task="regression"), model=ISOUPTreeRegressor),
        ("ISOUPTreeRegressor", "one class or number"),
    ),
    "a model that keeps something elsewhere": (
        lambda: definition(model=lambda: KNNClassifier(engine=SWINN(seed=1))),
        ("SWINN", "LazySearch"),
    ),
    "a model that goes by the hashes of its classes": (
        lambda: definition(
            event=Odd,
            labels=Labels(field="said", task="multiclass"),
            model=lambda: StandardScaler() | HoeffdingAdaptiveTreeClassifier(seed=1),
        ),
        ("HoeffdingAdaptiveTreeClassifier", "number the classes"),
    ),
    "a delayed window without the event": (
        lambda: taps(per("card").over("1d", delay="7d", itself=False).count()),
        ("itself=False", "leave itself= out"),
    ),
    "a mean before the first event": (
        lambda: taps(per("card").over("1d", itself=False).mean("amount")),
        ("per('card')", "mean", "default=0.0"),
    ),
    "a filter without a name": (
        lambda: taps(per("card").over("1d", where=lambda tap: tap.amount > 1).count()),
        ("where=", "without a name", "def"),
    ),
    "a quantile of all": (lambda: taps(per("card").over("1d").quantile("amount", "1.0")), ("'1.0'", '"0.9"')),
    "a quantile that is rounded": (
        lambda: taps(per("card").over("1d").quantile("amount", 0.1 + 0.2)),  # type: ignore[arg-type]
        ("0.3", "as text"),
    ),
    "tiles that do not divide": (
        lambda: taps(per("card").over("1d", "36h", tile="24h").count()),
        ("tile='24h'", "whole tiles"),
    ),
    "room for no event": (lambda: taps(per("card").over("1d", most=0).count()), ("most=0", "one at least")),
    "room as a truth": (lambda: taps(per("card").over("1d", most=True).count()), ("most=True", "one at least")),
    "tiles with room": (
        lambda: taps(per("card").over("1d", tile="1h", most=9).count()),
        ("tile='1h'", "most=9", "leave most= out"),
    ),
    "a rate of some events": (
        lambda: taps(per("card").over("1d", most=9).rate("label")),
        ("most=9", "no rate", "tile="),
    ),
    "tiles of nothing": (lambda: taps(per("card").over("20ms", tile="auto").count()), ("tile='auto'", "whole tiles")),
    "the last of a tile": (
        lambda: taps(per("card").over("1d", tile="1h").last("amount", default=0.0)),
        ("tiled", "last", "without tile="),
    ),
    "a tile that may hold nothing": (
        lambda: taps(per("card").over("1d", tile="1h").mean("amount")),
        ("mean", "default=0.0"),
    ),
    "a decaying sum": (lambda: taps(per("card").decayed("1d").sum("amount")), ("decayed windows give mean", "sum")),
    "decay without a half-life": (lambda: taps(per("card").decayed().mean("amount")), ("decayed()", "no span")),
    "different lists": (lambda: taps(per("card").over("1d").distinct("numbers")), ("distinct", "numbers", "str")),
    "a rate of a field": (lambda: taps(per("card").over("1d").rate("amount")), ("rate('amount')", "mean")),
    "a rate without labels": (
        lambda: definition(
            labels=None, features=[per("card").over("1d").rate("label")], model=lambda: HalfSpaceTrees(seed=1)
        ),
        ("rate", "binary"),
    ),
    "no span": (lambda: taps(per("card").over().count()), ("per('card')", "no span")),
    "a task that does not exist": (lambda: definition(labels=labels(task="ranking")), ("ranking", "regression")),
    "a label without id": (lambda: definition(labels=labels(id=None)), ("id=", "time=")),
    "a label inside with an id": (
        lambda: definition(labels=Labels(field="amount", id="tap_id", task="regression")),
        ("inside", "leave them out"),
    ),
    "a name that no topic can have": (lambda: definition(name="my taps"), ("my taps", "letters")),
    "a name of letters that no topic can have": (lambda: definition(name="zahlüngen"), ("zahlüngen", "letters")),
    "no name": (lambda: definition(name=""), ("name=''",)),
    "version 0": (lambda: definition(version=0), ("version=0", "from 1")),
    "a version in quotes": (lambda: definition(version="2"), ("version='2'", "whole numbers")),
    "late neither scored nor skipped": (lambda: definition(late="drop"), ("late='drop'", "skip")),
    "learning in a way that is not built": (lambda: definition(learning="trainer"), ("learning='trainer'", "inline")),
    "a model, not a function": (lambda: definition(model=LogisticRegression()), ("model=", "lambda")),
    "a model of nothing": (lambda: definition(model=lambda: None), ("model=", "NoneType", "River")),
    "a model that only transforms": (lambda: definition(model=lambda: Discard("a")), ("Discard", "River")),
    "a model that clusters": (lambda: definition(model=lambda: KMeans(seed=1)), ("KMeans", "River")),
    "a detector that needs the truth": (lambda: definition(model=GaussianScorer), ("GaussianScorer", "unsupervised")),
    "a regressor for classes": (lambda: definition(model=LinearRegression), ("regressor", "'binary'", "model=")),
    "a classifier without labels": (lambda: definition(labels=None), ("classifier", "'none'", "labels=")),
    "a forest without a seed": (lambda: definition(model=ARFClassifier), ("ARFClassifier", "seed")),
    "a detector without a seed": (lambda: definition(model=HalfSpaceTrees), ("HalfSpaceTrees", "seed")),
    "a bag without a seed": (lambda: definition(model=lambda: BaggingClassifier(LogisticRegression())), ("seed",)),
    "a function without source": (
        lambda: taps(Derived("x", eval("lambda tap: tap.amount"))),
        ("source", "def"),
    ),
}


@pytest.mark.parametrize(("arguments", "named"), WRONG.values(), ids=WRONG)
def test_a_definition_that_cannot_work_is_refused(
    arguments: Callable[[], dict[str, Any]], named: tuple[str, ...]
) -> None:
    with pytest.raises(Problem) as told:
        Pipeline(**arguments())

    assert all(word in str(told.value) for word in named), str(told.value)
    assert "\n" not in str(told.value)


NOT_BUILT: dict[str, Callable[[], object]] = {
    "learning": lambda: Pipeline(**definition(learning="trainer")),
    **{
        option: (lambda option=option: Pipeline(**definition(**{option: "1d"})))  # type: ignore[misc]
        for option in ("challengers", "baseline", "explain", "checkpoint")
    },
}


@pytest.mark.parametrize(("what", "use"), NOT_BUILT.items(), ids=NOT_BUILT)
def test_what_is_not_built_yet_is_refused_by_name(what: str, use: Callable[[], object]) -> None:
    with pytest.raises(Problem, match="not built") as told:
        use()

    assert what in str(told.value)


class Fitting(BaseModel):
    """A tap of every kind that fits."""

    tap_id: int
    at: Annotated[datetime, Strict()]
    card: Literal["a", "b"]
    amount: Annotated[float, Bound(ge=0)]
    tip: Annotated[float, Bound(ge=0)] | None = None
    known: bool = False
    kind: Literal["in", "out"] = "in"


def test_what_fits_is_accepted() -> None:
    made = Pipeline(
        **definition(
            event=Fitting,
            time="at",
            labels=Labels(field="kind", task="multiclass"),
            features=[
                Field("amount"),
                Field("tip", default=0.0),
                Field("known"),
                per("card").over("1d", "24h").count().mean("amount"),
                per("card").over("1h").sum("amount"),
            ],
            model=GaussianNB,
        )
    )

    assert made.key == "card"
    assert made.compiled.settles_ms == 86_400_000
    assert made.feature_names == (
        "amount",
        "tip",
        "known",
        "card.count.1d",
        "card.count.24h",
        "card.amount.mean.1d",
        "card.amount.mean.24h",
        "card.amount.sum.1h",
    )


def test_a_default_and_what_a_rate_is_among_belong_to_the_definition() -> None:
    windows = per("card").over("1d", delay="7d")
    card = per("card").over("1d").count()
    made = [
        windows.mean("amount", default=0.0),
        windows.mean("amount", default=1.0),
        windows.rate("label"),
        windows.rate("label", default=0.5),
        per("card").over("1d", delay="8d").rate("label"),
        per("shop").over("1d", delay="7d").rate("label"),
    ]

    assert len({Pipeline(**definition(features=[card, each])).digest for each in made}) == len(made)


def test_labels_that_know_only_the_id_are_keyed_by_it() -> None:
    class Verdict(BaseModel):
        of: str
        known_ms: int
        fraud: bool

    verdicts = Labels(Verdict, id="of", field="fraud", time="known_ms", task="binary")

    with pytest.raises(Problem, match=r"has no field card.*or key both by the event's id: key='tap_id'"):
        Pipeline(**definition(labels=verdicts))
    made = Pipeline(**definition(labels=verdicts, key="tap_id"))
    assert (made.key, made.label_key) == ("tap_id", "of")
    assert made.digest != Pipeline(**definition()).digest


def test_a_key_that_no_event_has_is_a_problem() -> None:
    with pytest.raises(Problem, match="key='till': Tap has no such field"):
        Pipeline(**definition(key="till"))


def test_windows_over_all_events_are_keyed_by_the_id() -> None:
    made = Pipeline(**definition(features=[Field("amount"), per().over("1d").count()]))

    assert made.feature_names == ("amount", "all.count.1d")
    assert made.key == "tap_id"


def test_a_changed_filter_is_another_definition() -> None:
    def of(bound: float) -> Callable[[Any], bool]:
        def high(tap: Any) -> bool:
            return bool(tap.amount > bound)

        return high

    made = [
        Pipeline(**definition(features=[per("card").over("1d", where=where).count()])) for where in (None, of(1), of(2))
    ]

    assert len({each.digest for each in made}) == 3
    with pytest.raises(Problem, match="two filters are called high"):
        Features([per("card").over("1d", where=of(1)).count(), per("card").over("2d", where=of(2)).count()])


def test_other_tiles_are_another_definition() -> None:
    card = per("card")
    together = [card.over("7d", "1h", tile="auto").count()]
    apart = [card.over("7d", tile="auto").count(), card.over("1h", tile="auto").count()]

    assert Features(together).names == Features(apart).names
    assert Pipeline(**definition(features=together)).digest != Pipeline(**definition(features=apart)).digest


def test_a_filter_may_have_any_name() -> None:
    def before(tap: Any) -> bool:
        return bool(tap.amount > 1.0)

    day = per("card").over
    made = Features([day("1d", tile="1h", where=before).count(), day("1d", tile="1h", itself=False).sum("amount")])
    states, told = made.initial(), []
    for n, amount in enumerate((0.5, 2.0, 3.0)):
        told.append(made.vector(states, Tap(tap_id=str(n), at_ms=n, amount=amount), ("a",), n))

    assert told == [[0.0, 0.0], [1.0, 0.5], [2.0, 2.5]]


def test_an_event_of_which_a_filter_fails_is_rejected_and_leaves_no_trace() -> None:
    def fine(tap: Any) -> bool:
        return bool(1 / tap.amount > 0)

    features = Features([per("card").over("1d").count(), per("card").over("1d", where=fine).count()])
    states = features.initial()
    with pytest.raises(Reject, match="where=fine failed: ZeroDivisionError"):
        features.vector(states, Tap(tap_id="1", at_ms=1, amount=0.0), ("a",), 1)

    assert not any(state.histories for state in states)


def test_without_windows_the_event_is_its_own_key() -> None:
    made = Pipeline(**definition(labels=None, features=[Field("amount")], model=lambda: HalfSpaceTrees(seed=1)))

    assert made.key == "tap_id"
    assert made.compiled.settles_ms == 0


class Kind(StrEnum):
    FINE, FRAUD = "fine", "fraud"


class Sorted(Tap):
    kind: Kind = Kind.FINE


def test_an_enum_is_refused_with_what_to_write() -> None:
    told = r"Sorted.kind is an Enum: write Literal\['fine', 'fraud'\] for Kind"

    with pytest.raises(Problem, match=told):
        Pipeline(**definition(event=Sorted, labels=Labels(field="kind", task="multiclass"), model=GaussianNB))


def test_the_monitor_waits_for_the_longest_window_and_a_few_half_lives_of_what_decays() -> None:
    day_ms = 86_400_000
    decayed, windows = per("card").decayed("7d").mean("amount"), per("card").over("1d", "9d").count()

    for features, settled_ms in ((decayed, 49 * day_ms), (windows, 9 * day_ms)):
        assert monitor_stage(Pipeline(**definition(features=[features])))._drift._warmup_ms == settled_ms


@pytest.mark.parametrize(
    ("other", "same"),
    [(Monitor(window="30m"), False), (Monitor(score_bins=2_000), False), (Monitor(stability=0.5), True)],
    ids=["window", "score_bins", "stability"],
)
def test_what_a_monitor_counts_in_belongs_to_its_stage_alone(other: Monitor, same: bool) -> None:
    usual, made = Pipeline(**definition()), Pipeline(**definition(monitor=other))

    def digests(stage: str) -> list[str]:
        bound = (bind(each, stage, prefix="", registry=InProcess(), partitions=1) for each in (usual, made))
        return [each.digest for each in bound]

    assert len(set(digests("score"))) == 1
    assert (len(set(digests("monitor"))) == 1) is same
