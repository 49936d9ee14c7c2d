"""Reads every table of an archive with DuckDB, pyarrow or pandas, each with its default settings, and prints as JSON what it found."""

import json
import os
import sys
import zlib

TABLES = ["batches", "records", "sessions", "activity", "events"]


def with_duckdb(folder):
    import duckdb

    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    found = connection.sql(f"SELECT * FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)")
    names = found.columns
    types = {name: str(kind) for name, kind in zip(names, found.types)}
    return types, [dict(zip(names, row)) for row in found.fetchall()]


def with_pyarrow(folder):
    import pyarrow.parquet

    found = pyarrow.parquet.read_table(folder)
    return {field.name: str(field.type) for field in found.schema}, found.to_pylist()


def with_pandas(folder):
    import pandas

    found = pandas.read_parquet(folder)
    types = {name: str(kind) for name, kind in found.dtypes.items()}
    # Numbers without a value for some rows are floats in pandas; ids are never without one.
    return types, found.to_dict("records")


def number(value):
    return None if value is None or value != value else int(value)


def main():
    reader, archive = sys.argv[1:]
    read = {"duckdb": with_duckdb, "pyarrow": with_pyarrow, "pandas": with_pandas}[reader]
    found = {}
    for table in TABLES:
        # A table has a folder once it has a row.
        if not os.path.isdir(f"{archive}/{table}"):
            found[table] = {"rows": 0, "sessions": [], "received_us": 0, "payloads": {}}
            continue
        try:
            types, rows = read(f"{archive}/{table}")
        except Exception as error:
            sys.exit(f"{reader} can't read {table}: {error}")
        found[table] = {
            "types": types,
            "rows": len(rows),
            "sessions": sorted({str(row["session_id"]) for row in rows}),
            "received_us": sum(round(row["received_at"].timestamp() * 1e6) for row in rows),
            "payloads": {row["record_id"]: [len(row["payload"]), zlib.crc32(row["payload"])] for row in rows if "payload" in row},
            "batches": sum(number(row["batches"]) for row in rows) if "batches" in types else None,
            "browsers": sorted({row["browser"] for row in rows if isinstance(row["browser"], str)}) if "browser" in types else None,
            "hours": sorted({f"{row['date']} {int(row['hour']):02}" for row in rows}),
        }
    print(json.dumps(found))


main()
