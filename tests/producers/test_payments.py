"""Laws of the generated payments."""

import hashlib
from collections import Counter, defaultdict, deque
from itertools import islice, pairwise

import numpy as np
import pytest
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from producers.known import Kind, Known
from producers.payments import Fraud, Scenario, days, tell
from producers.payments.scenario import DAY_MS
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem

FEW = Scenario(days=12, customers=200, terminals=300)


def payments(told: list[Known]) -> dict[str, Payment]:
    return {known.record.transaction_id: known.record for known in told if isinstance(known.record, Payment)}


def chargebacks(told: list[Known]) -> list[Chargeback]:
    return [known.record for known in told if isinstance(known.record, Chargeback)]


def test_one_seed_gives_one_story_and_another_seed_another() -> None:
    once = list(islice(tell(FEW), 500))

    assert once == list(islice(tell(FEW), 500))
    assert once != list(islice(tell(Scenario(days=12, customers=200, terminals=300, seed=2)), 500))


def test_the_story_is_the_same_on_every_machine() -> None:
    digest = hashlib.sha256()
    for known in tell(FEW):
        digest.update(f"{known.time_ms} {known.record.model_dump_json()}\n".encode())

    assert digest.hexdigest() == "527c83030dddd1d7b4f961358439b2a7d4bbe3af359f976c4537b64ec52cdccf"


def test_more_days_continue_the_story_of_fewer() -> None:
    short, long = (list(days(Scenario(days=n, customers=50, terminals=50))) for n in (2, 5))

    for one, other in zip(short, long[:2], strict=True):
        assert np.array_equal(one.amount, other.amount)
        assert np.array_equal(one.time_ms, other.time_ms)


def test_records_are_told_in_the_order_of_their_kafka_times() -> None:
    told = list(tell(FEW))

    assert all(one.time_ms <= other.time_ms for one, other in pairwise(told))
    assert [known.kind for known in told] == [
        Kind.EVENT if isinstance(known.record, Payment) else Kind.LABEL for known in told
    ]
    assert told[0].time_ms >= FEW.start_ms


def test_every_label_comes_after_its_own_payment_and_at_most_once() -> None:
    seen: set[str] = set()
    labelled: set[str] = set()
    for known in tell(FEW):
        record = known.record
        assert isinstance(record, Payment | Chargeback)
        if isinstance(record, Payment):
            assert record.transaction_id not in seen
            seen.add(record.transaction_id)
        else:
            assert record.transaction_id in seen
            assert record.transaction_id not in labelled
            labelled.add(record.transaction_id)


def test_a_label_known_at_once_stands_between_its_payment_and_the_next() -> None:
    told = list(tell(Scenario(days=2, silence_days=0, report_median_days=0, never_share=0)))

    assert len(told) > 2_000
    for event, label in zip(told[::2], told[1::2], strict=True):
        assert isinstance(event.record, Payment)
        assert isinstance(label.record, Chargeback)
        assert event.record.transaction_id == label.record.transaction_id
        assert event.time_ms < label.time_ms


def test_label_and_payment_share_their_customer() -> None:
    told = list(tell(FEW))
    by_id = payments(told)

    assert all(by_id[label.transaction_id].customer_id == label.customer_id for label in chargebacks(told))


def test_what_is_not_fraud_is_confirmed_by_silence_at_the_fixed_delay() -> None:
    told = list(tell(FEW))
    by_id = payments(told)
    delays_s = {
        fraud: [
            (label.reported_at - by_id[label.transaction_id].occurred_at).total_seconds()
            for label in chargebacks(told)
            if label.fraud is fraud
        ]
        for fraud in (False, True)
    }

    assert set(delays_s[False]) == {FEW.silence_days * 86_400}
    assert 1.5 < np.median(delays_s[True]) / 86_400 < 6
    assert len(set(delays_s[True])) == len(delays_s[True])


def test_each_kind_of_fraud_has_its_share_and_some_payments_are_never_labelled() -> None:
    kinds: Counter[int] = Counter()
    never = total = 0
    for day in days(Scenario(days=60, drift_day=30)):
        kinds.update(day.kind.tolist())
        never += int((day.known_ms < 0).sum())
        total += len(day.kind)
    shares = {kind: kinds[kind] / total for kind in Fraud}

    assert shares[Fraud.LARGE] == pytest.approx(0.003, abs=0.0006)
    assert 0.0012 < shares[Fraud.COMPROMISED] < 0.004
    assert 0.002 < shares[Fraud.STOLEN] < 0.005
    assert shares[Fraud.TESTING] == pytest.approx(0.0015, abs=0.0004)
    assert never / total == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_the_drift_inflates_amounts_from_its_day_on_and_brings_trials_of_stolen_cards(seed: int) -> None:
    calm = list(days(Scenario(days=10, seed=seed)))
    drifted = list(days(Scenario(days=10, seed=seed, drift_day=6)))

    for number, (one, other) in enumerate(zip(calm, drifted, strict=True)):
        same = one.kind == other.kind
        ratio = np.median(other.amount[same]) / np.median(one.amount[same])
        assert ratio == pytest.approx(2.0 if number >= 6 else 1.0, rel=0.02)
        assert number >= 6 or not (other.kind == Fraud.TESTING).any()
    assert sum((day.kind == Fraud.TESTING).sum() for day in drifted) > 10


def test_weekends_are_busier_and_nights_are_quiet() -> None:
    week = list(days(Scenario(days=7)))  # begins on a Monday
    count = [len(day.time_ms) for day in week]
    hour = np.concatenate([day.time_ms for day in week]) // 3_600_000 % 24

    assert min(count[5:]) > 1.15 * max(count[:5])
    assert 0.02 < (hour < 6).mean() < 0.06


def test_customers_stay_within_reach() -> None:
    used: dict[int, set[int]] = {}
    for day in days(Scenario(days=20)):
        for customer, terminal in zip(day.customer.tolist(), day.terminal.tolist(), strict=True):
            used.setdefault(customer, set()).add(terminal)

    assert max(map(len, used.values())) < 80
    assert np.median([len(terminals) for terminals in used.values()]) > 5


def test_a_scenario_without_customers_or_off_midnight_is_refused() -> None:
    with pytest.raises(Problem, match="at least one day"):
        Scenario(customers=0)
    with pytest.raises(Problem, match="no midnight"):
        Scenario(start_ms=1)


def test_an_online_logistic_regression_learns_to_tell_fraud() -> None:
    """Amount, night, and count and mean per customer over 1, 7 and 30 days; taught when the labels come."""
    scenario = Scenario(days=35, customers=500, terminals=750)
    model = StandardScaler() | LogisticRegression()
    recent: dict[str, deque[tuple[int, float]]] = defaultdict(deque)
    waiting: dict[str, tuple[dict[str, float], float]] = {}
    truths, scores = [], []
    for known in tell(scenario):
        record = known.record
        if isinstance(record, Payment):
            seen = vector(known.time_ms, record, recent[record.customer_id])
            waiting[record.transaction_id] = (seen, model.predict_proba_one(seen).get(True, 0.0))
        elif isinstance(record, Chargeback):
            seen, said = waiting.pop(record.transaction_id)
            model.learn_one(seen, record.fraud)
            if known.time_ms > scenario.start_ms + 15 * DAY_MS:
                truths.append(record.fraud)
                scores.append(said)

    assert 0.85 < area_under_curve(truths, scores) < 0.97


def area_under_curve(truths: list[bool], scores: list[float]) -> float:
    """The share of pairs (fraud, other) of which the fraud has the higher score; there are hardly any ties."""
    ranks = np.argsort(np.argsort(scores)) + 1
    truth = np.array(truths)
    frauds, others = truth.sum(), (~truth).sum()
    return float((ranks[truth].sum() - frauds * (frauds + 1) / 2) / (frauds * others))


def vector(time_ms: int, payment: Payment, recent: deque[tuple[int, float]]) -> dict[str, float]:
    """The features of `payment`, the naive way; `recent` holds its customer's last 30 days."""
    recent.append((time_ms, payment.amount))
    while recent[0][0] <= time_ms - 30 * DAY_MS:
        recent.popleft()
    found = {"amount": payment.amount, "night": float(payment.occurred_at.hour < 6)}
    for span in (1, 7, 30):
        amounts = [amount for at_ms, amount in recent if at_ms > time_ms - span * DAY_MS]
        found |= {f"count.{span}": len(amounts), f"mean.{span}": sum(amounts) / len(amounts)}
    return found
