"""scripts/bench --steady: the longest answer, and every stall, of a long run at full rate.

A stall is a time in which answers above STALL_MS were under way. Beside each stands what the server and the machine tell about that moment:
syncs, segments, what the deleter and the checker did, and for how long the machine took the processors away.
"""

import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from .clients import Clients, write_requests

STALL_MS = 50
LOADS = ("1KBx256", "32KBx256")
SERVERS = ("floor-durable", "takeup-disk")
SAMPLE_S = 0.25

# What is written in a minute would fill small disks. Deletion is part of a long run anyway.
ENVIRONMENT = {"TAKEUP_RETAIN_BYTES": "8GiB", "TAKEUP_SLOW_SYNC": f"{STALL_MS}ms"}

COUNTERS = {
    "takeup_log_segments_made": "segments made",
    "takeup_log_deleted_segments_total": "segments deleted",
    "takeup_log_slow_syncs_total": f"syncs above {STALL_MS} ms",
    "takeup_log_late_wakes_total": "late wakes",
    "takeup_log_failed_segments_total": "segments failed",
    "takeup_checker_jumps_total": "jumps of the checker",
}
SYNC, COMMIT = "takeup_group_sync_duration_seconds", "takeup_commit_duration_seconds"


def metrics(text):
    """Sums over labels, and the buckets of histograms: name -> {upper bound: count}."""
    values, buckets = {}, {}
    for line in text.splitlines():
        found = re.match(r"([a-z_]+)(?:\{(.*)\})? ([^ ]+)", line)
        if not found or line.startswith("#"):
            continue
        name, labels, value = found.groups()
        bound = re.search(r'le="([^"]+)"', labels or "")
        if bound and name.endswith("_bucket"):
            of = buckets.setdefault(name.removesuffix("_bucket"), {})
            bound = float(bound[1])
            of[bound] = of.get(bound, 0) + float(value)
        else:
            values[name] = values.get(name, 0) + float(value)
    return values, buckets


def longest(before, after):
    """The upper bound, in ms, of the slowest thing that a histogram counted between two looks; None if it counted nothing."""
    below, found = 0, None
    for bound in sorted(after):
        grown = after[bound] - before.get(bound, 0)
        if grown > below:
            found, below = bound, grown
    return None if found is None else found * 1000


class Watch(threading.Thread):
    """Looks at the server and at the machine a few times a second."""

    def __init__(self, running, cores):
        super().__init__(daemon=True)
        self.running, self.cores, self.samples, self.ended = running, cores, [], threading.Event()
        self.is_takeup = running.server.kind == "takeup"

    def run(self):
        while not self.ended.is_set():
            self.samples.append(self.look())
            self.ended.wait(SAMPLE_S)

    def look(self):
        values, buckets = {}, {}
        if self.is_takeup:
            url = f"http://127.0.0.1:{self.running.admin}/metrics"
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    values, buckets = metrics(answer.read().decode())
            except OSError:
                pass
        waited = {}
        for pid in self.running.processes():
            for task in Path(f"/proc/{pid}/task").iterdir():
                try:
                    name = (task / "comm").read_text().strip()
                    waited[name] = waited.get(name, 0) + int((task / "schedstat").read_text().split()[1])
                except (OSError, IndexError):
                    pass
        return time.monotonic(), values, buckets, waited, stolen_ms(self.cores)

    def explain(self, began, ended):
        """What happened between two moments of the monotonic clock, as far as the samples tell."""
        inside = [number for number, sample in enumerate(self.samples) if began - SAMPLE_S <= sample[0] <= ended + SAMPLE_S]
        if not inside:
            return "no sample"
        first, last = self.samples[max(0, inside[0] - 1)], self.samples[min(len(self.samples) - 1, inside[-1] + 1)]
        said = []
        for name, title in COUNTERS.items():
            grown = last[1].get(name, 0) - first[1].get(name, 0)
            if grown:
                said.append(f"{title} {grown:+.0f}")
        for name, title in ((SYNC, "longest sync"), (COMMIT, "longest commit")):
            bound = longest(first[2].get(name, {}), last[2].get(name, {}))
            if bound is not None:
                said.append(f"{title} <= {bound:g} ms")
        waits = {name: (wait - first[3].get(name, 0)) / 1e6 for name, wait in last[3].items()}
        name = max(waits, key=waits.get, default=None)
        if name and waits[name] > 1:
            said.append(f"{name} waited {waits[name]:.0f} ms for its processor")
        if last[4] - first[4] > 1:
            said.append(f"the host took {last[4] - first[4]:.0f} ms away")
        return f"within {last[0] - first[0]:.1f} s: " + ("; ".join(said) or "nothing that the server counts")

    def stop(self):
        self.ended.set()
        self.join()


def stolen_ms(cores):
    """What the host took from these processors of a virtual machine, in ms."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words and words[0] in {f"cpu{core}" for core in cores}:
            total += int(words[8])
    return total * 10


def stalls(slow):
    """Answers whose waits overlap are one stall: when it began and ended, its longest wait, how many waited; all in us."""
    found = []
    for at, took in sorted(slow, key=lambda one: one[0] - one[1]):
        if found and at - took <= found[-1][1]:
            began, ended, most, count = found[-1]
            found[-1] = (began, max(ended, at), max(most, took), count + 1)
        else:
            found.append((at - took, at, took, 1))
    return found


def measure(bench, server, load, seconds, scratch):
    folder = Path(tempfile.mkdtemp(prefix=f"{server.name}-", dir=scratch))
    folder.chmod(0o755)
    try:
        running = bench.Running(server, load, folder)
        try:
            files = write_requests(folder, running, load, int(time.time() * 1000))
            clients = Clients(bench.CLIENTS, running.port, bench.on_load_core())
            clients.open(load.connections)
            clients.load(0, load.connections, 1, STALL_MS, files)
            watch = Watch(running, (bench.SERVER_CORE, bench.LOAD_CORE))
            watch.start()
            cpu, began = running.cpu_us(), time.monotonic()
            seen = clients.load(0, load.connections, seconds, STALL_MS, files)
            cpu = running.cpu_us() - cpu
            watch.stop()
            clients.stop()
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.sync()
    found = stalls(seen.pop("slow"))
    told = [
        {"at_s": start / 1e6, "lasted_ms": (end - start) / 1000, "longest_ms": most / 1000, "answers": count,
         "meanwhile": watch.explain(began + start / 1e6, began + end / 1e6)}
        for start, end, most, count in found]
    return {"load": load.name, "server": server.name, "seconds": seconds, **seen, "cpu_us": cpu / max(1, seen["requests"]),
            "per_second": seen["requests"] * 1e6 / seen["us"], "stalls": told}


def table(rows):
    head = ("load", "server", "seconds", "us/request", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "longest ms",
            f"stalls above {STALL_MS} ms", "longest pause of the clients ms", "failed")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = (row["load"], row["server"], f"{row['seconds']}", f"{row['cpu_us']:.2f}", f"{row['per_second']:,.0f}",
                 *(f"{row[key] / 1000:.2f}" for key in ("p50_us", "p99_us", "p999_us")), f"{row['longest_us'] / 1000:.1f}",
                 f"{len(row['stalls'])}", f"{row['own_longest_us'] / 1000:.1f}", f"{row['bad_status'] + row['broken']}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def run(bench, seconds, scratch, where, json_file):
    """Measures all rows and prints them. Returns 1 if takeup stalled anywhere."""
    servers = [server for name in SERVERS for server in bench.SERVERS if server.name == name]
    loads = [load for load in bench.LOADS if load.name in LOADS]
    rows = []
    for load in loads:
        for server in servers:
            own = dataclasses.replace(server, environment={**server.environment, **ENVIRONMENT})
            rows.append(measure(bench, own, load, seconds, scratch))
            print(f"{load.name}/{server.name}: longest {rows[-1]['longest_us'] / 1000:.1f} ms, {len(rows[-1]['stalls'])} stalls",
                  file=sys.stderr)
    json_file.write_text(json.dumps({**where, "steady": rows}, indent=1) + "\n")
    print(f"{where['machine']}; {where['file_system']}; {where['date']}; one run of {seconds} s a row. Server on one processor, the clients on "
          f"the other.\n\n{table(rows)}\n")
    for row in rows:
        for one in row["stalls"]:
            print(f"- {row['load']}/{row['server']} at {one['at_s']:.2f} s: {one['answers']} answers waited up to {one['longest_ms']:.0f} ms; "
                  f"{one['meanwhile']}")
    return int(any(row["stalls"] or row["bad_status"] + row["broken"] for row in rows if row["server"].startswith("takeup")))
