"""A progress bar over the offsets that ledgers cover."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from schemas.ledger import Entry

_SHOW_EVERY = 10


@contextmanager
def folding_bar(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields what is to be told how many offsets each entry covers; `total` are those of all of them."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        waiting = [0, 0]

        def advance(offsets: int) -> None:
            waiting[0] += 1
            waiting[1] += offsets
            if waiting[0] % _SHOW_EVERY == 0:
                bar.advance(task, waiting[1])
                waiting[1] = 0

        yield advance


def covered(first: Entry, last: Entry) -> int:
    """How many offsets the entries from `first` to `last` cover."""
    return sum(last.ends.values()) - sum(first.starts.values())
