"""Requests as the five documents' samples and programs of the field send them."""

import json
import time
from base64 import b64encode
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

import pytest
import requests

from conftest import GRAPH, METERLAKE, bearer, token_of
from ea import export

REPORTS = ["tenantUserCount", "b2cAuthenticationCountSummary", "b2cAuthenticationCount", "b2cMfaRequestCountSummary", "b2cMfaRequestCount"]  # fmt: skip


def get(url, credential=None, **options):
    """`GET`, which must be answered 200 with JSON."""
    headers = {**(bearer(credential) if credential else {}), **options.pop("headers", {})}
    answer = requests.get(url, headers=headers, timeout=60, **options)
    assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text}"
    return answer


def sample_token(base, demo, **form):
    """The token request of the B2C document: `?api-version=1.0`, answers read as text."""
    form = {"grant_type": "client_credentials", "client_id": demo.b2c.client_id, "client_secret": demo.b2c.client_secret, **form}
    answer = requests.post(f"{base}/{demo.b2c.tenant}/oauth2/token?api-version=1.0", data=form, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestConnections:
    """What keeps a client's connection alive, or tells it that it ends."""

    @pytest.fixture
    def connection(self, base):
        address = urlsplit(base)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.netloc, timeout=60)
        yield connection
        connection.close()

    def head(self, connection, length):
        """The head of a request whose body the server has no use for."""
        connection.putrequest("POST", "/healthz")
        connection.putheader("Content-Length", str(length))
        connection.endheaders()

    def test_a_body_that_nobody_reads_does_not_end_it(self, connection):
        self.head(connection, 5)
        # Later than its head, as libraries send it.
        time.sleep(0.3)
        connection.send(b"x=y&z")
        first = connection.getresponse()
        assert first.status == 405 and first.read() and not first.will_close
        before = connection.sock
        connection.request("GET", "/healthz")
        second = connection.getresponse()
        assert second.status == 200 and second.read() and connection.sock is before

    @pytest.mark.parametrize("length", [5, 10_000_000])
    def test_a_body_that_does_not_come_ends_it_and_the_client_is_told(self, connection, length):
        self.head(connection, length)
        answer = connection.getresponse()
        assert answer.status == 405 and answer.read()
        assert answer.getheader("Connection") == "close"


class TestB2cSamples:
    """The PowerShell script of the B2C document, and the bash and Python scripts of its sister article."""

    def test_powershell_sends_an_empty_resource(self, base, demo):
        oauth = sample_token(base, demo, resource="")
        assert all(isinstance(value, str) for value in oauth.values()), oauth
        assert oauth["resource"] == GRAPH

    def test_bash_and_python_send_no_resource(self, base, demo):
        oauth = sample_token(base, demo)
        # jq -r '.token_type + " " + .access_token'
        header = {"Authorization": f"{oauth['token_type']} {oauth['access_token']}"}
        found = requests.get(f"{base}/{demo.b2c.tenant}/reports/tenantUserCount?api-version=beta", headers=header, timeout=60)
        assert found.status_code == 200 and found.json()["value"]

    def test_the_calls_of_the_script(self, base, demo, b2c_token, today):
        root = f"{base}/{demo.b2c.tenant}/reports"
        first, last = today - timedelta(days=20), today - timedelta(days=5)
        window = f"TimeStamp+gt+{first}+and+TimeStamp+lt+{last}"
        application = f"ApplicationId+eq+{demo.b2c.application_id}"
        for call in [
            "tenantUserCount?api-version=beta",
            f"tenantUserCount?%24filter=TimeStamp+gt+{first}&api-version=beta",
            "b2cAuthenticationCountSummary?api-version=beta",
            f"b2cAuthenticationCount?%24filter={window}&api-version=beta",
            f"b2cAuthenticationCount?%24filter={application}&api-version=beta",
            "b2cMfaRequestCountSummary?api-version=beta",
            f"b2cMfaRequestCount?%24filter={window}&api-version=beta",
            f"b2cMfaRequestCountSummary?%24filter={application}&api-version=beta",
        ]:
            assert get(f"{root}/{call}", b2c_token).json()["value"], call

    def test_an_application_that_does_not_exist(self, base, demo, b2c_token):
        for report in REPORTS[1:]:
            url = f"{base}/{demo.b2c.tenant}/reports/{report}?%24filter=ApplicationId+eq+ada78934-a6da-4e69-b816-10de0d79db1d"
            assert get(url, b2c_token).json()["value"] == [], report

    def test_summaries_sum_to_their_counts(self, base, demo, b2c_token, today):
        since = f"$filter=TimeStamp ge {today - timedelta(days=12)}"
        for summary, count, field in [
            ("b2cAuthenticationCountSummary", "b2cAuthenticationCount", "AuthenticationCount"),
            ("b2cMfaRequestCountSummary", "b2cMfaRequestCount", "MfaCount"),
        ]:
            rows = get(f"{base}/{demo.b2c.tenant}/reports/{summary}?{since}", b2c_token).json()["value"]
            (row,) = get(f"{base}/{demo.b2c.tenant}/reports/{count}?{since}", b2c_token).json()["value"]
            assert sum(entry[field] for entry in rows) == row[field] > 0


class TestFieldClientsOfB2c:
    """Requests and habits of public programs that read the B2C reports."""

    def test_graphlite_formats_dates_the_american_way(self, base, demo, b2c_token, today):
        form = {"scope": "offline_access", "resource": "https://graph.windows.net"}
        token = sample_token(base, demo, **form)["access_token"]
        day = datetime(today.year, today.month, today.day, 16, 16, 19) - timedelta(days=9)
        american = f"{day.month}/{day.day}/{day.year} {day.hour - 12}:{day:%M:%S} PM +02:00"
        iso = f"{day:%Y-%m-%dT14:%M:%SZ}"
        for report in REPORTS:
            url = f"{base}/{demo.b2c.tenant}/reports/{report}"
            same = [
                get(url, token, params={"$filter": f"TimeStamp gt {text}", "api-version": "beta"}, headers={"Accept": "application/json"})
                for text in (american, iso)
            ]
            assert same[0].json()["value"] == same[1].json()["value"] != [], report

    def test_graphlite_takes_the_single_row(self, base, demo, b2c_token):
        for report, names in [
            ("b2cAuthenticationCount", ["StartTimeStamp", "EndTimeStamp", "AuthenticationCount", "AuthFlowTypeBreakDown"]),
            ("b2cMfaRequestCount", ["StartTimeStamp", "EndTimeStamp", "MfaCount", "MfaTypeBreakDown"]),
        ]:
            (row,) = get(f"{base}/{demo.b2c.tenant}/reports/{report}", b2c_token).json()["value"]
            assert list(row) == names

    def test_wingtip_indexes_break_downs_without_looking(self, base, demo, b2c_token):
        root = f"{base}/{demo.b2c.tenant}/reports"
        for row in get(f"{root}/b2cMfaRequestCountSummary", b2c_token).json()["value"]:
            assert row["MfaTypeBreakDown"]["SmsMfa"] >= 0
            assert sum(row["MfaTypeBreakDown"].values()) == row["MfaCount"]
        for row in get(f"{root}/tenantUserCount", b2c_token).json()["value"]:
            assert sum(row["AlternateIdUserBreakDown"].values()) == row["AlternateIdUserCount"]
            assert row["LocalUserCount"] + row["AlternateIdUserCount"] + row["OtherUserCount"] == row["TotalUserCount"]

    def test_azure_graphapi_parses_every_body(self, base, demo, b2c_token):
        """It calls `JSON.parse` on whatever is not empty, so a mark of byte order or a page of HTML ends it."""
        tenant = f"{base}/{demo.b2c.tenant}"
        answers = {
            401: requests.get(f"{tenant}/reports/tenantUserCount", timeout=60),
            400: requests.get(f"{tenant}/reports/tenantUserCount?$filter=nonsense", headers=bearer(b2c_token), timeout=60),
            403: requests.get(f"{base}/nobody.example/reports/tenantUserCount", headers=bearer(b2c_token), timeout=60),
            404: requests.get(f"{tenant}/reports/noSuchReport", headers=bearer(b2c_token), timeout=60),
            405: requests.delete(f"{tenant}/reports/tenantUserCount", headers=bearer(b2c_token), timeout=60),
            200: requests.get(f"{tenant}/reports/tenantUserCount", headers=bearer(b2c_token), timeout=60),
        }
        for status, answer in answers.items():
            assert answer.status_code == status, answer.text
            assert answer.headers["Content-Type"].startswith("application/json")
            assert not answer.content.startswith(b"\xef\xbb\xbf")
            body = json.loads(answer.content.decode("utf-8"))
            if status != 200:
                assert body["odata.error"]["message"]["value"], body
                assert answer.headers["request-id"]

    def test_azure_graphapi_prints_the_first_line_of_the_description(self, base, demo):
        form = {"grant_type": "client_credentials", "client_id": demo.b2c.client_id, "client_secret": "wrong"}
        answer = requests.post(f"{base}/{demo.b2c.tenant}/oauth2/token", data=form, timeout=60)
        assert answer.status_code == 401
        first, *others = answer.json()["error_description"].split("\r\n")
        assert first.startswith("AADSTS7000215: ") and [line.split(":")[0] for line in others] == ["Trace ID", "Correlation ID", "Timestamp"]

    def test_an_azure_function_sends_further_fields(self, base, demo):
        form = {"grant_type": "client_credentials", "client_id": demo.b2c.client_id, "client_secret": demo.b2c.client_secret}
        form |= {"scope": "openid", "tenant": demo.b2c.tenant}
        answer = requests.post(f"{base}/{demo.b2c.tenant}/oauth2/token?api-version=beta", data=form, timeout=60)
        assert answer.status_code == 200, answer.text

    def test_client_by_http_basic(self, base, demo):
        answer = requests.post(
            f"{base}/{demo.b2c.tenant}/oauth2/v2.0/token",
            data={"grant_type": "client_credentials", "scope": f"{GRAPH}/.default"},
            auth=(demo.b2c.client_id, demo.b2c.client_secret),
            timeout=60,
        )
        assert answer.status_code == 200 and isinstance(answer.json()["expires_in"], int)

    def test_the_other_output_formats(self, base, demo, b2c_token):
        url = f"{base}/{demo.b2c.tenant}/reports/tenantUserCount"
        rows = len(get(url, b2c_token).json()["value"])
        assert get(url, b2c_token, headers={"Accept": "application/xml"}).text.count("<Object>") == rows
        assert len(get(f"{url}?$format=csv", b2c_token).text.splitlines()) == rows + 1


class TestEnterpriseScripts:
    """Requests of scripts that read EA usage details."""

    @pytest.fixture
    def root(self, demo):
        return f"enrollments/{demo.enterprise.enrollment}"

    @pytest.mark.parametrize("scheme", ["bearer", "Bearer", "BEARER"])
    def test_scheme_in_any_case(self, base, demo, root, scheme):
        header = {"Authorization": f"{scheme} {demo.enterprise.api_key}", "api-version": "1.0"}
        get(f"{base}/v2/{root}/billingperiods", headers=header)

    def test_double_slash_and_case(self, base, demo, root, period):
        key = demo.enterprise.api_key
        whole = get(f"{base}/v3/{root}/billingPeriods/{period}/usagedetails", key).json()
        for path in [
            f"//v3/{root}/billingPeriods/{period}/usagedetails",
            f"/V3/Enrollments/{demo.enterprise.enrollment}/billingperiods/{period}/UsageDetails",
        ]:
            assert get(f"{base}{path}", key).json()["data"] == whole["data"]
        get(f"{base}//v2/{root}/usagedetails/download?billingperiod={period}", key)

    def test_next_link_until_it_is_not_there(self, base, demo, root):
        url, pages = f"{base}/v3/{root}/usagedetailsbycustomdate?startTime=2000-01-01&endTime=2000-02-01", 0
        while url is not None:
            answer = get(url, demo.enterprise.api_key).json()
            url, pages = answer["nextLink"], pages + 1
        assert pages == 1 and answer["data"] == []

    @pytest.mark.parametrize("style", ["{d:%Y-%m-%d}", "{d.month}/{d.day}/{d.year}", "{d:%Y%m%d}"])
    def test_dates_as_scripts_write_them(self, base, demo, root, today, style):
        day = today - timedelta(days=40)
        text = style.format(d=day)
        rows = get(f"{base}/v3/{root}/usagedetailsbycustomdate", demo.enterprise.api_key, params={"startTime": text, "endTime": text})
        dates = {row["date"] for row in rows.json()["data"]}
        assert dates == {f"{day}T00:00:00"}

    def test_submit_with_a_body_of_junk(self, base, demo, root, period):
        url = f"{base}/v3/{root}/usagedetails/submit?billingPeriod={period}"
        headers = {**bearer(demo.enterprise.api_key), "Content-Type": "application/json"}
        answer = requests.post(url, data="JSON", headers=headers, timeout=60)
        assert answer.status_code == 202, answer.text
        # One client reads the record into texts only, so every value is a scalar.
        assert not any(isinstance(value, (dict, list)) for value in answer.json().values())

    def test_briglx_cuts_the_preamble(self, base, demo, period):
        """It skips two lines and gives the first character of the file, the mark, back to what it writes."""
        record = export(base, demo, f"billingPeriod={period}", "v3")
        text = requests.get(record["blobPath"], timeout=60).content.decode("utf-8")
        title, empty, header, *lines = text.split("\r\n")
        assert text[0] == "\ufeff" and title[1:] == "Usage Data Extract" and empty == ""
        cut = text[0] + "\r\n".join([header, *lines])
        assert cut.encode().decode("utf-8-sig").startswith("AccountId,AccountName,AccountOwnerEmail,")
        assert lines[-1] == "" and len(lines) > 100

    def test_progress_by_content_length(self, base, demo, period):
        link = export(base, demo, f"billingPeriod={period}", "v2")["blobPath"]
        with requests.get(link, stream=True, timeout=60) as answer:
            length = int(answer.headers["Content-Length"])
            assert sum(len(piece) for piece in answer.iter_content(8192)) == length
        # azcopy names the copy by the id, the last part of the path.
        assert len(urlsplit(link).path.split("/")) == 4

    def test_etag(self, base, demo, root, period):
        url = f"{base}/v3/{root}/billingPeriods/{period}/usagedetails"
        first = get(url, demo.enterprise.api_key)
        headers = {**bearer(demo.enterprise.api_key), "If-None-Match": first.headers["ETag"]}
        again = requests.get(url, headers=headers, timeout=60)
        assert (again.status_code, again.content) == (304, b"")
        headers["Authorization"] = "Bearer wrong"
        assert requests.get(url, headers=headers, timeout=60).status_code == 401


class TestPartnerCenterAndC3:
    """The requests of the other three documents."""

    def test_azureusage_sample_filter(self, base, demo, today):
        text = (
            "meterCategory eq 'Virtual Machines' or (usageDate le cast('2018-01-01', Edm.DateTimeOffset) and "
            "usageDate le cast('2018-04-01',Edm.DateTimeOffset))"
        )
        answer = get(f"{base}/partner/v1/analytics/azureusage", demo.partner.user_token, params={"filter": text, "top": 10})
        rows = answer.json()["Value"]
        assert rows and {row["meterCategory"] for row in rows} == {"Virtual Machines"}

    def test_headers_of_the_samples(self, base, demo):
        headers = {
            "MS-RequestId": "f2b0c1de-0001-4a0c-8a33-1fd3fd1c84d3",
            "MS-CorrelationId": "f2b0c1de-0002-4a0c-8a33-1fd3fd1c84d3",
            "MS-Contract-Version": "v1",
            "X-Locale": "en-US",
            "Accept": "application/json",
        }
        for path in ["partner/v1/analytics/azureusage?top=1", f"v1/customers/{demo.partner.customer_tenant_id}/usagesummary"]:
            answer = get(f"{base}/{path}", demo.partner.user_token, headers=headers)
            for name in ("MS-RequestId", "MS-CorrelationId"):
                assert answer.headers[name] == headers[name]

    def test_application_tokens_are_refused(self, base, demo):
        for path in ["partner/v1/analytics/azureusage", f"v1/customers/{demo.partner.customer_tenant_id}/usagesummary"]:
            answer = requests.get(f"{base}/{path}", headers=bearer(demo.partner.app_token), timeout=60)
            assert answer.status_code == 403 and answer.json()["code"] == 900150, answer.text

    def test_usage_summary_by_both_names(self, base, demo):
        for customer in (demo.partner.customer_tenant_id, demo.partner.azure_plan_customer_tenant_id):
            body = get(f"{base}/v1/customers/{customer}/usagesummary", demo.partner.user_token).json()
            assert body["id"] == body["resourceId"] == customer and body["name"] == body["resourceName"]
            assert ("currencyLocale" in body) != ("currencyCode" in body)
            assert datetime.fromisoformat(body["billingStartDate"]) < datetime.fromisoformat(body["billingEndDate"])

    def test_budget_in_pascal_case(self, base, demo):
        url = f"{base}/v1/customers/{demo.partner.customer_tenant_id}/usagebudget"
        before = get(url, demo.partner.user_token).json()["amount"]
        body = {"Amount": before, "Attributes": {"ObjectType": "SpendingBudget"}}
        answer = requests.patch(url, json=body, headers=bearer(demo.partner.user_token), timeout=60)
        assert answer.status_code == 200 and answer.json()["amount"] == before

    def test_licence_report_of_the_front_end(self, base, demo):
        url = f"{base}/api/licenseConsumptionReport/customer/{demo.c3.customer_id}/tenant/{demo.c3.tenant_id}"
        body = get(url, demo.c3.token).json()
        assert body["Status"] == "Success" and body["ErrorDetail"] in (None, "")
        for row in body["Data"]:
            assert row["AvailableUnits"] == max(0, row["TotalUnits"] - row["ConsumedUnits"])
            assert all(name.startswith(" ") for name in row["SubcriptionNames"].split(",") if name)

    def test_a_basic_credential_is_no_token(self, base, demo):
        header = {"Authorization": "Basic " + b64encode(b"user:password").decode()}
        url = f"{base}/api/licenseConsumptionReport/customer/{demo.c3.customer_id}/tenant/{demo.c3.tenant_id}"
        answer = requests.get(url, headers=header, timeout=60)
        assert answer.status_code == 401 and answer.json()["Status"] == "Error"

    def test_the_estimate(self, base, demo):
        token = token_of(base, demo, METERLAKE)
        assert get(f"{base}/meterlake/v1/b2c/{demo.b2c.tenant}/estimate?by=month", token).json()["data"]
