"""Where the microseconds of the score stage go, file by file: its CPU time per record, shared out by samples."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.bench import samples
from infra.bench.arm import ExactlyOnce
from infra.bench.preloaded import Preloaded
from infra.bench.report import Figure, Report
from infra.bench.waiting import until_ended
from infra.demo.servers import Servers

RUN_S = 600.0
"""A sampler slows down what it samples."""

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
    sampling = {"sampled": samples.recorder(raw=True, written=folder / "stacks.txt")}
    if size.svg is not None:
        sampling["drawn"] = samples.recorder(raw=False, written=size.svg.resolve())
    inputs = Preloaded(servers, folder, note, size.events)
    whole_us = US / inputs.run(ExactlyOnce).speed.cpu
    for name, words in sampling.items():
        note(f"a run to be {name}")
        here = inputs.place(ExactlyOnce)
        with here.process(words) as process:
            until_ended(process, within_s=RUN_S)
        if not here.laps.exists():
            raise process.problem("failed")
    counted = samples.places((folder / "stacks.txt").read_text().splitlines())
    each = [(place, whole_us * times / counted.total()) for place, times in counted.most_common()]
    return Report(
        bench="profile",
        load={**inputs.load, "samples": counted.total()},
        figures=[
            Figure(name="all", value=whole_us, unit="µs of CPU per record", note="without a sampler"),
            *(Figure(name=place, value=us, unit="µs") for place, us in each[:SHOWN]),
        ],
        series=[{"place": place, "us": us} for place, us in each],
    )
