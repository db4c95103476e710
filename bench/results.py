"""What was measured: kept, printed, written down."""

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path


def number(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


@dataclass
class Measured:
    """A case in one metric; the first of the peers' figures and ours are medians of the runs."""

    case: str
    metric: str
    runs: list[float]
    peers: dict[str, list[float]] = field(default_factory=dict)
    # Whether more is better; MB/s are, milliseconds are not.
    more: bool = False
    # What ratio to the best peer, or without peers what figure, is aimed at.
    target: float | None = None
    peaks: dict[str, float] = field(default_factory=dict)
    # Of the figure itself, not of the ratio.
    absolute: bool = False

    @property
    def ours(self) -> float:
        return statistics.median(self.runs)

    @property
    def medians(self) -> dict[str, float]:
        return {name: statistics.median(runs) for name, runs in self.peers.items()}

    @property
    def ratio(self) -> float | None:
        if not self.peers or self.absolute and self.target is None:
            return None
        best = (max if self.more else min)(self.medians.values())
        return self.ours / best if best else None

    @property
    def met(self) -> bool | None:
        value = self.ours if self.absolute or not self.peers else self.ratio
        if self.target is None or value is None:
            return None
        return value >= self.target if self.more else value <= self.target

    @property
    def aim(self) -> str:
        if self.target is None:
            return ""
        kind = "" if self.absolute or not self.peers else " x best peer"
        return f"{'at least' if self.more else 'at most'} {self.target:g}{kind}"

    def record(self) -> dict:
        return {
            "case": self.case,
            "metric": self.metric,
            "ours": self.ours,
            "peers": self.medians,
            "ratio_to_best": self.ratio,
            "target": self.aim,
            "met": self.met,
            "ours_spread": [min(self.runs), max(self.runs)],
            "peers_spread": {name: [min(runs), max(runs)] for name, runs in self.peers.items()},
            "runs": len(self.runs),
            "peak_mib": {name: round(peak) for name, peak in self.peaks.items()},
        }

    def cells(self) -> list[str]:
        spread = f"{number(self.ours)} ({number(min(self.runs))}–{number(max(self.runs))})" if len(self.runs) > 1 else number(self.ours)
        peers = "; ".join(
            f"{name} {number(statistics.median(runs))} ({number(min(runs))}–{number(max(runs))})" for name, runs in self.peers.items()
        )
        peaks = "; ".join(f"{name} {peak:.0f}" for name, peak in self.peaks.items())
        met = {True: "yes", False: "no", None: ""}[self.met]
        return [self.case, self.metric, spread, peers, f"{self.ratio:.3g}" if self.ratio is not None else "", self.aim, met, peaks]


HEADINGS = ["case", "metric", "Meterlake", "peers", "ratio to best", "target", "met", "peak memory (MiB)"]


class Results:
    def __init__(self) -> None:
        self.all: list[Measured] = []

    def add(self, *args: object, **more: object) -> Measured:
        measured = Measured(*args, **more)
        self.all.append(measured)
        case, metric, ours, peers, ratio, aim, met, peaks = measured.cells()
        line = f"{case} · {metric}: {ours}"
        if peers:
            line += f" against {peers}"
        if ratio:
            line += f" · ratio {ratio}"
        if aim:
            line += f" · target {aim}: {'met' if met == 'yes' else 'NOT MET'}"
        print(line + (f" · peak MiB {peaks}" if peaks else ""), flush=True)
        return measured

    def write_json(self, path: Path) -> None:
        path.write_text(json.dumps([measured.record() for measured in self.all], indent=1, ensure_ascii=False) + "\n")

    def table(self) -> str:
        rows = [HEADINGS, ["---"] * len(HEADINGS)] + [measured.cells() for measured in self.all]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
