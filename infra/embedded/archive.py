"""A tar archive unpacked once beside itself, and again when what lies there is no longer what came out."""

import json
import shutil
import tarfile
import tempfile
from pathlib import Path

from infra.embedded.artifacts import holds, locked, sha256

MANIFEST = "millrace-manifest.json"


def unpacked(archive: Path) -> Path:
    """The folder with the contents of `archive` (verified by the caller); every file in it is as it was unpacked."""
    folder = archive.parent / archive.name.removesuffix(".tar.gz")
    with locked(archive.parent / f"{folder.name}.lock"):
        if not intact(folder):
            unpack(archive, folder)
    return folder


def intact(folder: Path) -> bool:
    """Whether `folder` holds the files that its manifest lists, byte for byte."""
    try:
        digests = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return bool(digests) and all(holds(folder / name, digest) for name, digest in digests.items())


def unpack(archive: Path, folder: Path) -> None:
    """Unpack aside, list what came out, then put it in place in one step."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unpack-") as aside:
        fresh = Path(aside) / "fresh"
        with tarfile.open(archive) as tar:
            tar.extractall(fresh, filter="data")
        digests = {str(path.relative_to(fresh)): sha256(path) for path in fresh.rglob("*") if path.is_file()}
        (fresh / MANIFEST).write_text(json.dumps(digests))
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
