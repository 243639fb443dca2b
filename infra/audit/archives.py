"""A folder of archives: one file per task, written beside its place and moved there whole."""

import os
from pathlib import Path
from typing import NamedTuple

from infra.audit.opened import Opened
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.archive import Archive, sealed, unsealed
from streams.runtime.checkpoint import Checkpoint


class Written(NamedTuple):
    """An archive that was written: of which entry, how many values it holds, and the size of its file in bytes."""

    path: Path
    seq: int
    values: int
    size_bytes: int


def path_of(folder: Path, stage: Opened, partition: int) -> Path:
    """Where the archive of one task stands."""
    return folder / f"{stage.binding.group}.{partition}.archive"


def require_free(folder: Path, stage: Opened, partition: int) -> None:
    """Raise `Problem` where there is an archive already: the older one reaches further back."""
    path = path_of(folder, stage, partition)
    if path.exists():
        raise Problem(f"{path} is there already, and from an older archive more can be verified: name another folder")


def write(folder: Path, stage: Opened, partition: int) -> Written | None:
    """Archive the state that one task has saved last; None where it has saved none.

    Raises `Problem` where that state is damaged or not that of its ledger, or the file cannot be written.
    """
    binding = stage.binding
    records = recovery.records(stage.kafka, binding.state_topic, partition)
    saved = Checkpoint(binding.state_topic).restore(records)
    if saved is None:
        return None
    path = path_of(folder, stage, partition)
    stage.auditor.require(partition, Archive(str(path), saved, None))
    content = sealed(binding, partition, saved, stage.signer)
    _write(path, content)
    return Written(path, saved.manifest.seq, len(saved.values), len(content))


def read(folder: Path, stage: Opened, partition: int) -> Archive | None:
    """The archive of one task; None where the folder has none. Raises `Problem` where it is not to be trusted."""
    path = path_of(folder, stage, partition)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Problem(
            f"{path} cannot be read ({error.strerror}): give the folder that archives were written to"
        ) from error
    return unsealed(content, str(path), stage.binding, partition, stage.signer)


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Problem(
            f"{path} cannot be written ({error.strerror}): name a folder that has room and may be written"
        ) from error
