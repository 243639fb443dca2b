-- Roll-ups that grow with each insert. Their tables know deduplication tokens too, so that a repeated insert that
-- had reached `scored` but not the roll-up heals the roll-up, and one that had reached both changes neither.

CREATE TABLE IF NOT EXISTS scored_by_minute
(
    topic LowCardinality(String),
    rung LowCardinality(String),
    minute DateTime('UTC'),
    scored SimpleAggregateFunction(sum, UInt64),
    score AggregateFunction(avg, Float64),
    score_quantiles AggregateFunction(quantilesTDigest(0.5, 0.9, 0.99), Float64),
    last_event SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    last_ingested SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', '')
)
ENGINE = AggregatingMergeTree
PARTITION BY topic
ORDER BY (minute, rung)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS scored_by_minute_feed TO scored_by_minute AS
SELECT
    topic,
    rung,
    toDateTime(toStartOfMinute(s.event_time), 'UTC') AS minute,
    count() AS scored,
    avgState(s.score) AS score,
    quantilesTDigestState(0.5, 0.9, 0.99)(s.score) AS score_quantiles,
    max(s.event_time) AS last_event,
    max(s.ingested) AS last_ingested
FROM scored AS s
GROUP BY topic, rung, minute;

CREATE TABLE IF NOT EXISTS outcomes_by_hour
(
    topic LowCardinality(String),
    hour DateTime('UTC') COMMENT 'of the event, not of its label',
    labelled SimpleAggregateFunction(sum, UInt64),
    learnt SimpleAggregateFunction(sum, UInt64),
    positives SimpleAggregateFunction(sum, UInt64),
    accuracy AggregateFunction(avg, Nullable(UInt8)),
    log_loss AggregateFunction(avg, Nullable(Float64)),
    absolute_error AggregateFunction(avg, Nullable(Float64)),
    squared_error AggregateFunction(avg, Nullable(Float64)),
    label_age_s AggregateFunction(avg, Float64),
    pipeline String ALIAS replaceRegexpOne(topic, '\\.[^.]*$', '')
)
ENGINE = AggregatingMergeTree
PARTITION BY topic
ORDER BY hour
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS outcomes_by_hour_feed TO outcomes_by_hour AS
SELECT
    topic,
    toDateTime(toStartOfHour(o.event_time), 'UTC') AS hour,
    count() AS labelled,
    countIf(o.learnt) AS learnt,
    countIf(o.label = 'true') AS positives,
    avgState(o.predicted = o.label) AS accuracy,
    avgState(multiIf(
        o.predicted IS NULL, NULL,
        o.label IN ('true', 'false'), -log(greatest(if(o.label = 'true', o.score, 1 - o.score), 1e-15)),
        empty(o.probabilities), NULL,
        -log(greatest(o.probabilities[o.label], 1e-15))
    )) AS log_loss,
    avgState(if(o.rung = 'prior', NULL, abs(o.score - o.target))) AS absolute_error,
    avgState(if(o.rung = 'prior', NULL, (o.score - o.target) * (o.score - o.target))) AS squared_error,
    avgState(toFloat64(dateDiff('millisecond', o.event_time, o.label_time) / 1000)) AS label_age_s
FROM outcomes AS o
GROUP BY topic, hour;
