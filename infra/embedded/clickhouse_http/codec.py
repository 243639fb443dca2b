"""Compressed bodies: the HTTP content encodings that ClickHouse and Arrow both know."""

import io
from typing import BinaryIO, cast

import pyarrow as pa

from .errors import Refusal

_CODECS = {"lz4": "lz4", "zstd": "zstd", "gzip": "gzip", "x-gzip": "gzip", "br": "brotli", "bz2": "bz2"}
_PREFERRED = ("lz4", "zstd", "gzip", "br")


class Decoder:
    """Reads a request's body decompressed, without holding it whole.

    Raises Refusal for an encoding that is not known and for bytes that are not of it.
    """

    def __init__(self, body: BinaryIO, encoding: str) -> None:
        self._source = body
        if encoding in {"", "identity"}:
            return
        if encoding not in _CODECS:
            raise Refusal(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method: {encoding}.")
        self._source = cast("BinaryIO", pa.CompressedInputStream(body, _CODECS[encoding]))

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, all that is left by default; nothing at the end."""
        try:
            return self._source.read() if size < 0 else self._source.read(size)
        except (OSError, pa.ArrowException) as error:
            raise Refusal(271, "CANNOT_DECOMPRESS", f"Cannot decompress the request's body: {error}.") from error


class _Pieces(io.BytesIO):
    """What Arrow has written since it was last drained; Arrow closes what it writes to, which must not lose it."""

    def close(self) -> None:
        pass

    def drain(self) -> bytes:
        piece = self.getvalue()
        self.seek(0)
        self.truncate()
        return piece


class Encoder:
    """Compresses an answer piece by piece; with no encoding it passes the pieces on.

    >>> Encoder("").add(b"rows")
    b'rows'
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._pieces = _Pieces()
        self._sink = pa.CompressedOutputStream(self._pieces, _CODECS[encoding]) if encoding else self._pieces

    @classmethod
    def accepted(cls, header: str) -> "Encoder":
        """For the encoding that the client's Accept-Encoding names and that costs us least."""
        names = {offer.split(";")[0].strip().lower() for offer in header.split(",")}
        return cls(next((name for name in _PREFERRED if name in names), ""))

    def add(self, piece: bytes) -> bytes:
        """What there is to send after this piece: all of it, so that a client sees an error after the rows before."""
        self._sink.write(piece)
        self._sink.flush()
        return self._pieces.drain()

    def finish(self) -> bytes:
        """What there is to send at the end."""
        self._sink.close()
        return self._pieces.drain()
