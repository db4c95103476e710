"""BENCHMARKS.md, results.json and runs.json: a whole run replaces what they say of lakes of its size."""

import argparse
import importlib.metadata
import json
import subprocess
from pathlib import Path

from lake import Lake
from program import machine, say
from results import cells, table


def write(turns: list[list[dict]], given: argparse.Namespace, whole: bool, here: Path, lake: Lake) -> None:
    """Writes all three beside the sources for a whole run; what was measured in part stands beside the folder of the run."""
    records = [{"rows": given.rows, "turn": turn + 1} | record for turn, records in enumerate(turns) for record in records]
    if not whole:
        out = given.folder.parent / "bench-results.json"
        save(out, records)
        say(f"only a part was measured: written to {out}; BENCHMARKS.md stays as it is")
        return
    results = [record for record in load(here / "results.json") if record["rows"] != given.rows] + records
    results.sort(key=lambda record: record["rows"])
    runs = [run for run in load(here / "runs.json") if run["rows"] != given.rows] + [about(given, here, lake)]
    runs.sort(key=lambda run: run["rows"])
    save(here / "results.json", results)
    save(here / "runs.json", runs)
    (here.parent / "BENCHMARKS.md").write_text(text(results, runs, here))
    say("written to bench/results.json, bench/runs.json and BENCHMARKS.md")


def load(path: Path) -> list[dict]:
    return json.loads(path.read_text()) if path.exists() else []


def save(path: Path, records: list[dict]) -> None:
    path.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n")


def about(given: argparse.Namespace, here: Path, lake: Lake) -> dict:
    """What a run was made with."""
    on = machine()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True).stdout.strip()
    command = f"./dev bench --rows {given.rows}"
    command += f" --turns {given.turns}" if given.turns != 1 else ""
    command += f" --seed {given.seed}" if given.seed != 1 else ""
    return {
        "rows": given.rows,
        "command": command,
        "commit": commit or "unknown",
        "machine": f"{on['cores']} cores of {on['processor']}, {on['memory_gib']} GiB of memory, {on['system']}",
        "peers": {name: importlib.metadata.version(name) for name in ("duckdb", "chdb", "polars", "pyarrow")},
        "csv_gib": round(sum(month["plain_bytes"] for month in lake.about["imports"]) / 2**30, 2),
        "lake_gib": round(lake.size_gib(), 2),
    }


def text(results: list[dict], runs: list[dict], here: Path) -> str:
    sections = []
    for run in runs:
        records = [record for record in results if record["rows"] == run["rows"]]
        peers = ", ".join(f"{name} {version}" for name, version in run["peers"].items())
        sections.append(
            f"## {run['rows']:,} rows\n\n`{run['command']}` at commit {run['commit']}, on {run['machine']}; peers: {peers}.\n"
            f"The charges of 36 months, {run['csv_gib']} GiB as CSV, are {run['lake_gib']} GiB in the lake."
        )
        turns = sorted({record["turn"] for record in records})
        for turn in turns:
            of_turn = [record for record in records if record["turn"] == turn]
            judged = [record["met"] for record in of_turn if record["met"] is not None]
            name = f"### Turn {turn} of {len(turns)}\n\n" if len(turns) > 1 else ""
            sections.append(f"{name}{sum(judged)} of {len(judged)} targets are met.\n\n{table(of_turn)}")
            missed = [cells(record) for record in of_turn if record["met"] is False]
            if missed:
                lines = (
                    f"- {case}, {metric}: {ratio + ' times the best peer' if ratio else ours}; target {aim}"
                    for case, metric, ours, _, ratio, aim, _, _ in missed
                )
                sections.append("Not met:\n\n" + "\n".join(lines))
    return (here / "BENCHMARKS.template.md").read_text().replace("{sections}", "\n\n".join(sections))
