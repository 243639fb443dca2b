"""Where the microseconds of the score stage go, file by file: its CPU time per record, shared out by samples."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.bench import arm, ours, samples
from infra.bench.ours import TARGET
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.bench.waiting import until_ended
from infra.demo.servers import Servers
from infra.pipeline_topics import create
from streams.load import load

RUN_S = 600.0
WARM = 0.2
"""The first part of the run without a sampler, which is not measured."""

US = 1e6
SHOWN = 25

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much: `events` folded in each run; where the flame graph goes, None: nowhere."""

    events: int = 100_000
    svg: Path | None = None


QUICK = Size(events=20_000)


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """One run without and one with a sampler, and another for the flame graph. Raises `Problem` where one fails."""
    pipeline, settings, stream = load(TARGET), servers.settings, Stream(label_after=min(14_000, size.events // 4))
    note(f"preloading {size.events:,} payments and their labels")
    create(pipeline, settings, partitions=1)
    with Sender(pipeline, settings) as sender:
        sender.send(stream.records(0, size.events))
    until, stacks = ours.ends(pipeline, settings), folder / "stacks.txt"
    wanted = {"plain": None, "sampled": samples.recorder(raw=True, written=stacks)}
    if size.svg is not None:
        wanted["drawn"] = samples.recorder(raw=False, written=size.svg.resolve())
    for name, words in wanted.items():
        outputs = settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}{name}."})
        create(pipeline, outputs, partitions=1)
        with ours.start(servers, outputs, until, folder / name, words or ()) as process:
            until_ended(process, within_s=RUN_S)
        if not ours.laps(folder / name).exists():
            raise process.problem("failed")
        note(f"{name} run done")
    counted = samples.places(stacks.read_text().splitlines())
    whole_us = _cpu_us(ours.laps(folder / "plain"))
    each = [(place, whole_us * times / counted.total()) for place, times in counted.most_common()]
    return Report(
        bench="profile",
        load={"events": size.events, "labels": stream.labels(size.events), "samples": counted.total()},
        figures=[
            Figure(name="all", value=whole_us, unit="µs of CPU per record", note="without a sampler"),
            *(Figure(name=place, value=us, unit="µs") for place, us in each[:SHOWN]),
        ],
        series=[{"place": place, "us": us} for place, us in each],
    )


def _cpu_us(laps: Path) -> float:
    """Behind the warm-up, per record; the threads of librdkafka are part of it, which the sampler does not see."""
    all_laps = arm.read(laps)
    first = next(lap for lap in all_laps if lap.records >= WARM * all_laps[-1].records)
    last = all_laps[-1]
    return US * (last.cpu_s - first.cpu_s) / (last.records - first.records)
