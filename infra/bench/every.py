"""Runs all benches, one after the other, each on servers of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path

from infra.bench.benches import BENCHES, Bench
from infra.bench.budgets import Standing
from infra.bench.foreign import Absent
from infra.bench.report import Report
from schemas.problem import Problem

Note = Callable[[str], None]


def run(
    note: Note, folder: Path, *, quick: bool = False, long: bool = False, benches: Mapping[str, Bench] = BENCHES
) -> Standing:
    """What each found. One that fails, or needs what is not there, is told, and the others go on."""
    reports: dict[str, Report] = {}
    failed: dict[str, str] = {}
    absent: dict[str, str] = {}
    for name, bench in benches.items():
        measure = bench.measure(quick=quick, long=long)
        if measure is None:
            continue
        note(f"bench {name}")
        (folder / name).mkdir()
        try:
            reports[name] = measure(note, folder / name)
        except Absent as missing:
            absent[name] = str(missing)
            note(f"bench {name} is left out: {missing}")
        except Problem as problem:
            failed[name] = str(problem)
            note(f"bench {name} failed: {problem}")
        else:
            note(f"bench {name}: {reports[name].verdict.value}")
    return Standing(reports, failed, absent)
