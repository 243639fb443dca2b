"""How a stage's tasks look in a terminal and in JSON."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from infra.audit.group import Group
from infra.audit.standing import Standing
from infra.cli.moment import age, instant

COLUMNS = ("task", "owner", "last entry", "inputs", "lag", "watermark", "records", "checkpoint")
RIGHT = {"task", "lag", "records"}


def table(group: Group, found: Sequence[Standing]) -> Table:
    """One row for each task of a stage."""
    title = f"{group.id}: {group.state}, live members: {len(group.members)}"
    drawn = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for name in COLUMNS:
        drawn.add_column(name, justify="right" if name in RIGHT else "left", overflow="fold")
    for each in found:
        owner = group.owner(each.partition)
        entry = each.entry
        drawn.add_row(
            str(each.partition),
            escape(f"{owner.name.removeprefix(group.id + '.')}\n{owner.host}") if owner is not None else "nobody",
            f"{entry.seq} {entry.head[:12]}\n{age(each.entry_age_s)} ago" if entry is not None else "not begun",
            "\n".join(f"{position.topic}@{_told(position.offset)}" for position in each.positions),
            "\n".join(_told(position.lag) for position in each.positions),
            instant(entry.event_time_ms).replace(" ", "\n", 1) if entry is not None and entry.event_time_ms else "",
            f"{each.records:,}",
            _checkpoint(each),
        )
    return drawn


def remarks(found: Sequence[Standing]) -> Iterator[str]:
    """What became of the records, and what is not as it should be."""
    for each in found:
        name = f"{each.stage}, partition {each.partition}"
        if each.counts:
            since = f" since entry {each.counted_from}" if each.counted_from else ""
            yield f"{name}{since}: {', '.join(f'{many:,} {what}' for what, many in sorted(each.counts.items()))}"
        if each.environment_differs:
            yield f"{name}: the last entry was computed by {escape(', '.join(each.environment_differs))}"
        for told in each.disagreements:
            yield f"[red]{name}:[/] {escape(told)}"


def as_fields(group: Group, found: Sequence[Standing]) -> dict[str, object]:
    """For JSON."""
    members = [{"id": m.id, "name": m.name, "host": m.host, "partitions": m.partitions} for m in group.members]
    return {
        "group": group.id,
        "state": group.state,
        "members": members,
        "tasks": [_fields(group, each) for each in found],
    }


def _fields(group: Group, each: Standing) -> dict[str, object]:
    owner, entry, told = group.owner(each.partition), each.entry, each.told
    return {
        "stage": each.stage,
        "partition": each.partition,
        "owner": owner.id if owner is not None else None,
        "committed_seq": told.seq if told is not None else None,
        "seq": entry.seq if entry is not None else None,
        "epoch": entry.epoch if entry is not None else None,
        "head": entry.head if entry is not None else None,
        "positions": [{"topic": p.topic, "offset": p.offset, "end": p.end, "lag": p.lag} for p in each.positions],
        "watermark_ms": entry.event_time_ms if entry is not None else None,
        "records": each.records,
        "counts": dict(each.counts),
        "counted_from": each.counted_from,
        "last_entry_age_s": each.entry_age_s,
        "checkpoint_seq": told.checkpoint if told is not None and told.checkpoint >= 0 else None,
        "checkpoint_age_s": each.checkpoint_age_s,
        "environment": entry.environment if entry is not None else None,
        "environment_differs": each.environment_differs,
        "disagreements": each.disagreements,
    }


def _checkpoint(each: Standing) -> str:
    if each.told is None or each.told.checkpoint < 0:
        return "none"
    return f"entry {each.told.checkpoint}\n{age(each.checkpoint_age_s)} ago"


def _told(number: int | None) -> str:
    return "none" if number is None else str(number)
