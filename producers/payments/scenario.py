"""Every parameter of the generated payments: who pays where and when, what fraud there is, when it becomes known."""

from dataclasses import dataclass

from schemas.problem import Problem

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
NIGHT_HOURS = 6
"""Hours of the day, from midnight, that count as night."""

# Share of the payments in each hour of the day: quiet at night, a peak at noon and another in the evening.
HOUR_WEIGHTS = (1, 0.6, 0.4, 0.3, 0.4, 0.8, 2, 4, 5, 6, 7, 8, 9, 8, 7, 6, 6, 7, 8, 7, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What the generator makes. The defaults give about 2,000 payments a day, 1 % of them fraud.

    >>> Scenario(days=3).end_ms - Scenario(days=3).start_ms
    259200000
    """

    seed: int = 1
    start_ms: int = 1_736_121_600_000
    """Midnight UTC of the first day; by default Monday, 6 January 2025."""
    days: int = 60

    customers: int = 1_000
    terminals: int = 1_500
    plane_km: float = 100.0
    """Length of the sides of the square on which customers and terminals stand."""
    radius_km: float = 8.0
    """How far a customer goes to a terminal; one without any nearer uses the nearest."""

    payments_per_day_max: float = 4.0
    """A customer's mean payments a day are uniform between 0 and this."""
    weekend_factor: float = 1.3
    amount_mean_min: float = 10.0
    amount_mean_max: float = 100.0
    """A customer's mean amount is uniform between the two."""
    amount_sigma: float = 0.5
    """Spread of the logarithm of one customer's amounts."""

    large_share: float = 0.003
    """Share of all payments that are fraud by amount: `large_factor_min` to `large_factor_max` times the usual."""
    large_factor_min: float = 4.0
    large_factor_max: float = 12.0
    terminals_compromised_per_day: float = 0.9
    compromised_days: int = 10
    compromised_share: float = 0.5
    """Share of fraud among the payments at a compromised terminal."""
    compromised_factor: float = 2.0
    cards_stolen_per_day: float = 1.3
    stolen_days: int = 7
    stolen_share: float = 0.4
    """Share of fraud among the payments with a stolen card."""
    stolen_factor: float = 4.0
    fraud_at_night_share: float = 0.4
    """Share of the frauds that are moved into the night."""

    drift_day: int | None = None
    """From this day on (0 is the first) amounts are inflated and stolen cards are tried with tiny payments at night."""
    drift_factor: float = 2.0
    testing_share: float = 0.003
    """Share of all payments that are such trials, after the drift."""
    testing_amount_max: float = 3.0

    report_median_days: float = 3.0
    report_sigma: float = 0.8
    """A fraud is reported after a lognormal delay with this median and this spread of its logarithm."""
    silence_days: float = 7.0
    """Every other payment is confirmed by silence after this delay; 0: at once."""
    never_share: float = 0.02
    """Share of payments, fraud or not, of which nothing is ever known."""

    def __post_init__(self) -> None:
        if min(self.days, self.customers, self.terminals) < 1:
            raise Problem("payments need at least one day, one customer and one terminal: raise the one that is zero")
        if self.start_ms % DAY_MS:
            raise Problem(f"start_ms={self.start_ms} is no midnight UTC: give a multiple of {DAY_MS}")

    @property
    def end_ms(self) -> int:
        """The end of the last day."""
        return self.start_ms + self.days * DAY_MS

    def drifted(self, day: int) -> bool:
        """Whether `day` (0 is the first) is the day of the drift or a later one."""
        return self.drift_day is not None and day >= self.drift_day
