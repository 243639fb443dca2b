"""What computes: the versions and the machine that decide which bits a fold gives."""

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path

import streams


@cache
def environment() -> str:
    """One line: Python, River, numpy, architecture, and a digest of the code of the folds."""
    parts = (
        f"python {platform.python_version()}",
        f"river {version('river')}",
        f"numpy {version('numpy')}",
        platform.machine(),
        f"code {_code()}",
    )
    return "; ".join(parts)


def differing(then: str, now: str) -> list[str]:
    """The parts of `then` that are not in `now`, each with what is there instead.

    >>> differing("python 3.12.1; river 0.25.0", "python 3.12.1; river 0.26.1")
    ['river 0.25.0 (now river 0.26.1)']
    """
    pairs = zip_longest(then.split("; "), now.split("; "), fillvalue="nothing")
    return [f"{was} (now {here})" for was, here in pairs if was != here]


def _code() -> str:
    digest = hashlib.sha256()
    folder = Path(streams.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
