"""What all cases of a run share."""

import hashlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from contenders import Contender
from lake import Lake
from program import Programs, say
from results import Results
from server import Server

# The month of exports, pages and imports: the newest that is over.
PERIOD = 202509
# The month that goes on at the servers' time.
LAST_PERIOD = 202510
MANY_ROWS = 50_000_000


@dataclass
class Context:
    programs: Programs
    folder: Path
    big: Lake
    small: Lake
    results: Results
    quick: bool
    # The server of the big lake that cases share.
    server: Server
    settings: str

    def runs(self, wanted: int) -> int:
        """How often something is measured; over many rows a run is long, and three of them tell as much."""
        return 1 if self.quick else min(wanted, 3) if self.big.rows >= MANY_ROWS else wanted

    @property
    def native(self) -> Path:
        return self.big.folder / "native.duckdb"

    def make_native(self) -> None:
        """DuckDB's own table of the columns that the cases need: of all months for the groupings, of one for the exports."""
        from queries import NATIVE_COLUMNS, json_fields

        done = self.native.with_suffix(".done")
        if done.exists():
            return
        self.native.unlink(missing_ok=True)
        say("filling DuckDB's own tables")
        month = sorted({column for _, column in json_fields()})
        with Contender("duckdb", "duckdb-write", self.native) as duck:
            for table, columns, files in (
                ("groups", NATIVE_COLUMNS, self.big.files()),
                ("month", month, self.big.files(period=PERIOD)),
            ):
                source = f"read_parquet({files!r}, hive_partitioning=false)"
                duck.ask("execute", query=f"create table {table} as select {', '.join(columns)} from {source}")
        done.touch()

    @contextmanager
    def contenders(self, *, native: bool = True):
        """All peers, each with how it names the files of the lake."""
        with ExitStack() as stack:
            links = self.folder / "links"
            peers = [
                Peer(stack.enter_context(Contender("DuckDB", "duckdb")), "duckdb", links),
                Peer(stack.enter_context(Contender("chDB", "chdb")), "chdb", links),
                Peer(stack.enter_context(Contender("Polars", "polars")), "polars", links),
            ]
            if native:
                self.make_native()
                peers.insert(1, Peer(stack.enter_context(Contender("DuckDB, own table", "duckdb", self.native)), "duckdb", links, True))
            yield peers


def linked(links: Path, files: list[str]) -> Path:
    """A folder with links to these files alone: chDB takes patterns, no lists."""
    folder = links / hashlib.blake2b("\n".join(files).encode(), digest_size=8).hexdigest()
    if not folder.exists():
        folder.mkdir(parents=True)
        for at, file in enumerate(files):
            (folder / f"{at:06}.parquet").symlink_to(file)
    return folder


@dataclass
class Peer:
    process: Contender
    dialect: str
    # Where links to files may be laid.
    links: Path
    own_table: bool = False

    @property
    def name(self) -> str:
        return self.process.name

    def source(self, table: str, files: list[str]) -> str:
        if self.own_table:
            return table
        if self.dialect == "chdb":
            return f"file('{linked(self.links, files)}/*.parquet', Parquet)"
        return f"read_parquet({files!r}, hive_partitioning=false)"

    def month(self, files: list[str], form: str) -> object:
        from queries import CSV_FIELDS, DECIMALS, NUMBERS, json_fields, month_sql

        if self.dialect == "polars":
            fields = CSV_FIELDS if form == "csv" else json_fields()
            return {"files": files, "fields": [[name, column, column in NUMBERS | DECIMALS] for name, column in fields]}
        return month_sql(self.source("month", files), form)

    def grouping(self, grouping, files: list[str]) -> object:
        if self.dialect == "polars":
            return grouping.plain(files)
        return grouping.sql(self.source("groups", files), self.dialect)
