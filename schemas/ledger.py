"""The ledger: what one task did in one batch, chained to what it did before."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.message import Message

Kind = Literal["genesis", "batch", "accepted"]


class Entry(Message):
    """One commit of one task. Its positions end where the next entry's begin; its head is the next one's `previous`.

    - `genesis`: entry 0, before anything was folded; `note` holds topics, start offsets and the definition's digest.
    - `batch`: records folded in merge order, their outputs and counts; none of them where only state was saved.
    - `accepted`: a person accepted that folding again gives something else; `note` says what.
    """

    TOPIC: ClassVar[str] = "ledger"

    pipeline: str = Field(description="as its topics call it, prefix included")
    version: int = Field(description="of the pipeline's definition")
    stage: str
    partition: int
    epoch: int = Field(description="how often the task has been taken over by a worker that had to rebuild it")
    seq: int = Field(description="number of the entry, from 0, without gaps")
    kind: Kind
    starts: dict[str, int] = Field(description="input topic -> first offset that this entry covers")
    ends: dict[str, int] = Field(description="input topic -> offset behind the last one")
    records: int = Field(description="how many records were folded")
    roles: dict[str, int] = Field(description="role of an input -> how many of the records were its; each input's role")
    held: int = Field(description="how many more labels wait for their event after this entry than before")
    disordered: int = Field(description="of these, how many came behind the merge point and were folded on arrival")
    counts: dict[str, int] = Field(description="what became of the records, as in `events.scored`; this entry's only")
    event_time_ms: int = Field(description="the watermark: the highest event time folded, milliseconds since 1970")
    model_id: str | None = Field(description="the model after the batch; null where the stage has none")
    outputs: int = Field(description="how many messages were produced")
    output_hash: str = Field(description="SHA-256 of the produced messages, in order, as hex")
    checkpoint: bool = Field(description="whether the state was saved in the same transaction")
    environment: str = Field(description="what computed: Python, River, numpy, architecture, code")
    note: str | None = Field(description="JSON; null for a batch")
    previous: str = Field(description="head of the entry before, as hex; zeros for the first")
    head: str = Field(description="SHA-256 of `previous` and of everything above, as hex")
    signature: str | None = Field(description="key id and HMAC-SHA256 of the head, where a key is configured")
