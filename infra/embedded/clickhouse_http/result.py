"""What chDB gave back for one statement."""

import json
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer's bytes and what it cost."""

    body: bytes
    read_rows: int
    read_bytes: int
    written_rows: int
    written_bytes: int
    elapsed_ns: int

    @classmethod
    def of(cls, raw: Any) -> Self:
        """From chDB's own result object, which is untyped."""
        return cls(
            body=raw.bytes(),
            read_rows=raw.storage_rows_read(),
            read_bytes=raw.storage_bytes_read(),
            written_rows=raw.rows_written(),
            written_bytes=raw.bytes_written(),
            elapsed_ns=int(raw.elapsed() * 1e9),
        )

    @classmethod
    def empty(cls) -> Self:
        """Of a SELECT that found nothing."""
        return cls(body=b"", read_rows=0, read_bytes=0, written_rows=0, written_bytes=0, elapsed_ns=0)

    @property
    def text(self) -> str:
        """The answer of a one-cell query."""
        return self.body.decode().rstrip("\n")

    def summary(self) -> str:
        """The value of the header X-ClickHouse-Summary: numbers as strings, as the server writes them."""
        names = ("read_rows", "read_bytes", "written_rows", "written_bytes", "elapsed_ns")
        return json.dumps({name: str(getattr(self, name)) for name in names}, separators=(",", ":"))
