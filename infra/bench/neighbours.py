"""Millrace against its neighbours: the same fold in Faust, Bytewax and Quix Streams, each for a fixed time in turn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from infra.bench import answers, foreign, ours, visible
from infra.bench.answers import Answers
from infra.bench.foreign import Neighbour
from infra.bench.preloaded import TARGET
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.bench.visible import Pace
from infra.demo.servers import Servers
from infra.pipeline_topics import create
from infra.settings import librdkafka
from streams.load import load
from streams.pipeline import Pipeline
from streams.runtime.kafka import RealKafka

OURS = "millrace"
LEAST, LEAST_OF_FAUST = 1.0, 10.0

PROGRAMS = "tests.bench.neighbours"
NEIGHBOURS = {
    "bytewax": Neighbour(f"{PROGRAMS}.bytewax_flow"),
    "quix_in_memory": Neighbour(f"{PROGRAMS}.quix_app", "in_memory"),
    "quix_at_least_once": Neighbour(f"{PROGRAMS}.quix_app"),
    "quix_exactly_once": Neighbour(f"{PROGRAMS}.quix_app", "exactly_once"),
    "faust": Neighbour(f"{PROGRAMS}.faust_app"),
    "faust_in_memory": Neighbour(f"{PROGRAMS}.faust_app", "in_memory"),
}
"""By how they are called in figures. What is in memory alone is gone after a crash: they are shown at their fastest."""

RIVALS = ("bytewax", "quix_in_memory", "quix_at_least_once", "quix_exactly_once")
"""The fastest of these is what Millrace is compared with."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much: each arm runs `seconds` behind a warm-up, so many rounds, over at most so many events."""

    events: int = 400_000
    warm_s: float = 5.0
    seconds: float = 15.0
    rounds: int = 2
    label_after: int = 2_000


QUICK = Size(events=100_000, warm_s=2.0, seconds=5.0, rounds=1)


class Turn(NamedTuple):
    """One turn of one arm: how fast it was, its longest silence, and what came out."""

    name: str
    pace: Pace
    pause_s: float
    found: Mapping[str, Answers]


def run(
    servers: Servers, folder: Path, note: Note, size: Size, neighbours: Mapping[str, Neighbour] = NEIGHBOURS
) -> Report:
    """All arms over the same input, there and back again. Raises `Problem` where one of them fails."""
    pipeline, settings, stream = load(TARGET), servers.settings, Stream(label_after=size.label_after)
    note(f"preloading {size.events:,} payments and their labels")
    create(pipeline, settings, partitions=1)
    with Sender(pipeline, settings) as sender:
        sender.send(stream.records(0, size.events))
    takes, turns = _Turns(pipeline, servers, folder, size), list[Turn]()
    note("a turn that does not count: who goes first would have a broker that has just started")
    takes.run(OURS, None)
    for number in range(size.rounds):
        names = [OURS, *neighbours] if number % 2 == 0 else [*reversed(list(neighbours)), OURS]
        for name in names:
            turns.append(takes.run(name, neighbours.get(name)))
            note(f"{name}: {turns[-1].pace.wall:,.0f} outputs/s")
    own = max((turn.found for turn in turns if turn.name == OURS), key=lambda found: len(found["scored"].said))
    void = [reason for turn in turns for reason in answers.wrong(turn.name, turn.found, own, stream)]
    told = {"events": size.events, "labels": stream.labels(size.events), "seconds of each": size.seconds}
    return Report(
        bench="neighbours",
        load={**told, "rounds": size.rounds},
        figures=figures([(turn.name, turn.pace) for turn in turns]),
        void=void,
        series=[_row(turn, own) for turn in turns],
    )


class _Turns:
    """Gives arms their turn on the preloaded input, each with topics of its own."""

    def __init__(self, pipeline: Pipeline, servers: Servers, folder: Path, size: Size) -> None:
        self._pipeline, self._servers, self._folder, self._size = pipeline, servers, folder, size
        self._numbers = count()

    def run(self, name: str, neighbour: Neighbour | None) -> Turn:
        """Start the process, watch what it makes visible, stop it, read what came out."""
        base, size, number = self._servers.settings, self._size, next(self._numbers)
        settings = base.model_copy(update={"topic_prefix": f"{base.topic_prefix}n{number}."})
        create(self._pipeline, settings, partitions=1)
        own = self._folder / f"{number}-{name}"
        named, kafka = self._pipeline.topics(settings.topic_prefix), RealKafka(librdkafka(base))
        process = (
            ours.start(self._servers, settings, own)
            if neighbour is None
            else foreign.start(neighbour, self._pipeline, base, settings, own)
        )
        with process:
            looks = visible.watch(process, kafka, (named.scored, named.outcomes), size.warm_s + size.seconds)
        kafka.close()
        found = answers.read(self._pipeline, settings)
        offsets = {named.named(topic): said.offsets for topic, said in found.items()}
        return Turn(name, visible.pace(looks, offsets, size.warm_s), visible.longest_pause_s(looks), found)


def figures(paces: Sequence[tuple[str, Pace]]) -> list[Figure]:
    """Ratios to the best turn of each, then everybody's outputs a second."""
    names = list(dict.fromkeys(name for name, _ in paces))
    wall = {name: max(pace.wall for each, pace in paces if each == name) for name in names}
    cpu = {name: max(pace.cpu for each, pace in paces if each == name) for name in names}
    told = [*_ratio("ratio_neighbour", wall, RIVALS, LEAST), *_ratio("ratio_neighbour_cpu", cpu, RIVALS)]
    told += [*_ratio("ratio_faust", wall, ("faust",), LEAST_OF_FAUST), *_ratio("ratio_faust_cpu", cpu, ("faust",))]
    told += [Figure(name=name, value=value, unit="outputs/s") for name, value in wall.items()]
    return told + [Figure(name=f"{name}_cpu", value=value, unit="outputs/s of CPU") for name, value in cpu.items()]


def _ratio(name: str, speeds: Mapping[str, float], of: Iterable[str], least: float | None = None) -> list[Figure]:
    """Ours to the fastest of those that ran; nothing, where none did."""
    there = [each for each in of if each in speeds]
    if not there:
        return []
    best = max(there, key=speeds.__getitem__)
    return [Figure(name=name, value=speeds[OURS] / speeds[best], unit=f"of {best}", least=least, note="best of each")]


def _row(turn: Turn, own: Mapping[str, Answers]) -> dict[str, object]:
    return {
        "arm": turn.name,
        "outputs_per_s": turn.pace.wall,
        "outputs_per_cpu_s": turn.pace.cpu,
        "seconds": turn.pace.seconds,
        "longest_pause_s": turn.pause_s,
        "same_scores": answers.same_scores(turn.found, own),
        **{topic: len(said.said) for topic, said in turn.found.items()},
    }
