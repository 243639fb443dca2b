"""The events that stand on a pipeline's topics, with the labels beside them, read as a worker reads them."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from pydantic import BaseModel

from infra.backtest.log import Log
from infra.backtest.topics import from_topics as log_of
from infra.profile.join import beside, inside
from infra.profile.records import Records
from infra.profile.table import Table
from infra.settings import Settings
from schemas.reject import Reject
from streams.pipeline import Pipeline
from streams.runtime.codec import decode
from streams.runtime.task import AT_ONCE
from streams.stage import Record, Role

Advance = Callable[[int], None]


def from_topics(pipeline: Pipeline, settings: Settings, advance: Advance = lambda _: None) -> Table:
    """To where the topics end now, partition after partition; nothing is created or committed.

    What a worker could not decode, or finds under a wrong key, is counted with its reason. Raises `Problem` as a
    backtest does.
    """
    apart = pipeline.labels.event if pipeline.labels is not None else None
    events, labels = Records(pipeline.event), Records(apart) if apart is not None else None
    rejected: Counter[str] = Counter()
    partitions: list[int] = []
    with log_of([pipeline], settings) as log:
        for record in _records(log, advance):
            if isinstance(record.value, Reject):
                rejected[f"{record.role}: {record.value.reason}"] += 1
                continue
            assert isinstance(record.value, BaseModel)
            if record.role is Role.EVENTS:
                events.add(record.value)
                partitions.append(record.partition)
            elif labels is not None:
                labels.add(record.value)
        place, remarks, many = log.place, list(log.remarks), log.partitions
    columns = events.columns()
    found = beside(pipeline, columns, labels.columns()) if labels is not None else None
    if pipeline.labels is not None and labels is None:
        found = inside(pipeline, columns)
        del columns[found.field]
    return Table(
        title=pipeline.name,
        place=place,
        columns=columns,
        time=pipeline.time,
        id=pipeline.id,
        keys=pipeline.entities,
        labels=found,
        partitions=np.array(partitions, dtype=np.int64) if many > 1 else None,
        rejected=rejected,
        remarks=remarks,
    )


def _records(log: Log, advance: Advance) -> Iterator[Record]:
    for part in log.parts:
        merge = part.merge()
        while part.feed.feed(merge):
            while taken := merge.take(AT_ONCE):
                advance(len(taken))
                for rank, raw in taken:
                    yield decode(log.sources[rank], raw, log.partitions)
