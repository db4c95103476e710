"""A peer in a process of its own: reads a JSON request a line, answers with a JSON line.

Started by contenders.py with the peer's name; two threads, the engine's defaults else.
"""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

THREADS = 2
os.environ["POLARS_MAX_THREADS"] = str(THREADS)


class Drain:
    """A loopback connection that an engine writes to through a named pipe: the pages go from the pipe to the socket
    without being copied to the program."""

    def __init__(self, host: str, port: int, folder: str):
        self.path = os.path.join(folder, f"pipe-{os.getpid()}")
        if not os.path.exists(self.path):
            os.mkfifo(self.path)
        self.socket = socket.create_connection((host, port))
        self.bytes = 0
        # Held open until the engine is done, which may open the pipe more than once.
        self.held = os.open(self.path, os.O_RDWR)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        pipe = os.open(self.path, os.O_RDONLY)
        try:
            import fcntl

            fcntl.fcntl(pipe, 1031, 1 << 20)  # F_SETPIPE_SZ
        except OSError:
            pass
        while moved := os.splice(pipe, self.socket.fileno(), 1 << 20):
            self.bytes += moved
        os.close(pipe)

    def finish(self) -> int:
        """Waits until all is sent; the bytes."""
        os.close(self.held)
        self.thread.join()
        self.socket.shutdown(socket.SHUT_WR)
        # The other side closes when it has everything.
        self.socket.recv(1)
        self.socket.close()
        os.unlink(self.path)
        return self.bytes


class DuckDb:
    def __init__(self, native: str | None = None, read_only: bool = True):
        import duckdb

        self.db = duckdb.connect(native or ":memory:", read_only=bool(native) and read_only)
        self.db.execute(f"set threads={THREADS}; set preserve_insertion_order=false")

    def export(self, query: str, form: str, path: str) -> None:
        options = "format csv, header" if form == "csv" else "format json, array true"
        self.db.execute(f"copy ({query}) to '{path}' ({options})")

    def query(self, query: str) -> int:
        return self.db.sql(query).to_arrow_table().num_rows

    def rows(self, query: str) -> list[list]:
        return [[text(value) for value in row] for row in self.db.execute(query).fetchall()]

    def to_parquet(self, csv: str, out: str) -> None:
        self.db.execute(f"copy (select * from read_csv('{csv}')) to '{out}' (format parquet)")


class ChDb:
    SETTINGS = f"settings max_threads={THREADS}, output_format_json_quote_decimals=0"

    def __init__(self):
        from chdb import session

        self.session = session.Session()

    def export(self, query: str, form: str, path: str) -> None:
        name = "CSVWithNames" if form == "csv" else "JSONEachRow"
        self.session.query(f"{query} into outfile '{path}' truncate format {name} {self.SETTINGS}")

    def query(self, query: str) -> int:
        return self.session.query(f"{query} {self.SETTINGS}", "Arrow").rows_read()

    def rows(self, query: str) -> list[list]:
        out = self.session.query(f"{query} {self.SETTINGS}", "JSONCompactEachRow").bytes()
        return [[text(value) for value in json.loads(line, parse_float=str, parse_int=str)] for line in out.splitlines()]

    def to_parquet(self, csv: str, out: str) -> None:
        self.session.query(
            f"insert into function file('{out}', Parquet) select * from file('{csv}', CSVWithNames) {self.SETTINGS}"
        )


class Polars:
    """Takes queries as what polars_queries.py makes of them."""

    def __init__(self):
        import polars

        self.pl = polars

    def export(self, query: dict, form: str, path: str) -> None:
        import polars_queries

        frame = polars_queries.month(query)
        if form == "csv":
            frame.sink_csv(path)
        else:
            frame.sink_ndjson(path)

    def frame(self, query: dict):
        import polars_queries

        return polars_queries.groups(query).collect(engine="streaming")

    def query(self, query: dict) -> int:
        return self.frame(query).height

    def rows(self, query: dict) -> list[list]:
        return [[text(value) for value in row] for row in self.frame(query).rows()]

    def to_parquet(self, csv: str, out: str) -> None:
        self.pl.scan_csv(csv).sink_parquet(out)


def text(value) -> str:
    """A value as Meterlake writes it: no zeros at the end of a number."""
    written = format(value, "f") if type(value).__name__ == "Decimal" else str(value)
    number = written.lstrip("-").replace(".", "", 1)
    if "." in written and number.isdigit():
        written = written.rstrip("0").rstrip(".")
    return "" if value is None else written


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def timed(engine, request: dict) -> dict:
    kind = request["do"]
    begin = time.perf_counter()
    if kind == "export":
        drain = Drain("127.0.0.1", request["port"], request["folder"])
        begin = time.perf_counter()
        try:
            engine.export(request["query"], request["form"], drain.path)
        finally:
            size = drain.finish()
        return {"seconds": time.perf_counter() - begin, "bytes": size}
    if kind == "query":
        count = engine.query(request["query"])
        return {"seconds": time.perf_counter() - begin, "rows": count}
    if kind == "rows":
        rows = engine.rows(request["query"])
        return {"seconds": time.perf_counter() - begin, "rows": rows}
    if kind == "execute":
        engine.db.execute(request["query"])
        return {"seconds": time.perf_counter() - begin}
    if kind == "to_parquet":
        engine.to_parquet(request["csv"], request["out"])
        return {"seconds": time.perf_counter() - begin}
    raise ValueError(f"unknown request {kind}")


def main() -> None:
    # Engines may print; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, native = sys.argv[1], (sys.argv[2:] or [None])[0]
    engine = {"duckdb": lambda: DuckDb(native), "duckdb-write": lambda: DuckDb(native, False), "chdb": ChDb, "polars": Polars}[name]()
    for line in sys.stdin:
        try:
            answer = timed(engine, json.loads(line))
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer | {"peak_mib": peak_mib()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
