-- Of each feature and hour of event time: how many served values were computed again apart from the live path, and how
-- many were others. A row is as of an entry of the ledger, `seq`, and says what that and all before it come to, so that
-- the row of the latest entry stands, however often it is written, and by whom.

CREATE TABLE IF NOT EXISTS feature_skew
(
    pipeline LowCardinality(String),
    version UInt32,
    partition UInt32,
    feature LowCardinality(String),
    hour DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    checked UInt64 CODEC(ZSTD),
    unequal UInt64 CODEC(ZSTD),
    unjudged UInt64 CODEC(ZSTD) COMMENT 'others, in a window that begins before what had to be held or is still known',
    event_id String CODEC(ZSTD) COMMENT 'of the value that is furthest off; empty where none is unequal',
    served Nullable(Float64) CODEC(ZSTD),
    recomputed Nullable(Float64) CODEC(ZSTD) COMMENT 'NULL where it cannot be computed',
    source_offset UInt64 CODEC(ZSTD) COMMENT 'where that event stood',
    seq UInt64 CODEC(Delta, ZSTD),
    head String CODEC(ZSTD) COMMENT 'of the ledger, at that entry',
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree(seq)
PARTITION BY pipeline
ORDER BY (pipeline, version, feature, hour, partition);

CREATE VIEW IF NOT EXISTS skew AS
SELECT
    pipeline, version, feature, hour,
    sum(s.checked) AS checked,
    sum(s.unequal) AS unequal,
    sum(s.unjudged) AS unjudged,
    tupleElement(worst, 1) AS event_id,
    tupleElement(worst, 2) AS served,
    tupleElement(worst, 3) AS recomputed,
    tupleElement(worst, 4) AS partition,
    tupleElement(worst, 5) AS source_offset,
    argMax(
        (s.event_id, s.served, s.recomputed, s.partition, s.source_offset),
        (s.unequal > 0, ifNull(abs(s.served - s.recomputed), inf))
    ) AS worst
FROM feature_skew AS s FINAL
GROUP BY pipeline, version, feature, hour
ORDER BY pipeline, version, hour, feature;
