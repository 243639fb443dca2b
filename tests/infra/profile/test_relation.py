"""How a field tells the label, against the plainest code that says the same."""

from collections import Counter
from math import log2
from statistics import mean

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.profile.column import column
from infra.profile.label import Label, label
from infra.profile.model import Relation
from infra.profile.relation import auc, cross_auc, relation
from tests.infra.profile.events import Draw, field

VALUES = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 1.5, -2.0, 1e9]), st.booleans()), min_size=1, max_size=40)
WORDS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans()), min_size=1, max_size=60)


def naive_auc(values: list[float], positive: list[bool]) -> float | None:
    """Every pair of a positive and a negative, ties half."""
    pairs = [
        (p > n) + 0.5 * (p == n)
        for p, of in zip(values, positive, strict=True)
        if of
        for n, other in zip(values, positive, strict=True)
        if not other
    ]
    return mean(pairs) if pairs else None


def naive_information(pairs: "list[tuple[object, object]]") -> float:
    """Mutual information in bits, by its definition."""
    both, left, right = Counter(pairs), Counter(p[0] for p in pairs), Counter(p[1] for p in pairs)
    many = len(pairs)
    return sum(n / many * log2(n * many / (left[a] * right[b])) for (a, b), n in both.items())


def truth(known: list[bool]) -> Label:
    return label(column("fraud", pa.chunked_array([pa.array(known)])), "binary")


def told(values: pa.Array, known: list[bool], name: str = "value") -> Relation | None:
    return relation(column(name, pa.chunked_array([values])), truth(known))


@given(VALUES)
def test_auc_is_the_share_of_pairs_in_order(drawn: list[tuple[float, bool]]) -> None:
    values, positive = [each[0] for each in drawn], [each[1] for each in drawn]
    expected = naive_auc(values, positive)

    assert auc(np.array(values), np.array(positive)) == (None if expected is None else pytest.approx(expected))


@given(WORDS)
def test_information_is_that_of_the_table(drawn: "list[tuple[str | None, bool]]") -> None:
    words, known = [each[0] for each in drawn], [each[1] for each in drawn]
    found = told(pa.array(words, pa.string()), known)
    held = [each for each in drawn if each[0] is not None]

    if len({each[1] for each in held}) < 2:
        assert found is None or found.information is None
        return
    assert found is not None
    assert found.labelled == len(held)
    assert found.information is not None
    assert found.information == pytest.approx(naive_information([*held]), abs=1e-9)
    assert found.told == pytest.approx(found.information / naive_information([(x[1], x[1]) for x in held]), abs=1e-9)
    rates = {word: mean(each[1] for each in held if each[0] == word) for word in {each[0] for each in held}}
    assert {each.value: each.rate for each in found.rates} == pytest.approx(rates)
    assert {each.value: each.labelled for each in found.rates} == Counter(each[0] for each in held)


@given(WORDS)
def test_being_there_is_ranked_as_a_number(drawn: "list[tuple[str | None, bool]]") -> None:
    words, known = [each[0] for each in drawn], [each[1] for each in drawn]
    present = [float(word is not None) for word in words]
    found = told(pa.array(words, pa.string()), known)

    expected = naive_auc(present, known) if len(set(present)) == 2 else None
    assert (found.presence_auc if found is not None else None) == (
        expected if expected is None else pytest.approx(expected)
    )


def test_means_are_per_class() -> None:
    found = told(pa.array([1.0, 2.0, None, 10.0, float("nan")]), [False, False, True, True, True])

    assert found is not None
    assert found.labelled == 3
    assert found.means == {"false": 1.5, "true": 10.0}
    assert found.auc == 1.0


def test_a_category_that_has_nothing_to_do_with_the_label_ranks_nothing() -> None:
    """Where the rows themselves were ranked by the rates of their own values, 800 values would rank them at .7."""
    draw = np.random.default_rng(3)
    codes, positive = draw.integers(0, 800, 8_000), draw.random(8_000) < 0.1
    own = np.bincount(codes, weights=positive) / np.bincount(codes)

    found, flattered = cross_auc(codes, positive, 800), auc(own[codes], positive)
    assert found is not None
    assert flattered is not None
    assert abs(found - 0.5) < 0.03
    assert flattered > 0.65


def test_a_category_that_tells_is_ranked_by_the_other_half() -> None:
    codes = np.array([0, 0, 1, 1] * 50)

    assert cross_auc(codes, codes == 1, 2) == 1.0


def test_ranks_of_a_number_as_label_are_correlated() -> None:
    events = Draw(2_000)
    amounts = np.asarray(events.columns["amount"])
    profile = events.profile(truth=np.log(amounts) + events.draw.normal(0.0, 0.1, events.rows))

    found = field(profile, "amount").relation
    assert found is not None
    assert found.spearman == pytest.approx(1.0, abs=0.02)
    assert found.auc is None
    assert [each.rate for each in found.rates] == sorted(each.rate for each in found.rates)


def test_of_two_names_the_rarer_one_is_the_positive_class() -> None:
    found = label(column("state", pa.chunked_array([["good", "bad", "good", None]])), None)

    assert (found.task, found.positive) == ("binary", "bad")
    assert found.numbers.tolist()[:3] == [0.0, 1.0, 0.0]
    assert np.isnan(found.numbers[3])
