"""A profile as one page of HTML that needs no network and no script."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from infra.profile import charts
from infra.profile.findings import length
from infra.profile.model import Field, Labels, Profile
from infra.profile.shown import number, summary
from infra.profile.vega import Spec, amount, share, svg

_RATES = 12
_WEEK = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


class Chart(NamedTuple):
    """One picture, and what it shows."""

    caption: str
    svg: Markup


def page(profile: Profile) -> str:
    """The page; what came from the data is escaped."""
    time = next((field for field in profile.fields if field.name == profile.time), None)
    return _template().render(
        profile=profile,
        time=time,
        overview=list(_overview(profile)),
        charts={field.name: list(_charts(field, profile)) for field in profile.fields},
        findings={name: [each for each in profile.findings if each.field == name] for name in _named(profile)},
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(number=number, share=_per_cent, length=length, summary=summary)
    return environment.get_template("page.html")


def _named(profile: Profile) -> list[str]:
    return [field.name for field in profile.fields]


def _overview(profile: Profile) -> Iterator[Chart]:
    """How the labels came."""
    labels = profile.labels
    if labels is None or not labels.moments:
        return
    rates = [(at, rate) for at, _, _, rate in labels.moments]
    if any(rate is not None for _, rate in rates):
        what = f"share of {labels.positive}" if labels.positive is not None else f"mean {labels.field}"
        yield _chart(f"{what} among the labelled", charts.over_time(rates, _figure(labels)))
    if labels.labelled < profile.rows:
        missing = [(at, 1.0 - many / rows if rows else None) for at, rows, many, _ in labels.moments]
        yield _chart("share without a label", charts.over_time(missing, share))


def _charts(field: Field, profile: Profile) -> Iterator[Chart]:
    """What a field holds, how it goes with the label, how it changes."""
    if field.times is not None and field.name == profile.time:
        yield _chart(f"events per {field.times.unit}", charts.volume(field.times))
        yield _chart("by hour of the day, UTC", charts.cycle(field.times.hours, [str(hour) for hour in range(24)]))
        yield _chart("by day of the week", charts.cycle(field.times.weekdays, _WEEK))
    elif field.per_value is not None:
        yield _chart("rows per value: how many values", charts.histogram(field.per_value))
        return
    elif field.numbers is not None:
        what = {"time": "seconds after the event", "text": "characters"}.get(field.kind, "how often")
        yield _chart(what, charts.histogram(field.numbers))
    elif field.top:
        yield _chart("most frequent", charts.values(field.top, field.others, field.count))
    if field.relation is not None and field.relation.rates and profile.labels is not None:
        yield _chart(*_rates(field, profile.labels))
    if field.drift is not None:
        numeric = field.numbers is not None
        caption = "over time: middle, half, nine tenths" if numeric else "share over time"
        yield _chart(caption, charts.band(field.drift) if numeric else charts.shares(field.drift))
        if field.drift.crossed is not None:
            yield _chart("stability index per period", charts.stability(field.drift))


def _rates(field: Field, labels: Labels) -> tuple[str, Spec]:
    assert field.relation is not None
    assert labels.rate is not None
    what = f"share of {labels.positive}" if labels.positive is not None else f"mean {labels.field}"
    return f"{what} by value", charts.rates(field.relation.rates[:_RATES], labels.rate, _figure(labels))


def _figure(labels: Labels) -> charts.Figure:
    """How its rate is drawn."""
    return share if labels.positive is not None else amount


def _chart(caption: str, spec: Spec) -> Chart:
    return Chart(caption, Markup(svg(spec)))


def _per_cent(value: float) -> str:
    """Per cent, with as many digits as tell something.

    >>> _per_cent(0.5), _per_cent(0.0081), _per_cent(0.00001), _per_cent(0.0)
    ('50.0%', '0.81%', '<0.01%', '0%')
    """
    if 0.0 < value < 0.0001:
        return "<0.01%"
    return f"{value:.0%}" if value in (0.0, 1.0) else f"{value:.1%}" if value >= 0.1 else f"{value:.2%}"
