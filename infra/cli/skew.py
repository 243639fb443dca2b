"""`millrace verify --features`: what was served beside what is defined, once or for as long as it goes on."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from infra.audit.opened import Opened, not_begun, numbers, opened
from infra.cli import skew_table
from infra.cli.bar import folding_bar
from infra.cli.stdout import stdout
from infra.cli.stopping import asked_to_stop
from infra.logs import log_to_stderr
from infra.settings import Settings
from infra.skew import staged
from infra.skew.follow import Round, follow
from infra.skew.once import Checked, check
from streams.pipeline import Pipeline
from streams.plan import MONITOR, SCORE, rekeys
from streams.runtime.findings import Broken


def skewed(pipeline: Pipeline, settings: Settings, partition: int | None, *, following: bool, as_json: bool) -> bool:
    """Check, say what was found, and whether anything is unequal. Raises `Problem` where nothing can be checked."""
    with opened(pipeline, settings) as stages:
        rekeyed = {rekey.stage for rekey in rekeys(pipeline)}
        stages = [each for each in stages if each.stage != MONITOR and each.stage not in rekeyed]
        if not stages or stages[-1].stage != SCORE:
            raise not_begun(pipeline, settings)
        stage = stages[-1]
        if following:
            return _followed(stages, partition, settings, as_json=as_json)
        begun_s = time.process_time()
        if len(stages) > 1:
            parts = _staged(stages, partition)
        else:
            parts = [_checked(stage, number) for number in numbers(stage, partition)]
        if as_json:
            sys.stdout.write(json.dumps(skew_table.as_fields(parts, stage.topics.events)) + "\n")
        else:
            skew_table.show(parts, stage.topics.events, time.process_time() - begun_s)
    return skew_table.unequal(parts) > 0


def _staged(stages: Sequence[Opened], partition: int | None) -> list[Checked]:
    inputs = [(each, topic, n) for each in stages for topic in each.binding.topics for n in numbers(each, partition)]
    total = sum(stage.kafka.bounds(topic, number)[1] for stage, topic, number in inputs)
    with folding_bar("features, stage by stage", total) as advance:
        return staged.check(stages, advance, partition)


def _checked(stage: Opened, number: int) -> Checked:
    try:
        span = stage.auditor.span(number)
    except Broken:
        span = None  # the check itself says where
    total = sum(end - span.first.starts[topic] for topic, end in span.last.ends.items()) if span is not None else 1
    with folding_bar(f"features, partition {number}", total) as advance:
        return check(stage, number, advance)


def _followed(stages: Sequence[Opened], partition: int | None, settings: Settings, *, as_json: bool) -> bool:
    log_to_stderr()
    stop = asked_to_stop()
    tell = _tell_json if as_json else partial(_tell, named=len(stages) > 1)
    return follow(stages, numbers(stages[-1], partition), settings, stop, tell) > 0


def _tell(found: Round, *, named: bool) -> None:
    """As a line, with the stage's name where there are several."""
    if found.events:
        stage = f"{found.stage}, " if named else ""
        said = f"{found.events:,} events, {found.unequal:,} of {found.values:,} values unequal"
        stdout().print(f"{stage}partition {found.partition}: {said}; {found.behind:,} records behind", highlight=False)


def _tell_json(found: Round) -> None:
    if found.events:
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        sys.stdout.flush()
