"""Records folded by the live path in this process, and given to the checker as the ledger and the topics would."""

from collections.abc import Sequence

from infra.skew.checker import Batch, Checker
from infra.skew.tally import Count, Tally
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams.pipeline import Pipeline
from streams.score import ScoreStage
from streams.stage import Record
from tests.streams.builders import messages


def batches(pipeline: Pipeline, records: Sequence[Record], size: int = 7) -> list[Batch]:
    """What the live path makes of `records`, `size` at a time."""
    stage = ScoreStage(pipeline)
    state = stage.initial(0)
    told: list[Batch] = []
    ends = dict.fromkeys({record.topic for record in records}, 0)
    for begin in range(0, len(records), size):
        group = records[begin : begin + size]
        emitted = stage.fold(state, group)
        told.append(
            Batch(
                seq=1 + len(told),
                head="",
                records=group,
                starts=dict(ends),
                watermark_ms=state.watermark_ms,
                scored=[each.__dict__ for each in messages(emitted, Scored)],
                outcomes=[each.__dict__ for each in messages(emitted, Outcome)],
            )
        )
        ends |= {record.topic: record.offset + 1 for record in group}
    return told


def checked(pipeline: Pipeline, served: Sequence[Batch]) -> Tally:
    """What the checker finds."""
    checker = Checker(pipeline)
    for batch in served:
        checker.take(batch)
    return checker.tally


def found(tally: Tally) -> dict[str, Count]:
    """Of each feature, all hours together."""
    return dict(tally.features())


def skewed(tally: Tally) -> set[str]:
    """Features of which something is unequal."""
    return {name for name, count in tally.features() if count.unequal}
