"""Before anything is measured: do all contenders give the same answers?"""

import csv
import hashlib
import json
from decimal import Decimal

from context import LAST_PERIOD, PERIOD, Context
from peer_worker import text
from program import Failed, say
from queries import CSV_FIELDS, TOP, groupings, json_fields
from lake import ENROLMENT


def same(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Failed(f"the answers do not agree: {what}: {str(ours)[:400]} against {str(theirs)[:400]}")


def check(context: Context) -> None:
    totals(context)
    month(context)
    analytics(context)
    summaries(context)


def totals(context: Context) -> None:
    """Rows and exact sums of every month, by each peer's own reading of the lake's files, against the generator's."""
    months = context.big.about["imports"]
    with context.contenders(native=False) as peers:
        for peer in peers:
            if peer.dialect == "polars":
                continue
            source = peer.source("", context.big.files())
            query = f"select billing_period_start, count(*), sum(billed_cost), sum(quantity) from {source} group by 1 order by 1"
            rows = peer.process.ask("rows", query=query)["rows"]
            for row, made in zip(rows, months, strict=True):
                wanted = [str(made["rows"]), made["cost"], made["quantity"]]
                same(f"{peer.name}, rows, cost and quantity of {made['period']}", wanted, row[1:])
    say(f"rows and sums of all {len(months)} months agree with what was generated")


def month(context: Context) -> None:
    """All rows of a month: as CSV, as an export, as pages and as the peers write them, by a hash over sorted rows."""
    folder, files = context.folder, context.big.files(period=PERIOD)
    ours = folder / "ours.csv"
    server, key = context.server, context.big.credential("ea")
    server.sink(f"/v2/enrollments/{ENROLMENT}/usagedetails/download?billingPeriod={PERIOD}", key, ours)
    header = [name for name, _ in CSV_FIELDS]
    count, hashed, ordered = csv_hash(ours, header)
    same(f"rows of {PERIOD}", count, context.big.month_of(PERIOD)["rows"])
    pages = folder / "ours.json"
    server.walk(f"/v3/enrollments/{ENROLMENT}/billingPeriods/{PERIOD}/usagedetails", key, pages)
    same(f"pages of {PERIOD} and its CSV, in order", json_hash(pages), (count, ordered))
    pages.unlink()
    with context.contenders() as peers:
        for peer in peers:
            theirs = folder / "theirs.csv"
            peer.process.export(peer.month(files, "csv"), "csv", folder, theirs)
            other = csv_hash(theirs, header)
            if (count, hashed) != other[:2]:
                difference(ours, theirs, peer.name)
            theirs.unlink()
    ours.unlink()
    say(f"the {count:,} rows of {PERIOD} are the same in CSV, pages and at all peers")


def rows_of(path, header: list[str]):
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        same(f"the header of {path.name}", [name.lstrip("\ufeff") for name in next(rows)], header)
        at = [header.index(name) for name in ("ConsumedQuantity", "Cost", "ResourceRate")]
        for row in rows:
            for index in at:
                if "." in row[index]:
                    row[index] = row[index].rstrip("0").rstrip(".")
            yield "\x1f".join(row)


def csv_hash(path, header: list[str]) -> tuple[int, str, str]:
    """Rows, a hash that does not depend on their order, one that does."""
    ordered, sum_of, count = hashlib.blake2b(), 0, 0
    for row in rows_of(path, header):
        one = hashlib.blake2b(row.encode(), digest_size=16).digest()
        sum_of = (sum_of + int.from_bytes(one)) % (1 << 128)
        ordered.update(one)
        count += 1
    return count, f"{sum_of:032x}", ordered.hexdigest()


def json_hash(path) -> tuple[int, str]:
    ordered, count = hashlib.blake2b(), 0
    names = [name[0].lower() + name[1:] for name, _ in CSV_FIELDS]
    all_names = {name for name, _ in json_fields()}
    with path.open(encoding="utf-8") as file:
        for line in file:
            for row in json.loads(line, parse_float=str, parse_int=str)["data"]:
                if row.keys() != all_names:
                    same("fields of a JSON row", sorted(row), sorted(all_names))
                row["date"] = row["date"][:10]
                one = "\x1f".join(row[name] for name in names)
                ordered.update(hashlib.blake2b(one.encode(), digest_size=16).digest())
                count += 1
    return count, ordered.hexdigest()


def difference(ours, theirs, name: str) -> None:
    header = [field for field, _ in CSV_FIELDS]
    one, other = set(rows_of(ours, header)), set(rows_of(theirs, header))
    more, less = sorted(one - other)[:1], sorted(other - one)[:1]
    raise Failed(f"{name} has other rows of {PERIOD}: only Meterlake has {more}, only {name} has {less}")


def analytics(context: Context) -> None:
    """The first rows of each grouping, in order, and how many there are."""
    files = context.big.files()
    customer = context.big.about["estate"]["customers"][0]["id"]
    with context.contenders() as peers:
        for grouping in groupings(customer):
            answer = json.loads(context.server.get(grouping.path(0), context.big.credential("partner")), parse_float=str, parse_int=str)
            ours = [[value.lower() for value in row.values()] for row in answer["Value"]]
            for peer in peers:
                rows = peer.process.ask("rows", query=peer.grouping(grouping, files))["rows"]
                theirs = [[day(value).lower() for value in row] for row in rows]
                for at, (one, other) in enumerate(zip(ours, theirs, strict=False)):
                    same(f"{grouping.name}, row {at + 1} of {peer.name}", normal(one), normal(other))
                same(f"{grouping.name}, rows of {peer.name}", len(ours), len(theirs))
            if len(ours) < TOP:
                same(f"{grouping.name}, TotalCount", int(answer["TotalCount"]), len(ours))
    say("the groupings agree row by row")


def summaries(context: Context) -> None:
    """The current period's total of some customers, big and small ones, by DuckDB's reading of the files."""
    customers = [customer["id"] for customer in context.big.about["estate"]["customers"]]
    some = customers[:10] + customers[-10:]
    files = context.big.files(period=LAST_PERIOD)
    with context.contenders(native=False) as peers:
        duck = peers[0]
        query = f"select customer_tenant_id, sum(billed_cost) from {duck.source('', files)} group by 1"
        totals = dict(duck.process.ask("rows", query=query)["rows"])
    for customer in some:
        path = f"/v1/customers/{customer}/usagesummary"
        answer = json.loads(context.server.get(path, context.big.credential("partner")), parse_float=str, parse_int=str)
        same(f"total of customer {customer}", text(Decimal(answer["totalCost"])), totals.get(customer, "0"))
    say(f"the usage summaries of {len(some)} customers agree")


def day(value: str) -> str:
    """`2025-10-01` and `2025-10-01 00:00:00` as `2025-10-01T00:00:00`."""
    if len(value) in (10, 19) and value[4:5] == "-" and value[7:8] == "-":
        return f"{value[:10]}T00:00:00"
    return value


def normal(row: list[str]) -> list[str]:
    return [*row[:-1], text(Decimal(row[-1]))]


