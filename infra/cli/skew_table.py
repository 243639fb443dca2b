"""How a skew check looks in a terminal and in JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from infra.cli.moment import instant
from infra.cli.stdout import stdout
from infra.skew.once import Checked
from infra.skew.tally import Count, Example, finite

SHOWN = 20
"""Hours that are told of one by one; all others are in JSON."""


def unequal(parts: Sequence[Checked]) -> int:
    """How many values are not what they should be."""
    return sum(count.unequal for part in parts for _, count in part.tally.features())


def whole(parts: Sequence[Checked]) -> dict[str, Count]:
    """The features over all partitions and hours."""
    found: dict[str, Count] = {}
    for part in parts:
        for name, count in part.tally.features():
            found.setdefault(name, Count()).add(count)
    return found


def as_fields(parts: Sequence[Checked], events_topic: str) -> dict[str, Any]:
    """All of it, as JSON has it; hours in which something is unequal."""
    return {
        "holds": unequal(parts) == 0,
        "events": sum(part.events for part in parts),
        "left_out": sum(part.left_out for part in parts),
        "features": [
            {"name": name, "checked": count.checked, "unequal": count.unequal, "unjudged": count.unjudged}
            for name, count in whole(parts).items()
        ],
        "skewed": [
            {
                "feature": name,
                "partition": part.partition,
                "hour": instant(hour_ms),
                "checked": count.checked,
                "unequal": count.unequal,
                **_example(worst, events_topic),
            }
            for part, hour_ms, name, count, worst in _skewed(parts)
        ],
    }


def _example(worst: Example, topic: str) -> dict[str, Any]:
    return {
        "event_id": worst.event_id,
        "served": worst.served,
        "recomputed": finite(worst.recomputed),
        "source": f"{topic}/{worst.partition}@{worst.offset}",
    }


def _skewed(parts: Sequence[Checked]) -> Iterator[tuple[Checked, int, str, Count, Example]]:
    """Hours and features in which something is unequal."""
    for part in parts:
        for hour_ms, counts in sorted(part.tally.hours.items()):
            for name, count in zip(part.tally.names, counts, strict=True):
                if count.worst is not None:
                    yield part, hour_ms, name, count, count.worst


def show(parts: Sequence[Checked], events_topic: str, cpu_s: float) -> None:
    """The features, what is skewed in which hour, and what it took."""
    screen = stdout()
    screen.print(_features(whole(parts)))
    told = list(_skewed(parts))
    for _, hour_ms, name, count, worst in told[:SHOWN]:
        recomputed = "nothing" if worst.recomputed is None else repr(worst.recomputed)
        place = f"{events_topic}/{worst.partition}@{worst.offset}"
        screen.print(
            f"[red]{escape(name)}[/], hour of {instant(hour_ms)}: {count.unequal:,} of {count.checked:,} unequal; "
            f"event {escape(worst.event_id)} ({place}) was served {worst.served!r}, by definition it is {recomputed}",
            highlight=False,
        )
    if len(told) > SHOWN:
        screen.print(f"and {len(told) - SHOWN:,} more features and hours: see --json", highlight=False)
    left_out = sum(part.left_out for part in parts)
    if left_out:
        screen.print(f"{left_out:,} events were not checked: they, or others of their batch, have expired")
    events = sum(part.events for part in parts)
    screen.print(f"{events:,} events in {cpu_s:.1f} s of CPU: {events / cpu_s:,.0f} a second", highlight=False)


def _features(counts: dict[str, Count]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for number, head in enumerate(("feature", "checked", "unequal", "unjudged")):
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for name, count in counts.items():
        colour = "red" if count.unequal else "green"
        numbers = f"{count.checked:,}", f"[{colour}]{count.unequal:,}[/]", f"{count.unjudged:,}"
        table.add_row(escape(name), *numbers)
    return table
