"""`schemathesis`: requests made from the OpenAPI document, answers held against it.

METERLAKE_CASES says how many test cases there are at least (1,000 without it). A test case is a request that
schemathesis made from the document; the further requests that its checks send (one without a credential, say) are
counted apart. The seed is fixed, so a run can be repeated. schemathesis.toml says which checks are on.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests

from conftest import GRAPH, bearer, token_of
from ea import export

SEED = 20241130
#: Test cases that a round of the fuzzing phase makes more than is needed: operations of few inputs make fewer.
SPARE = 1.3
#: Rounds after which the number must have been reached.
ROUNDS = 5


def known(base, demo, today, period):
    """By parameter, values that the demo has, so that answers with data are checked too."""
    partner = bearer(demo.partner.user_token)
    customers = [demo.partner.azure_plan_customer_tenant_id, demo.partner.customer_tenant_id]
    url = f"{base}/v1/customers/{customers[0]}/subscriptions/usagerecords"
    subscriptions = [entry["id"] for entry in requests.get(url, headers=partner, timeout=60).json()["items"]]
    record = export(base, demo, f"billingPeriod={period}")
    signed = dict(parse_qsl(urlsplit(record["blobPath"]).query))
    days = [f"{period[:4]}-{period[4:]}-{day:02}" for day in (1, 10, 20)] + [str(today)]
    return {
        ("path", "tenant"): [demo.b2c.tenant],
        ("path", "enrollment"): [demo.enterprise.enrollment],
        ("path", "customer"): customers,
        ("path", "subscription"): subscriptions,
        ("path", "period"): [period, f"{today:%Y%m}"],
        ("path", "id"): [record["id"]],
        ("query", "billingPeriod"): [period, f"{today:%Y%m}"],
        ("query", "startTime"): days[:2],
        ("query", "endTime"): days[1:3],
        ("query", "startDate"): days[:2],
        ("query", "endDate"): days[1:],
        **{("query", name): [value] for name, value in signed.items()},
    }


def parameters(document):
    """Every parameter of the document, wherever it is written."""
    yield from document["components"].get("parameters", {}).values()
    for item in document["paths"].values():
        yield from item.get("parameters", [])
        for operation in item.values():
            if isinstance(operation, dict):
                yield from operation.get("parameters", [])


def with_examples(document, values, licences):
    """The served document with the demo's values as examples, as a user of the API page would put them in."""
    for parameter in parameters(document):
        found = values.get((parameter.get("in"), parameter.get("name")))
        if found:
            parameter.pop("examples", None)
            parameter["example"] = found[0]
    for path, item in document["paths"].items():
        for parameter in item["get"]["parameters"] if "licenseConsumptionReport" in path else []:
            if parameter.get("name") in licences:
                parameter["example"] = licences[parameter["name"]]
    return document


def reader_of_everything(program, demo):
    """A token for `api://meterlake` with grants on the B2C tenant and on all customers."""
    program("principal", "add", "application", "openapi-reader", "--tenant", demo.b2c.tenant)
    for target in (f"tenant:{demo.b2c.tenant}", "customers"):
        program("grant", "add", "openapi-reader", target)
    return program("token", "application", "openapi-reader", "--audience", "meterlake").split()[-1]


def run(folder, base, environment, phases, examples, seed):
    """One run of schemathesis: how often each status was answered to a test case, and how many further requests."""
    report = folder / f"{seed}.ndjson"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", folder / "schemathesis.toml", "run"]
    command += [folder / "openapi.json", "--url", base, "--phases", phases, "--max-examples", str(examples)]
    command += ["--seed", str(seed), "--continue-on-failure", "--no-color", "--warnings", "off"]
    command += ["--report", "ndjson", "--report-ndjson-path", report]
    if authority := os.environ.get("REQUESTS_CA_BUNDLE"):
        command += ["--tls-verify", authority]
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
    statuses, further = Counter(), 0
    with open(report, encoding="utf-8") as lines:
        for line in lines:
            scenario = json.loads(line).get("ScenarioFinished")
            if scenario is None:
                continue
            recorder = scenario["recorder"]
            for name, case in recorder.get("cases", {}).items():
                answered = recorder.get("interactions", {}).get(name)
                if case.get("parent_id") is not None:
                    further += 1
                elif answered is not None and answered.get("response"):
                    statuses[answered["response"]["status_code"]] += 1
    return statuses, further


def test_answers_are_as_documented(base, demo, program, today, period, tmp_path):
    wanted = int(os.environ.get("METERLAKE_CASES", "1000"))
    values = known(base, demo, today, period)
    environment = {
        "EXPORT_SIGNATURE": values.pop(("query", "sig"))[0],
        "B2C_TOKEN": token_of(base, demo, GRAPH),
        "EA_KEY": demo.enterprise.api_key,
        "METERLAKE_TOKEN": reader_of_everything(program, demo),
        "PARTNER_CENTER_TOKEN": demo.partner.user_token,
    }
    for (place, name), found in values.items():
        lines = "".join(json.dumps(value) + "\n" for value in found)
        (tmp_path / f"{place}.{name}.dict").write_text(lines, encoding="utf-8")
    shutil.copy(Path(__file__).with_name("schemathesis.toml"), tmp_path)
    document = requests.get(f"{base}/openapi.json", timeout=60).json()
    licences = {"customer": demo.c3.customer_id, "tenant": demo.c3.tenant_id}
    document = with_examples(document, values, licences)
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    methods = {"get", "head", "post", "put", "patch", "delete"}
    operations = sum(method in methods for item in document["paths"].values() for method in item)
    # The examples and coverage phases make what the document determines, once; fuzzing fills up to the number.
    statuses, further = run(tmp_path, base, environment, "examples,coverage,fuzzing", 3, SEED)
    for round_ in range(1, ROUNDS + 1):
        missing = wanted - statuses.total()
        if missing <= 0:
            break
        more = run(tmp_path, base, environment, "fuzzing", int(missing / operations * SPARE) + 1, SEED + round_)
        statuses, further = statuses + more[0], further + more[1]
    by_status = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    print(f"\nschemathesis: {statuses.total()} test cases of {operations} operations, seed {SEED} ({by_status}); {further} further requests by checks")
    assert statuses.total() >= wanted
    # Answers with data are among them, not refusals alone.
    assert statuses[200] > statuses.total() // 10
