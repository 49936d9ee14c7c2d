"""Reads a table of an archive in an S3 store, whose address and path are given: prints how many rows it has, and how many partition columns."""

import os
import sys

import pyarrow.dataset
import pyarrow.fs

endpoint, path = sys.argv[1:]
store = pyarrow.fs.S3FileSystem(
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    region=os.environ["AWS_REGION"],
    endpoint_override=endpoint.removeprefix("http://"),
    scheme="http",
)
table = pyarrow.dataset.dataset(path, filesystem=store, format="parquet", partitioning="hive").to_table()
print(table.num_rows, len({"date", "hour"} & set(table.column_names)))
