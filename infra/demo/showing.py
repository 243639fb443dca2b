"""Where the demo is shown while it runs: redrawn in a terminal, as plain lines elsewhere."""

import time
from collections import deque
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from infra.demo.story import Story
from infra.demo.view import day_told, picture
from infra.demo.watching import Look

LINE_EVERY_S = 4.0
RATE_OVER_S = 5.0


class Shown(Protocol):
    """Something that shows looks inside a `with`."""

    def show(self, look: Look) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...


def shown(console: Console, story: Story, start_s: float) -> Shown:
    """In a terminal a picture, elsewhere lines. `start_s` is the monotonic time from which seconds count."""
    return Picture(console, story, start_s) if console.is_terminal else Lines(console, story, start_s)


class Rate:
    """Events scored a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def step(self, look: Look) -> float:
        """Take a look and return the rate, 0 before there are two."""
        self._seen.append((look.at_s, look.scored))
        while len(self._seen) > 2 and self._seen[1][0] < look.at_s - RATE_OVER_S:
            self._seen.popleft()
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


class Picture:
    """Redrawn with every look; the last one stays."""

    def __init__(self, console: Console, story: Story, start_s: float) -> None:
        self._story, self._start_s = story, start_s
        self._rate = Rate()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._live.stop()

    def show(self, look: Look) -> None:
        seconds = time.monotonic() - self._start_s
        self._live.update(picture(look, self._story, seconds=seconds, per_s=self._rate.step(look)), refresh=True)


class Lines:
    """A line every few seconds."""

    def __init__(self, console: Console, story: Story, start_s: float) -> None:
        self._console, self._story, self._start_s = console, story, start_s
        self._rate = Rate()
        self._told_s = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing to put away."""

    def show(self, look: Look) -> None:
        per_s = self._rate.step(look)
        if look.at_s - self._told_s < LINE_EVERY_S and not look.all_stored:
            return
        self._told_s = look.at_s
        quality, share = look.quality, look.unlabelled_share
        figures = [
            f"{time.monotonic() - self._start_s:4.0f} s",
            f"produced {look.sent.events:,}",
            f"scored {look.scored:,} ({per_s:,.0f}/s)",
            f"learnt {look.labels.get('learnt', 0):,}",
            f"rejected {look.events.get('rejected', 0)}",
            f"lag {look.lag['score']:,}",
            f"stored {look.rows['scored']:,}",
            f"alerts {len(look.alerts)}",
        ]
        if quality is not None and quality.roc_auc is not None and quality.average_precision is not None:
            figures += [f"ROC AUC {quality.roc_auc:.3f}", f"average precision {quality.average_precision:.3f}"]
        if share is not None:
            figures.append(f"unlabelled {share:.1%}")
        figures.append(day_told(self._story, look.scored_to_ms))
        self._console.print("  ".join(figures), highlight=False, soft_wrap=True)
