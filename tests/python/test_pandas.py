"""`pandas` reads the CSV of every version and way; its sums are those of the JSON pages, to the last digit."""

import io
from decimal import Decimal

import pandas
import pytest
import requests

from conftest import bearer
from ea import export, rows

#: What comes before the header in v3's layout: a title and an empty line.
PREAMBLE = {"v1": 0, "v2": 0, "v3": 2}
COST = {"v1": ("ExtendedCost", "extendedCost"), "v2": ("Cost", "cost"), "v3": ("Cost", "cost")}


def read(source, version, **options):
    """The CSV as a frame of texts, so that no digit is lost."""
    return pandas.read_csv(
        source, skiprows=PREAMBLE[version], encoding="utf-8-sig", dtype=str, keep_default_na=False, **options
    )


def total(values):
    """The exact sum."""
    return sum((Decimal(value) for value in values), Decimal(0))


@pytest.fixture(scope="module", params=["v1", "v2", "v3"])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def root(base, demo, version):
    return f"{base}/{version}/enrollments/{demo.enterprise.enrollment}"


@pytest.fixture(scope="module")
def pages(root, demo, period):
    """The same period by JSON pages."""
    found = rows(f"{root}/billingPeriods/{period}/usagedetails", demo.enterprise.api_key)
    assert len(found) > 100
    return found


def same(frame, pages, version):
    column, field = COST[version]
    assert len(frame) == len(pages)
    assert total(frame[column]) == total(row[field] for row in pages)
    assert total(frame["ConsumedQuantity"]) == total(row["consumedQuantity"] for row in pages)
    assert list(frame["InstanceId"]) == [row["instanceId"] for row in pages]
    dates = pandas.to_datetime(frame["Date"], format="%Y-%m-%d")
    assert [f"{date:%Y-%m-%d}" for date in dates] == [row["date"][:10] for row in pages]


def test_download(root, demo, period, pages, version):
    url = f"{root}/usagedetails/download?billingPeriod={period}"
    # pandas fetches it itself, as notebooks do.
    same(read(url, version, storage_options=bearer(demo.enterprise.api_key)), pages, version)


def test_export(base, demo, period, pages, version):
    record = export(base, demo, f"billingPeriod={period}", version)
    assert record["status"] == 3, record
    same(read(record["blobPath"], version), pages, version)


def test_plain_layout_of_every_version(root, demo, period, pages, version):
    answer = requests.get(
        f"{root}/usagedetails/download?billingPeriod={period}&layout=plain", headers=bearer(demo.enterprise.api_key), timeout=60
    )
    frame = pandas.read_csv(io.BytesIO(answer.content), dtype=str, keep_default_na=False)
    same(frame, pages, version)
