-- What a stage has keyed anew stands in no table either. What it rejects is counted by the partition that it was read
-- from, as in its ledger: `rejected` may have fewer.

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
    SELECT pipeline, partition, 'all outputs',
        toUInt64(outputs - arraySum(mapValues(mapFilter((name, n) -> match(name, '\\.(passed|rekeyed)$'), counts)))), 0
    FROM ledger
    UNION ALL
    SELECT pipeline, partition, arrayJoin(['scored', 'all outputs']), 0, 1 FROM scored
    UNION ALL
    SELECT pipeline, partition, arrayJoin(['outcomes', 'all outputs']), 0, 1 FROM outcomes
    UNION ALL
    SELECT pipeline, if(startsWith(stage, 'rekey_'), coalesce(source_partition, toUInt32(partition)), partition),
        arrayJoin(['rejected', 'all outputs']), 0, 1
    FROM rejected WHERE stage != 'sink'
    UNION ALL
    SELECT pipeline, partition, 'all outputs', 0, 1 FROM metrics
    UNION ALL
    SELECT pipeline, partition, 'all outputs', 0, 1 FROM alerts
)
GROUP BY pipeline, partition, what
ORDER BY pipeline, partition, what;
