"""What a user may write, and what the problem says of the rest."""

import pytest

from schemas.problem import Problem
from streams.monitor import Monitor
from streams.monitor.definition import DAY_MS


def test_the_default_is_an_hour_against_a_day() -> None:
    assert (Monitor().window_ms, Monitor().reference_ms) == (3_600_000, DAY_MS)


def test_the_warm_up_is_the_longest_window_unless_said() -> None:
    assert Monitor().warmup_ms(7 * DAY_MS) == 7 * DAY_MS
    assert Monitor(warmup="0s").warmup_ms(7 * DAY_MS) == 0


@pytest.mark.parametrize(
    ("field", "value", "cure"),
    [
        ("window", "7h", "divide a day evenly"),
        ("window", "soon", "no length of time"),
        ("window", 60, "no length of time"),
        ("window", "2d", "divide a day evenly"),
        ("reference", "36h", "whole days"),
        ("reference", "0d", "whole days"),
        ("warmup", "x", "no length of time"),
        ("at_least", 5, "a whole number from 50"),
        ("at_least", 500.0, "a whole number"),
        ("bins", 1, "from 2 to 100"),
        ("stability", 0.0, "a number from"),
        ("score_stability", 0.0, "a number from"),
        ("stability", float("nan"), "a number from"),
        ("consecutive", 0, "from 1"),
        ("adwin_delta", 1.0, "to 0.5"),
        ("adwin_raise", -0.1, "from 0"),
        ("score_bins", 10, "from 1000"),
    ],
)
def test_a_wrong_option_is_named_with_its_cure(field: str, value: object, cure: str) -> None:
    with pytest.raises(Problem, match=cure) as raised:
        Monitor(**{field: value})  # type: ignore[arg-type]

    assert f"{field}=" in str(raised.value)
