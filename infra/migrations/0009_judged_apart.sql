-- Two versions of a pipeline may score the same days: each has figures of its own, by the digest of its definition, with
-- which every model id begins. A class of several may be called true: what has no target is no binary label.

ALTER TABLE scored
    ADD COLUMN IF NOT EXISTS definition LowCardinality(String) MATERIALIZED splitByChar('/', model_id)[1] AFTER model_id;

ALTER TABLE outcomes
    ADD COLUMN IF NOT EXISTS definition LowCardinality(String) MATERIALIZED splitByChar('/', model_id)[1] AFTER model_id;

CREATE OR REPLACE VIEW judged AS
SELECT
    pipeline, definition, event_id, event_time, label_time, model_id, rung, score, target, label,
    multiIf(target IS NULL, 'multiclass', label IN ('true', 'false'), 'binary', 'regression') AS task,
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

CREATE OR REPLACE VIEW quality_by_day AS
SELECT
    pipeline, definition, day,
    nullIf(task, '') AS task,
    scored, labelled,
    if(scored = 0, NULL, 1 - least(labelled, scored) / scored) AS unlabelled_share,
    positives, accuracy, log_loss, roc_auc, average_precision, mean_absolute_error, root_mean_squared_error
FROM
(
    SELECT pipeline, definition, toDate(event_time) AS day, count() AS scored
    FROM scored
    GROUP BY pipeline, definition, day
) AS every
FULL OUTER JOIN
(
    SELECT
        pipeline, definition, toDate(event_time) AS day, task,
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
    GROUP BY pipeline, definition, day, task
) AS told USING (pipeline, definition, day)
ORDER BY pipeline, day, definition
SETTINGS join_use_nulls = 0;

CREATE OR REPLACE VIEW quality_by_label_age AS
SELECT
    pipeline, definition, task, label_age_days, labelled,
    if(scored = 0, NULL, 1 - least(known, scored) / scored) AS unlabelled_share,
    positives, accuracy, log_loss, roc_auc, average_precision, mean_absolute_error, root_mean_squared_error
FROM
(
    SELECT
        pipeline, definition, task, label_age_days,
        count() AS labelled,
        sum(labelled) OVER (PARTITION BY pipeline, definition ORDER BY label_age_days) AS known,
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
    GROUP BY pipeline, definition, task, label_age_days
) AS told
LEFT JOIN (SELECT pipeline, definition, count() AS scored FROM scored GROUP BY pipeline, definition) AS every
USING (pipeline, definition)
ORDER BY pipeline, definition, label_age_days
SETTINGS join_use_nulls = 0;

-- What the sink itself could not read of a ledger belongs to the pipeline too.
ALTER TABLE rejected
    MODIFY COLUMN pipeline String ALIAS replaceRegexpOne(topic, '(\\.v\\d+\\.[^.]+)?\\.[^.]*$', '');
