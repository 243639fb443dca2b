"""`millrace replay`: one past event scored again, bit for bit."""

import json
import sys
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.audit.opened import not_begun, opened
from infra.audit.past import Past, Value, bits, score_again, stored_score
from infra.cli.bar import folding_bar
from infra.cli.moment import instant
from infra.cli.stdout import stdout
from infra.settings import Settings
from schemas.problem import Problem
from streams.load import load
from streams.runtime.environment import environment
from streams.runtime.raw import Raw

DIFFERS = 1


def replay(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The id of an event that was scored.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Score one past event again, by folding the ledger up to it, and compare score and features in all 64 bits.

    Reads only. Exit status 0: the same; 1: something differs.

    Example: millrace replay payments.py:payments t1042
    """
    settings, pipeline = Settings(), load(target)
    with opened(pipeline, settings, "score") as stages:
        if not stages:
            raise not_begun(pipeline, settings)
        (stage,) = stages
        with Console(stderr=True).status(f"looking for {escape(event_id)} in {stage.topics.scored}"):
            stored = stored_score(stage, event_id)
            span = stage.auditor.span(stored.record.partition)
        if span is None:
            raise Problem(f"{stage.binding.ledger.topic}/{stored.record.partition} is empty: it was cut off")
        source, until = stored.row["source_topic"], stored.row["source_offset"]
        if source not in stage.binding.topics:  # it came from another stage
            (source,) = stage.binding.topics
            until = span.last.ends[source]
        with folding_bar("folding again", until - span.first.ends.get(source, 0)) as advance:
            past = score_again(
                stage, stored, lambda entry: advance(entry.ends.get(source, 0) - entry.starts.get(source, 0))
            )
    if as_json:
        sys.stdout.write(json.dumps(_fields(past)) + "\n")
    else:
        _tell(past)
    if not past.equal:
        raise typer.Exit(DIFFERS)


def _fields(past: Past) -> dict[str, object]:
    row, entry = past.stored.row, past.entry
    return {
        "event_id": row["event_id"],
        "equal": past.equal,
        "score": row["score"],
        "model_id": row["model_id"],
        "rung": row["rung"],
        "features": {value.name: value.stored for value in past.features},
        "differing": [_differing(value) for value in (*past.features, *past.fields) if not value.equal],
        "differing_before": past.differing_before,
        "input": {
            "topic": past.input.topic,
            "partition": past.input.partition,
            "offset": past.input.offset,
            "kafka_time_ms": past.input.timestamp,
        },
        "scored": {
            "topic": past.stored.record.topic,
            "partition": past.stored.record.partition,
            "offset": past.stored.record.offset,
        },
        "entry": {"seq": entry.seq, "head": entry.head, "environment": entry.environment},
        "environment": environment(),
        "outcome": _outcome(past),
    }


def _differing(value: Value) -> dict[str, object]:
    told = {"name": value.name, "stored": value.stored, "again": value.again}
    return {**told, "stored_bits": bits(value.stored), "again_bits": bits(value.again)}


def _outcome(past: Past) -> dict[str, object] | None:
    if past.outcome is None:
        return None
    row, record = past.outcome
    names = ("label", "target", "label_time_ms", "learnt", "source_topic", "source_partition", "source_offset")
    return {**{name: row[name] for name in names}, "topic": record.topic, "offset": record.offset}


def _tell(past: Past) -> None:
    screen = stdout()
    row, entry = past.stored.row, past.entry
    facts = {
        "event": row["event_id"],
        "read from": f"{_place(past.input)}, Kafka time {instant(past.input.timestamp)}",
        "stored at": _place(past.stored.record),
        "ledger": f"entry {entry.seq}, {entry.head[:12]}…, {entry.environment}",
        "model": f"{row['model_id']}, {row['rung']}",
        "outcome": _told_outcome(past),
    }
    for name, told in facts.items():
        screen.print(f"[bold]{name:<10}[/] {escape(told)}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "stored", "computed again", ""):
        table.add_column(name, justify="right" if name else "left", overflow="fold")
    score = next(value for value in past.fields if value.name == "score")
    others = [value for value in past.fields if value.name != "score" and not value.equal]
    for value in (score, *past.features, *others):
        table.add_row(
            escape(value.name),
            _shown(value, value.stored),
            _shown(value, value.again),
            "[green]=[/]" if value.equal else "[red]≠[/]",
        )
    screen.print(table)
    count = len(past.features) + 1
    screen.print(
        f"the same in all 64 bits of {count} numbers"
        if past.equal
        else f"[red]differs[/], computed here by {environment()}",
        highlight=False,
    )
    if past.differing_before:
        screen.print(
            f"{past.differing_before:,} batches before it differ too: `millrace verify` names them", highlight=False
        )


def _place(record: Raw) -> str:
    return f"{record.topic}/{record.partition}@{record.offset}"


def _shown(value: Value, side: object) -> str:
    return escape(str(side) if value.equal else f"{side}\n{bits(side)}")


def _told_outcome(past: Past) -> str:
    if past.outcome is None:
        return "none yet"
    row = past.outcome.row
    taught = "taught the model" if row["learnt"] else "taught nothing"
    at = f"{row['source_topic']}/{row['source_partition']}@{row['source_offset']}"
    return f"{row['label']}, known {instant(row['label_time_ms'])} from {at}, {taught}"
