"""The bounded wait until everything has been scored, learnt, watched and stored."""

import time
from collections.abc import Callable

from infra.demo.timeline import Timeline
from infra.demo.watching import Look
from schemas.problem import Problem

STALL_S = 60.0
"""The demo gives up when nothing at all has moved for so long."""
LOOK_EVERY_S = 0.35


def wait(look: Callable[[], Look], show: Callable[[Look], None], check: Callable[[], None], times: Timeline) -> Look:
    """Look and show until everything is stored; the last look.

    Raises `Problem` where `check` does, or when nothing has moved for `STALL_S`.
    """
    last: object = None
    moved_s = time.monotonic()
    while True:
        check()
        start_s = time.monotonic()
        now = look()
        _mark(times, now)
        show(now)
        if now.all_stored:
            return now
        figures = (now.sent, now.events, now.labels, now.watched, now.lag, now.rows)
        if figures != last:
            last, moved_s = figures, time.monotonic()
        elif time.monotonic() - moved_s > STALL_S:
            raise Problem(f"nothing has moved for {STALL_S:g} s: {_stuck(now)}; see the logs, then start again")
        time.sleep(max(0.0, start_s + LOOK_EVERY_S - time.monotonic()))


def _mark(times: Timeline, look: Look) -> None:
    """Note what a look shows."""
    for name, over in (
        ("stages up", bool(look.events)),
        ("all produced", look.fed),
        ("all scored", look.all_scored),
        ("all watched", look.all_watched),
        ("all stored", look.all_stored),
    ):
        if over:
            times.mark(name)


def _stuck(look: Look) -> str:
    """What is waited for."""
    if not look.fed:
        return f"{look.sent.events:,} events were produced, and not all"
    if not look.all_scored:
        return f"the score stage is {look.lag['score']:,} records behind"
    if not look.all_watched:
        return f"the monitor is {look.lag['monitor']:,} records behind"
    return f"the sink is {look.lag['sink']:,} records behind"
