"""One day of payments as columns in time order, with what is fraud, of which kind, and when that becomes known."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from producers.payments.population import Floats, Ints, Population
from producers.payments.scenario import DAY_MS, HOUR_MS, HOUR_WEIGHTS, NIGHT_HOURS, Scenario

NEVER_MS = -1
_PAYMENTS, _STOLEN, _COMPROMISED = 1, 2, 3  # which stream of random numbers
_FRIDAY = 5  # days since a Monday; the epoch was a Thursday
_MONDAY_OFFSET = 3


class Fraud(IntEnum):
    """What a payment is. A later kind goes before an earlier one."""

    NONE = 0
    LARGE = 1
    COMPROMISED = 2
    STOLEN = 3
    TESTING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Columns of equal length, sorted by `time_ms`; `known_ms` is `NEVER_MS` where no label comes."""

    time_ms: Ints
    customer: Ints
    terminal: Ints
    amount: Floats
    kind: NDArray[np.int8]
    known_ms: Ints


def payments_of(scenario: Scenario, population: Population, day: int) -> Day:
    """The payments of `day` (0 is the first), a function of the scenario and the day alone.

    Amounts are rounded to cents and times to milliseconds, so that the last bit of a logarithm, which differs between
    machines, does not show.
    """
    random = np.random.default_rng([scenario.seed, _PAYMENTS, day])
    customer = _customers(scenario, population, day, random)
    terminal = population.reach[
        population.start[customer] + (random.random(len(customer)) * population.reachable[customer]).astype(np.int64)
    ]
    kind = _kinds(scenario, day, customer, terminal, random)
    amount = _amounts(scenario, day, population.amount_mean[customer], kind, random)
    time_ms = scenario.start_ms + day * DAY_MS + _times_of_day(scenario, kind, random)
    known_ms = _known(scenario, time_ms, kind, random)
    order = np.argsort(time_ms, kind="stable")
    return Day(
        time_ms=time_ms[order],
        customer=customer[order],
        terminal=terminal[order],
        amount=amount[order],
        kind=kind[order],
        known_ms=known_ms[order],
    )


def _customers(scenario: Scenario, population: Population, day: int, random: Generator) -> Ints:
    """The customer of each payment: every one as often as falls to the day."""
    weekday = (scenario.start_ms // DAY_MS + day + _MONDAY_OFFSET) % 7
    factor = scenario.weekend_factor if weekday >= _FRIDAY else 1.0
    counts = random.poisson(population.payments_per_day * factor)
    return np.repeat(np.arange(scenario.customers), counts)


def _kinds(scenario: Scenario, day: int, customer: Ints, terminal: Ints, random: Generator) -> NDArray[np.int8]:
    kind = np.zeros(len(customer), dtype=np.int8)
    kind[random.random(len(kind)) < scenario.large_share] = Fraud.LARGE
    spent = _struck(scenario, _COMPROMISED, day)[terminal] & (random.random(len(kind)) < scenario.compromised_share)
    kind[spent] = Fraud.COMPROMISED
    taken = _struck(scenario, _STOLEN, day)[customer] & (random.random(len(kind)) < scenario.stolen_share)
    kind[taken] = Fraud.STOLEN
    trial = random.random(len(kind)) < scenario.testing_share
    if scenario.drifted(day):
        kind[trial] = Fraud.TESTING
    return kind


def _struck(scenario: Scenario, stream: int, day: int) -> NDArray[np.bool_]:
    """Which terminals (or cards) are compromised (or stolen) on `day`: those struck today or some days before."""
    if stream == _COMPROMISED:
        size, per_day, lasts = scenario.terminals, scenario.terminals_compromised_per_day, scenario.compromised_days
    else:
        size, per_day, lasts = scenario.customers, scenario.cards_stolen_per_day, scenario.stolen_days
    struck = np.zeros(size, dtype=np.bool_)
    for since in range(max(0, day - lasts + 1), day + 1):
        random = np.random.default_rng([scenario.seed, stream, since])
        struck[random.integers(size, size=random.poisson(per_day))] = True
    return struck


def _amounts(scenario: Scenario, day: int, mean: Floats, kind: NDArray[np.int8], random: Generator) -> Floats:
    """Amounts in cents precision, at least one cent."""
    sigma = scenario.amount_sigma
    usual = mean * random.lognormal(-sigma * sigma / 2, sigma, len(mean))
    large = random.uniform(scenario.large_factor_min, scenario.large_factor_max, len(mean))
    factor = np.array([1.0, 1.0, scenario.compromised_factor, scenario.stolen_factor, 1.0])[kind]
    amount = usual * np.where(kind == Fraud.LARGE, large, factor)
    if scenario.drifted(day):
        amount *= scenario.drift_factor
    trial = random.random(len(mean)) * scenario.testing_amount_max
    amount = np.where(kind == Fraud.TESTING, trial, amount)
    return np.maximum(np.round(amount, 2), 0.01)


def _times_of_day(scenario: Scenario, kind: NDArray[np.int8], random: Generator) -> Ints:
    """Milliseconds since midnight: after the rhythm of the day, some frauds in the night."""
    edges = np.cumsum(HOUR_WEIGHTS) / np.sum(HOUR_WEIGHTS)
    hour = np.searchsorted(edges[:-1], random.random(len(kind)), side="right")
    by_night = random.random(len(kind)) < scenario.fraud_at_night_share
    moved = (kind == Fraud.TESTING) | ((kind != Fraud.NONE) & by_night)
    hour = np.where(moved, random.integers(NIGHT_HOURS, size=len(kind)), hour)
    return hour * HOUR_MS + random.integers(HOUR_MS, size=len(kind))


def _known(scenario: Scenario, time_ms: Ints, kind: NDArray[np.int8], random: Generator) -> Ints:
    """When it becomes known what each payment was: frauds when reported, the others by silence, some never."""
    reported = scenario.report_median_days * random.lognormal(0.0, scenario.report_sigma, len(kind))
    delay_days = np.where(kind == Fraud.NONE, scenario.silence_days, reported)
    known_ms = time_ms + np.round(delay_days * DAY_MS).astype(np.int64)
    known_ms[random.random(len(kind)) < scenario.never_share] = NEVER_MS
    return known_ms
