"""A suite proves as much as it finds: each bug that is planted must be found."""

from collections.abc import Iterator
from itertools import cycle, product
from random import Random

import pytest

from tests.simulation.calm import expected
from tests.simulation.faults import Fault
from tests.simulation.kinds import ALONE, ANSWERS, OWN, PAIRED, THEFTS, Pairs
from tests.simulation.planting import Plant
from tests.simulation.plants import PLANTS
from tests.simulation.world import run

SEEDS = 40
RUNS = 240
"""Runs in which a bug must show."""


def struck() -> Iterator[tuple[int, list[Fault]]]:
    """Seeds, each with the faults of a run: none, one, several in a row, or a theft while an answer is looked up."""
    random = Random("struck")
    looked_up = cycle(product(ANSWERS[:2], [theft for theft in THEFTS if theft.kind in OWN[:2]]))
    for n in range(RUNS):
        kind = n % 4
        if kind == 0:
            yield n % SEEDS, []
        elif kind == 1:
            yield n % SEEDS, [random.choice(ALONE)._replace(skip=random.randint(0, 8))]
        elif kind == 2:
            yield n % SEEDS, Pairs(PAIRED, 1).chain(random, 8)
        else:
            answer, theft = next(looked_up)
            yield n % SEEDS, [answer._replace(skip=random.randint(0, 4)), theft]


def first_found() -> Exception | None:
    """What the first run that does not end well says."""
    for n, (seed, faults) in enumerate(struck()):
        try:
            run(seed, faults, live=n % 8 == 4)
        except Exception as error:  # noqa: BLE001 (whatever stops a run has found the bug)
            return error
    return None


def test_where_nothing_is_planted_nothing_is_found() -> None:
    assert first_found() is None


@pytest.mark.parametrize("plant", [pytest.param(plant, id=plant.name) for plant in PLANTS])
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(SEEDS):
        expected(seed)
    plant.put(monkeypatch)

    assert first_found() is not None
