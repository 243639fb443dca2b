"""What a user may say about watching a pipeline."""

from dataclasses import dataclass, fields

from schemas.duration import duration_ms
from schemas.problem import Problem

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """How to watch a pipeline.

    - `window`: length of a window of event time; it divides a day evenly, so that days can be compared hour by hour.
    - `at_least`: a window with fewer events goes on over the following ones until it has them.
    - `reference`: what later windows are compared with, hour by hour: the first full days, in whole days. `7d` where
      weekdays differ.
    - `warmup`: what passes before the reference begins and errors are watched; left out, the longest window of the
      pipeline's features, as counts and means grow until that has passed once; of what decays, seven half-lives.
    - `bins`: quantile bins of the reference per feature.
    - `stability`: the population stability index from which a window counts as drifted. By convention .1 is little,
      .25 much (Siddiqi, Credit Risk Scorecards, 2006).
    - `score_stability`: the same for the score, which moves by about half that from day to day as a model learns.
    - `consecutive`: windows in a row that must have drifted for an alert, and be calm before another.
    - `adwin_delta`: confidence of ADWIN on the errors: the chance of a false alarm.
    - `adwin_raise`: the rise of the mean error, as a share of the old one, from which ADWIN's finding is an alert.
    - `score_bins`: bins of the score per class, from which quality is computed.

    Raises `Problem`, naming the field and the cure.

    >>> Monitor(window="30m").window_ms
    1800000
    """

    window: str = "1h"
    at_least: int = 500
    reference: str = "1d"
    warmup: str | None = None
    bins: int = 10
    stability: float = 0.25
    score_stability: float = 1.0
    consecutive: int = 3
    adwin_delta: float = 0.002
    adwin_raise: float = 0.5
    score_bins: int = 1000

    def __post_init__(self) -> None:
        for name in ("window", "reference", "warmup"):
            self._check_duration(name)
        if self.window_ms <= 0 or DAY_MS % self.window_ms != 0:
            raise Problem(f"Monitor(window={self.window!r}) does not divide a day evenly: write 15m, 1h, 6h or 1d")
        if self.reference_ms <= 0 or self.reference_ms % DAY_MS != 0:
            raise Problem(f"Monitor(reference={self.reference!r}) is not in whole days: write 1d or 7d")
        self._check("at_least", 50, 10_000_000)
        self._check("bins", 2, 100)
        self._check("stability", 1e-6, 100.0)
        self._check("score_stability", 1e-6, 100.0)
        self._check("consecutive", 1, 1_000)
        self._check("adwin_delta", 1e-12, 0.5)
        self._check("adwin_raise", 0.0, 1_000.0)
        self._check("score_bins", 1_000, 100_000)

    def _check_duration(self, name: str) -> None:
        value = getattr(self, name)
        if value is None and name == "warmup":
            return
        try:
            duration_ms(value if isinstance(value, str) else repr(value))
        except Problem as problem:
            raise Problem(f"Monitor({name}={value!r}): {problem}") from None

    def _check(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        whole = next(field for field in fields(self) if field.name == name).type is int
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise Problem(f"Monitor({name}={value!r}): write {kind} from {low:g} to {high:g}")

    @property
    def window_ms(self) -> int:
        return duration_ms(self.window)

    @property
    def reference_ms(self) -> int:
        return duration_ms(self.reference)

    @property
    def units(self) -> tuple[object, ...]:
        """What the monitor's state is counted in: where it changes, the state means something else."""
        return self.window_ms, self.reference_ms, self.bins, self.score_bins

    def warmup_ms(self, longest_ms: int) -> int:
        """What passes before the reference begins, for features that look back `longest_ms`."""
        return longest_ms if self.warmup is None else duration_ms(self.warmup)
