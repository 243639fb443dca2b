"""What a pipeline's features are: fields, derived values, and aggregates over windows, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.duration import duration_ms
from schemas.problem import Problem
from streams.aggregate import EVERYTHING, Filter, Windows


@dataclass(frozen=True, slots=True)
class Field:
    """A number (or truth value) that stands in the event. A field that may be absent needs a `default`.

    >>> Field("amount").names
    ('amount',)
    """

    name: str
    default: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Derived:
    """A number computed by a pure function: `function(event)`, or of the values of features that stand before it.

    Where the function divides by zero, or what it gives is not finite, the `default` stands in; without one the event
    is rejected, as where it fails in any other way.

    >>> Derived("ratio", lambda amount, mean: amount / mean, of=("amount", "customer_id.amount.mean.30d")).names
    ('ratio',)
    """

    name: str
    function: Callable[..., float]
    of: tuple[str, ...] = ()
    default: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Per:
    """Events that share the value of one field, or all events of the partition."""

    entity: str

    def over(
        self,
        *spans: str,
        delay: str | None = None,
        itself: bool = True,
        where: Filter | None = None,
        tile: str | None = None,
        most: int | None = None,
    ) -> Windows:
        """The last `spans` of event time, as in `over("1d", "7d")`; with a `delay`, those that ended so long before.

        `itself=False` leaves the event itself out. With `where`, a pure function of the event, only events of which it
        is true are in the windows; it is called by its name.

        With a `tile`, such as "1h", events are not held but added up by tile, in constant memory, and windows are whole
        tiles: see `Tiles`. "auto" divides the shortest span by 24.

        `most` bounds what one key may take: windows hold events among its `most` newest alone (by event time, those of
        a delay included), and the event itself. `windows.cut` counts the events whose windows would have held more.
        """
        made = Windows(
            entity=self.entity,
            spans=spans,
            delay=delay,
            itself=itself,
            where=where,
            kind="exact" if tile is None else "tiled",
            tile=tile,
            most=most,
        )
        return _checked(f"{self}.over", made)

    def decayed(self, *half_lives: str, itself: bool = True, where: Filter | None = None) -> Windows:
        """All events, of which each counts half as much after each half-life, as in `decayed("7d").mean("amount")`."""
        made = Windows(entity=self.entity, spans=half_lives, itself=itself, where=where, kind="decayed")
        return _checked(f"{self}.decayed", made)

    def __str__(self) -> str:
        return f"per({self.entity!r})" if self.entity != EVERYTHING else "per()"


def per(entity: str = EVERYTHING) -> Per:
    """Begin features of all events that share the value of the field `entity`; without one, of all events."""
    if not isinstance(entity, str):
        raise Problem(f'per({entity!r}): write the name of a field, as in per("customer_id"), or per() for all events')
    return Per(entity)


def _checked(what: str, made: Windows) -> Windows:
    """The windows, where they can be; else `Problem`."""
    if not made.spans:
        raise Problem(f'{what}() has no span: write {what.rsplit(".")[-1]}("1d", "7d")')
    for span in made.spans:
        if duration_ms(span, f"{what}(…) span") == 0:
            raise Problem(f"{what}({span!r}): a window needs a length above zero")
    if made.delay is not None and duration_ms(made.delay, f"{what}(…) delay") == 0:
        raise Problem(f"{what}(delay={made.delay!r}): leave it out for windows up to the event")
    if made.delay is not None and not made.itself:
        raise Problem(f"{what}(delay={made.delay!r}, itself=False): a delayed window never holds it, leave itself= out")
    if made.where is not None and not getattr(made.where, "__name__", "<").isidentifier():
        raise Problem(f"{what}(where=…) is a function without a name: write a def, the features are called by it")
    if made.kind == "tiled" and (made.tile_ms == 0 or any(span_ms % made.tile_ms for span_ms in made.spans_ms)):
        raise Problem(f"{what}(tile={made.tile!r}): each span must be so many whole tiles, write one that divides them")
    if made.most is not None and (type(made.most) is not int or made.most < 1):
        raise Problem(f"{what}(most={made.most!r}): write how many events a key may hold, one at least")
    if made.most is not None and made.kind != "exact":
        raise Problem(f"{what}(tile={made.tile!r}, most={made.most}): tiles hold no events, leave most= out")
    return made


Feature = Field | Derived | Windows
