"""scripts/bench --crowd: many connections of which few are active.

Two things are measured: the server's own anonymous memory for each connection that is idle, and how the active ones fare beside them. Every
client has a loopback address of its own.
"""

import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from .clients import Clients, write_requests

LOAD = "1KBx256"
ACTIVE = 1000
CROWD = 10_000
SERVERS = ("takeup-disk", "nginx")

# Descriptors that a server needs besides its connections, and those beyond the cap of a core.
RESERVED = 1024

# A connection gives its memory back after two seconds.
REST_S = 5
SLOW_MS = 1000


def measure(bench, server, load, idle, seconds, scratch):
    """Opens `idle` connections that stay idle, and ACTIVE others that don't."""
    folder = Path(tempfile.mkdtemp(prefix=f"{server.name}-", dir=scratch))
    folder.chmod(0o755)
    total = idle + ACTIVE
    try:
        running = bench.Running(server, load, folder)
        try:
            files = write_requests(folder, running, load, int(time.time() * 1000))
            clients = Clients(bench.CLIENTS, running.port, bench.on_load_core())
            # Active first, so that what they take once is not counted for those that are idle.
            clients.open(ACTIVE)
            clients.load(0, ACTIVE, 1, SLOW_MS, files)
            alone = clients.load(0, ACTIVE, seconds, SLOW_MS, files)
            memory = [rest(running)]
            clients.open(total)
            memory.append(rest(running))
            clients.ask(ACTIVE, total, 64, files)
            memory.append(rest(running))
            cpu = running.cpu_us()
            seen = clients.load(0, ACTIVE, seconds, SLOW_MS, files)
            cpu = running.cpu_us() - cpu
            # All of them at the same moment: what they take then has to be given back too.
            burst = clients.ask(0, total, total, files)
            memory.append(rest(running))
            clients.stop()
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.sync()
    each = [(kb - memory[0]) * 1024 / max(1, idle) for kb in memory[1:]]
    seen.pop("slow")
    failed = sum(one["bad_status"] + one["broken"] for one in (alone, seen, burst))
    return {"server": server.name, "open": total, "idle": idle, "alone_per_second": alone["requests"] * 1e6 / alone["us"],
            "alone_p50_us": alone["p50_us"], "alone_p99_us": alone["p99_us"], **seen, "per_second": seen["requests"] * 1e6 / seen["us"],
            "cpu_us": cpu / max(1, seen["requests"]), "silent_bytes": each[0], "asked_bytes": each[1], "burst_bytes": each[2],
            "anon_kb": memory, "failed": failed}


def rest(running):
    """The anonymous memory once the server has had time to give back what it does not need."""
    time.sleep(REST_S)
    return running.memory_kb()["RssAnon"]


def table(rows):
    head = ("server", "open", "idle", "req/s", "without idle ones", "p50 ms", "without", "p99 ms", "without",
            "us/request", "bytes an idle one: sent nothing", "sent one request", "after all sent at once", "anon MB", "failed")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = (row["server"], f"{row['open']:,}", f"{row['idle']:,}", f"{row['per_second']:,.0f}", f"{row['alone_per_second']:,.0f}",
                 f"{row['p50_us'] / 1000:.2f}", f"{row['alone_p50_us'] / 1000:.2f}", f"{row['p99_us'] / 1000:.2f}",
                 f"{row['alone_p99_us'] / 1000:.2f}", f"{row['cpu_us']:.2f}", f"{row['silent_bytes']:,.0f}", f"{row['asked_bytes']:,.0f}",
                 f"{row['burst_bytes']:,.0f}", f"{row['anon_kb'][-1] / 1024:.0f}", f"{row['failed']}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def run(bench, seconds, scratch, where, json_file):
    files_limit = bench.open_files()
    load = next(load for load in bench.LOADS if load.name == LOAD)
    most = files_limit - RESERVED - ACTIVE
    if most < CROWD - ACTIVE:
        raise SystemExit(f"{CROWD:,} connections take {CROWD + RESERVED:,} open files; the limit is {files_limit:,}: raise it (ulimit -n)")
    rows = []
    for idle in dict.fromkeys((CROWD - ACTIVE, most)):
        for name in SERVERS:
            server = next(server for server in bench.SERVERS if server.name == name)
            if server.kind == "nginx" and idle != CROWD - ACTIVE:
                continue
            own = dataclasses.replace(server, environment={**server.environment, "TAKEUP_CONNECTIONS_MAX": str(idle + ACTIVE + 1)})
            rows.append(measure(bench, own, load, idle, seconds, scratch))
            print(f"{rows[-1]['open']:,} connections/{name}: {rows[-1]['asked_bytes']:,.0f} bytes an idle one", file=sys.stderr)
    json_file.write_text(json.dumps({**where, "crowd": rows}, indent=1) + "\n")
    print(f"{where['machine']}; {where['file_system']}; {where['date']}; {ACTIVE:,} active connections with batches of 1 KB, runs of {seconds} s, "
          f"beside idle ones; each from an address of its own. Server on one processor, the clients on the other. Bytes: anonymous memory, "
          f"{REST_S} s after the event.\n\n{table(rows)}")
