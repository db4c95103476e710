"""What was measured: kept, printed, written down."""

import statistics
from dataclasses import dataclass, field


def number(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


@dataclass
class Measured:
    """A case in one metric, with the figure of each run."""

    case: str
    metric: str
    runs: list[float]
    peers: dict[str, list[float]] = field(default_factory=dict)
    # Whether more is better; MB/s are, milliseconds are not.
    more: bool = False
    # What ratio to the best peer, or without peers what figure, is aimed at.
    target: float | None = None
    peaks: dict[str, float] = field(default_factory=dict)
    # The target is of the figure itself, not of the ratio.
    absolute: bool = False

    def record(self) -> dict:
        """As it stands in results.json."""
        ours = statistics.median(self.runs)
        peers = {name: statistics.median(runs) for name, runs in self.peers.items()}
        compared = bool(peers) and not self.absolute
        ratio = ours / (max if self.more else min)(peers.values()) if compared else None
        aim, met = "", None
        if self.target is not None:
            aim = f"{'at least' if self.more else 'at most'} {self.target:g}{' x best peer' if compared else ''}"
            value = ratio if compared else ours
            met = value >= self.target if self.more else value <= self.target
        return {
            "case": self.case,
            "metric": self.metric,
            "ours": ours,
            "peers": peers,
            "ratio_to_best": ratio,
            "target": aim,
            "met": met,
            "ours_spread": [min(self.runs), max(self.runs)],
            "peers_spread": {name: [min(runs), max(runs)] for name, runs in self.peers.items()},
            "runs": len(self.runs),
            "peak_mib": {name: round(peak) for name, peak in self.peaks.items()},
        }


HEADINGS = ["case", "metric", "Meterlake", "peers", "ratio to best", "target", "met", "peak memory (MiB)"]


def figure(value: float, spread: list[float]) -> str:
    return number(value) if spread[0] == spread[1] else f"{number(value)} ({number(spread[0])}–{number(spread[1])})"


def cells(record: dict) -> list[str]:
    """A line of the table."""
    peers = (f"{name} {figure(value, record['peers_spread'][name])}" for name, value in record["peers"].items())
    ratio = record["ratio_to_best"]
    return [
        record["case"],
        record["metric"],
        figure(record["ours"], record["ours_spread"]),
        "; ".join(peers),
        "" if ratio is None else f"{ratio:.3g}",
        record["target"],
        {True: "yes", False: "no", None: ""}[record["met"]],
        "; ".join(f"{name} {peak}" for name, peak in record["peak_mib"].items()),
    ]


def table(records: list[dict]) -> str:
    rows = [HEADINGS, ["---"] * len(HEADINGS)] + [cells(record) for record in records]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


class Results:
    """The cases of one turn."""

    def __init__(self) -> None:
        self.records: list[dict] = []

    def add(self, *args: object, **more: object) -> None:
        record = Measured(*args, **more).record()
        self.records.append(record)
        case, metric, ours, peers, ratio, aim, met, peaks = cells(record)
        line = f"{case} · {metric}: {ours}"
        if peers:
            line += f" against {peers}"
        if ratio:
            line += f" · ratio {ratio}"
        if aim:
            line += f" · target {aim}: {'met' if met == 'yes' else 'NOT MET'}"
        print(line + (f" · peak MiB {peaks}" if peaks else ""), flush=True)
