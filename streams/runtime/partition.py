"""Which partition a key belongs to, as Kafka's own clients decide it."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

CACHED_KEYS = 1 << 17


@lru_cache(maxsize=CACHED_KEYS)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key`: murmur2, as in the Java clients and in `partitioner=murmur2_random`.

    >>> partition_of(b"customer-17", 1)
    0
    """
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
