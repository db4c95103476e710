"""The programs under test and the folders of a run."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# Instant at which the programs' clocks start: the last day of the generated charges.
NOW = "2025-10-31T12:00:00Z"
TODAY = "2025-10-31"


def say(text: str) -> None:
    print(f"\033[1m{text}\033[0m" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


class Failed(Exception):
    """The benchmark cannot go on; the text says what was expected and what was found."""


@dataclass
class Finished:
    """What a program did that ran to its end."""

    out: str
    seconds: float
    user_seconds: float
    peak_mib: float


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"METERLAKE_NOW": NOW, "RUST_BACKTRACE": "0"} | more


def run(*command: object, **env: str) -> Finished:
    """Runs a program; its peak memory is what the system counted."""
    words = [str(word) for word in command]
    begin = time.perf_counter()
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**env))
    errors = []
    import threading

    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    reader.start()
    out = child.stdout.read().decode()
    reader.join()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{' '.join(words)} ended with {child.returncode}: {errors[0].decode().strip()[-2000:]}")
    return Finished(out, seconds, usage.ru_utime, usage.ru_maxrss / 1024)


class Programs:
    """Where the built programs are."""

    def __init__(self, folder: Path):
        self.meterlake = folder / "meterlake"
        self.bench = folder / "meterlake-bench"
        for program in (self.meterlake, self.bench):
            if not program.exists():
                raise Failed(f"{program} is missing; ./dev bench builds it")

    def generate(self, *words: object):
        return json.loads(run(self.bench, *words).out)


def peak_mib(pid: int) -> float:
    """Largest resident memory of a process since [`forget_peak`], in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid: int) -> None:
    # Not every system allows it; peaks are then those since the start of the process.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def free_gib(folder: Path) -> float:
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free / 2**30


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return {"processor": model, "cores": os.cpu_count(), "memory_gib": round(memory, 1), "system": " ".join(os.uname()[0:3:2])}
