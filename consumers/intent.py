"""What the sink is about to insert, as it stands in the metadata of its group's offset."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.problem import Problem


class Intent(BaseModel):
    """The records `[start, end)` of one topic partition go into ClickHouse under `token`, once.

    >>> Intent(start=3, end=9, token="a").text()
    '{"v":1,"from":3,"to":9,"token":"a"}'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    v: int = 1
    start: int = Field(alias="from", ge=0)
    end: int = Field(alias="to", ge=0, description="a position: markers and aborted records leave holes before it")
    token: str = Field(min_length=1, max_length=200)

    def text(self) -> str:
        return self.model_dump_json(by_alias=True)


def intent_of(metadata: str | None, *, offset: int, where: str) -> Intent | None:
    """The intent that a committed offset carries; None where it carries none.

    Raises `Problem` where the metadata is none of ours or contradicts the offset: going on could lose or double rows.
    """
    if not metadata:
        return None
    try:
        intent = Intent.model_validate_json(metadata)
    except ValidationError:
        intent = None
    if intent is None or intent.v != 1 or intent.start != offset or intent.end < intent.start:
        raise Problem(
            f"the committed offset {offset} of {where} carries metadata that the sink did not write ({metadata[:80]}): "
            "another program commits in its group; stop that, then set the offset by hand"
        )
    return intent
