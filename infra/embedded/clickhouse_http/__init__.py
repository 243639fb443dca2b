"""ClickHouse's HTTP protocol in front of one chDB: `python -m infra.embedded.clickhouse_http --data-dir D --port P`.

chDB admits one process per data directory. This process is that one; every other program speaks HTTP to it, with the
clients it would use for a ClickHouse server.
"""
