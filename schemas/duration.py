"""Lengths of time as people write them, in milliseconds."""

import re

from schemas.problem import Problem

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
LONGEST_MS = 36_525 * _UNITS_MS["d"]
_TEXT = re.compile(r"(\d+)(ms|s|m|h|d|w)")


def duration_ms(text: str, option: str | None = None) -> int:
    """Milliseconds in `text`: a whole number and one of ms, s, m, h, d, w.

    Raises `Problem`, naming the `option` it was given for, where the text is neither, or more than a century.

    >>> duration_ms("7d"), duration_ms("250ms")
    (604800000, 250)
    """
    found = _TEXT.fullmatch(text.strip()) if isinstance(text, str) else None
    given = f"{option}={text!r}" if option is not None else repr(text)
    if found is None:
        raise Problem(f"{given} is no length of time: write a whole number and ms, s, m, h, d or w, as in 90m or 7d")
    length_ms = int(found[1]) * _UNITS_MS[found[2]]
    if length_ms > LONGEST_MS:
        raise Problem(f"{given} is longer than a hundred years: write a shorter time")
    return length_ms
