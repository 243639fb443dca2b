"""Who pays where: customers and terminals on a plane, each customer with the terminals within reach."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from producers.payments.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_POPULATION = 0  # which stream of random numbers, beside those of the days
_ROWS = 500  # customers whose distances to all terminals are held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Columns by customer number; the terminals of customer c are `reach[start[c] : start[c] + reachable[c]]`."""

    payments_per_day: Floats
    amount_mean: Floats
    reach: Ints
    start: Ints
    reachable: Ints


def populate(scenario: Scenario) -> Population:
    """The customers and terminals of `scenario`."""
    random = np.random.default_rng([scenario.seed, _POPULATION])
    homes = random.random((scenario.customers, 2)) * scenario.plane_km
    places = random.random((scenario.terminals, 2)) * scenario.plane_km
    near = [_near(homes[i : i + _ROWS], places, scenario.radius_km) for i in range(0, scenario.customers, _ROWS)]
    reachable = np.concatenate([count for count, _ in near])
    return Population(
        payments_per_day=random.random(scenario.customers) * scenario.payments_per_day_max,
        amount_mean=random.uniform(scenario.amount_mean_min, scenario.amount_mean_max, scenario.customers),
        reach=np.concatenate([terminals for _, terminals in near]),
        start=np.cumsum(reachable) - reachable,
        reachable=reachable,
    )


def _near(homes: Floats, places: Floats, radius_km: float) -> tuple[Ints, Ints]:
    """How many terminals each of `homes` reaches, and which, one customer after the other."""
    squares = ((homes[:, None, :] - places[None, :, :]) ** 2).sum(axis=2)
    within = squares <= radius_km**2
    within[np.arange(len(homes)), squares.argmin(axis=1)] = True
    return within.sum(axis=1), np.nonzero(within)[1]
