"""EA usage details as a script of the field asks for them."""

import time
from decimal import Decimal

import requests

from conftest import bearer

#: Seconds that an export may take.
JOB_PATIENCE = 120


def pages(url, credential):
    """Walks a paged answer by its next link, whole; yields each page."""
    session = requests.Session()
    while url:
        answer = session.get(url, headers=bearer(credential), timeout=120)
        assert answer.status_code == 200, f"{url}: {answer.text}"
        # Amounts are read as decimals, because a float would lose digits.
        page = answer.json(parse_float=Decimal, parse_int=Decimal)
        yield page
        url = page["nextLink"]


def rows(url, credential):
    """All rows of a walk."""
    return [row for page in pages(url, credential) for row in page["data"]]


def export(base, demo, selection, version="v3"):
    """Submits an export and polls it until it is done; returns the last record."""
    root = f"{base}/{version}/enrollments/{demo.enterprise.enrollment}/usagedetails"
    headers = bearer(demo.enterprise.api_key)
    answer = requests.post(f"{root}/submit?{selection}", headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    record = answer.json()
    assert set(record) == {
        "id", "enrollmentNumber", "requestedOn", "status", "blobPath", "reportUrl", "startDate", "endDate"
    }  # fmt: skip
    give_up = time.monotonic() + JOB_PATIENCE
    while record["status"] in (1, 2) and time.monotonic() < give_up:
        time.sleep(0.2)
        record = requests.get(record["reportUrl"], headers=headers, timeout=60).json()
    return record
