"""The handbook's features of card fraud, and what helps a linear model beside them; for topics of one partition."""

from collections.abc import Callable
from math import log, log1p, sqrt

from infra.pipelines.payments import CUSTOMERS, DELAY, SPANS, TERMINALS, of_payments
from schemas.payment import Payment
from streams import Derived, per
from streams.feature import Feature

DOUBT = 5
"""As many payments of a hundredth fraud count beside those of a terminal."""

FAR = 20.0


def log_amount(payment: Payment) -> float:
    """The amount on a scale on which half and double are as far away."""
    return log1p(payment.amount)


def ratio(amount: float, mean: float) -> float:
    """How many times the customer's mean."""
    return amount / mean


def risk(count: float, rate: float) -> float:
    """The share of fraud, with some doubt where few payments are known; one in a hundred where none is."""
    return (count * rate + DOUBT / 100) / (count + DOUBT)


def spread(amount: float, mean: float, variance: float) -> float:
    """How many standard deviations above the customer's mean, at most `FAR`."""
    return min((amount - mean) / sqrt(variance), FAR)


def log_ratio(share: float) -> float:
    """The logarithm of a ratio or a share that may be 0."""
    return log(share + 0.01)


def worst(first: float, second: float, third: float) -> float:
    """The logarithm of the highest risk."""
    return log(max(first, second, third))


def both(week: float, month: float) -> float:
    """High where a terminal was at risk in the last week that is known and in the whole month."""
    return week * month


def above(knot: float) -> Callable[[float], float]:
    """Nothing up to the knot and from there on as the value: a line that may bend there (Friedman, MARS, 1991)."""
    return lambda value: max(value - knot, 0.0)


FIFTEEN: list[Feature] = [*CUSTOMERS, *TERMINALS]

RISKS = tuple(f"risk.{span}" for span in SPANS)

MORE: list[Feature] = [
    Derived("log_amount", log_amount),
    *(Derived(f"ratio.{s}", ratio, of=("amount", f"customer_id.amount.mean.{s}"), default=1.0) for s in SPANS),
    *(
        Derived(f"risk.{s}", risk, of=(f"terminal_id.count.{s}.delay_{DELAY}", f"terminal_id.rate.{s}.delay_{DELAY}"))
        for s in SPANS
    ),
    per("customer_id").over("30d").variance("amount").max("amount"),
    per("customer_id").over("7d", "30d").rate("label"),
    per("terminal_id").over("7d", "30d", delay=DELAY).mean("amount", default=50.0),
    Derived(
        "spread",
        spread,
        of=("amount", "customer_id.amount.mean.30d", "customer_id.amount.variance.30d"),
        default=0.0,
    ),
    Derived("log_ratio.30d", log_ratio, of=("ratio.30d",)),
    Derived("worst", worst, of=RISKS),
    Derived("log_risk.7d", log_ratio, of=("risk.7d",)),
    Derived("log_risk.30d", log_ratio, of=("risk.30d",)),
    Derived("risky", both, of=("risk.7d", "risk.30d")),
    *(Derived(f"amount.above_{knot}", above(knot), of=("amount",)) for knot in (100, 200)),
    *(Derived(f"ratio.30d.above_{knot}", above(knot), of=("ratio.30d",)) for knot in (2, 4)),
]


handbook = of_payments("handbook", FIFTEEN, rate=0.002)
extended = of_payments("extended", [*FIFTEEN, *MORE], rate=0.002)
