"""How a profile looks in a terminal."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.profile.findings import length
from infra.profile.model import Field, Labels, Profile
from infra.profile.shown import number, summary

_COLOURS = {"serious": "bold red", "look": "yellow", "note": "dim"}
_OTHERS, _LEAST = 54, 16


def show(profile: Profile, screen: Console, out: Path | None) -> None:
    """Fields, labels, then what was found. `out`: the page that was written."""
    screen.print(_fields(profile, screen.width))
    if profile.labels is not None:
        screen.print(_labels(profile.labels), highlight=False)
    for remark in profile.remarks:
        screen.print(escape(remark), highlight=False)
    screen.print()
    for finding in profile.findings:
        colour = _COLOURS[finding.severity]
        screen.print(f"[{colour}]{finding.severity}[/] {escape(finding.text)}", highlight=False)
    if not profile.findings:
        screen.print("nothing stands out", highlight=False)
    if out is not None:
        screen.print(f"the page is {escape(str(out))}", highlight=False)


def _fields(profile: Profile, width: int) -> Table:
    longest = max(len(field.name) for field in profile.fields)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(f"{profile.rows:,} rows", no_wrap=True)
    table.add_column("kind", no_wrap=True, min_width=11)
    for head, least in (("missing", 7), ("distinct", 9)):
        table.add_column(head, justify="right", no_wrap=True, min_width=least)
    table.add_column("what", no_wrap=True, max_width=max(_LEAST, width - _OTHERS - longest))
    for head in ("AUC alone", "drift"):
        table.add_column(head, justify="right", no_wrap=True, min_width=len(head))
    for field in profile.fields:
        table.add_row(*map(escape, _row(field)))
    return table


def _row(field: Field) -> tuple[str, ...]:
    auc = field.relation.auc if field.relation is not None else None
    return (
        field.name,
        field.kind,
        f"{field.missing_share:.1%}" if field.missing else "",
        f"{field.distinct:,}",
        summary(field),
        f"{auc:.3f}" if auc is not None else "",
        f"{field.drift.stability:.2f}" if field.drift is not None else "",
    )


def _labels(labels: Labels) -> str:
    told = [
        f"label {escape(labels.field)}: {labels.labelled:,} known, {labels.unlabelled_share:.1%} of the rows have none"
    ]
    if labels.rate is not None:
        what = (
            f"{labels.rate:.2%} are {labels.positive}" if labels.positive is not None else f"mean {number(labels.rate)}"
        )
        told.append(escape(what))
    if labels.delays is not None:
        half, most = (length(labels.delays.quantiles[name]) for name in ("p50", "p99"))
        told.append(f"half within {half}, 99 % within {most}")
    return ", ".join(told)
