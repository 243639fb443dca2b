"""The charts of a profile as Vega-Lite specifications, and how they become SVG that takes its colours from the page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import vl_convert

from infra.profile.model import Drift, Numbers, Rate, Times, Value
from infra.profile.shown import number, short

Spec = dict[str, Any]

WIDTH, HEIGHT, ROW = 250, 120, 15
VEGA_LITE = "6.4"
BANDS = (("p05", "p95", 0.18), ("p25", "p75", 0.35))
LINES = tuple(f"var(--c{place})" for place in range(1, 6))

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


def histogram(numbers: Numbers) -> Spec:
    """How often numbers occur."""
    rows = [{"low": bar.low, "high": bar.high, "count": bar.count, "name": number(bar.low)} for bar in numbers.bars]
    count = {"field": "count", "type": "quantitative", "title": None, "axis": _axis("~s", ticks=3)}
    if all(bar.low == bar.high for bar in numbers.bars):
        place: Spec = {"field": "name", "type": "ordinal", "sort": None, "title": None, "axis": {"labelOverlap": True}}
        return _spec(rows, {"type": "bar"}, {"x": place, "y": count})
    place = {
        "field": "low",
        "type": "quantitative",
        "title": None,
        "axis": _axis("~s", ticks=5),
        "scale": {"zero": False},
    }
    return _spec(rows, {"type": "bar", "binSpacing": 0.5}, {"x": place, "x2": {"field": "high"}, "y": count})


def values(top: Sequence[Value], others: int, count: int) -> Spec:
    """The shares of the most frequent values."""
    rows = [{"name": f"{place} {short(each.value)}", "share": each.share} for place, each in enumerate(top)]
    if others:
        rows.append({"name": f"{len(top)} any other", "share": others / count})
    return _named(rows, {"type": "bar"}, "share")


def rates(told: Sequence[Rate], base: float, *, shares: bool) -> Spec:
    """The label's rate at each value, beside that of all rows."""
    rows = [{"name": f"{place} {short(each.value)}", "rate": each.rate} for place, each in enumerate(told)]
    points = _named(rows, {"type": "bar", "color": "var(--accent)"}, "rate", shares=shares)
    all_rows = {"data": {"values": [{"base": base}]}, "mark": {"type": "rule", "strokeDash": [3, 3]}}
    layer = [
        {key: points[key] for key in ("data", "mark", "encoding")},
        {**all_rows, "encoding": {"x": {"field": "base", "type": "quantitative"}}},
    ]
    return {"layer": layer, "height": points["height"]}


def band(drift: Drift) -> Spec:
    """The middle of a number over time, and where half and nine tenths of it lie."""
    rows = [{"at": _ms(each.start), **each.quantiles} for each in drift.moments if each.quantiles]
    y = {"type": "quantitative", "title": None, "axis": _axis("~s", ticks=4), "scale": {"zero": False}}
    layer: list[Spec] = [
        {
            "mark": {"type": "area", "opacity": opacity},
            "encoding": {"x": _time(), "y": {**y, "field": low}, "y2": {"field": high}},
        }
        for low, high, opacity in BANDS
    ]
    layer.append({"mark": {"type": "line"}, "encoding": {"x": _time(), "y": {**y, "field": "p50"}}})
    return {"data": {"values": rows}, "layer": layer}


def shares(drift: Drift) -> Spec:
    """The shares of the most frequent values over time."""
    rows = [
        {"at": _ms(each.start), "name": short(name, 14), "share": share}
        for each in drift.moments
        for name, share in each.shares.items()
    ]
    names = list(dict.fromkeys(row["name"] for row in rows))
    legend = {} if len(names) > 1 else {"legend": None}
    colour = {
        "field": "name",
        "type": "nominal",
        "scale": {"domain": names, "range": list(LINES[: len(names)])},
        **legend,
    }
    return _spec(rows, {"type": "line"}, {"x": _time(), "y": _share("share"), "color": colour})


def stability(drift: Drift) -> Spec:
    """The distance of each period from the reference, with the thresholds of little and much."""
    rows = [{"at": _ms(each.start), "index": each.stability} for each in drift.moments if each.stability is not None]
    index = {"field": "index", "type": "quantitative", "title": None, "axis": _axis("~g", ticks=4)}
    bars = {"data": {"values": rows}, "mark": {"type": "bar", "color": "var(--accent)", "width": 4}}
    lines = {"data": {"values": [{"y": 0.1}, {"y": 0.25}]}, "mark": {"type": "rule", "strokeDash": [3, 3]}}
    return {
        "layer": [
            {**bars, "encoding": {"x": _time(), "y": index}},
            {**lines, "encoding": {"y": {"field": "y", "type": "quantitative"}}},
        ]
    }


def volume(times: Times) -> Spec:
    """How many events came."""
    rows = [{"at": _ms(at), "count": count} for at, count in times.counts]
    count = {"field": "count", "type": "quantitative", "title": None, "axis": _axis("~s", ticks=4)}
    return _spec(rows, {"type": "area", "interpolate": "step-after"}, {"x": _time(), "y": count})


def over_time(points: Sequence[tuple[datetime, float | None]], *, share: bool) -> Spec:
    """One figure per period; gaps where there is none."""
    rows = [{"at": _ms(at), "value": value} for at, value in points]
    y = (
        _share("value")
        if share
        else {"field": "value", "type": "quantitative", "title": None, "axis": _axis("~s", ticks=4)}
    )
    return _spec(
        rows,
        {"type": "line", "color": "var(--accent)", "point": {"color": "var(--accent)", "size": 12}},
        {"x": _time(), "y": y},
    )


def _named(rows: Sequence[Mapping[str, Any]], mark: Spec, figure: str, *, shares: bool = True) -> Spec:
    """Horizontal bars in the order of `rows`, whose names begin with their number so that none is drawn over another."""
    name = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelExpr": "substring(datum.label, indexof(datum.label, ' ') + 1)", "ticks": False, "domain": False},
    }
    x = (
        _share(figure)
        if shares
        else {"field": figure, "type": "quantitative", "title": None, "axis": _axis("~s", ticks=4)}
    )
    return {**_spec(rows, mark, {"y": name, "x": x}), "height": {"step": ROW}}


def _spec(rows: Sequence[Mapping[str, Any]], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}


def _share(name: str) -> Spec:
    return {"field": name, "type": "quantitative", "title": None, "axis": _axis("~%", ticks=4)}


def _axis(form: str, *, ticks: int) -> Spec:
    return {"format": form, "tickCount": ticks}


def _time() -> Spec:
    axis = {"tickCount": 4, "grid": False, "labelOverlap": True}
    return {"field": "at", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": axis}


def _ms(at: datetime) -> float:
    return at.timestamp() * 1000
