"""From what is committed back to a task: the words beside offsets, the ledger's tail, and folding it again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.parts import changes
from streams.runtime.ledger import Signer, check
from streams.runtime.ports import Facts, Kafka, Mark
from streams.runtime.raw import Raw, Run
from streams.runtime.task import Binding, Group, Task

METADATA_VERSION = 3
REPAIR = "see what changed them, then rewrite them from the ledger with `millrace repair`"


class Beside(msgspec.Struct, frozen=True):
    """What is committed beside the offset of every input: where the ledger stands, and where to read it from.

    `checkpoint` is the entry whose transaction saved the state, -1 for none; from the ledger's offset `ledger` on
    stand that entry and all later ones.
    """

    v: int
    epoch: int
    seq: int
    head: str
    checkpoint: int
    ledger: int


_read = msgspec.json.Decoder(Beside).decode


def beside(marks: Mapping[str, Mark | None], what: str) -> Beside | None:
    """What stands beside the offsets, which must agree; None where nothing is committed.

    Raises `Problem` where an input has no offset, or one that a task has not committed.
    """
    found = [mark for mark in marks.values() if mark is not None]
    if not found:
        return None
    if len(found) < len(marks):
        missing = ", ".join(topic for topic, mark in marks.items() if mark is None)
        raise Problem(f"{what} has no committed offset for {missing}: {REPAIR}")
    texts = sorted({mark.metadata for mark in found})
    try:
        told = [_read(text) for text in texts]
    except msgspec.DecodeError:
        raise Problem(f"the offsets of {what} were committed by something else: {REPAIR}") from None
    if len(told) > 1 or told[0].v != METADATA_VERSION:
        raise Problem(f"the offsets of {what} were not committed together: {REPAIR}")
    return told[0]


def latest(marks: Mapping[str, Mark | None]) -> int:
    """The latest entry of the ledger that stands beside any offset, whether they agree or not; -1 where none does."""
    seqs = [-1]
    for mark in marks.values():
        with suppress(msgspec.DecodeError):  # committed by something else
            seqs.append(_read(mark.metadata if mark is not None else "").seq)
    return max(seqs)


def tail(kafka: Kafka, binding: Binding, partition: int, start: int, signer: Signer | None) -> list[Entry]:
    """The entries of the ledger from its offset `start` on, their chain checked."""
    entries: list[Entry] = []
    for run in kafka.read(binding.ledger.topic, partition, start):
        for record in run.records:
            entry = binding.ledger.entry(record.value)
            check(entry, entries[-1] if entries else None, signer)
            entries.append(entry)
    return entries


def agree(told: Beside, marks: Mapping[str, Mark | None], entries: Sequence[Entry], what: str) -> Entry:
    """The ledger's last entry, where offsets and ledger say the same. Raises `Problem` naming what differs."""
    if not entries or entries[-1].seq < told.seq:
        found = f"entry {entries[-1].seq}" if entries else "nothing"
        raise Problem(f"the ledger of {what} ends with {found}, its offsets with entry {told.seq}: it was cut off")
    last = entries[-1]
    if last.seq > told.seq:
        raise Problem(f"the offsets of {what} stand at entry {told.seq}, its ledger at {last.seq}: {REPAIR}")
    if last.head != told.head:
        raise Problem(f"entry {told.seq} of {what} is {last.head[:12]}… in the ledger and {told.head[:12]}… beside it")
    for topic, mark in marks.items():
        if mark is not None and mark.offset != last.ends[topic]:
            raise Problem(
                f"{what} is committed at {topic}@{mark.offset}, where its ledger ends at {last.ends[topic]}: {REPAIR}"
            )
    return last


def require_there(kafka: Kafka, marks: Mapping[str, Mark | None], partition: int, what: str) -> None:
    """Raise `Problem` where the log no longer holds what comes next: going on would pass over it in silence."""
    for topic, mark in marks.items():
        low, _ = kafka.bounds(topic, partition)
        if mark is not None and mark.offset < low:
            raise Problem(
                f"{what} is committed at {topic}@{mark.offset}, and that log begins at {low}: {low - mark.offset} "
                f"records expired unread; raise the topic's retention, and start a new version of the pipeline"
            )


def genesis_note(facts: Mapping[str, Facts], binding: Binding) -> str:
    """What entry 0 says: which topics these are, and which definition folds them."""
    topics = {topic: {"id": each.topic_id, "partitions": each.partitions} for topic, each in facts.items()}
    return json.dumps({"digest": binding.digest, "parts": list(binding.parts.items()), "topics": topics})


def require_genesis(note: str, facts: Mapping[str, Facts], binding: Binding, what: str) -> None:
    """Raise `Problem` where a topic is another one than the one that was folded, or the definition is."""
    told: dict[str, Any] = json.loads(note)
    if told["digest"] != binding.digest:
        raise Problem(
            f"{what} was folded by definition {told['digest']}, this one is {binding.digest}: "
            f"{changes(dict(told['parts']), binding.parts)}. A changed definition is a new version, so write "
            f"version={binding.version + 1}; it has a group, a state and a ledger of its own, and begins where the "
            f'topics begin, or where begin= says: "latest", or a time'
        )
    for topic, now in facts.items():
        then = told["topics"].get(topic)
        if then is None or then["id"] != now.topic_id:
            raise Problem(f"topic {topic} was created anew since {what} began: start a new version of the pipeline")
        if then["partitions"] != now.partitions:
            raise Problem(
                f"topic {topic} had {then['partitions']} partitions when {what} began and has {now.partitions}: keys "
                f"have moved, and outputs keep their number, so start the pipeline under another name="
            )


def records(kafka: Kafka, topic: str, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
    """Key and value of every record that the log still has."""
    low, _ = kafka.bounds(topic, partition)
    for run in kafka.read(topic, partition, low):
        for record in run.records:
            yield record.key or b"", record.value


class Source:
    """One input read again, handed out range by range."""

    def __init__(self, topic: str, runs: Iterator[Run], start: int) -> None:
        self._topic, self._runs, self._at = topic, runs, start
        self._records: list[Raw] = []
        self._read = start

    def until(self, end: int) -> Run:
        """What stands between the last `end` and this one."""
        while self._read < end:
            run = next(self._runs, None)
            if run is None:
                raise Problem(f"{self._topic} ends at {self._read}, though it was folded until {end}: it was cut off")
            self._records += run.records
            self._read = max(run.end, self._read)
        cut = next((n for n, record in enumerate(self._records) if record.offset >= end), len(self._records))
        records, self._records = self._records[:cut], self._records[cut:]
        start, self._at = self._at, end
        return Run(self._topic, start, end, end, records)


def sources(kafka: Kafka, partition: int, starts: Mapping[str, int], ends: Mapping[str, int]) -> dict[str, Source]:
    """The inputs between `starts` and `ends`. Raises `Problem` where the log no longer reaches back so far."""
    made = {}
    for topic, start in starts.items():
        low, _ = kafka.bounds(topic, partition)
        if start < low and start < ends[topic]:
            raise Problem(
                f"{topic}/{partition} begins at offset {low}, but its state is folded from {start} on: raise the "
                f"topic's retention, and start a new version of the pipeline"
            )
        made[topic] = Source(topic, kafka.read(topic, partition, start, ends[topic]), start)
    return made


def fold_again(task: Task, entry: Entry, inputs: Mapping[str, Source]) -> tuple[Group | None, str | None]:
    """What `entry` gives when folded again, and how that differs from what it says; None where it does not."""
    for topic, source in inputs.items():
        task.deliver(source.until(entry.ends[topic]))
    group = task.step(limit=max(entry.records, 1), again=True)
    return group, _difference(entry, group)


def _difference(entry: Entry, group: Group | None) -> str | None:
    if group is None:
        return None if entry.records == 0 else f"no record instead of {entry.records}"
    work = group.work
    if work.records != entry.records or dict(work.ends) != entry.ends:
        return f"{work.records} records instead of {entry.records}"
    if dict(work.counts) != entry.counts:
        names = sorted(n for n in {*work.counts, *entry.counts} if work.counts.get(n, 0) != entry.counts.get(n, 0))
        return ", ".join(f"{work.counts.get(n, 0)} {n} instead of {entry.counts.get(n, 0)}" for n in names)
    if work.output_hash != entry.output_hash:
        return f"outputs {work.output_hash[:12]}… instead of {entry.output_hash[:12]}…"
    return None
