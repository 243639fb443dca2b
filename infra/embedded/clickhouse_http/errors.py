"""What ClickHouse says when it refuses: code, text and name, and the HTTP status its server gives to each code."""

import re
from http import HTTPStatus
from typing import Self

_HEAD = re.compile(r"(?:Code: \d+\. DB::Exception: )*(?=Code: \d+\. DB::Exception: )")
_TAIL = re.compile(r"(?:\. \([A-Z_0-9]+\) \(version [^)]*\))+(?=\. \([A-Z_0-9]+\)$)")
_SHAPE = re.compile(r"Code: (\d+)\. DB::Exception: (.*) \(([A-Z_0-9]+)\)$", re.DOTALL)

# The table of ClickHouse's own server (exceptionCodeToHTTPStatus); every other code is a 500.
_BAD_REQUEST = (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675)
_NOT_FOUND = (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511)
_STATUS = {
    **dict.fromkeys((*_BAD_REQUEST, 676), HTTPStatus.BAD_REQUEST),
    **dict.fromkeys(_NOT_FOUND, HTTPStatus.NOT_FOUND),
    **dict.fromkeys((192, 193, 497, 512, 516), HTTPStatus.FORBIDDEN),
    **dict.fromkeys((76, 209, 439), HTTPStatus.SERVICE_UNAVAILABLE),
    48: HTTPStatus.NOT_IMPLEMENTED,
    159: HTTPStatus.REQUEST_TIMEOUT,
    194: HTTPStatus.UNAUTHORIZED,
    229: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    381: HTTPStatus.LENGTH_REQUIRED,
    779: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}


class Refusal(Exception):
    """An error as ClickHouse states it.

    >>> print(Refusal(62, "SYNTAX_ERROR", "Empty query.").text("26.9.2.1"))
    Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR) (version 26.9.2.1 (official build))
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name

    @classmethod
    def of(cls, error: RuntimeError) -> Self:
        """What chDB raised, without the heads and tails that nested rethrowing has repeated."""
        text = str(error)
        text = _TAIL.sub("", _HEAD.sub("", text[max(text.find("Code: "), 0) :].strip(), count=1))
        shape = _SHAPE.match(text)
        if shape is None:
            return cls(1001, "STD_EXCEPTION", text)
        return cls(int(shape[1]), shape[3], shape[2])

    @property
    def status(self) -> HTTPStatus:
        """The status a ClickHouse server answers with."""
        return _STATUS.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)

    def text(self, version: str) -> str:
        """The answer's body, on one line."""
        return f"Code: {self.code}. DB::Exception: {self} ({self.name}) (version {version} (official build))"
