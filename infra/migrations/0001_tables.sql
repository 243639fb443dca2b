-- What the sink writes: one row per record of an output topic, at its Kafka position.
-- Partitioned by topic, because one insert holds records of one topic: it falls into one table partition, and its
-- deduplication token covers it whole. `ALTER TABLE scored DROP PARTITION 'payments.scored'` forgets a pipeline.
-- Rows are kept for ever; `ALTER TABLE scored MODIFY TTL toDateTime(event_time) + INTERVAL 1 YEAR` is the owner's choice.

CREATE TABLE IF NOT EXISTS scored
(
    topic LowCardinality(String),
    partition UInt32 CODEC(Delta, ZSTD),
    offset UInt64 CODEC(Delta, ZSTD),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    event_id String CODEC(ZSTD),
    entities Map(LowCardinality(String), String) CODEC(ZSTD),
    event_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    features Array(Float64) CODEC(ZSTD),
    feature_set LowCardinality(String),
    score Float64 CODEC(ZSTD),
    predicted LowCardinality(Nullable(String)),
    probabilities Map(LowCardinality(String), Float64) CODEC(ZSTD) COMMENT 'empty where the model gave none',
    model_id String CODEC(ZSTD),
    rung LowCardinality(String),
    explanation Map(LowCardinality(String), Float64) CODEC(ZSTD) COMMENT 'empty where none was asked for',
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(Delta, ZSTD),
    source_offset UInt64 CODEC(Delta, ZSTD),
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', ''),
    INDEX by_event event_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY topic
ORDER BY (event_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS outcomes
(
    topic LowCardinality(String),
    partition UInt32 CODEC(Delta, ZSTD),
    offset UInt64 CODEC(Delta, ZSTD),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    event_id String CODEC(ZSTD),
    entities Map(LowCardinality(String), String) CODEC(ZSTD),
    event_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    label_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    features Array(Float64) CODEC(ZSTD),
    feature_set LowCardinality(String),
    score Float64 CODEC(ZSTD),
    predicted LowCardinality(Nullable(String)),
    probabilities Map(LowCardinality(String), Float64) CODEC(ZSTD) COMMENT 'empty where the model gave none',
    model_id String CODEC(ZSTD),
    rung LowCardinality(String),
    label String CODEC(ZSTD),
    target Nullable(Float64) CODEC(ZSTD),
    learnt Bool,
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(Delta, ZSTD),
    source_offset UInt64 CODEC(Delta, ZSTD),
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', ''),
    INDEX by_event event_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY topic
ORDER BY (event_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS metrics
(
    topic LowCardinality(String),
    partition UInt32 CODEC(Delta, ZSTD),
    offset UInt64 CODEC(Delta, ZSTD),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', ''),
    version UInt32,
    kind LowCardinality(String),
    subject LowCardinality(String),
    folded_partition UInt32 COMMENT 'the partition whose records the statistics are of',
    window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    revision UInt32,
    count UInt64 CODEC(ZSTD),
    missing UInt64 CODEC(ZSTD),
    values Map(LowCardinality(String), Float64) CODEC(ZSTD),
    edges Array(Float64) CODEC(ZSTD),
    bins Array(UInt64) CODEC(ZSTD),
    sketch String CODEC(ZSTD) COMMENT 'serialised quantile sketch, empty without one',
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = MergeTree
PARTITION BY topic
ORDER BY (kind, subject, window_start, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alerts
(
    topic LowCardinality(String),
    partition UInt32 CODEC(Delta, ZSTD),
    offset UInt64 CODEC(Delta, ZSTD),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', ''),
    version UInt32,
    monitor LowCardinality(String),
    subject LowCardinality(String),
    folded_partition UInt32 COMMENT 'the partition whose records show it',
    event_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    value Float64,
    threshold Float64,
    evidence String CODEC(ZSTD),
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = MergeTree
PARTITION BY topic
ORDER BY (event_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS rejected
(
    topic LowCardinality(String),
    partition UInt32 CODEC(Delta, ZSTD),
    offset UInt64 CODEC(Delta, ZSTD),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    stage LowCardinality(String) COMMENT 'who rejected it',
    reason LowCardinality(String),
    message String CODEC(ZSTD),
    source_topic LowCardinality(String) COMMENT 'where the record stood, as the headers say; empty without them',
    source_partition Nullable(UInt32),
    source_offset Nullable(UInt64),
    source_time Nullable(DateTime64(3, 'UTC')),
    key Nullable(String) CODEC(ZSTD) COMMENT 'the original bytes',
    value Nullable(String) CODEC(ZSTD) COMMENT 'the original bytes',
    headers Array(Tuple(name String, value String)) CODEC(ZSTD) COMMENT 'the original headers',
    ingested DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', '')
)
ENGINE = MergeTree
PARTITION BY topic
ORDER BY (kafka_time, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS feature_sets
(
    id String,
    pipeline LowCardinality(String),
    version UInt32,
    names Array(String),
    ingested DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY (id, pipeline, version)
SETTINGS non_replicated_deduplication_window = 10000;
