"""Figures as a person reads them."""

from infra.profile.model import Field


def number(value: float) -> str:
    """Four digits that matter, thousands apart.

    >>> number(1234567.0), number(0.012345), number(12.0), number(-3.14159)
    ('1,234,567', '0.01235', '12', '-3.142')
    """
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.4g}"


def short(text: str, limit: int = 24) -> str:
    """The beginning of a long text.

    >>> short("abcdef", 4), short("abcd", 4)
    ('abc…', 'abcd')
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def summary(field: Field) -> str:
    """The field in a few words: its range and middle, or its most frequent values."""
    if field.times is not None:
        return f"{field.times.first:%Y-%m-%d %H:%M} to {field.times.last:%Y-%m-%d %H:%M}"
    if field.kind == "number" and field.numbers is not None:
        low, middle, high = field.numbers.low, field.numbers.quantiles["p50"], field.numbers.high
        return f"{number(low)} to {number(high)}, half up to {number(middle)}"
    if field.kind == "text" and field.numbers is not None:
        return f"{number(field.numbers.low)} to {number(field.numbers.high)} characters"
    if field.per_value is not None:
        return f"{number(field.per_value.low)} to {number(field.per_value.high)} rows each"
    return ", ".join(f"{short(each.value)} {each.share:.1%}" for each in field.top[:3])
