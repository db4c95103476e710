"""An installation of a test's own: a data folder, commands on it, and the server as a process of its own."""

import os
import subprocess


class Installation:
    """Runs the program on a data folder, with its clock starting at an instant (RFC 3339)."""

    def __init__(self, folder, now):
        self.data = folder / "data"
        self.data.mkdir()
        # Walks ask more often than a principal may by default.
        (self.data / "meterlake.toml").write_text("[limits]\nrequests_per_minute = 100000\n", encoding="utf-8")
        self.now = now

    def start(self, *arguments, **options):
        """Starts the program as a process."""
        environment = {**os.environ, "METERLAKE_NOW": self.now}
        command = [os.environ["METERLAKE_PROGRAM"], "--data", self.data, *map(str, arguments)]
        return subprocess.Popen(command, env=environment, text=True, **options)

    def run(self, *arguments):
        """Runs a command, which must succeed, and returns what it printed."""
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, f"{arguments}: {err}"
        return out.strip()

    def secret(self, *arguments):
        """Runs a command that prints a credential, and returns that: the last word of what it printed."""
        return self.run(*arguments).split()[-1]

    def serve(self, listen="127.0.0.1:0"):
        """Starts the server; a context whose value is its base address."""
        return Server(self, listen)


class Server:
    """A running server, stopped at the end of the context."""

    def __init__(self, installation, listen):
        self.process = installation.start("serve", "--listen", listen, stdout=subprocess.PIPE)

    def __enter__(self):
        for line in self.process.stdout:
            if line.startswith("listening on "):
                return line.split()[-1]
        raise AssertionError(f"the server ended with {self.process.wait()} before it listened")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()
