"""Runs queries of DuckDB over Arrow IPC streams, one table per query, made of all of its files.
Reads {"queries": [{"files": [...], "sql": "select ... from rows"}]} and writes a list of rows for each query, as JSON.
"""
import json
import sys

import duckdb
import pyarrow

answers = []
for query in json.load(sys.stdin)["queries"]:
    tables = []
    for file in query["files"]:
        with pyarrow.OSFile(file) as source:
            tables.append(pyarrow.ipc.open_stream(source).read_all())
    connection = duckdb.connect()
    connection.register("rows", pyarrow.concat_tables(tables))
    answers.append(connection.execute(query["sql"]).fetchall())
json.dump(answers, sys.stdout)
