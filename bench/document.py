"""BENCHMARKS.md and results.json."""

import argparse
import importlib.metadata
import subprocess
from pathlib import Path

from lake import Lake
from program import machine, say
from results import Results


def write(results: Results, given: argparse.Namespace, whole: bool, here: Path, lake: Lake) -> None:
    """Writes both beside the sources for a whole run; what was measured in part stands below the folder of the run."""
    if not whole:
        out = given.folder.parent / "bench-results.json"
        results.write_json(out)
        say(f"a part of the cases only: written to {out}, BENCHMARKS.md stays as it is")
        return
    results.write_json(here / "results.json")
    (here.parent / "BENCHMARKS.md").write_text(text(results, given, here, lake))
    say("written to bench/results.json and BENCHMARKS.md")


def text(results: Results, given: argparse.Namespace, here: Path, lake: Lake) -> str:
    on = machine()
    versions = {name: importlib.metadata.version(name) for name in ("duckdb", "chdb", "polars", "pyarrow")}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True).stdout.strip()
    months = lake.about["imports"]
    met = [each.met for each in results.all if each.met is not None]
    return (
        (here / "BENCHMARKS.template.md")
        .read_text()
        .format(
            rows=f"{given.rows:,}",
            command=f"./dev bench --rows {given.rows}" + (f" --seed {given.seed}" if given.seed != 1 else ""),
            machine=f"{on['cores']} cores of {on['processor']}, {on['memory_gib']} GiB of memory, {on['system']}",
            versions=", ".join(f"{name} {version}" for name, version in versions.items()),
            commit=commit or "unknown",
            csv=f"{sum(month['plain_bytes'] for month in months) / 2**30:.1f}",
            lake=f"{lake.size_gib():.2f}",
            met=sum(met),
            targets=len(met),
            table=results.table(),
            missed="\n".join(f"- {each.case}, {each.metric}: {each.cells()[2]}, target {each.aim}" for each in results.all if each.met is False)
            or "None.",
        )
    )

