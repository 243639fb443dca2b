"""What a payments demo has shown, for the person who watched it."""

from rich import box
from rich.console import Console
from rich.table import Table

from infra.demo.figures import Figures
from infra.demo.story import DRIFT_DAY
from infra.demo.watching import ENDS

STEPS = (
    ("servers", None, "servers ready", ""),
    ("topics and tables", "servers ready", "workers started", ""),
    ("stages and sink start", "workers started", "stages up", ""),
    ("scoring and learning", "stages up", "all scored", "until every event was scored"),
    ("watching", "all scored", "all watched", "what was left by then"),
    ("storing", "all watched", "all stored", "what was left by then"),
)
MEANINGS = {
    "scored": "answered, with the features that the model saw",
    "duplicate": "seen before, not scored again",
    "late": "older than the newest, not scored",
    "rejected": "kept in the topic rejected, with the reason",
    "learnt": "taught the model",
    "expired": "came after the horizon, not learnt",
    "held": "their event is forgotten, or has not come",
}


def table_of(*columns: tuple[str, str], title: str | None = None) -> Table:
    """An open table of named columns, each `left` or `right`."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for name, side in columns:
        table.add_column(name, justify="right" if side == "right" else "left", overflow="fold")
    return table


def show(figures: Figures, console: Console) -> None:
    """Counts, quality, alerts and times."""
    seconds = figures.times.between_s(None, "all stored")
    console.print()
    console.print(
        f"[bold]{figures.look.scored:,} payments scored, {figures.look.met:,} labels met, in {seconds:.0f} s[/]",
        highlight=False,
    )
    console.print()
    for table in (_counts(figures), _stored(figures), _times(figures)):
        console.print(table)
    _quality(figures, console)
    _alerts(figures, console)


def _counts(figures: Figures) -> Table:
    """In = out, of events and of labels."""
    look = figures.look
    table = table_of(("", "left"), ("records", "right"), ("", "left"), title="What became of every record")
    table.add_row("events produced", f"{look.sent.events:,}", f"{look.sent.spoilt} of them spoilt on purpose")
    for result in ENDS:
        table.add_row(f"  {result}", f"{look.events.get(result, 0):,}", MEANINGS[result])
    table.add_row("labels produced", f"{look.sent.labels:,}", "")
    held = look.sent.labels - sum(look.labels.values())
    for result, count in {"learnt": 0, **dict(sorted(look.labels.items())), "held": held}.items():
        if count:
            table.add_row(f"  {result}", f"{count:,}", MEANINGS.get(result, ""))
    return table


def _stored(figures: Figures) -> Table:
    table = table_of(
        ("table", "left"), ("rows", "right"), ("Kafka positions", "right"), ("", "left"), title="What ClickHouse holds"
    )
    for name, (rows, positions) in figures.unique.items():
        table.add_row(name, f"{rows:,}", f"{positions:,}", "each once" if rows == positions else "[red]differ[/]")
    return table


def _times(figures: Figures) -> Table:
    """Wall clock by step, CPU by process."""
    table = table_of(("", "left"), ("seconds", "right"), ("", "left"), title="Where the time went")
    for name, first, last, meaning in STEPS:
        table.add_row(name, f"{figures.times.between_s(first, last):.1f}", meaning)
    look = figures.look
    folded = {
        "score": look.sent.events + look.sent.labels,
        "monitor": sum(look.watched.values()),
        "sink": sum(rows for rows, _ in figures.unique.values()),
    }
    for name, used_s in figures.cpu_s.items():
        rate = f"{folded[name] / used_s:,.0f} records a second of CPU time" if used_s and name in folded else ""
        table.add_row(f"CPU time of {name}", f"{used_s:.1f}", rate)
    table.add_row("events scored a second", f"{figures.per_s:,.0f}", "of wall-clock time, learning their labels beside")
    return table


def _quality(figures: Figures, console: Console) -> None:
    quality, share = figures.quality, figures.look.unlabelled_share
    if quality.roc_auc is None or quality.average_precision is None or share is None:
        console.print("No fraud has become known, so there is no quality to tell.")
        return
    console.print(
        f"[bold]Quality[/]  ROC AUC [bold]{quality.roc_auc:.3f}[/], average precision "
        f"[bold]{quality.average_precision:.3f}[/], on {quality.labelled:,} scores that met their label, "
        f"{quality.positives:,} of them frauds; {share:.1%} of the scores have none.",
        highlight=False,
    )


def _alerts(figures: Figures, console: Console) -> None:
    console.print()
    console.print(
        f"[bold]Alerts[/]  The drift was planted on day {DRIFT_DAY}: amounts double, and stolen cards are tried at "
        f"night. {_told_first(figures)}",
        highlight=False,
    )
    if not figures.alerts:
        return
    table = table_of(
        ("monitor", "left"), ("subject", "left"), ("before", "right"), ("after", "right"), ("first after", "right")
    )
    for monitor, subject in dict.fromkeys((alert.monitor, alert.subject) for alert in figures.alerts):
        before = [a for a in figures.early if (a.monitor, a.subject) == (monitor, subject)]
        after = [a for a in figures.after if (a.monitor, a.subject) == (monitor, subject)]
        first = f"{figures.hours_after_drift(after[0]):.0f} h" if after else ""
        table.add_row(monitor, subject, str(len(before)), str(len(after)), first)
    console.print(table)


def _told_first(figures: Figures) -> str:
    before = f"{len(figures.early)} alerts came before it" if figures.early else "no alert came before it"
    if not figures.after:
        return f"No alert came after it, and {before}."
    first = figures.after[0]
    return f"The first alert ({first.subject}) came {figures.hours_after_drift(first):.0f} hours later; {before}."
