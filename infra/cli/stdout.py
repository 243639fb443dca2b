"""Where a command says what it found."""

import os

from rich.console import Console

WHOLE = 500
"""Columns, where nobody looks on: no table is so wide."""


def stdout() -> Console:
    """Standard output: tables as wide as the terminal (or COLUMNS), whole in a pipe or file; text is not broken."""
    console = Console(soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WHOLE
    return console
