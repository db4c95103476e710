"""A running server of a lake, and the clients that measure it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from lake import Lake
from program import Failed, environment, forget_peak, peak_mib, run


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`meterlake serve` on a lake, as a process of its own."""

    def __init__(self, lake: Lake, settings: str = ""):
        self.lake = lake
        self.bench = lake.programs.bench
        self.address = f"127.0.0.1:{free_port()}"
        self.peak = 0.0
        self.log = tempfile.TemporaryFile()
        command = [str(lake.programs.meterlake), "serve", "--listen", self.address]
        if settings:
            config = lake.folder / "server.toml"
            config.write_text((lake.data / "meterlake.toml").read_text() + settings)
            command += ["--config", str(config)]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=environment(METERLAKE_DATA=str(lake.data)), stdout=subprocess.DEVNULL, stderr=self.log
        )

    def __enter__(self) -> "Server":
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait(self, path: str = "/healthz", header: str = "") -> tuple[float, bytes]:
        """Seconds from the start of the process to the first answer of this path, and the answer."""
        while True:
            if self.process.poll() is not None:
                self.log.seek(0)
                raise Failed(f"the server ended with {self.process.returncode}: {self.log.read().decode()[-2000:]}")
            try:
                answer = self.get(path, header)
                return time.perf_counter() - self.started, answer
            except OSError:
                if time.perf_counter() - self.started > 120:
                    raise Failed("the server did not answer within 120 s") from None
                time.sleep(0.002)

    def get(self, path: str, header: str = "", method: str = "GET", expect: int = 200) -> bytes:
        host, port = self.address.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=600)
        name, _, value = header.partition(": ")
        connection.request(method, path, headers={name: value} if header else {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != expect:
            raise Failed(f"{method} {path} was answered {answer.status}, expected {expect}: {body[:500].decode(errors='replace')}")
        return body

    def peak_mib(self) -> float:
        """Largest resident memory since the last call; [`Server.peak`] keeps the largest of all."""
        peak = peak_mib(self.process.pid)
        self.peak = max(self.peak, peak)
        forget_peak(self.process.pid)
        return peak

    def client(self, *words: object) -> dict:
        return json.loads(run(self.bench, *words, "--address", self.address).out)

    def sink(self, path: str, header: str = "", out: Path | None = None) -> dict:
        more = (("--header", header) if header else ()) + (("--out", out) if out else ())
        return self.client("sink", "--path", path, *more)

    def walk(self, path: str, header: str, out: Path | None = None, pages: int | None = None) -> dict:
        more = (("--out", out) if out else ()) + (("--pages", pages) if pages else ())
        return self.client("walk", "--path", path, "--header", header, *more)

    def load(self, requests: list[tuple[str, str]], seconds: int, seed: int = 1, connections: int = 32) -> dict:
        """Asks these paths, each with its header, all the time."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(f"{path}\t{header}\n" for path, header in requests)
            file.flush()
            words = ("--requests", file.name, "--connections", connections, "--seconds", seconds, "--seed", seed)
            seen = self.client("load", *words)
        if seen["failed"]:
            raise Failed(f"{seen['failed']} of {seen['requests']} requests failed: {seen['failures']}")
        if not seen["requests"]:
            raise Failed(f"no request was answered within {seconds} s")
        return seen


def kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
