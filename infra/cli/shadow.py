"""A backtest that goes on with the topics: when it looks for more, what it says meanwhile, when it ends."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console

from infra.backtest.entrant import Entrant
from infra.backtest.fold import Folded
from infra.backtest.report import MODEL, standing
from infra.cli.stopping import asked_to_stop

LOOK_EVERY_S = 0.5
SAY_EVERY_S = 10.0


def live(entrants: Sequence[Entrant]) -> Callable[[Folded], bool]:
    """Goes on until somebody ends it, and says now and then on standard error how far it is and how good."""
    stop, screen = asked_to_stop(), Console(stderr=True, soft_wrap=True)
    said, said_s = -1, 0.0

    def going(folded: Folded) -> bool:
        nonlocal said, said_s
        if folded.records.total() != said and time.monotonic() - said_s >= SAY_EVERY_S:
            said, said_s = folded.records.total(), time.monotonic()
            screen.print(f"caught up, {said:,} records: {'; '.join(map(_standing, entrants))}", highlight=False)
        return not stop.wait(LOOK_EVERY_S)

    def _standing(entrant: Entrant) -> str:
        scored = sum(len(trace.ids) for trace in entrant.traces)
        met = sum(len(trace.events) for trace in entrant.traces)
        return f"{entrant.name} has scored {scored:,} and met {met:,} labels{_figures(entrant) if met else ''}"

    return going


def _figures(entrant: Entrant) -> str:
    figures = standing(entrant.pipeline, entrant.traces).figures[MODEL]
    return "".join(f", {name} {value:.4f}" for name, value in figures.items() if value is not None)
