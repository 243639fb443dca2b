-- Views that answer by name. Figures that need both classes, or a kind of task, are NULL where they mean nothing.
-- What the prior answered, for want of a model, is counted as labelled and left out of every figure of quality.

CREATE VIEW IF NOT EXISTS judged AS
SELECT
    pipeline, event_id, event_time, label_time, model_id, rung, score, target, label,
    multiIf(label IN ('true', 'false'), 'binary', target IS NULL, 'multiclass', 'regression') AS task,
    rung != 'prior' AS answered,
    if(task = 'binary', label = 'true', NULL) AS positive,
    if(task = 'regression', NULL, predicted = label) AS correct,
    multiIf(
        predicted IS NULL, NULL,
        task = 'binary', if(label = 'true', score, 1 - score),
        empty(probabilities), NULL,
        probabilities[label]
    ) AS share_of_truth,
    if(share_of_truth IS NULL, NULL, -log(greatest(share_of_truth, 1e-15))) AS loss, -- greatest() passes over NULL
    if(task = 'regression' AND answered, score - target, NULL) AS error,
    intDiv(dateDiff('millisecond', event_time, label_time), 86400000) AS label_age_days
FROM outcomes;

CREATE VIEW IF NOT EXISTS quality_by_day AS
SELECT
    pipeline, day,
    nullIf(task, '') AS task,
    scored, labelled,
    if(scored = 0, NULL, 1 - least(labelled, scored) / scored) AS unlabelled_share,
    positives, accuracy, log_loss, roc_auc, average_precision, mean_absolute_error, root_mean_squared_error
FROM
(
    SELECT pipeline, toDate(minute) AS day, sum(s.scored) AS scored
    FROM scored_by_minute AS s
    GROUP BY pipeline, day
) AS every
FULL OUTER JOIN
(
    SELECT
        pipeline, toDate(event_time) AS day, task,
        count() AS labelled,
        countIf(positive) AS positives,
        avg(correct) AS accuracy,
        avg(loss) AS log_loss,
        groupArrayIf(score, answered AND positive IS NOT NULL) AS scores,
        groupArrayIf(assumeNotNull(positive), answered AND positive IS NOT NULL) AS truths,
        arrayROCAUC(scores, truths) AS auc,
        if(isFinite(auc), auc, NULL) AS roc_auc,
        if(has(truths, 1), arrayAUCPR(scores, truths), NULL) AS average_precision,
        avg(abs(error)) AS mean_absolute_error,
        sqrt(avg(error * error)) AS root_mean_squared_error
    FROM judged
    GROUP BY pipeline, day, task
) AS told USING (pipeline, day)
ORDER BY pipeline, day;

CREATE VIEW IF NOT EXISTS quality_by_label_age AS
SELECT
    pipeline, task, label_age_days, labelled,
    if(scored = 0, NULL, 1 - least(known, scored) / scored) AS unlabelled_share,
    positives, accuracy, log_loss, roc_auc, average_precision, mean_absolute_error, root_mean_squared_error
FROM
(
    SELECT
        pipeline, task, label_age_days,
        count() AS labelled,
        sum(labelled) OVER (PARTITION BY pipeline ORDER BY label_age_days) AS known,
        countIf(positive) AS positives,
        avg(correct) AS accuracy,
        avg(loss) AS log_loss,
        groupArrayIf(score, answered AND positive IS NOT NULL) AS scores,
        groupArrayIf(assumeNotNull(positive), answered AND positive IS NOT NULL) AS truths,
        arrayROCAUC(scores, truths) AS auc,
        if(isFinite(auc), auc, NULL) AS roc_auc,
        if(has(truths, 1), arrayAUCPR(scores, truths), NULL) AS average_precision,
        avg(abs(error)) AS mean_absolute_error,
        sqrt(avg(error * error)) AS root_mean_squared_error
    FROM judged
    GROUP BY pipeline, task, label_age_days
) AS told
LEFT JOIN (SELECT pipeline, sum(s.scored) AS scored FROM scored_by_minute AS s GROUP BY pipeline) AS every
USING (pipeline)
ORDER BY pipeline, label_age_days;

CREATE VIEW IF NOT EXISTS throughput AS
SELECT
    pipeline, minute, rung,
    sum(s.scored) AS scored,
    scored / 60 AS scored_per_second,
    avgMerge(s.score) AS mean_score,
    quantilesTDigestMerge(0.5, 0.9, 0.99)(s.score_quantiles) AS score_quantiles,
    max(s.last_event) AS last_event,
    max(s.last_ingested) AS last_ingested
FROM scored_by_minute AS s
GROUP BY pipeline, minute, rung
ORDER BY pipeline, minute, rung;

CREATE VIEW IF NOT EXISTS drift AS
SELECT
    pipeline, version, kind, subject, window_start, window_end,
    sum(latest.1) AS count,
    sum(latest.2) AS missing,
    if(count + missing = 0, NULL, missing / (count + missing)) AS missing_share,
    if(count = 0, NULL, sum(latest.1 * latest.3['mean']) / count) AS mean,
    maxIf(toNullable(latest.3['distance']), mapContains(latest.3, 'distance')) AS largest_distance,
    argMaxIf(toNullable(folded_partition), latest.3['distance'], mapContains(latest.3, 'distance'))
        AS largest_distance_partition
FROM
(
    SELECT
        pipeline, version, kind, subject, folded_partition, window_start, window_end,
        argMax((m.count, m.missing, m.values), m.revision) AS latest
    FROM metrics AS m
    WHERE kind IN ('feature', 'score')
    GROUP BY pipeline, version, kind, subject, folded_partition, window_start, window_end
)
GROUP BY pipeline, version, kind, subject, window_start, window_end
ORDER BY pipeline, version, kind, subject, window_start;

CREATE VIEW IF NOT EXISTS rejects_by_reason AS
SELECT
    pipeline, toDate(kafka_time) AS day, source_topic, stage, reason,
    count() AS rejected,
    max(ingested) AS latest,
    any(message) AS example
FROM rejected
GROUP BY pipeline, day, source_topic, stage, reason
ORDER BY pipeline, day, rejected DESC;

CREATE VIEW IF NOT EXISTS feature AS
SELECT
    s.pipeline AS pipeline, s.event_id AS event_id, s.event_time AS event_time, s.score AS score,
    n.names AS names,
    s.features[indexOf(names, {name:String})] AS value
FROM scored AS s
INNER JOIN (SELECT id, any(f.names) AS names FROM feature_sets AS f GROUP BY id) AS n ON s.feature_set = n.id
WHERE has(names, {name:String});
