"""How rejected records look in a terminal and in JSON."""

from collections import Counter
from collections.abc import Sequence, Set
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from infra.rejected.record import Rejected

START_BYTES = 24


def newest(shown: Sequence[Rejected], replayed: Set[tuple[int, int]]) -> Table:
    """One row for each record; `replayed` are the places of those that were sent again."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("at", "from", "Kafka time", "reason", "key", "value"):
        table.add_column(name, overflow="fold")
    for each in shown:
        told = Text(each.reason, style="bold")
        if each.origin is not None:
            told.append(f"\n{each.origin.message}", style="not bold")
        if each.place in replayed:
            told.append("\nsent again", style="green")
        row = (_place(each), _origin(each), _time(each.timestamp_ms), told, _text(each.key), _start(each.value))
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def totals(counts: Counter[str], again: Counter[str], *, shown: int) -> Table:
    """How many there are of each reason, and how many of them were sent again."""
    many = counts.total()
    title = f"the newest {shown:,} of {many:,}" if shown else f"{many:,} in all"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("reason", overflow="fold")
    table.add_column("records", justify="right")
    table.add_column("sent again", justify="right")
    for reason, count in counts.most_common():
        table.add_row(reason, f"{count:,}", f"{again[reason]:,}")
    return table


def as_fields(rejected: Rejected) -> dict[str, object]:
    """For JSON. Bytes that are no UTF-8 text are escaped; of the value its first bytes, in hexadecimal."""
    origin, value = rejected.origin, rejected.value
    return {
        "partition": rejected.partition,
        "offset": rejected.offset,
        "kafka_time_ms": rejected.timestamp_ms,
        "reason": rejected.reason,
        "message": origin.message if origin else None,
        "stage": origin.stage if origin else None,
        "from_topic": origin.topic if origin else None,
        "from_partition": origin.partition if origin else None,
        "from_offset": origin.offset if origin else None,
        "key": None if rejected.key is None else _text(rejected.key),
        "value_bytes": None if value is None else len(value),
        "value_start": None if value is None else value[:START_BYTES].hex(),
    }


def _place(rejected: Rejected) -> str:
    return f"{rejected.partition}:{rejected.offset}"


def _origin(rejected: Rejected) -> str:
    origin = rejected.origin
    return "?" if origin is None else f"{origin.topic}\n{origin.partition}:{origin.offset}"


def _time(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d\n%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{time_ms} ms"


def _text(data: bytes | None) -> str:
    return "none" if data is None else data.decode(errors="backslashreplace")


def _start(value: bytes | None) -> str:
    if value is None:
        return "none"
    more = " …" if len(value) > START_BYTES else ""
    return f"{len(value):,} B\n{str(value[:START_BYTES])[2:-1]}{more}"
