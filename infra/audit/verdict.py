"""Whether one task's ledger holds, in words and for JSON."""

from dataclasses import dataclass
from pathlib import Path

from infra.audit import archives
from infra.audit.opened import Opened
from streams.runtime.archive import Archive
from streams.runtime.audit import Watch
from streams.runtime.environment import environment
from streams.runtime.findings import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an audit came to. `signer` is the id of the key that signatures were checked with.

    `archive` is what it was to begin with; `lacks` is the file that it should have been in, where there is none.
    """

    stage: str
    audit: Audit
    signer: str | None
    archive: Archive | None = None
    lacks: str | None = None

    @property
    def begun(self) -> bool:
        """Whether there is anything in the ledger."""
        return self.audit.entries > 0 or self.audit.found > 0

    @property
    def holds(self) -> bool:
        return self.audit.found == 0

    @property
    def result(self) -> str:
        """One word or two for the table."""
        if not self.begun:
            return "not begun"
        if self.audit.broken is not None:
            return "broken"
        if not self.holds:
            return "differs"
        if self.audit.chain_only is not None or self.audit.archived is not None:
            return "holds in part" if self.audit.refolded else "chain holds"
        return "holds"

    def remarks(self) -> list[str]:
        """What else is to be said: the reason of what was not done, what was accepted, who signed."""
        audit, told = self.audit, self._from_archive()
        if audit.chain_only is not None:
            left = f"{audit.entries - audit.refolded:,} of {audit.entries:,} entries"
            told.append(f"inputs are not all there: of {left} only the chain was checked ({audit.chain_only})")
        if audit.gone:
            told.append(f"{audit.gone:,} outputs are no longer in their topics; they were compared by their hash alone")
        if audit.accepted:
            told.append(f"{audit.passed:,} differences were accepted, as {audit.accepted:,} entries of the ledger say")
        keys = ", ".join(sorted(audit.key_ids - {""}))
        if keys and self.signer is None:
            told.append(f"signed by key {keys}, which was not checked: MILLRACE_LEDGER_KEY is not set")
        if not self.holds or len(audit.environments) > 1:
            told += [f"computed from entry {seq} on by {each}" for each, seq in audit.environments.items()]
            told.append(f"computed again by {environment()}")
        return told

    def _from_archive(self) -> list[str]:
        """Which archive was used, and what it leaves to the chain."""
        audit, archive = self.audit, self.archive
        if self.lacks is not None and self.begun:
            return [f"there is no {self.lacks}: verified as without an archive"]
        if archive is None or audit.archived is None:
            return []
        checked = "" if self.signer is not None else ", which was not checked: MILLRACE_LEDGER_KEY is not set"
        signed = f"signed by key {archive.key_id}{checked}" if archive.key_id is not None else "signed by nobody"
        return [
            f"folded again from entry {audit.archived + 1} on, with the state of entry {audit.archived} in "
            f"{archive.name} ({signed}); of the entries up to that one only the chain was checked"
        ]

    def fields(self) -> dict[str, object]:
        """For JSON."""
        audit = self.audit
        return {
            "stage": self.stage,
            "partition": audit.partition,
            "result": self.result.replace(" ", "_"),
            "entries": audit.entries,
            "folded_again": audit.refolded,
            "records": audit.records,
            "outputs": audit.outputs,
            "outputs_gone": audit.gone,
            "head": audit.head,
            "keys": sorted(audit.key_ids - {""}),
            "signatures_checked": self.signer is not None,
            "accepted_entries": audit.accepted,
            "accepted_differences": audit.passed,
            "archive": None if self.archive is None else self.archive.name,
            "archived_entry": audit.archived,
            "chain_only": audit.chain_only,
            "broken": audit.broken,
            "found": audit.found,
            "differences": audit.differences,
            "environments": [{"from_entry": seq, "environment": each} for each, seq in audit.environments.items()],
        }


def verify(stage: Opened, partition: int, watch: Watch, folder: Path | None = None) -> Verdict:
    """Audit one task, from its archive in `folder` on; `watch` is told of every entry."""
    signer = stage.signer.key_id if stage.signer is not None else None
    archive = archives.read(folder, stage, partition) if folder is not None else None
    lacks = str(archives.path_of(folder, stage, partition)) if folder is not None and archive is None else None
    audit = stage.auditor.audit(partition, watch, archive)
    return Verdict(stage=stage.stage, audit=audit, signer=signer, archive=archive, lacks=lacks)
