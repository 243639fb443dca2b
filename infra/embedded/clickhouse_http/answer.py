"""What goes back to the client: headers, content type, the body whole or block by block."""

import socket
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from .codec import Encoder
from .errors import Refusal

# chDB writes one complete text per block: these can be put end to end, those with a head, a foot or an index cannot.
STREAMED = frozenset(("Native", "RowBinary", "JSONEachRow", "TabSeparated", "TSV", "CSV"))
_TYPES = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TSVWithNames": "text/tab-separated-values; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Native": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "RowBinary": "application/octet-stream",
}
_PLAIN = "text/plain; charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Headers and the encoded body: all of it, or pieces to come, in which an error would then stand."""

    headers: dict[str, str]
    body: bytes | Generator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """The headers every answer has."""

    version: str
    timezone: str
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:16])

    def of(self, query_id: str, answer_format: str, encoder: Encoder) -> dict[str, str]:
        """For an answer in this format; none for statements that give no rows."""
        headers = {
            "X-ClickHouse-Server-Display-Name": socket.gethostname(),
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": self.timezone,
            "X-ClickHouse-Exception-Tag": self.tag,
            "Content-Type": _TYPES.get(answer_format, _PLAIN),
        }
        if answer_format:
            headers["X-ClickHouse-Format"] = answer_format
        if encoder.encoding:
            headers["Content-Encoding"] = encoder.encoding
        return headers


def encoded(blocks: Iterator[bytes], encoder: Encoder, headers: Headers) -> Generator[bytes]:
    """The pieces to send. An error among the blocks ends the body as ClickHouse ends it, between two marks."""
    try:
        for block in blocks:
            if piece := encoder.add(block):
                yield piece
    except Refusal as refusal:
        text = refusal.text(headers.version)
        length = len(text.encode()) + 1
        mark = f"\r\n__exception__\r\n{headers.tag}\r\n{text}\n{length} {headers.tag}\r\n__exception__\r\n"
        yield encoder.add(mark.encode())
    yield encoder.finish()
