"""The clients of benches/clients, driven from a script."""

import json
import subprocess
from pathlib import Path


class Clients:
    """Connections to one server. Commands and answers are described in benches/clients/src/main.rs."""

    def __init__(self, program, port, taskset):
        command = [*taskset, str(program), "--connect", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the clients ended with {self.process.wait()}")
        return json.loads(line)

    def open(self, count):
        return self.tell("open", count)["open"]

    def ask(self, first, end, at_once, files):
        return self.tell("ask", first, end, at_once, *files)

    def load(self, first, end, seconds, slow_ms, files):
        return self.tell("load", first, end, seconds, slow_ms, *files)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def write_requests(folder, running, load, now_ms):
    """The files with the load's requests."""
    paths = []
    for index, one in enumerate(load.requests(running.key, running.token, now_ms)):
        path = Path(folder) / f"request-{index}"
        path.write_bytes(one)
        paths.append(path)
    return paths
