"""Whether anything is lost, doubled or different where the process that scores is killed again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.bench.arm import ExactlyOnce
from infra.bench.outputs import Written
from infra.bench.preloaded import RUN_S, Place, Preloaded
from infra.bench.report import Figure, Report
from infra.bench.rounds import Note
from infra.bench.waiting import kill, until, until_ended
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.settings import librdkafka
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams.runtime.kafka import RealKafka


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many payments, and how often the process is killed before it has folded them."""

    events: int = 100_000
    kills: int = 8


QUICK = Size(events=30_000, kills=3)


def run(servers: Servers, folder: Path, note: Note, size: Size, fall: Callable[[ServerProcess], None] = kill) -> Report:
    """One run that is left alone, and one in which the process falls. Raises `Problem` where either does not end."""
    preloaded = Preloaded(servers, folder, note, size.events)
    note("a run that is left alone")
    calm = preloaded.run(ExactlyOnce)
    place = preloaded.place(ExactlyOnce)
    for nth in range(1, size.kills + 1):
        _fallen(place, size.events * nth // (size.kills + 1), fall)
        note(f"killed {nth} of {size.kills}")
    with place.process() as process:
        until_ended(process, within_s=RUN_S)
    wanted = {Scored.TOPIC: size.events, Outcome.TOPIC: int(str(preloaded.load["labels"]))}
    return Report(
        bench="eos",
        load={**preloaded.load, "kills": size.kills},
        figures=found_wrong(place.written(), calm.found, wanted),
        void=preloaded.wrong([calm]),
    )


def _fallen(place: Place, outputs: int, fall: Callable[[ServerProcess], None]) -> None:
    """Start, and fall once there are so many scores."""
    kafka, topic = RealKafka(librdkafka(place.settings)), place.pipeline.topics(place.settings.topic_prefix).scored
    with place.process() as process:
        until(
            f"there are {outputs:,} scores",
            lambda: kafka.bounds(topic, 0)[1] >= outputs,
            [process],
            within_s=RUN_S,
        )
        fall(process)
    kafka.close()


def found_wrong(found: Written, calm: Written, wanted: dict[str, int]) -> list[Figure]:
    """Where `found` is not what the `calm` run gave, `wanted` of each."""
    lost = sum(many - found[topic].ids for topic, many in wanted.items())
    doubled = sum(each.records - each.ids for each in found.values())
    differing = sum(found[topic].digest != calm[topic].digest for topic in wanted)
    return [
        Figure(name="lost", value=lost, unit=f"of {sum(wanted.values()):,} scores and outcomes", most=0),
        Figure(name="doubled", value=doubled, unit="scores and outcomes", most=0),
        Figure(name="differing", value=differing, unit="topics, byte for byte and in order", most=0),
    ]
