-- A ledger without holes between its entries, and everything that was produced beside what the tables hold.

-- Where a ledger does not follow on itself: no rows, or something was cut, changed, doubled, or never read.
CREATE OR REPLACE VIEW broken_chain AS
SELECT pipeline, version, stage, partition, seq, previous, seq_before, head_before, starts, ends_before
FROM
(
    SELECT
        pipeline, version, stage, partition, seq, previous, starts,
        lagInFrame(toInt64(seq), 1, -1) OVER task AS seq_before,
        lagInFrame(head, 1, repeat('0', 64)) OVER task AS head_before,
        lagInFrame(ends) OVER task AS ends_before
    FROM ledger
    WINDOW task AS
    (
        PARTITION BY pipeline, version, stage, partition ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
WHERE toInt64(seq) != seq_before + 1
    OR previous != head_before
    OR (seq_before >= 0 AND mapSort(starts) != mapSort(ends_before));

-- Rows of the tables beside what the ledger says was produced; they differ while the sink is behind, and never after.
-- `all outputs` has metrics and alerts too, which the ledger does not tell apart.
CREATE OR REPLACE VIEW stored AS
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
    SELECT pipeline, partition, 'all outputs', outputs, 0 FROM ledger
    UNION ALL
    SELECT pipeline, partition, arrayJoin(['scored', 'all outputs']), 0, 1 FROM scored
    UNION ALL
    SELECT pipeline, partition, arrayJoin(['outcomes', 'all outputs']), 0, 1 FROM outcomes
    UNION ALL
    SELECT pipeline, partition, arrayJoin(['rejected', 'all outputs']), 0, 1 FROM rejected WHERE stage != 'sink'
    UNION ALL
    SELECT pipeline, partition, 'all outputs', 0, 1 FROM metrics
    UNION ALL
    SELECT pipeline, partition, 'all outputs', 0, 1 FROM alerts
)
GROUP BY pipeline, partition, what
ORDER BY pipeline, partition, what;
