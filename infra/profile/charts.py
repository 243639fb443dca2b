"""The charts of a profile as Vega-Lite specifications."""

from collections.abc import Callable, Sequence
from datetime import datetime

from infra.profile.model import Drift, Numbers, Rate, Times, Value
from infra.profile.shown import number, short
from infra.profile.vega import Spec, amount, beside_names, chart, each, ms, numbered, share, when

Figure = Callable[[str], Spec]
"""`share` or `amount`: how a field of figures is drawn."""

BANDS = (("p05", "p95", 0.18), ("p25", "p75", 0.35))
LINES = tuple(f"var(--c{place})" for place in range(1, 6))
THRESHOLDS = (0.1, 0.25)
_ACCENT = "var(--accent)"
_RULE = {"type": "rule", "strokeDash": [3, 3]}
_ANYWHERE = {"scale": {"zero": False}}


def histogram(numbers: Numbers) -> Spec:
    """How often numbers occur."""
    rows = [{"low": bar.low, "high": bar.high, "count": bar.count, "name": number(bar.low)} for bar in numbers.bars]
    if all(bar.low == bar.high for bar in numbers.bars):
        return chart(rows, {"type": "bar"}, {"x": each("name"), "y": amount("count")})
    low = {**amount("low"), "bin": "binned", **_ANYWHERE}
    return chart(rows, {"type": "bar"}, {"x": low, "x2": {"field": "high"}, "y": amount("count")})


def values(top: Sequence[Value], others: int, count: int) -> Spec:
    """The shares of the most frequent values."""
    told = [(value.value, value.share) for value in top] + ([("any other", others / count)] if others else [])
    names = numbered([name for name, _ in told])
    rows = [{"name": name, "share": part} for name, (_, part) in zip(names, told, strict=True)]
    return beside_names(rows, {"type": "bar"}, share("share"))


def rates(told: Sequence[Rate], base: float, figure: Figure) -> Spec:
    """The label's rate at each value, beside that of all rows."""
    names = numbered([rate.value.removeprefix("from ").replace(" up to ", "–") for rate in told])
    rows = [{"name": name, "rate": rate.rate} for name, rate in zip(names, told, strict=True)]
    bars = beside_names(rows, {"type": "bar", "color": _ACCENT}, figure("rate"))
    height = bars.pop("height")
    return {"layer": [bars, chart([{"base": base}], _RULE, {"x": figure("base")})], "height": height}


def band(drift: Drift) -> Spec:
    """The middle of a number over time, and where half and nine tenths of it lie."""
    rows = [{"at": ms(moment.start), **moment.quantiles} for moment in drift.moments if moment.quantiles]
    layer: list[Spec] = [
        {
            "mark": {"type": "area", "opacity": opacity},
            "encoding": {"x": when(), "y": {**amount(low), **_ANYWHERE}, "y2": {"field": high}},
        }
        for low, high, opacity in BANDS
    ]
    layer.append({"mark": {"type": "line"}, "encoding": {"x": when(), "y": {**amount("p50"), **_ANYWHERE}}})
    return {"data": {"values": rows}, "layer": layer}


def shares(drift: Drift) -> Spec:
    """The shares of the most frequent values over time."""
    names = list(dict.fromkeys(name for moment in drift.moments for name in moment.shares))
    shown = {name: f"{short(name, 14)}{chr(0x200B) * place}" for place, name in enumerate(names)}  # apart where cut
    rows = [
        {"at": ms(moment.start), "name": shown[name], "share": part}
        for moment in drift.moments
        for name, part in moment.shares.items()
    ]
    scale = {"domain": list(shown.values()), "range": list(LINES[: len(names)])}
    legend = {} if len(names) > 1 else {"legend": None}
    colour = {"field": "name", "type": "nominal", "scale": scale, **legend}
    return chart(rows, {"type": "line"}, {"x": when(), "y": share("share"), "color": colour})


def stability(drift: Drift) -> Spec:
    """The distance of each period from the reference, with the thresholds of little and much."""
    rows = [{"at": ms(m.start), "index": m.stability} for m in drift.moments if m.stability is not None]
    bars = chart(rows, {"type": "bar", "color": _ACCENT, "width": 4}, {"x": when(), "y": _plain("index")})
    return {"layer": [bars, chart([{"index": each} for each in THRESHOLDS], _RULE, {"y": _plain("index")})]}


def volume(times: Times) -> Spec:
    """How many events came."""
    rows = [{"at": ms(at), "count": count} for at, count in times.counts]
    return chart(rows, {"type": "area", "interpolate": "step-after"}, {"x": when(), "y": amount("count")})


def cycle(counts: Sequence[int], names: Sequence[str]) -> Spec:
    """How many events there were at each hour or weekday."""
    rows = [{"name": name, "count": count} for name, count in zip(names, counts, strict=True)]
    return chart(rows, {"type": "bar"}, {"x": each("name"), "y": amount("count")})


def over_time(points: Sequence[tuple[datetime, float | None]], figure: Figure) -> Spec:
    """One figure per period; gaps where there is none."""
    rows = [{"at": ms(at), "value": value} for at, value in points]
    mark = {"type": "line", "color": _ACCENT, "point": {"color": _ACCENT, "size": 12}}
    return chart(rows, mark, {"x": when(), "y": figure("value")})


def _plain(name: str) -> Spec:
    return {**amount(name), "axis": {"format": "~g", "tickCount": 4}}
