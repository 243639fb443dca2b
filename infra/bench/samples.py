"""Where a sampled process spent its time: each sample goes to the innermost frame of our own code."""

import shutil
import sysconfig
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from schemas.problem import Problem

ROOT = Path(__file__).parents[2]
RATE_HZ = 100
LOOP = "event loop"
"""asyncio, aiokafka and Faust, where no code of ours is under way."""

BENCH, LOOPING = "infra/bench/", "run_forever"


def recorder(raw: bool, written: Path) -> list[str | Path]:
    """The words in front of a command that have py-spy sample it: stacks as text, or a flame graph.

    Of all threads the one that holds the interpreter: py-spy takes some that wait for work for busy ones.
    Raises `Problem` where py-spy is not installed.
    """
    found = shutil.which("py-spy", path=sysconfig.get_path("scripts"))
    if found is None:
        raise Problem("py-spy is not installed: run `make setup`, or pip install py-spy")
    kind = "raw" if raw else "flamegraph"
    return [found, "record", "--gil", "--full-filenames", "-r", str(RATE_HZ), "-f", kind, "-o", written, "--"]


def places(stacks: Iterable[str]) -> Counter[str]:
    """Samples by the file of ours that was innermost; those of the bench before it serves are left out.

    A stack is a line as py-spy writes it: frames from the outermost, `name (file:line)`, separated by semicolons, then
    a space and how often it was met.
    """
    counted = Counter[str]()
    for stack in stacks:
        frames, _, times = stack.rpartition(" ")
        ours = [place for frame in frames.split(";") if (place := _place(frame)) is not None]
        if LOOPING in frames or not (ours and ours[0].startswith(BENCH)):
            inner = ours[-1] if ours and not ours[-1].startswith(BENCH) else LOOP
            counted[inner] += int(times)
    return counted


def _place(frame: str) -> str | None:
    """The file of ours that a frame is of; None for others'."""
    path = Path(frame.rpartition("(")[2].rstrip(")").rpartition(":")[0])
    if not path.is_relative_to(ROOT) or "site-packages" in path.parts:
        return None
    return path.relative_to(ROOT).as_posix()
