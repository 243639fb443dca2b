"""Example queries with the answers that they have now."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax

from infra.demo.queries import EXAMPLES
from infra.demo.store import Answer, Store
from infra.demo.summary import table_of


def show(store: Store, console: Console) -> None:
    """Ask every example of ClickHouse and print question, query and answer."""
    console.print()
    console.rule("[bold]Ask ClickHouse[/]", align="left")
    for question, template in EXAMPLES.items():
        query = template.strip().replace("PIPELINE", store.pipeline)
        console.print()
        console.print(f"[bold]{question}[/]", highlight=False)
        console.print(Padding(Syntax(query, "sql", theme="ansi_light", background_color="default"), (0, 0, 0, 2)))
        _print(store.ask(query), console)


def _print(answer: Answer, console: Console) -> None:
    first = answer.rows[0] if answer.rows else ()
    table = table_of(*((name, _side(first, place)) for place, name in enumerate(answer.names)))
    for row in answer.rows:
        table.add_row(*map(_text, row))
    console.print(Padding(table, (0, 0, 0, 2)))


def _side(row: Any, place: int) -> str:
    return "right" if row and isinstance(row[place], int | float) else "left"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,}" if isinstance(value, int) else str(value)
