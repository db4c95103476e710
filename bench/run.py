"""`./dev bench`: makes lakes, checks that all contenders agree, measures, and writes down what was found."""

import argparse
import fcntl
import shutil
import signal
import sys
from pathlib import Path

import cases
import cases_alone
import checks
import document
from context import Context
from lake import Lake, check_disk
from program import Failed, Programs, say
from results import Results, table
from server import Server

CASES = {
    "csv": cases.csv_exports,
    "json": cases.json_pages,
    "analytics": cases.analytics,
    "small": cases_alone.small,
    "import": cases.imports,
    "start": cases_alone.start,
    "mixed": cases_alone.mixed,
}
# What every load would otherwise be refused for; see BENCHMARKS.md.
SERVER_SETTINGS = ""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the lake [10000000]; 100000000 for the record")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--turns", type=int, default=1, help="measure everything so many times [1]")
    parser.add_argument("--only", help=f"cases, with commas between: {', '.join(CASES)}")
    parser.add_argument("--quick", action="store_true", help="one run of each case, short loads")
    parser.add_argument("--no-check", action="store_true", help="do not compare the answers first")
    parser.add_argument("--keep", action="store_true", help="keep the lakes, and take those that an earlier run kept")
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = set(given.only.split(",")) - CASES.keys() if given.only else set()
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if given.rows < 36_000:
        parser.error(f"--rows {given.rows} is too few; a lake has 36,000 at least")
    return given


def main() -> int:
    given = arguments()
    # Ended from outside it clears up, too: servers and peers are stopped, lakes removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = given.only.split(",") if given.only else list(CASES)
    turns: list[list[dict]] = []
    folder: Path = given.folder
    small_rows = min(1_000_000, given.rows // 10)
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder.parent / f"{folder.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say(f"another run uses {folder}; it may be kept apart with METERLAKE_CACHE")
        return 1
    try:
        programs = Programs(given.programs)
        big = Lake(programs, folder / f"lake-{given.rows}-{given.seed}", given.rows, given.seed)
        small = Lake(programs, folder / f"lake-{small_rows}-{given.seed}", small_rows, given.seed)
        lakes = [big] + ([small] if "small" in wanted else [])
        check_disk(folder, given.rows, small_rows, 12 if "mixed" in wanted else 0)
        for lake in lakes:
            lake.make()
            if "small" in wanted:
                lake.make_people()
            say(f"{lake}: {lake.size_gib():.2f} GiB")
        for turn in range(given.turns):
            with Server(big, SERVER_SETTINGS) as server:
                context = Context(programs, folder, big, small, Results(), given.quick, server, SERVER_SETTINGS)
                if turn == 0 and not given.no_check:
                    checks.check(context)
                for name in wanted:
                    say(f"— {name}" + (f", turn {turn + 1}" if given.turns > 1 else ""))
                    CASES[name](context)
                cases_alone.memory(context)
            turns.append(context.results.records)
        whole = not given.only and not given.quick and not given.no_check
        document.write(turns, given, whole, Path(__file__).parent, big)
    except Failed as failed:
        say(f"bench: {failed}")
        return 1
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for records in turns:
        print(f"\n{table(records)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
