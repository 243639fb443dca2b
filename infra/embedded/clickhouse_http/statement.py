"""Where things stand in a ClickHouse statement: its first word, its output format, where an insert's data begins.

A tokenizer and no more: what a statement means is chDB's to say. Texts are latin-1 decoded bytes, so that positions
in the text are positions in the bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

READS = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "FROM", "VALUES"})
_TOKEN = re.compile(
    r"""(?P<blank>(?:\s|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)+)
    | (?P<quoted>'(?:[^'\\]|\\.|'')*+'|`(?:[^`\\]|\\.|``)*+`|"(?:[^"\\]|\\.|"")*+"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_DATA_GAP = re.compile(r"[ \t\f]*;?[ \t\f]*\r?\n?")


class Token(NamedTuple):
    """A piece of a statement: words in upper case, everything else as written."""

    text: str
    start: int
    end: int
    depth: int


def tokens(text: str) -> Iterator[Token]:
    """What a parser would see: no blanks, no comments; `depth` counts the parentheses around a token."""
    depth = 0
    for match in _TOKEN.finditer(text):
        if match["blank"] is not None:
            continue
        piece = match[0].upper() if match["word"] else match[0]
        depth -= piece in ")]}"
        yield Token(piece, match.start(), match.end(), depth)
        depth += piece in "([{"


@dataclass(frozen=True)
class Statement:
    """A whole statement that carries no data.

    >>> Statement("SELECT 'FORMAT CSV' -- FORMAT TSV").output_format is None
    True
    >>> Statement("(SELECT 1) FORMAT JSON SETTINGS max_threads = 1").output_format
    'JSON'
    """

    text: str

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(tokens(self.text))

    @property
    def word(self) -> str:
        """The first word, or an empty string."""
        return next((token.text for token in self.tokens if token.text != "("), "")

    @property
    def reads(self) -> bool:
        """Whether it answers with rows and changes nothing."""
        return self.word in READS and all(token.text != "INSERT" for token in self.tokens)

    @property
    def is_several(self) -> bool:
        """Whether something follows a semicolon."""
        return any(token.text == ";" for token in self.tokens[:-1]) and self.tokens[-1].text != ";"

    @property
    def output_format(self) -> str | None:
        """What the statement's own FORMAT clause says."""
        for clause, name, after in zip(self.tokens, self.tokens[1:], (*self.tokens[2:], None), strict=False):
            ends = after is None or after.text in {";", "SETTINGS", "INTO"}
            if clause.text == "FORMAT" and clause.depth == 0 and ends and name.text[0].isalpha():
                return self.text[name.start : name.end]
        return None

    @property
    def assigned(self) -> tuple[str, ...]:
        """The settings that a SET statement names."""
        pairs = pairwise(self.tokens)
        return tuple(self.text[name.start : name.end] for name, sign in pairs if sign.text == "=" and sign.depth == 0)

    @cached_property
    def _unquoted(self) -> tuple[str, ...]:
        """The tokens in upper case, names as they are without quotes."""
        return tuple(token.text.strip('`"').upper() for token in self.tokens)

    @property
    def names_file(self) -> bool:
        """Whether it reads or writes a file of this machine: clauses of a client's, which chDB is too."""
        return not {("INTO", "OUTFILE"), ("FROM", "INFILE"), ("FILE", "(")}.isdisjoint(pairwise(self._unquoted))

    def makes_table_with(self, engine: str) -> bool:
        """Whether an ENGINE clause names this engine, however quoted."""
        rest = [text for text in self._unquoted if text != "="]
        return ("ENGINE", engine.upper()) in pairwise(rest)


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert whose rows come in the request: the statement up to its settings, these, the format, the data's start.

    >>> Insert.find("INSERT INTO t (a) FORMAT CSV\\n1\\n")
    Insert(target='INSERT INTO t (a)', settings='', format='CSV', data_at=29)
    >>> Insert.find("INSERT INTO t SELECT 1 FORMAT CSV") is None
    True
    """

    target: str
    settings: str
    format: str
    data_at: int

    @classmethod
    def find(cls, text: str) -> "Insert | None":
        """The insert that `text` begins with; None for any other statement, an INSERT … SELECT among them."""
        stream = tokens(text)
        if next(stream, Token("", 0, 0, 0)).text != "INSERT":
            return None
        settings_at, seen = -1, 0
        for token in stream:
            seen += 1
            if token.depth or seen < 3:  # INTO and the table's name, which may be any word
                continue
            if token.text in {"SELECT", "WITH", "FROM", "WATCH"}:
                return None
            if token.text == "SETTINGS":
                settings_at = token.start
            if token.text in {"VALUES", "FORMAT"}:
                name = token if token.text == "VALUES" else next(stream, token)
                cut = token.start if settings_at < 0 else settings_at
                gap = 0 if name is token else len(_DATA_GAP.match(text, name.end)[0])  # type: ignore[index]  # always
                chosen = "Values" if name is token else text[name.start : name.end]
                return cls(text[:cut].strip(), text[cut : token.start].strip(), chosen, name.end + gap)
        return None
