"""The parts of Vega-Lite specifications, and how they become SVG that takes its colours from the page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import vl_convert

from infra.profile.shown import short

Spec = dict[str, Any]

WIDTH, HEIGHT, ROW = 212, 112, 15
VEGA_LITE = "6.4"

_SOFT = "var(--soft)"
_AXIS = {
    "labelColor": _SOFT,
    "titleColor": _SOFT,
    "gridColor": "var(--grid)",
    "domainColor": "var(--grid)",
    "tickColor": "var(--grid)",
    "titleFontWeight": "normal",
    "labelFontSize": 10,
    "titleFontSize": 10,
    "labelLimit": 130,
}
_CONFIG = {
    "font": "system-ui, sans-serif",
    "axis": _AXIS,
    "view": {"stroke": None},
    "legend": {"labelColor": _SOFT, "title": None, "orient": "bottom", "labelFontSize": 10, "columns": 3},
    "bar": {"color": "var(--bar)"},
    "area": {"color": "var(--bar)"},
    "line": {"color": "var(--bar)", "strokeWidth": 1.6},
    "rule": {"color": _SOFT},
}


def svg(spec: Spec) -> str:
    """The chart as an `svg` element. Nothing is fetched: data are in the specification, fonts are the page's."""
    whole = {"background": None, "width": WIDTH, "height": HEIGHT, "padding": 2, "config": _CONFIG, **spec}
    drawn: str = vl_convert.vegalite_to_svg(whole, vl_version=VEGA_LITE, allowed_base_urls=[])
    return drawn


def chart(rows: Sequence[Mapping[str, Any]], mark: Spec, encoding: Spec) -> Spec:
    """One mark over the rows."""
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}


def beside_names(rows: Sequence[Mapping[str, Any]], mark: Spec, figure: Spec) -> Spec:
    """Horizontal bars at the field `name` of the rows, in their order; `numbered` keeps equal names apart."""
    shown = "substring(datum.label, indexof(datum.label, ' ') + 1)"
    axis = {"labelExpr": shown, "ticks": False, "domain": False}
    name = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    return {**chart(rows, mark, {"y": name, "x": figure}), "height": {"step": ROW}}


def numbered(names: Sequence[str]) -> list[str]:
    """Names under which `beside_names` draws each of them once."""
    return [f"{place} {short(name)}" for place, name in enumerate(names)]


def amount(name: str) -> Spec:
    """A field of numbers."""
    return {"field": name, "type": "quantitative", "title": None, "axis": {"format": "~s", "tickCount": 4}}


def share(name: str) -> Spec:
    """A field of shares, in per cent."""
    return {**amount(name), "axis": {"format": "~%", "tickCount": 4}}


def each(name: str) -> Spec:
    """A field of few values in the order of the rows."""
    axis = {"labelAngle": 0, "labelOverlap": True}
    return {"field": name, "type": "ordinal", "sort": None, "title": None, "axis": axis}


def when() -> Spec:
    """The field `at`: milliseconds since 1970, shown in UTC."""
    axis = {"tickCount": 4, "grid": False, "labelOverlap": True}
    return {"field": "at", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": axis}


def ms(at: datetime) -> float:
    """As the field `at` has it."""
    return at.timestamp() * 1000
