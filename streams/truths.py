"""The values of labels, side by side: two bytes for a class, eight for a number."""

from array import array
from math import isnan, nan
from typing import Any

import msgspec


class Written(msgspec.Struct, frozen=True, array_like=True):
    """As saved: the type code of the array, its bytes, and what each code but 0 stands for."""

    kind: str
    codes: bytes
    values: list[Any]


_write = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(Written).decode


class Truths:
    """The values of the labels that have come for some of the events of a segment, by their place in it.

    A float is kept itself, where it is no label NaN. Of anything else there are few values: they are numbered from 1.

    >>> truths = Truths()
    >>> truths.put(2, "fraud")
    >>> truths.are(2, "fraud"), truths.are(2, "fine"), truths.places()
    (True, False, [2])
    """

    __slots__ = ("_codes", "_values")

    def __init__(self) -> None:
        self._codes: array[Any] = array("H")
        self._values: dict[Any, int] = {}

    def put(self, place: int, value: Any) -> None:
        """The label of the event at `place` has come. All values are floats, or none is."""
        code = self._values.get(value)
        if code is None:
            code = self._code(value)
        codes = self._codes
        if place < len(codes):
            codes[place] = code
        else:
            codes.extend([nan if codes.typecode == "d" else 0] * (place - len(codes)))
            codes.append(code)

    def _code(self, value: Any) -> Any:
        """What stands for a value that has no number."""
        if not isinstance(value, float):
            return self._values.setdefault(value, len(self._values) + 1)
        if not self._codes:
            self._codes = array("d")
        return value

    def are(self, place: int, value: Any) -> bool:
        """Whether a label of this value has come for the event at `place`."""
        code = value if isinstance(value, float) else self._values.get(value)
        return place < len(self._codes) and bool(self._codes[place] == code)

    def has(self, place: int) -> bool:
        """Whether any label has come for the event at `place`."""
        codes = self._codes
        return place < len(codes) and not (isnan(codes[place]) if codes.typecode == "d" else codes[place] == 0)

    def places(self) -> list[int]:
        """Where labels have come."""
        if self._codes.typecode == "d":
            return [place for place, value in enumerate(self._codes) if not isnan(value)]
        return [place for place, code in enumerate(self._codes) if code]

    def write(self) -> bytes:
        return _write(Written(self._codes.typecode, self._codes.tobytes(), list(self._values)))

    @classmethod
    def read(cls, written: bytes) -> "Truths":
        """The truths that were written."""
        found, truths = _read(written), cls()
        truths._codes = array(found.kind)
        truths._codes.frombytes(found.codes)
        truths._values = {value: code for code, value in enumerate(found.values, 1)}
        return truths
