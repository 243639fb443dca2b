"""Rows that come in a request's body, written by chDB as one insert, however the body was cut up."""

import shutil
from collections.abc import Mapping
from typing import BinaryIO, cast

from .codec import Decoder
from .engine import Engine
from .request import ExternalTable
from .result import Result
from .session import Session, quote, quote_name
from .statement import Insert

_PIECE_BYTES = 1 << 20


def insert(engine: Engine, session: Session, into: Insert, rows: "Rows", bindings: Mapping[str, str]) -> Result:
    """Put the rows into a file and let chDB read it.

    A file, because chDB's own streaming insert misreads text that is appended in pieces, and takes statement and binary
    rows in one string for text; and because memory then does not grow with the body. The rows become one block of the
    table per million or 256 MB, as in the server.
    """
    with engine.incoming() as path:
        with path.open("wb") as file:
            file.write(rows.first)
            shutil.copyfileobj(cast("BinaryIO", rows.rest), file, _PIECE_BYTES)
        source = f"{into.target} FROM INFILE {quote(str(path))} {into.settings} FORMAT {into.format}"
        return session.run(source.encode("latin-1"), bindings=bindings)


class Rows:
    """An insert's data: what was read with the statement, and what is still to be read."""

    def __init__(self, first: bytes, rest: "Decoder | BinaryIO") -> None:
        self.first = first
        self.rest = rest


def create_external(engine: Engine, session: Session, table: ExternalTable) -> None:
    """Make the temporary table that a request brought with it."""
    name = quote_name(table.name)
    session.run(f"CREATE TEMPORARY TABLE {name} ({table.structure}) ENGINE = Memory")
    into = Insert(f"INSERT INTO {name}", "", table.format, 0)
    insert(engine, session, into, Rows(b"", table.rows), {})
