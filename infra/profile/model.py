"""What a profile says, as `--json` has it. Shares are from 0 to 1, times are UTC, what is undefined is null."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Described

from streams.labels import Task

Kind = Literal["number", "truth value", "category", "text", "time", "identifier", "empty"]
Severity = Literal["serious", "look", "note"]
Unit = Literal["minute", "ten minutes", "hour", "six hours", "day", "week", "four weeks", "part"]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Bar(_Said):
    """Usable numbers from `low` up to `high`; the two are equal where a bar stands for one number."""

    low: float
    high: float
    count: int


class Numbers(_Said):
    """The usable numbers of a field. Of a time they are seconds after the event, of a text its characters."""

    unusable: int = Described(description="NaN, infinite, or beyond 1e150, where squares overflow")
    zeros: int
    negative: int
    low: float
    high: float
    mean: float
    deviation: float = Described(description="standard deviation, of the numbers themselves (divided by their count)")
    quantiles: dict[str, float] = Described(description="interpolated linearly, by rank: p01, p05, p25, p50, …")
    bars: tuple[Bar, ...] = Described(description="one per number where these are few, else of equal width")
    below: int = Described(description="numbers below the first bar: up to .5 % at each end are not drawn")
    above: int


class Value(_Said):
    """One value of a field; `share` is that among the rows that have one."""

    value: str
    count: int
    share: float


class Rate(_Said):
    """Labelled rows with one value, or in one bin: the share of positive labels, or with a number as label its mean."""

    value: str
    labelled: int
    rate: float


class Relation(_Said):
    """How a field alone tells the label, among the labelled rows that have it."""

    labelled: int
    auc: float | None = None
    """Chance that a positive has the larger number than a negative, ties half. Of a category, the rate of its value in
    one half of the rows ranks the other half; of an identifier, its place in the order of length and text."""
    presence_auc: float | None = None
    """The same of being there at all, where some labelled rows lack the field."""
    means: dict[str, float] = {}
    """Mean number per class."""
    rates: tuple[Rate, ...] = ()
    information: float | None = None
    """Mutual information of label and field (a number in ten bins of equal count), bits."""
    told: float | None = None
    """Share of the label's entropy that this is: 1 where the field decides the label."""
    cramers_v: float | None = None
    """Of a category's 50 most frequent values and the rest."""
    spearman: float | None = None
    """Rank correlation, where the label is a number."""


class Moment(_Said):
    """A field in one period. Quantiles of a number, shares of the most frequent values of others."""

    start: datetime
    rows: int
    missing_share: float
    stability: float | None = Described(description="distance from the reference; null for the reference itself")
    new_share: float | None = Described(
        description="share of rows whose value the reference never had; categories only"
    )
    quantiles: dict[str, float] = {}
    shares: dict[str, float] = {}


class Drift(_Said):
    """How the later periods differ from the first ones, the reference.

    `stability` is the population stability index as the monitor defines it, less what chance alone gives; missing
    values are one more bin. By convention .1 is little, .25 much.
    """

    stability: float = Described(description="of the worst period")
    worst: datetime = Described(description="when that begins")
    bin: str = Described(description="what has changed most in it")
    share: float
    reference_share: float
    crossed: datetime | None = Described(description="the first period from .1 on")
    new_share: float | None = Described(description="of all later rows, with values that the reference never had")
    new_by_chance: float | None = Described(description="as many as may be new because values are rare, at most")
    ks: float | None = Described(description="Kolmogorov and Smirnov's distance of all later numbers, 0 to 1")
    ks_p: float | None = Described(description="its chance if nothing had changed")
    chi2_p: float | None = Described(description="that of chi-squared over the values of a category")
    moments: tuple[Moment, ...]


class Times(_Said):
    """When something happened."""

    first: datetime
    last: datetime
    gap_s: float = Described(description="the longest time in which nothing happened")
    gap_after: datetime
    out_of_order: int = Described(description="rows older than one before them (in their partition)")
    out_of_order_share: float
    late_s: float = Described(description="how much older, at most")
    per_hour: float
    unit: Unit
    counts: tuple[tuple[datetime, int], ...] = Described(description="rows per unit, empty ones included")
    empty: int = Described(description="units in which nothing happened")
    hours: tuple[int, ...] = Described(description="rows per hour of the day, UTC")
    weekdays: tuple[int, ...] = Described(description="rows per day of the week, Monday first")


class Field(_Said):
    """One field of the events."""

    name: str
    kind: Kind
    type: str = Described(description="as the file or the class has it")
    count: int = Described(description="rows that have it")
    missing: int
    missing_share: float
    distinct: int = Described(description="exact")
    numbers: Numbers | None = None
    top: tuple[Value, ...] = Described(default=(), description="most frequent values")
    others: int = Described(default=0, description="rows with any other value")
    per_value: Numbers | None = Described(default=None, description="rows per value, of a category of more than 50")
    times: Times | None = None
    relation: Relation | None = None
    drift: Drift | None = None


class Delays(_Said):
    """How long after its event a label is known, seconds."""

    quantiles: dict[str, float]
    before_event: int = Described(description="labels that were known before their event happened")


class Labels(_Said):
    """The truth about the events."""

    field: str
    task: Task
    labelled: int = Described(description="rows with a label")
    unlabelled_share: float
    classes: tuple[Value, ...] = Described(default=(), description="how often each is the truth")
    positive: str | None = Described(default=None, description="the class that a rate is the share of")
    rate: float | None = Described(default=None, description="share of positives, or mean of the label")
    repeated: int = Described(default=0, description="labels of events that had one; the one known first stands")
    contradictory: int = Described(default=0, description="of these, with another truth")
    orphans: int = Described(default=0, description="labels of no event that was read")
    delays: Delays | None = None
    moments: tuple[tuple[datetime, int, int, float | None], ...] = Described(
        default=(), description="per period: its begin, rows, labelled rows, and the rate among these"
    )
    drift: Drift | None = None


class Finding(_Said):
    """Something to know before a model is built: the most serious first."""

    severity: Severity
    what: Literal["leak", "drift", "duplicate", "label", "missing", "unusable", "constant", "order", "gap", "rejected"]
    field: str | None
    text: str


class Periods(_Said):
    """How time was cut: the first `reference` periods are what the others are compared with."""

    unit: Unit
    count: int
    reference: int


class Profile(_Said):
    """Everything that is said."""

    title: str
    place: str = Described(description="what was read")
    rows: int
    rejected: dict[str, int] = Described(description="records that could not be read, by reason")
    remarks: tuple[str, ...]
    time: str | None = Described(description="the field with the event's time")
    id: str | None
    periods: Periods | None
    findings: tuple[Finding, ...]
    labels: Labels | None
    fields: tuple[Field, ...]
