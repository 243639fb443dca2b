"""What the payments demo tells: a scenario for so many events, with a drift on a known day."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, sqrt

from producers.known import Kind, Known
from producers.payments import Scenario, populate, tell
from schemas.payment import Payment

DAYS = 60
DRIFT_DAY = 46  # two weeks to watch, after the longest window, which ended a week ago, and a week of reference
SILENCE_DAYS = 3.0  # a payment that nobody reports counts as honest about when frauds are reported: both teach together
DAY_MS = 86_400_000
SIGMAS = 6
"""The number of payments is drawn (Poisson); a stream that is a little longer is cut."""
THOUSAND = 1_000.0
"""The scenario's own rates are for so many customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The first `events` payments of a scenario that has a few more, and all that becomes known of them."""

    scenario: Scenario
    events: int

    @property
    def drift_ms(self) -> int:
        """Midnight before the first payments that differ."""
        return self.scenario.start_ms + DRIFT_DAY * DAY_MS

    def day(self, time_ms: int) -> float:
        """Days since the start."""
        return (time_ms - self.scenario.start_ms) / DAY_MS

    def records(self) -> Iterator[Known]:
        """Payments and labels in the order of becoming known."""
        told: set[str] = set()
        for known in tell(self.scenario):
            record = known.record
            if known.kind is Kind.LABEL:
                if record.transaction_id in told:  # type: ignore[attr-defined]  # each has one
                    yield known
            elif len(told) < self.events and isinstance(record, Payment):
                told.add(record.transaction_id)
                yield known


def story(events: int, seed: int) -> Story:
    """So many payments in about `DAYS` days: the number of customers follows, and with it that of everything else."""
    enough = events + SIGMAS * sqrt(events)
    usual = Scenario().payments_per_day_max
    drawn = _scenario(ceil(enough / _per_customer(usual / 2)), seed)
    fitted = usual * enough / _expected(drawn)  # few customers may have been drawn all lazy or all busy
    return Story(events=events, scenario=replace(drawn, payments_per_day_max=fitted))


def _scenario(customers: int, seed: int) -> Scenario:
    usual, share = Scenario(), customers / THOUSAND
    return Scenario(
        seed=seed,
        days=DAYS,
        customers=customers,
        terminals=ceil(usual.terminals * share),
        plane_km=usual.plane_km * sqrt(share),
        terminals_compromised_per_day=usual.terminals_compromised_per_day * share,
        cards_stolen_per_day=usual.cards_stolen_per_day * share,
        drift_day=DRIFT_DAY,
        silence_days=SILENCE_DAYS,
    )


def _expected(scenario: Scenario) -> float:
    """Payments to expect, with the customers as they were drawn."""
    return float(sum(_per_customer(mean) for mean in populate(scenario).payments_per_day.tolist()))


def _per_customer(per_day: float) -> float:
    return per_day * DAYS * (5 + 2 * Scenario().weekend_factor) / 7
