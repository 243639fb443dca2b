"""What earlier versions of the very same definition have written to the same topics: no row says which it is of."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from infra.audit.opened import Opened
from schemas.ledger import Entry
from streams.runtime.kafka import TIMEOUT_S


class Written(NamedTuple):
    """How many rows of each topic."""

    scored: int = 0
    outcomes: int = 0


def written(entry: Entry) -> Written:
    """What one entry of a ledger has written."""
    counts = entry.counts
    labels = counts.get("labels.learnt", 0) + counts.get("labels.met", 0)
    return Written(counts.get("events.scored", 0), labels)


def written_before(stage: Opened, partition: int) -> Written:
    """The rows that stand before those of this version: all of the earlier versions of the same definition."""
    scored = outcomes = 0
    for topic in [] if stage.alone else _earlier(stage):
        for number, entry in enumerate(_entries(stage, topic, partition)):
            if number == 0 and json.loads(entry.note or "{}").get("digest") != stage.binding.digest:
                break
            told = written(entry)
            scored, outcomes = scored + told.scored, outcomes + told.outcomes
    return Written(scored, outcomes)


def _earlier(stage: Opened) -> list[str]:
    """The ledgers of lower versions."""
    named = re.compile(re.escape(stage.topics.named("v")) + rf"(\d+)\.{stage.stage}\.ledger")
    there = stage.admin.list_topics(timeout=TIMEOUT_S).topics
    return [topic for topic in there if (found := named.fullmatch(topic)) and int(found[1]) < stage.binding.version]


def _entries(stage: Opened, topic: str, partition: int) -> Iterator[Entry]:
    low, _ = stage.kafka.bounds(topic, partition)
    for run in stage.kafka.read(topic, partition, low):
        for record in run.records:
            yield stage.binding.ledger.entry(record.value)
