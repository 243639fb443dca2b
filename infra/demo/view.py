"""The demo while it runs, as one picture that is drawn again with every look."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from infra.demo.store import Found
from infra.demo.story import DAYS, DRIFT_DAY, Story
from infra.demo.watching import ENDS, Look

BAR_WIDTH = 30
ALERTS_SHOWN = 6


def picture(look: Look, story: Story, *, seconds: float, per_s: float) -> RenderableType:
    """All figures of `look`; `seconds` since the start, `per_s` events scored a second lately."""
    parts = [
        _header(seconds),
        _bars(look, story),
        _columns(look, per_s),
        _quality(look),
        _alerts(look, story),
    ]
    return Group(*(Padding(part, (0, 0, 1, 1)) for part in parts))


def _header(seconds: float) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    line.add_row(Text("millrace demo: card payments, scored as they happen", style="bold"), f"{seconds:.0f} s ")
    return line


def _bars(look: Look, story: Story) -> RenderableType:
    bars = Table.grid(padding=(0, 2))
    bars.add_column(width=8)
    bars.add_column(width=BAR_WIDTH)
    bars.add_column(justify="right", width=7)
    bars.add_column()
    produced = look.sent.events - look.sent.spoilt
    for name, done, time_ms in (
        ("produced", produced, look.sent.time_ms),
        ("scored", look.scored, look.scored_to_ms),
    ):
        bars.add_row(
            name,
            ProgressBar(total=story.events, completed=min(done, story.events), width=BAR_WIDTH),
            f"{done:,}",
            Text(day_told(story, time_ms), style="dim"),
        )
    return bars


def day_told(story: Story, time_ms: int) -> str:
    """Where the simulated time stands."""
    if not time_ms:
        return "about to start"
    day = int(story.day(time_ms))
    if day >= DAYS:
        return f"day {day}: only labels still come"
    return f"day {day} of {DAYS}" + ("" if day < DRIFT_DAY else ", drifted")


def _columns(look: Look, per_s: float) -> RenderableType:
    columns = Table.grid(padding=(0, 3))
    share = look.unlabelled_share
    events = {end: f"{look.events.get(end, 0):,}" for end in ENDS}
    labels = {
        "produced": f"{look.sent.labels:,}",
        "learnt": f"{look.labels.get('learnt', 0):,}",
        "too late": f"{look.labels.get('expired', 0):,}",
        "unlabelled": "" if share is None else f"{share:.1%}",
    }
    lag = {name: f"{behind:,}" for name, behind in look.lag.items()}
    rows = {table: f"{count:,}" for table, count in look.rows.items()}
    columns.add_row(
        _column("events", {**events, "per second": f"{per_s:,.0f}"}),
        _column("labels", labels),
        _column("lag", lag),
        _column("rows in ClickHouse", rows),
    )
    return columns


def _column(title: str, figures: Mapping[str, str]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True, min_width=7)
    for name, figure in figures.items():
        table.add_row(Text(name, style="dim"), figure)
    return Group(Text(title, style="bold"), table)


def _quality(look: Look) -> RenderableType:
    quality = look.quality
    line = Text()
    line.append("quality  ", style="bold")
    if quality is None or quality.roc_auc is None or quality.average_precision is None:
        line.append("no fraud is known yet", style="dim")
        return line
    line.append(f"ROC AUC {quality.roc_auc:.3f}  average precision {quality.average_precision:.3f}")
    line.append(f"  {quality.labelled:,} labelled, {quality.positives:,} frauds", style="dim")
    return line


def _alerts(look: Look, story: Story) -> RenderableType:
    title = Text.assemble(("alerts", "bold"), (f"   drift is planted on day {DRIFT_DAY}", "dim"))
    if not look.alerts:
        return Group(title, Text("none so far", style="dim"))
    table = Table.grid(padding=(0, 2), expand=True)
    told = [alert_told(alert, story) for alert in look.alerts[-ALERTS_SHOWN:]]
    for column in zip(*told, strict=True):
        table.add_column(no_wrap=True, min_width=max(map(len, column)))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    hidden = len(look.alerts) - ALERTS_SHOWN
    for alert, words in zip(look.alerts[-ALERTS_SHOWN:], told, strict=True):
        table.add_row(*words, Text(alert.evidence, style="dim"))
    more = [Text(f"and {hidden} before", style="dim")] if hidden > 0 else []
    return Group(title, *more, table)


def alert_told(alert: Found, story: Story) -> tuple[str, str, str]:
    """Day, monitor and subject."""
    return f"day {story.day(alert.time_ms):.1f}", alert.monitor, alert.subject
