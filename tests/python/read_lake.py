"""Reads the table `charges` with readers that nobody here wrote and prints what they see, as JSON.

usage: read_lake.py CHARGES_TABLE
"""

import json
import sys
from decimal import Decimal, getcontext

import deltalake
import duckdb
import pyarrow.compute as pc

getcontext().prec = 60
table = deltalake.DeltaTable(sys.argv[1])


def text(value):
    """The canonical text of a decimal: no exponent, no trailing zeros."""
    if value is None:
        return None
    plain = format(value, "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


rows = table.to_pyarrow_table(columns=["billing_period", "billed_cost", "quantity"])
by_deltalake = {
    "rows": rows.num_rows,
    "billed_cost": text(sum((v for v in rows["billed_cost"].to_pylist() if v is not None), Decimal(0))),
    "quantity": text(sum((v for v in rows["quantity"].to_pylist() if v is not None), Decimal(0))),
    "periods": sorted(set(pc.unique(rows["billing_period"]).to_pylist())),
}

files = table.file_uris()
count, periods = duckdb.execute(
    "select count(*), list_sort(list(distinct billing_period)) from read_parquet(?, hive_partitioning = true)", [files]
).fetchone()
# Fetched row by row: the sum of 38-digit decimals is this script's to make, not the engine's.
values = duckdb.execute("select billed_cost, quantity from read_parquet(?)", [files]).fetchall()
by_duckdb = {
    "rows": count,
    "billed_cost": text(sum((v[0] for v in values if v[0] is not None), Decimal(0))),
    "quantity": text(sum((v[1] for v in values if v[1] is not None), Decimal(0))),
    "periods": [int(p) for p in periods],
}

json.dump(
    {
        "deltalake": by_deltalake,
        "duckdb": by_duckdb,
        "protocol": [table.protocol().min_reader_version, table.protocol().min_writer_version],
        "comments": {
            field.name: field.metadata.get("comment") for field in table.schema().fields if field.metadata.get("comment")
        },
    },
    sys.stdout,
)
