"""The same questions as Polars asks them, lazily over the Parquet files."""

import datetime

import polars as pl


def month(query: dict) -> pl.LazyFrame:
    """All charges of a month with the fields of the answer."""

    def field(name: str, column: str, filled: bool) -> pl.Expr:
        return (pl.col(column).fill_null(0) if filled else pl.col(column)).alias(name)

    return pl.scan_parquet(query["files"], hive_partitioning=False).select([field(*each) for each in query["fields"]])


def groups(query: dict) -> pl.LazyFrame:
    """A grouping with its order and the first rows."""
    rows = pl.scan_parquet(query["files"], hive_partitioning=False).filter(
        (pl.col("customer_tenant_id") != "") & (pl.col("charge_type") == "Usage") & pl.col("cost_basis").is_in(["actual", "both"])
    )
    for column, operator, value in query["where"]:
        if operator == "contains":
            rows = rows.filter(pl.col(column).str.contains(value, literal=True))
        elif operator == "eq":
            rows = rows.filter(pl.col(column) == value)
        else:
            rows = rows.filter(pl.col(column) >= datetime.date.fromisoformat(value))
    keys = [
        pl.col(column).dt.truncate("1mo") if column == "usage_date" and query["level"] == "month" else pl.col(column)
        for column in query["group"]
    ]
    summed = rows.group_by(keys).agg(pl.col("quantity").sum().alias("total"))
    order, down = zip(*query["order"], strict=True)
    return summed.sort(list(order), descending=list(down)).head(query["top"])
