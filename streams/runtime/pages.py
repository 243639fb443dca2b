"""What a stage serves over HTTP: its metrics, and whether it is well."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.runtime.metrics import Metrics
from streams.runtime.ownership import Ownership
from streams.runtime.watchdog import Watchdog

UNAVAILABLE = 503


def pages(app: Any, ownership: Ownership, metrics: Metrics, watchdog: Watchdog) -> None:
    """Add `/metrics`, and `/health`, which answers 503 with the reasons where something is wrong."""

    async def metrics_page(web: Any, _: Any) -> Any:
        told = scraped(ownership, metrics, watchdog)
        return web.bytes(told, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def health_page(web: Any, _: Any) -> Any:
        told = health(ownership, watchdog)
        return web.json(told, status=200 if told["healthy"] else UNAVAILABLE)

    app.page("/metrics", name="metrics")(metrics_page)
    app.page("/health", name="health")(health_page)


def scraped(ownership: Ownership, metrics: Metrics, watchdog: Watchdog) -> bytes:
    """The metrics as they are now, in Prometheus's text format."""
    metrics.healthy(well=health(ownership, watchdog)["healthy"])
    for task in ownership.tasks:
        metrics.lagging(task)
    return generate_latest(metrics.registry)


def health(ownership: Ownership, watchdog: Watchdog) -> dict[str, Any]:
    """Whether all is well, why not, and per partition of ours where it stands: positions and ledger entry."""
    failed = ownership.failed.exception() if ownership.failed.done() else None
    stopped = [f"partition {partition}: {reason}" for partition, reason in sorted(ownership.stopped.items())]
    reasons = [*([f"stopping: {failed}"] if failed else []), *stopped, *watchdog.reasons]
    partitions = {
        str(task.partition): {"positions": task.positions, "seq": chain.seq}
        for task, chain in zip(ownership.tasks, ownership.chains, strict=True)
    }
    return {"healthy": not reasons, "reasons": reasons, "partitions": partitions}
