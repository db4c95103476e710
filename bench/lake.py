"""Lakes of generated charges, sign-ins and licences, made by the real imports."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from program import NOW, TODAY, Failed, Programs, free_gib, run, say

# Raised when the generator makes other rows or the lake is filled in another way.
FORMAT = 4
ENROLMENT = "8214577"
# Settings that keep limits out of the way of the load.
SETTINGS = """
[limits]
requests_per_minute = 4000000000
wrong_keys_per_minute = 0
sign_ins_per_minute = 0
running_exports = 1000

[maintenance]
# Done once when the lake is made, and not while something is measured.
every_hours = 0
after_commits = 0
"""
# Customers that have a number in C3, by which licence reports are asked for.
C3_CUSTOMERS = 200
B2C_TENANTS = 10
# Bytes of a row in the lake, in the native table of a peer, and as CSV in an export; generous.
LAKE_BYTES, NATIVE_BYTES, CSV_BYTES = 110, 30, 550


class Lake:
    """A data folder of so many rows."""

    def __init__(self, programs: Programs, folder: Path, rows: int, seed: int):
        self.programs, self.folder, self.rows, self.seed = programs, folder, rows, seed
        self.data = folder / "data"
        self.about: dict = {}

    def __str__(self) -> str:
        return f"lake of {self.rows:,} rows"

    def meterlake(self, *words: object, **env: str):
        return run(self.programs.meterlake, *words, METERLAKE_DATA=str(self.data), **env)

    def make(self) -> None:
        """Fills the lake, or takes the one that an earlier run kept."""
        note = self.folder / "about.json"
        wanted = {"rows": self.rows, "seed": self.seed, "format": FORMAT}
        if note.exists():
            about = json.loads(note.read_text())
            if about["made"] == wanted:
                say(f"taking the {self} that an earlier run kept")
                self.about = about
                return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.data.mkdir(parents=True)
        (self.data / "meterlake.toml").write_text(SETTINGS)
        size = ("--rows", self.rows, "--seed", self.seed)
        estate = self.programs.generate("estate", *size)
        self.about = {"made": wanted, "estate": estate}
        self.about["imports"] = [self.month(period, size, at) for at, period in enumerate(estate["periods"])]
        self.principals()
        begin = time.perf_counter()
        self.about["maintain_peak_mib"] = self.meterlake("maintain").peak_mib
        say(f"{self}: maintenance in {time.perf_counter() - begin:.1f} s")
        note.write_text(json.dumps(self.about))

    def make_people(self) -> None:
        """Adds sign-ins and licences, which only the small reports need."""
        if "b2c" not in self.about:
            self.people(("--rows", self.rows, "--seed", self.seed))
            (self.folder / "about.json").write_text(json.dumps(self.about))

    def month(self, period: int, size: tuple, at: int) -> dict:
        """Generates a month as gzip, imports it and removes the files."""
        sources = self.folder / "sources"
        begin = time.perf_counter()
        made = self.programs.generate("charges", *size, "--period", period, "--out", sources)
        generated = time.perf_counter() - begin
        # As an organisation receives them: a month after the other.
        clock = NOW.replace("T12:00", f"T{10 + at // 60:02}:{at % 60:02}")
        done = self.meterlake("import", "charges", *made["files"], "--basis", "actual", "--json", "--quiet", METERLAKE_NOW=clock)
        summary = json.loads(done.out)
        cost = summary["totals"]["billed_cost"].get("USD")
        if (summary["taken"], cost) != (made["rows"], made["cost"]):
            raise Failed(f"{period}: generated {made['rows']} rows of {made['cost']} USD, imported {summary['taken']} of {cost}")
        shutil.rmtree(sources)
        say(
            f"{self}: {period}, {made['rows']:,} rows, generated in {generated:.1f} s, imported in {done.seconds:.1f} s"
            f" ({made['rows'] / done.seconds:,.0f} rows/s, {made['plain_bytes'] / done.seconds / 1e6:.0f} MB/s of CSV), peak {done.peak_mib:.0f} MiB"
        )
        kept = {key: made[key] for key in ("rows", "usage_rows", "cost", "quantity", "usage_quantity", "plain_bytes")}
        return kept | {"period": period, "seconds": done.seconds, "peak_mib": done.peak_mib}

    def people(self, size: tuple) -> None:
        """Sign-ins of B2C tenants, and licences and numbers of customers."""
        say(f"{self}: sign-ins of {B2C_TENANTS} tenants, licences, numbers of {C3_CUSTOMERS} customers")
        sources = self.folder / "sources"
        tenants = self.programs.generate("b2c", "--out", sources, "--today", TODAY, "--tenants", B2C_TENANTS)
        for at, tenant in enumerate(tenants):
            identity = tenant["tenant"]
            self.meterlake("tenant", "set", identity, "--kind", "b2c", "--domain", f"tenant{at}.onmicrosoft.com")
            self.meterlake(
                *("import", "b2c-events", *tenant["events"], "--tenant", identity, "--quiet"),
                *("--applications", tenant["applications_file"], "--days", tenant["days"]),
            )
            for users in tenant["users"][-2:]:
                self.meterlake("import", "users", users["file"], "--tenant", identity, "--day", users["day"], "--quiet")
        self.about["b2c"] = [{key: tenant[key] for key in ("tenant", "applications", "records")} for tenant in tenants]
        made = self.programs.generate("licences", *size, "--out", sources, "--today", TODAY)
        self.meterlake("import", "licences", *made["files"], "--partner", made["partner"], "--quiet")
        shutil.rmtree(sources)
        customers = [customer["id"] for customer in self.about["estate"]["customers"][:C3_CUSTOMERS]]

        def number(customer: str) -> dict:
            # Any number will do; this one is told from the tenant by its first digit.
            c3 = ("1" if customer[0] != "1" else "2") + customer[1:]
            self.meterlake("customer", "set", customer, "--c3-id", c3)
            return {"customer": c3, "tenant": customer}

        with ThreadPoolExecutor(2) as pool:
            self.about["c3"] = list(pool.map(number, customers))

    def principals(self) -> None:
        """Who asks, and with what."""
        estate = self.about["estate"]
        self.meterlake("enrolment", "set", ENROLMENT, "--billing-account", estate["billing_account"])
        key = self.meterlake("key", "create", ENROLMENT).out.split()[-1]
        self.meterlake("tenant", "set", estate["partner"], "--domain", "bench.onmicrosoft.com")
        for kind in ("user", "application"):
            self.meterlake("principal", "add", kind, f"bench-{kind}", "--tenant", "bench.onmicrosoft.com")
        self.meterlake("grant", "add", "bench-user", "customers")
        self.meterlake("grant", "add", "bench-application", "tenants")

        def token(kind: str, audience: str) -> str:
            words = ("token", kind, f"bench-{kind}", "--audience", audience, "--minutes", 1440)
            # A moment before the servers' clocks start.
            return self.meterlake(*words, METERLAKE_NOW=NOW.replace("T12:00", "T11:55")).out.split()[-1]

        self.about["credentials"] = {
            "ea": key,
            "partner": token("user", "partner-center"),
            "c3": token("user", "meterlake"),
            "b2c": token("application", "b2c"),
        }

    def credential(self, family: str) -> str:
        return f"Authorization: Bearer {self.about['credentials'][family]}"

    def month_of(self, period: int) -> dict:
        return next(month for month in self.about["imports"] if month["period"] == period)

    def files(self, table: str = "charges", period: int | None = None) -> list[str]:
        """The data files of the newest snapshot, by the table's log."""
        root = self.data / "lake" / table
        live: dict[str, None] = {}
        log, start = root / "_delta_log", 0
        pointer = log / "_last_checkpoint"
        if pointer.exists():
            import pyarrow.parquet

            start = json.loads(pointer.read_text())["version"]
            for checkpoint in log.glob(f"{start:020}.checkpoint*.parquet"):
                for action in pyarrow.parquet.read_table(checkpoint, columns=["add"])["add"].to_pylist():
                    if action and action.get("path"):
                        live[action["path"]] = None
            start += 1
        while (entry := log / f"{start:020}.json").exists():
            for line in entry.read_text().splitlines():
                action = json.loads(line)
                if "add" in action:
                    live[action["add"]["path"]] = None
                elif "remove" in action:
                    live.pop(action["remove"]["path"], None)
            start += 1
        paths = [unquote(path) for path in live]
        if period is not None:
            paths = [path for path in paths if f"billing_period={period}/" in path]
        return [str(root / path) for path in sorted(paths)]

    def drop_exports(self) -> None:
        """Removes the files of finished exports, which the server would keep for an hour."""
        for file in (self.data / "exports").glob("*"):
            if file.is_file():
                file.unlink(missing_ok=True)

    def size_gib(self) -> float:
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file()) / 2**30


def check_disk(folder: Path, rows: int, small: int, export_months: int) -> None:
    """Refuses to begin what the disk cannot hold."""
    month = rows / 36
    lakes = (rows + small) * LAKE_BYTES + rows * NATIVE_BYTES
    # Besides an export there is a month in some forms.
    passing = month * CSV_BYTES * (export_months + 6)
    kept = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    need = (max(lakes - kept, 0) + passing) / 2**30 + 0.5
    free = free_gib(folder)
    say(f"needs up to {need:.1f} GiB in {folder}, of which the lakes {lakes / 2**30:.1f}; {free:.1f} GiB are free")
    if free < need:
        raise Failed(f"{folder} has {free:.1f} GiB free and needs {need:.1f}; give another place with METERLAKE_CACHE, or fewer --rows")
