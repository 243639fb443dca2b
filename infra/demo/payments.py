"""The payments demo: everything is started, fed, watched, summed up and stopped."""

import json
import sys
from dataclasses import dataclass

from rich.console import Console

from infra.demo import examples, goingon, summary
from infra.demo.feeding import Feeder
from infra.demo.figures import Figures, gathered
from infra.demo.poison import sprinkled
from infra.demo.running import Running, running
from infra.demo.showing import shown
from infra.demo.story import Story, story
from infra.demo.waiting import wait
from infra.demo.watching import Watcher

TARGET = "infra.pipelines.payments:payments"
SPOILT = 20
REPEATS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the person asked for."""

    events: int
    seed: int
    keep: bool
    as_json: bool


def run(wanted: Wanted, console: Console) -> None:
    """Show the whole stream on `console`; the JSON goes to standard output.

    Raises `Problem` where something fails, stalls, or does not add up; whatever was started is stopped.
    """
    with running(TARGET, console) as all_of_it:
        figures = _followed(all_of_it, story(wanted.events, wanted.seed), console)
        if wanted.as_json:
            sys.stdout.write(json.dumps(figures.as_json()) + "\n")
            sys.stdout.flush()
        else:
            summary.show(figures, console)
            examples.show(all_of_it.store, console)
        if wanted.keep:
            goingon.keep(all_of_it, console)
        elif not wanted.as_json:
            goingon.tell(all_of_it, console)


def _followed(all_of_it: Running, told: Story, console: Console) -> Figures:
    """Feed, watch until all is stored, and sum up."""
    settings, times = all_of_it.servers.settings, all_of_it.times
    every = max(1, told.events // (max(SPOILT, REPEATS) + 1))
    records = sprinkled(told.records(), every=every, poison=SPOILT, repeats=REPEATS)
    with (
        Feeder(all_of_it.pipeline, settings, records) as feeder,
        Watcher(all_of_it, feeder) as watcher,
        shown(console, told, times.start_s) as screen,
    ):
        last = wait(watcher.look, screen.show, all_of_it.check, times)
    return gathered(told, last, all_of_it.store, all_of_it.workers, times)
