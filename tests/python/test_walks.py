"""`requests` walks every paged call by next link while imports, processes of their own, replace the data.

Two states of the data are known row by row. A walk must hold exactly the rows of one of them: the state of its first
page for a walk that an import overtakes, the new one for a walk begun after the import.
"""

import itertools
import subprocess
from decimal import Decimal

import pytest
import requests

from conftest import bearer
from installation import Installation
from sources import CUSTOMER, PARTNER, TENANT, b2c_events, cost_export, rated_usage, users

NOW = "2024-11-30T12:00:00Z"
SIGN_IN = "Issue an id_token to the application"
SMS = "Send SMS to verify phone number"


def names(count, prefix):
    return [f"{prefix}-{number}" for number in range(count)]


class State:
    """One state of all sources: what the files hold, and so what each walk must find."""

    def __init__(self, rows, factor, events, people):
        # Twenty decimals: a sum by floats would not come out.
        self.costs = {name: f"{at * factor}.{at:020}" for at, name in enumerate(names(rows, "vm"), 1)}
        self.quantities = {name: f"{at * factor}.{at:012}5" for at, name in enumerate(names(rows // 2, "tier"), 1)}
        self.sign_ins = {day: events + day for day in range(1, 31)}
        self.messages = {day: events + 2 * day for day in range(1, 31)}
        self.people = people

    def charges(self, folder):
        return [
            (cost_export(folder / "export.csv", self.costs), "--basis", "actual", "--replace"),
            (rated_usage(folder / "rated.csv", self.quantities), "--replace"),
        ]

    def directory(self, folder):
        folder.mkdir(exist_ok=True)
        november = ("--tenant", TENANT, "--days", "2024-11-01..2024-11-30")
        return [
            ("b2c-events", b2c_events(folder / "sign-ins.json", SIGN_IN, self.sign_ins), *november),
            ("b2c-events", b2c_events(folder / "messages.json", SMS, self.messages), *november),
            ("users", users(folder / "users.json", self.people), "--tenant", TENANT, "--day", "2024-11-01"),
        ]

    def imports(self, folder):
        folder.mkdir(exist_ok=True)
        return [("charges", *one) for one in self.charges(folder)] + self.directory(folder)


OLD = State(3500, 3, 5, 11)
NEW = State(3217, 7, 9, 17)


class Walk:
    """A walk by next link, page after page."""

    def __init__(self, url, credential, family):
        self.url, self.credential, self.family = url, credential, family
        self.found, self.pages = [], 0

    def page(self):
        """Reads the next page; whether there is one more."""
        answer = requests.get(self.url, headers=bearer(self.credential), timeout=120)
        assert answer.status_code == 200, f"{self.url}: {answer.text}"
        body = answer.json(parse_float=Decimal, parse_int=Decimal)
        self.pages += 1
        self.found += [self.family.row(row) for row in body[self.family.rows]]
        link = body[self.family.link] if self.family.link_is_always_there else body.get(self.family.link)
        if link is None:
            return False
        self.url = self.family.next(self.url, link)
        return True

    def finish(self):
        while self.page():
            pass
        return self

    def is_of(self, state):
        """Whether it found the rows of a state, each one once, with its exact number."""
        expected = self.family.expected(state)
        return len(self.found) == len(expected) and dict(self.found) == expected

    def total(self):
        return sum((number for _, number in self.found), Decimal(0))


class Family:
    """A paged call: where it begins, its rows, its link, what a state holds."""

    def __init__(self, path, row, expected, rows="data", link="nextLink", relative=False):
        self.path, self.row, self.expected = path, row, expected
        self.rows, self.link, self.link_is_always_there = rows, link, not relative
        self.relative = relative

    def next(self, url, link):
        if self.relative:
            # As exporters of the reports do it: the first address, and the link behind it.
            return url.split("&$skiptoken=")[0] + "&$" + link
        return link


def ea(path, cost="cost"):
    return Family(
        path,
        lambda row: (row["instanceId"], row[cost]),
        lambda state: {name: Decimal(cost) for name, cost in state.costs.items()},
    )


def analytics(path):
    return Family(
        path,
        lambda row: (row["meterSubcategory"], row.get("quantity", row.get("Quantity"))),
        lambda state: {name: Decimal(quantity) for name, quantity in state.quantities.items()},
        rows="Value",
        link="@nextLink",
    )


def b2c(report, row, expected):
    return Family(
        f"/{TENANT}/reports/{report}?api-version=beta&$filter=TimeStamp ge 2024-11-01&$top=7",
        row,
        expected,
        rows="value",
        link="odata.nextLink",
        relative=True,
    )


def days(counts):
    return {day: Decimal(count) for day, count in counts.items()}


def day(text):
    return int(text[8:10])


FAMILIES = {
    "EA, current period": ea("/v3/enrollments/100/usagedetails"),
    "EA, billing period": ea("/v2/enrollments/100/billingPeriods/202411/usagedetails"),
    "EA, days": ea(
        "/v1/enrollments/100/usagedetailsbycustomdate?startTime=2024-11-01&endTime=2024-11-30", "extendedCost"
    ),
    "analytics": analytics("/partner/v1/analytics/azureusage?top=400"),
    "analytics, later path, ordered": analytics(
        "/partner/v1/analytics/usage/azure?top=300&orderby=meterSubcategory desc&startDate=2024-11-01&endDate=2024-11-30"
    ),
    "analytics, grouped": analytics("/partner/v1/analytics/azureusage?groupby=meterSubcategory,usageDate&top=500"),
    "sign-ins": b2c(
        "b2cAuthenticationCountSummary",
        lambda row: (day(row["Date"]), row["AuthenticationCount"]),
        lambda state: days(state.sign_ins),
    ),
    "MFA": b2c(
        "b2cMfaRequestCountSummary",
        lambda row: (day(row["Date"]), row["MfaCount"]),
        lambda state: days(state.messages),
    ),
    "users": b2c(
        "tenantUserCount",
        lambda row: (day(row["TimeStamp"]), row["TotalUserCount"]),
        lambda state: days({day: state.people for day in range(1, 31)}),
    ),
}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """An installation with the old state, and credentials for it."""
    folder = tmp_path_factory.mktemp("walks")
    own = Installation(folder, NOW)
    for arguments in OLD.imports(folder / "old"):
        own.run("import", *arguments, "--quiet")
    own.run("enrolment", "set", "100")
    own.run("tenant", "set", PARTNER)
    own.run("principal", "add", "user", "reader", "--tenant", PARTNER)
    own.run("grant", "add", "reader", f"customer:{CUSTOMER}")
    own.run("tenant", "set", TENANT)
    own.run("principal", "add", "application", "exporter", "--tenant", TENANT)
    own.run("grant", "add", "exporter", f"tenant:{TENANT}")
    user = own.secret("token", "user", "reader", "--audience", "partner-center")
    application = own.secret("token", "application", "exporter", "--audience", "b2c")
    own.credentials = {"data": own.secret("key", "create", "100"), "Value": user, "value": application}
    own.folder = folder
    return own


def test_every_walk_sees_one_state_while_imports_replace_it(own):
    with own.serve() as base:

        def walk(family):
            return Walk(base + family.path, own.credentials[family.rows], family)

        before = {name: walk(family).finish() for name, family in FAMILIES.items()}
        for name, done in before.items():
            assert done.is_of(OLD) and done.pages > 2, f"{name}: {len(done.found)} rows on {done.pages} pages"

        overtaken = {name: walk(family) for name, family in FAMILIES.items()}
        for name, begun in overtaken.items():
            assert begun.page(), name
        seen, turns = {name: [] for name in FAMILIES}, itertools.cycle(FAMILIES.items())
        for arguments in NEW.imports(own.folder / "new"):
            process = own.start("import", *arguments, "--quiet", stderr=subprocess.PIPE, stdout=subprocess.PIPE)
            while process.poll() is None:
                name, family = next(turns)
                done = walk(family).finish()
                states = [state for state, rows in (("old", OLD), ("new", NEW)) if done.is_of(rows)]
                assert len(states) == 1, f"{name}: {len(done.found)} rows, {done.total()}: of neither state"
                seen[name].append(states[0])
            out, err = process.communicate()
            assert process.returncode == 0, f"{arguments}: {out}{err}"
        for name, states in seen.items():
            # Once the new state has been seen, the old one does not come back.
            assert states == sorted(states, reverse=True), f"{name}: {states}"

        for name, begun in overtaken.items():
            assert begun.finish().is_of(OLD), f"{name}: {len(begun.found)} rows, {begun.total()}"
            assert begun.pages == before[name].pages, name
        for name, family in FAMILIES.items():
            done = walk(family).finish()
            assert done.is_of(NEW), f"{name}: {len(done.found)} rows, {done.total()}"


def test_a_next_link_is_for_its_caller_alone(own):
    other = own.secret("key", "create", "100", "--slot", "secondary")
    with own.serve() as base:
        family = FAMILIES["EA, current period"]
        begun = Walk(base + family.path, own.credentials["data"], family)
        assert begun.page()
        answer = requests.get(begun.url, headers=bearer(other), timeout=60)
        assert answer.status_code == 400, answer.text
        assert begun.page()
