"""The peers, each in a process of its own, so that its memory is known."""

import json
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path

from program import Failed, environment

# A peer that takes longer for one answer is given up.
MOST_SECONDS = 1200


class Contender:
    """A peer's process; ends with the block."""

    def __init__(self, name: str, kind: str, native: Path | None = None):
        self.name = name
        here = Path(__file__).parent
        words = [sys.executable, str(here / "peer_worker.py"), kind] + ([str(native)] if native else [])
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True)
        self.peak = 0.0

    def __enter__(self) -> "Contender":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, do: str, **request: object) -> dict:
        self.process.stdin.write(json.dumps({"do": do} | request) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], MOST_SECONDS)
        if not ready:
            self.process.kill()
            raise Failed(f"{self.name} did not do '{do}' within {MOST_SECONDS} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.name} died in the middle of '{do}'")
        answer = json.loads(line)
        self.peak = max(self.peak, answer["peak_mib"])
        if "error" in answer:
            raise Failed(f"{self.name} could not do '{do}': {answer['error'][:1500]}")
        return answer

    def export(self, query: object, form: str, folder: Path, keep: Path | None = None) -> dict:
        """Writes an answer to a loopback socket, of which this process reads everything."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=swallow, args=(listener, keep))
            thread.start()
            try:
                return self.ask("export", query=query, form=form, folder=str(folder), port=listener.getsockname()[1])
            finally:
                listener.close()
                thread.join()


def swallow(listener: socket.socket, keep: Path | None) -> None:
    # A peer that fails before it writes anything never comes.
    listener.settimeout(1)
    while True:
        try:
            connection, _ = listener.accept()
            break
        except TimeoutError:
            continue
        except OSError:
            return
    buffer = bytearray(1 << 20)
    out = keep.open("wb") if keep else None
    with connection:
        while count := connection.recv_into(buffer):
            if out:
                out.write(memoryview(buffer)[:count])
    if out:
        out.close()
