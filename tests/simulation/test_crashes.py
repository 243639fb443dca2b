"""A run that is struck anywhere, once or again and again, equals the calm one in every key, value and order.

`CHAOS=long` (as `make chaos` sets it) makes it the long one: 10,000 runs and pairs of every kind.
"""

import os
from collections import Counter
from random import Random

import pytest

from tests.simulation.faults import Fault
from tests.simulation.kinds import ALONE, PAIRED, STEPS, Pairs, kind
from tests.simulation.world import Outcome, run

LONG = os.environ.get("CHAOS") == "long"
EACH = 200
"""Seeds in each of which every kind of fault strikes."""

SEEDS = 10_000 if LONG else EACH
ALONE_SEEDS = 100 if LONG else 4
TIMES = 5
CHAIN = 8
TOO_MANY = 5
"""Runs for each pair of kinds: more, and the pairs do not come about."""


def struck(seed: int, *faults: Fault, live: bool = False) -> Outcome:
    """A run with these faults. What fails names them, so that it can be run again."""
    try:
        return run(seed, faults, audit=seed % 4 == 0, live=live)
    except Exception as error:
        error.add_note(f"run({seed}, {list(faults)}, live={live})")
        raise


def test_one_seed_is_one_trace() -> None:
    for seed in range(5):
        fault = ALONE[Random(seed).randrange(len(ALONE))]

        assert run(seed, [fault]) == run(seed, [fault])


@pytest.mark.timeout(7_200 if LONG else 600)
def test_calm_runs_give_what_a_naive_fold_gives() -> None:
    steps: Counter[str] = Counter()
    for seed in range(SEEDS):
        steps.update(step.kind for step in struck(seed).trace)

    assert not {*STEPS} - {*steps}


@pytest.mark.timeout(7_200 if LONG else 600)
def test_a_run_whose_inputs_come_meanwhile_is_the_fold_of_its_own_ledger() -> None:
    pairs, random = Pairs(ALONE, TIMES), Random(1)
    for seed in range(SEEDS // 2):
        faults = pairs.chain(random, CHAIN) if seed % 2 else []

        struck(seed, *faults, live=True)


@pytest.mark.timeout(7_200 if LONG else 600)
def test_a_fault_at_any_step_changes_nothing() -> None:
    struck_by: Counter[Fault] = Counter()
    for seed in range(ALONE_SEEDS):
        calm = Counter(step.kind for step in run(seed, audit=False).trace)
        for fault in ALONE:
            skip = Random(f"{seed} {fault}").randrange(max(calm[fault.kind], 1))
            outcome = struck(seed, fault._replace(skip=skip))
            struck_by.update(map(kind, outcome.fired))

    assert not [str(fault) for fault in ALONE if not struck_by[fault]]


@pytest.mark.timeout(7_200 if LONG else 600)
def test_faults_one_after_another_change_nothing() -> None:
    """Every kind strikes in `EACH` seeds whose run has its step, a chain of them in the others; each ordered pair of
    kinds comes `TIMES` times.
    """
    pairs, random, runs = Pairs(ALONE if LONG else PAIRED, TIMES), Random(0), 0
    seeds: Counter[Fault] = Counter()
    for seed in range(EACH):
        steps = {step.kind for step in run(seed, audit=False).trace}
        missing = [fault for fault in ALONE if fault.kind in steps]
        seeds.update(missing)
        for _ in range(TOO_MANY * len(ALONE) // CHAIN):
            fired = struck(seed, *pairs.chain_of(random, missing, CHAIN)).fired
            pairs.came(fired)
            missing = [each for each in missing if each not in map(kind, fired)]
            if not missing:
                break
        assert not missing, (seed, list(map(str, missing)))
    assert not [str(fault) for fault in ALONE if seeds[fault] < EACH // 2]
    for seed in range(EACH, SEEDS):
        pairs.came(struck(seed, *pairs.chain_of(random, ALONE, CHAIN)).fired)
    most = TOO_MANY * len(pairs.left)
    while pairs.left:
        pairs.came(struck(runs % SEEDS, *pairs.chain(random, CHAIN)).fired)
        runs += 1
        assert runs < most, [tuple(map(str, pair)) for pair in pairs.left[:5]]
