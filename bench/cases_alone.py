"""The cases without peers: small reports under load, start, memory, everything at once."""

import json
import statistics
import threading
import time
from contextlib import ExitStack

from cases import poll
from context import Context
from lake import ENROLMENT, Lake
from program import Failed, say
from server import Server

B2C_REPORTS = ["tenantUserCount", "b2cAuthenticationCountSummary", "b2cAuthenticationCount", "b2cMfaRequestCountSummary", "b2cMfaRequestCount"]


def summaries(lake: Lake) -> list[tuple[str, str]]:
    """The usage summary of every customer."""
    return [(f"/v1/customers/{customer['id']}/usagesummary", lake.credential("partner")) for customer in lake.about["estate"]["customers"]]


def requests_of(lake: Lake) -> dict[str, list[tuple[str, str]]]:
    """What 32 clients ask, by kind: many customers and tenants."""
    c3, b2c = lake.credential("c3"), lake.credential("b2c")
    kinds = {
        "usage summary": summaries(lake),
        "licence report": [
            (f"/api/licenseConsumptionReport/customer/{each['customer']}/tenant/{each['tenant']}", c3) for each in lake.about["c3"]
        ],
    }
    windows = ["", *(f"&$filter=TimeStamp+ge+2025-{month:02}-{day:02}" for month in (9, 10) for day in range(1, 29, 3))]
    for report in B2C_REPORTS:
        kinds[report] = [
            (f"/{tenant['tenant']}/reports/{report}?api-version=beta{window}", b2c) for tenant in lake.about["b2c"] for window in windows
        ]
    return kinds


def small(context: Context) -> None:
    """Small reports, 32 connections, on the big lake and on a small one in turns."""
    # Many short loads in turns: what disturbs the machine for a moment is in few of them, and the middle ratio is without it.
    seconds = 2
    with ExitStack() as stack:
        other = stack.enter_context(Server(context.small, context.settings))
        kinds, few = requests_of(context.big), requests_of(context.small)
        for kind, requests in kinds.items():
            for path, header in requests[:3]:
                if not json.loads(context.server.get(path, header)):
                    raise Failed(f"{path} has an empty answer")
            seen, before = [], []
            context.server.peak_mib()
            # What came before has left the caches to itself: a load of each that does not count.
            for server, asked in ((other, few[kind]), (context.server, requests)):
                server.load(asked, seconds, 99)
            for turn in range(1 if context.quick else 7):
                before.append(other.load(few[kind], seconds, turn))
                seen.append(context.server.load(requests, seconds, turn))
            peak = {"Meterlake": context.server.peak_mib()}
            for share in ("p50", "p99"):
                runs = [each[f"{share}_us"] / 1000 for each in seen]
                target = 10 if share == "p99" else None
                context.results.add(f"{kind}, 32 connections", f"{share} ms", runs, target=target, absolute=True, peaks=peak)
            growth = [one["p99_us"] / two["p99_us"] for one, two in zip(seen, before, strict=True)]
            name = f"{kind}, {context.small.rows:,} to {context.big.rows:,} rows"
            context.results.add(name, "growth of p99", growth, target=1.2, absolute=True)
            say(f"{kind}: {statistics.median(each['requests'] * 1e6 / each['elapsed_us'] for each in seen):,.0f} requests/s")


def start(context: Context) -> None:
    """From the start of the process to the first correct answer."""
    path, header = summaries(context.big)[0]
    wanted = json.loads(context.server.get(path, header))["totalCost"]
    times = []
    for _ in range(context.runs(5)):
        server = Server(context.big, context.settings)
        try:
            seconds, answer = server.wait(path, header)
            if json.loads(answer)["totalCost"] != wanted:
                raise Failed(f"the first answer says {answer[:300]}, expected a total of {wanted}")
            times.append(seconds)
        finally:
            server.__exit__()
    context.results.add("start to the first answer", "s", times, target=1, absolute=True)


def mixed(context: Context) -> None:
    """Twelve months exported asynchronously while 32 clients read summaries."""
    server, key = context.server, context.big.credential("ea")
    requests = summaries(context.big)
    server.peak_mib()
    begin = time.perf_counter()
    job = json.loads(
        server.get(f"/v2/enrollments/{ENROLMENT}/usagedetails/submit?startTime=2024-10-01&endTime=2025-09-30", key, "POST", 202)
    )
    done: list[object] = []

    def wait() -> None:
        try:
            done.append(poll(server, key, job["id"], 3000))
        except Failed as failed:
            done.append(failed)

    waiting = threading.Thread(target=wait)
    waiting.start()
    seen = []
    while waiting.is_alive() or not seen:
        seen.append(server.load(requests, 2 if context.quick else 5, len(seen)))
    waiting.join()
    taken = time.perf_counter() - begin
    if isinstance(done[0], Failed):
        raise done[0]
    loaded = server.sink(done[0])
    context.big.drop_exports()
    rows = sum(context.big.month_of(period)["rows"] for period in [*range(202410, 202413), *range(202501, 202510)])
    say(f"{rows:,} rows, {loaded['bytes'] / 1e6:,.0f} MB exported in at most {taken:.1f} s; downloaded in {loaded['elapsed_us'] / 1e6:.1f} s")
    peak = {"Meterlake": server.peak_mib()}
    name = "twelve months exported while 32 clients read summaries"
    add = context.results.add
    add(name, "p99 of summaries, ms", [each["p99_us"] / 1000 for each in seen], target=50, absolute=True, peaks=peak)
    add(name, "export, s", [taken], absolute=True)


def memory(context: Context) -> None:
    """The largest resident memory of all of it."""
    context.server.peak_mib()
    context.results.add("memory of the server, all cases", "MiB", [context.server.peak], target=512, absolute=True)
    peaks = [month["peak_mib"] for month in context.big.about["imports"]]
    context.results.add("memory of the imports", "MiB", [max(peaks)], target=512, absolute=True)
    context.results.add("memory of maintenance", "MiB", [context.big.about["maintain_peak_mib"]], absolute=True)
    rows = [month["rows"] / month["seconds"] for month in context.big.about["imports"]]
    context.results.add("imports that made the lake", "rows/s", rows, more=True, absolute=True)
