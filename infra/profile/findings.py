"""What a person should know first, the most serious before all else."""

from collections.abc import Iterable, Iterator
from datetime import datetime, time

from infra.profile.drift import LITTLE, MUCH
from infra.profile.model import Drift, Field, Finding, Labels, Severity

_ORDER: tuple[Severity, ...] = ("serious", "look", "note")
_FIRST = ("leak", "rejected", "label", "drift", "duplicate", "order")
_MOSTLY = 0.5
_MANY = 0.01
_RARE = 0.01
_NEW = 0.01
_FEW_VALUES = 1_000
_GAP = 24


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The most serious first, among these what spoils a model most, and so on as they were found."""
    return tuple(sorted(findings, key=_place))


def _place(finding: Finding) -> tuple[int, int]:
    what = _FIRST.index(finding.what) if finding.what in _FIRST else len(_FIRST)
    return _ORDER.index(finding.severity), what


def of_rejected(rejected: dict[str, int], rows: int) -> Iterator[Finding]:
    """Records that could not be read."""
    many = sum(rejected.values())
    if many:
        share = many / (many + rows)
        told = ", ".join(f"{count:,} {reason}" for reason, count in sorted(rejected.items()))
        text = f"{many:,} records ({share:.1%}) would be rejected: {told}"
        yield Finding(severity="serious" if share >= _MANY else "look", what="rejected", field=None, text=text)


def of_labels(labels: Labels) -> Iterator[Finding]:
    """How labels come, and whether they change."""
    if labels.contradictory:
        text = f"{labels.contradictory:,} labels contradict the first one of their event, which stands"
        yield _finding("look", "label", labels.field, text)
    if labels.orphans:
        yield _finding("look", "label", labels.field, f"{labels.orphans:,} labels are of no event that was read")
    if not labels.labelled:
        yield _finding("look", "label", labels.field, "no event has a label yet: nothing can be said of what tells it")
    elif labels.unlabelled_share > _MOSTLY:
        yield _finding("look", "label", labels.field, f"{labels.unlabelled_share:.0%} of the events have no label")
    if len(labels.classes) == 1:
        text = f"every label is {labels.classes[0].value}: there is nothing to learn yet"
        yield _finding("serious", "label", labels.field, text)
    rarest = min((each.share for each in labels.classes), default=1.0)
    if len(labels.classes) > 1 and rarest < _RARE:
        name = labels.classes[-1].value
        text = f"only {rarest:.2%} of the labels are {name}: judge by average precision, not by accuracy"
        yield _finding("note", "label", labels.field, text)
    if labels.drift is not None:
        yield from _of_drift(f"the label {labels.field}", labels.field, labels.drift)


def of_field(field: Field, *, id: str | None) -> Iterator[Finding]:
    """One field by itself."""
    if field.kind == "empty":
        yield _finding("look", "missing", field.name, f"{field.name} is missing in every row")
        return
    if field.missing_share >= _MOSTLY:
        yield _finding(
            "look", "missing", field.name, f"{field.name} is missing in {field.missing_share:.0%} of the rows"
        )
    if field.numbers is not None and field.numbers.unusable:
        text = f"{field.numbers.unusable:,} values of {field.name} are NaN, infinite or beyond 1e150"
        yield _finding("look", "unusable", field.name, text)
    nothing = field.kind == "number" and field.numbers is None and field.count > 0
    if nothing:
        text = f"all {field.count:,} values of {field.name} are NaN, infinite or beyond 1e150"
        yield _finding("look", "unusable", field.name, text)
    if field.distinct == 1 and field.count > 1 and not nothing:
        yield _finding("note", "constant", field.name, f"{field.name} has one value in all rows: it tells nothing")
    if field.name == id and field.count > field.distinct:
        text = f"rows whose {field.name} stood in an earlier one: {field.count - field.distinct:,}; each is scored once"
        yield _finding("look", "duplicate", field.name, text)
    if field.drift is not None:
        what = {"text": "the length of {}", "time": "how long after the event {} is"}.get(field.kind, "{}")
        yield from _of_drift(what.format(field.name), field.name, field.drift)
        yield from _of_new(field, field.drift)


def of_time(field: Field) -> Iterator[Finding]:
    """The field with the event's time."""
    times = field.times
    if times is None:
        return
    if times.out_of_order:
        text = f"{times.out_of_order:,} rows ({times.out_of_order_share:.1%}) are older than one before them, by up to"
        severity: Severity = "look" if times.out_of_order_share >= _MANY else "note"
        yield _finding(severity, "order", field.name, f"{text} {length(times.late_s)}")
    usual_s = 3600 / times.per_hour if times.per_hour else 0.0
    if times.empty and len(times.counts) >= _GAP and times.gap_s > _GAP * usual_s:
        text = f"nothing happened for {length(times.gap_s)} after {times.gap_after:%Y-%m-%d %H:%M}"
        yield _finding("note", "gap", field.name, text)


def length(seconds: float) -> str:
    """A length of time in its largest unit.

    >>> length(0.25), length(90), length(200_000)
    ('250 ms', '90 s', '2.3 d')
    """
    if abs(seconds) < 1:
        return f"{1000 * seconds:.0f} ms"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def begin(at: datetime) -> str:
    """When a period begins, the hour left out at midnight."""
    return f"{at:%Y-%m-%d}" if at.time() == time() else f"{at:%Y-%m-%d %H:%M}"


def _of_drift(what: str, name: str, drift: Drift) -> Iterator[Finding]:
    if drift.crossed is None:
        return
    severity: Severity = "serious" if drift.stability >= MUCH else "look"
    text = (
        f"{what} changes: stability index {drift.stability:.2f} in the period from {begin(drift.worst)}, where "
        f"“{drift.bin}” has {drift.share:.1%} of the rows and had {drift.reference_share:.1%}; from {LITTLE} on since "
        f"{begin(drift.crossed)}"
    )
    yield _finding(severity, "drift", name, text)


def _of_new(field: Field, drift: Drift) -> Iterator[Finding]:
    if field.kind == "category" and field.distinct <= _FEW_VALUES and _surprising(drift):
        text = f"{drift.new_share:.1%} of the later rows have a {field.name} that the reference never had"
        yield _finding("look", "drift", field.name, text)


def _surprising(drift: Drift) -> bool:
    return drift.new_share is not None and drift.new_share >= (drift.new_by_chance or 0.0) + _NEW


def _finding(severity: Severity, what: str, field: str, text: str) -> Finding:
    return Finding.model_validate({"severity": severity, "what": what, "field": field, "text": text})
