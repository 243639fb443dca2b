"""The table of the ledgers, and the row of one entry."""

from consumers.rows import Fields, Position, Row
from consumers.tables import NAME, POSITION, TIME, Table

COUNTS = f"Map({NAME}, UInt64)"
MAYBE = "Nullable(String)"

LEDGER = Table(
    "ledger",
    {
        **POSITION,
        "pipeline": NAME,
        "version": "UInt32",
        "stage": NAME,
        "epoch": "UInt32",
        "seq": "UInt64",
        "kind": NAME,
        "starts": COUNTS,
        "ends": COUNTS,
        "records": "UInt64",
        "roles": COUNTS,
        "held": "Int64",
        "disordered": "UInt64",
        "counts": COUNTS,
        "event_time": TIME,
        "model_id": MAYBE,
        "outputs": "UInt64",
        "output_hash": "String",
        "checkpoint": "Bool",
        "environment": NAME,
        "note": MAYBE,
        "previous": "String",
        "head": "String",
        "signature": MAYBE,
    },
)


def entry(at: Position, of: Fields) -> Row:
    """The row of one `Entry`."""
    named = (of["pipeline"], of["version"], of["stage"], of["epoch"], of["seq"], of["kind"])
    folded = (of["starts"], of["ends"], of["records"], of["roles"], of["held"], of["disordered"], of["counts"])
    gave = (of["event_time_ms"], of["model_id"], of["outputs"], of["output_hash"], of["checkpoint"])
    return (*at, *named, *folded, *gave, of["environment"], of["note"], of["previous"], of["head"], of["signature"])
