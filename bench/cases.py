"""The cases that compare with peers: exports, pages, groupings, imports."""

import json
import shutil
import time
from urllib.parse import urlsplit

from context import PERIOD, Context
from lake import ENROLMENT
from program import Failed, run, say
from queries import groupings
from server import Server

MEGA = 1e6


def csv_exports(context: Context) -> None:
    """CSV of one month: at once, and by export link."""
    server, key = context.server, context.big.credential("ea")
    files = context.big.files(period=PERIOD)
    path = f"/v2/enrollments/{ENROLMENT}/usagedetails/download?billingPeriod={PERIOD}"
    ours, linked, theirs, sizes = [], [], {}, {}
    with context.contenders() as peers:
        size = server.sink(path, key)["bytes"]
        server.peak_mib()
        for _ in range(1 + context.runs(5)):
            ours.append(rate(size, server.sink(path, key)["elapsed_us"] / MEGA))
            peak = server.peak_mib()
            linked.append(rate(size, export_by_link(server, key, f"billingPeriod={PERIOD}")))
            peak_link = server.peak_mib()
            for peer in peers:
                done = peer.process.export(peer.month(files, "csv"), "csv", context.folder)
                theirs.setdefault(peer.name, []).append(rate(size, done["seconds"]))
                sizes[peer.name] = done["bytes"]
        peaks = {peer.name: peer.process.peak for peer in peers}
    say(f"bytes of CSV: Meterlake {size:,}; " + "; ".join(f"{name} {count:,}" for name, count in sizes.items()))
    for name, runs, ours_peak in (("CSV of a month, synchronous", ours, peak), ("CSV of a month, by export link", linked, peak_link)):
        context.results.add(name, "MB/s", warm(runs), warm_all(theirs), more=True, target=2, peaks={"Meterlake": ours_peak} | peaks)


def warm(runs: list[float]) -> list[float]:
    """Without the first run, in which everyone reads files and makes plans for the first time."""
    return runs[1:]


def warm_all(peers: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: warm(runs) for name, runs in peers.items()}


def rate(size: int, seconds: float) -> float:
    return size / MEGA / seconds


def export_by_link(server: Server, key: str, selection: str, wait: float = 600) -> float:
    """Submits, polls, downloads; seconds of all of it."""
    begin = time.perf_counter()
    job = json.loads(server.get(f"/v2/enrollments/{ENROLMENT}/usagedetails/submit?{selection}", key, "POST", 202))
    link = poll(server, key, job["id"], wait)
    polled = time.perf_counter() - begin
    loaded = server.sink(link)["elapsed_us"] / MEGA
    server.lake.drop_exports()
    return polled + loaded


def poll(server: Server, key: str, job: str, wait: float) -> str:
    """Waits for an export; the path of its file."""
    end = time.perf_counter() + wait
    while time.perf_counter() < end:
        record = json.loads(server.get(f"/v2/enrollments/{ENROLMENT}/usagedetails/poll/{job}", key))
        if record["status"] == 3:
            parts = urlsplit(record["blobPath"])
            return f"{parts.path}?{parts.query}"
        if record["status"] not in (1, 2):
            raise Failed(f"the export ended with status {record['status']}: {record}")
        time.sleep(0.01)
    raise Failed(f"the export was not ready after {wait:.0f} s")


def json_pages(context: Context) -> None:
    """A walk over all pages of a month."""
    server, key = context.server, context.big.credential("ea")
    files = context.big.files(period=PERIOD)
    path = f"/v3/enrollments/{ENROLMENT}/billingPeriods/{PERIOD}/usagedetails"
    rows = context.big.month_of(PERIOD)["rows"]
    ours, ends, theirs, offsets, size = [], [], {}, [], 0
    with context.contenders() as peers:
        server.peak_mib()
        for _ in range(1 + context.runs(3)):
            walked = server.walk(path, key)
            size = walked["bytes"]
            peak = server.peak_mib()
            ours.append(rate(size, walked["elapsed_us"] / MEGA))
            ends.append(walked["last_us"] / walked["first_us"])
            for peer in peers:
                done = peer.process.export(peer.month(files, "json"), "json", context.folder)
                theirs.setdefault(peer.name, []).append(rate(size, done["seconds"]))
        duck = peers[0]
        order = "usage_date, customer_tenant_id, subscription_id, resource_id, meter_id, import_id, source_file, source_line"

        def page(offset: int) -> float:
            query = f"select * from {duck.source('', files)} order by {order} limit 1000 offset {offset}"
            return duck.process.ask("query", query=query)["seconds"]

        for _ in range(1 + context.runs(3)):
            first = page(0)
            offsets.append(page(max(rows - 1000, 0)) / first)
        peaks = {peer.name: peer.process.peak for peer in peers}
    context.results.add("JSON pages of a month, whole walk", "MB/s", warm(ours), warm_all(theirs), more=True, target=2, peaks={"Meterlake": peak} | peaks)
    context.results.add(
        "JSON pages, last page to first", "ratio", warm(ends), {"DuckDB with OFFSET": warm(offsets)}, target=1.2, absolute=True
    )


class Varied:
    """Numbers that make each request another one."""

    at = 0

    @classmethod
    def next(cls) -> int:
        cls.at += 1
        return cls.at


def analytics(context: Context) -> None:
    """Eight groupings over all months, from the rollup and from the charges alone."""
    files = context.big.files()
    token = context.big.credential("partner")
    customer = context.big.about["estate"]["customers"][0]["id"]
    switch = rollup_switch(context)
    with context.contenders() as peers, Server(context.big, context.settings + switch) as plain:
        for grouping in groupings(customer):
            served, charges, theirs = [], [], {}
            context.server.peak_mib()
            for _ in range(1 + context.runs(5)):
                if switch:
                    served.append(context.server.sink(grouping.path(Varied.next()), token)["elapsed_us"] / 1000)
                charges.append(plain.sink(grouping.path(Varied.next()), token)["elapsed_us"] / 1000)
                for peer in peers:
                    done = peer.process.ask("query", query=peer.grouping(grouping, files))
                    theirs.setdefault(peer.name, []).append(done["seconds"] * 1000)
            peaks = {peer.name: peer.process.peak for peer in peers}
            name = f"analytics {grouping.name}"
            add = context.results.add
            if switch:
                add(f"{name}, rollup", "ms", warm(served), warm_all(theirs), target=0.1, peaks={"Meterlake": context.server.peak_mib()} | peaks)
            add(f"{name}, charges", "ms", warm(charges), warm_all(theirs), target=0.5, peaks={"Meterlake": plain.peak_mib()} | peaks)
        context.server.peak = max(context.server.peak, plain.peak)


def rollup_switch(context: Context) -> str:
    """The setting that keeps reports off the rollup; none before there was one."""
    known = run(context.programs.meterlake, "config").out
    return "\n[query]\nrollup = false\n" if "\nrollup = " in known else ""


def imports(context: Context) -> None:
    """A month of cost export: recognised, read, checked, sorted, written, committed."""
    folder = context.folder / "import"
    made = {}
    for form in ("plain", "gzip"):
        words = ["--rows", context.big.rows, "--seed", context.big.seed, "--period", PERIOD, "--parts", 1, "--out", folder]
        made[form] = context.programs.generate("charges", *words, *(["--plain"] if form == "plain" else []))
    size, rows = made["plain"]["plain_bytes"], made["plain"]["rows"]
    ours, peaks, theirs = {"plain": [], "gzip": []}, {"plain": 0.0, "gzip": 0.0}, {}
    with context.contenders(native=False) as peers:
        for _ in range(1 + context.runs(3)):
            for form, files in made.items():
                data = folder / "data"
                words = ("--data", data, "import", "charges", *files["files"], "--basis", "actual", "--json", "--quiet")
                done = run(context.programs.meterlake, *words)
                if json.loads(done.out)["taken"] != rows:
                    raise Failed(f"the import of {files['files']} took {json.loads(done.out)['taken']} rows of {rows}")
                ours[form].append(rate(size, done.seconds))
                peaks[form] = max(peaks[form], done.peak_mib)
                shutil.rmtree(data)
            for peer in peers:
                out = folder / "peer.parquet"
                out.unlink(missing_ok=True)
                done = peer.process.ask("to_parquet", csv=made["plain"]["files"][0], out=str(out))
                theirs.setdefault(peer.name, []).append(rate(size, done["seconds"]))
        peer_peaks = {peer.name: peer.process.peak for peer in peers}
    shutil.rmtree(folder)
    for form, runs in ours.items():
        context.results.add(
            f"import of a month, {form} CSV", "MB/s of CSV", warm(runs), warm_all(theirs), more=True, target=1, peaks={"Meterlake": peaks[form]} | peer_peaks
        )
