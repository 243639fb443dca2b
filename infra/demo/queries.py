"""What the demo asks ClickHouse. Each takes the pipeline's name, as its topics begin."""

TABLES = ("scored", "outcomes", "metrics", "alerts", "rejected")

ROWS = """
SELECT name, rows FROM
(
    SELECT 'scored' AS name, count() AS rows FROM scored WHERE topic = {pipeline:String} || '.scored'
    UNION ALL
    SELECT 'outcomes', count() FROM outcomes WHERE topic = {pipeline:String} || '.outcomes'
    UNION ALL
    SELECT 'metrics', count() FROM metrics WHERE pipeline = {pipeline:String}
    UNION ALL
    SELECT 'alerts', count() FROM alerts WHERE pipeline = {pipeline:String}
    UNION ALL
    SELECT 'rejected', count() FROM rejected WHERE topic = {pipeline:String} || '.rejected'
)
"""

UNIQUE = """
SELECT count() AS rows, uniqExact(topic, partition, offset) AS positions
FROM {table:Identifier}
WHERE topic = {pipeline:String} || '.' || {table:String}
"""

QUALITY = """
SELECT labelled, positives, accuracy, roc_auc, average_precision FROM
(
SELECT
    count() AS labelled,
    countIf(positive) AS positives,
    avg(correct) AS accuracy,
    groupArray(score) AS scores,
    groupArray(assumeNotNull(positive)) AS truths,
    if(has(truths, 1) AND has(truths, 0), arrayROCAUC(scores, truths), NULL) AS roc_auc,
    if(has(truths, 1), arrayAUCPR(scores, truths), NULL) AS average_precision
FROM judged
WHERE pipeline = {pipeline:String} AND answered
)
"""

ALERTS = """
SELECT toUnixTimestamp64Milli(event_time) AS time_ms, monitor, subject, evidence
FROM alerts
WHERE pipeline = {pipeline:String}
ORDER BY event_time, offset
"""

PREDICTED = """
SELECT event_id, predicted, label
FROM outcomes
WHERE topic = {pipeline:String} || '.outcomes' AND predicted IS NOT NULL
"""

EXAMPLES = {
    "How good were the scores, week by week, and how much is still unknown?": """
SELECT
    week, scored, labelled,
    round(1 - labelled / scored, 3) AS unlabelled_share,
    positives AS frauds,
    round(roc_auc, 3) AS roc_auc,
    round(average_precision, 3) AS average_precision
FROM
(
    SELECT toMonday(event_time) AS week, count() AS scored
    FROM scored WHERE pipeline = 'PIPELINE' GROUP BY week
) AS every
LEFT JOIN
(
    SELECT
        toMonday(event_time) AS week,
        count() AS labelled,
        countIf(positive) AS positives,
        groupArrayIf(score, answered) AS scores,
        groupArrayIf(assumeNotNull(positive), answered) AS truths,
        if(has(truths, 1) AND has(truths, 0), arrayROCAUC(scores, truths), NULL) AS roc_auc,
        if(has(truths, 1), arrayAUCPR(scores, truths), NULL) AS average_precision
    FROM judged WHERE pipeline = 'PIPELINE' GROUP BY week
) AS told USING (week)
ORDER BY week
""",
    "How old were the labels, and how much had arrived by then?": """
SELECT
    multiIf(label_age_days < 3, '0 to 2 days', label_age_days < 4, '3 days',
            label_age_days < 8, '4 to 7 days', '8 days and more') AS age,
    sum(labelled) AS labels,
    sum(q.positives) AS frauds,
    round(min(q.unlabelled_share), 3) AS unlabelled_after
FROM quality_by_label_age AS q
WHERE pipeline = 'PIPELINE'
GROUP BY age
ORDER BY unlabelled_after DESC
""",
    "Which features are furthest from their reference, and when?": """
SELECT subject, window_start, window_end, count, round(distance, 3) AS distance
FROM
(
    SELECT subject, window_start, window_end, count, values['distance'] AS distance
    FROM metrics
    WHERE pipeline = 'PIPELINE' AND mapContains(values, 'distance')
)
ORDER BY distance DESC, subject
LIMIT 1 BY subject
LIMIT 5
""",
    "Which payments of the last week look worst and have no label yet?": """
SELECT
    event_time, event_id, entities['customer_id'] AS customer,
    round(score, 4) AS score, round(features[1], 2) AS amount
FROM scored
WHERE pipeline = 'PIPELINE'
    AND event_time > (SELECT max(event_time) - INTERVAL 7 DAY FROM scored WHERE pipeline = 'PIPELINE')
    AND event_id NOT IN (SELECT event_id FROM outcomes WHERE pipeline = 'PIPELINE')
ORDER BY score DESC, event_id
LIMIT 5
""",
    "What was rejected, and why?": """
SELECT stage, reason, count() AS records, any(message) AS example
FROM rejected
WHERE pipeline = 'PIPELINE'
GROUP BY stage, reason
ORDER BY records DESC, reason
""",
}
"""Question -> query of the payments demo, to be pasted once the pipeline's name is put for PIPELINE."""
