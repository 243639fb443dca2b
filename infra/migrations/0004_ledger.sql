-- What every task has done, batch by batch: one row per entry of a ledger, at its Kafka position. `kafka_time` is when
-- the batch was committed; `event_time` is the watermark.

CREATE TABLE IF NOT EXISTS ledger
(
    topic LowCardinality(String),
    partition UInt32 CODEC(Delta, ZSTD),
    offset UInt64 CODEC(Delta, ZSTD),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    pipeline LowCardinality(String),
    version UInt32,
    stage LowCardinality(String),
    epoch UInt32 COMMENT 'how often the task was taken over by a worker that had to rebuild it',
    seq UInt64 CODEC(Delta, ZSTD),
    kind LowCardinality(String) COMMENT 'genesis, batch, or accepted',
    starts Map(LowCardinality(String), UInt64) CODEC(ZSTD),
    ends Map(LowCardinality(String), UInt64) CODEC(ZSTD),
    records UInt64 CODEC(ZSTD),
    roles Map(LowCardinality(String), UInt64) CODEC(ZSTD) COMMENT 'how many of the records each input had',
    held Int64 CODEC(ZSTD) COMMENT 'how many more labels wait for their event than before',
    disordered UInt64 CODEC(ZSTD) COMMENT 'records that came behind the merge point',
    counts Map(LowCardinality(String), UInt64) CODEC(ZSTD) COMMENT 'what became of the records, as in events.scored',
    event_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    model_id Nullable(String) CODEC(ZSTD),
    outputs UInt64 CODEC(ZSTD),
    output_hash String CODEC(ZSTD),
    checkpoint Bool,
    environment LowCardinality(String),
    note Nullable(String) CODEC(ZSTD),
    previous String CODEC(ZSTD),
    head String CODEC(ZSTD),
    signature Nullable(String) CODEC(ZSTD),
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = MergeTree
PARTITION BY topic
ORDER BY (kafka_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- Every record that was read, by what became of it. `missing` is 0, or something was lost.
CREATE VIEW IF NOT EXISTS balance AS
SELECT
    pipeline, version, stage, role, partition, hour,
    sum(taken) AS records,
    sumMap(became) AS results,
    sum(waiting) AS held,
    toInt64(records) - toInt64(sum(told)) - held AS missing
FROM
(
    SELECT
        pipeline, version, stage, partition,
        toStartOfHour(kafka_time) AS hour,
        arrayJoin(mapKeys(roles)) AS role,
        roles[role] AS taken,
        mapApply((name, count) -> (substring(name, length(role) + 2), count),
            mapFilter((name, count) -> startsWith(name, concat(role, '.')), counts)) AS became,
        arraySum(mapValues(became)) AS told,
        if(role = 'labels', ledger.held, 0) AS waiting
    FROM ledger
)
GROUP BY pipeline, version, stage, role, partition, hour
ORDER BY pipeline, version, stage, role, partition, hour;

-- Where a ledger does not follow on itself: no rows, or something was cut, changed or doubled.
CREATE VIEW IF NOT EXISTS broken_chain AS
SELECT pipeline, version, stage, partition, seq, previous, seq_before, head_before
FROM
(
    SELECT
        pipeline, version, stage, partition, seq, previous,
        lagInFrame(toInt64(seq), 1, -1) OVER task AS seq_before,
        lagInFrame(head, 1, repeat('0', 64)) OVER task AS head_before
    FROM ledger
    WINDOW task AS
    (
        PARTITION BY pipeline, version, stage, partition ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
WHERE toInt64(seq) != seq_before + 1 OR previous != head_before;

-- Rows of each table beside what the ledger says was produced; they differ while the sink is behind, and never after.
CREATE VIEW IF NOT EXISTS stored AS
SELECT pipeline, partition, what, sum(told) AS in_ledger, sum(found) AS in_table
FROM
(
    SELECT pipeline, partition, 'scored' AS what, counts['events.scored'] AS told, 0 AS found FROM ledger
    UNION ALL
    SELECT pipeline, partition, 'outcomes', counts['labels.learnt'] + counts['labels.met'], 0 FROM ledger
    UNION ALL
    SELECT pipeline, partition, 'rejected', arraySum(mapValues(mapFilter((name, n) -> endsWith(name, '.rejected'), counts))), 0
    FROM ledger
    UNION ALL
    SELECT pipeline, partition, 'scored', 0, 1 FROM scored
    UNION ALL
    SELECT pipeline, partition, 'outcomes', 0, 1 FROM outcomes
    UNION ALL
    SELECT pipeline, partition, 'rejected', 0, 1 FROM rejected WHERE stage != 'sink'
)
GROUP BY pipeline, partition, what
ORDER BY pipeline, partition, what;
