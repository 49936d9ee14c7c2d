"""scripts/bench --viewers: what the cores' threads spend on a request while ten people watch sessions that are being recorded, and while nobody does.

Beside the load, ten sessions are recorded as browsers do it, whether somebody watches them or not. Each viewer follows one of them. Servers with and
without viewers take turns, each with a data folder of its own, at full load, at half of it and at a tenth. A viewer who gets no event makes the run fail.
What viewers cost the cores is judged at full load: below it, what a request costs depends on how many come at once.

The batches of the load differ at their ends, as real ones do: of those that are alike there, readers that look for repeats compare the bytes.
"""

import http.client
import json
import os
import selectors
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

VIEWERS = 10
LOADS = ("1KBx256", "32KBx256")
# Parts of the full load.
RATES = {"full": 1, "half": 2, "tenth": 10}
SERVERS = ("takeup-disk",)
LIMIT = 1.05

# How often, and with how much, a watched session is recorded.
EVERY_S = 1.0
BATCH_BYTES = 4096


def threads(pid):
    """The ns that each kind of thread has spent on a processor, by its name without its number."""
    spent = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip().rstrip("0123456789").rstrip("-")
            spent[name] = spent.get(name, 0) + int((task / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            pass  # It has ended.
    return spent


def user_and_system_us(bench, pid):
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) * bench.TICK_US, int(words[12]) * bench.TICK_US


# A request with a number at its end, and a pause before it that is as long as the others' on the average.
SCRIPT = """
local file = assert(io.open("%s", "rb"))
local text = file:read("*a")
file:close()
local head = text:sub(1, -10)
local turn = 0
function request()
  turn = turn + 1
  return head .. string.format("%%09d", turn)
end
"""
PAUSE = """
function delay()
  return math.random(0, %d)
end
"""


def script_of(bench, load, running, folder, pause_ms):
    """What wrk runs: the one request of the load, each time another one."""
    (one,) = load.requests(running.key, running.token, int(time.time() * 1000))
    (folder / "request").write_bytes(one)
    whole = bench.WRK_SCRIPT
    script = folder / "load.lua"
    pause = PAUSE % round(2 * pause_ms) if pause_ms else ""
    script.write_text(SCRIPT % (folder / "request") + pause + (whole[whole.index("function done"):] % ()))
    return script


class Recorded(threading.Thread):
    """Sessions that are being recorded: a batch of each every second."""

    def __init__(self, bench, running):
        super().__init__(daemon=True)
        self.bench, self.connection, self.ended = bench, http.client.HTTPConnection("127.0.0.1", running.port, timeout=30), threading.Event()
        self.sessions, self.rounds = [self.start_one(running.key) for _ in range(VIEWERS)], 0
        self.record()

    def ask(self, target, body, headers):
        self.connection.request("POST", target, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{target} was answered {answer.status}: {text[:200]}")
        return text

    def start_one(self, key):
        headers = {"User-Agent": self.bench.USER_AGENT, "Content-Type": "application/json"}
        told = json.loads(self.ask("/v1/web/start", self.bench.start_body(key, int(time.time() * 1000)), headers))
        return told["sessionID"], told["token"]

    def record(self):
        for _session, token in self.sessions:
            self.ask("/v1/web/i", self.bench.batch(BATCH_BYTES, int(time.time() * 1000)), {"Authorization": f"Bearer {token}"})
        self.rounds += 1

    def run(self):
        while not self.ended.wait(EVERY_S):
            self.record()

    def stop(self):
        self.ended.set()
        self.join()
        self.connection.close()


class Viewers(threading.Thread):
    """Clients that follow sessions, and read what comes."""

    def __init__(self, admin, sessions):
        super().__init__(daemon=True)
        self.ended, self.selector, self.lines = threading.Event(), selectors.DefaultSelector(), {}
        for session in sessions:
            connection = socket.create_connection(("127.0.0.1", admin), 30)
            connection.sendall(f"GET /api/sessions/{session}/events?follow=1 HTTP/1.1\r\nHost: 127.0.0.1:{admin}\r\n\r\n".encode())
            head = connection.recv(65536)
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"a viewer was answered {head[:200]}")
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ, session)
            self.lines[session] = 0

    def run(self):
        while not self.ended.is_set():
            for key, _ in self.selector.select(0.2):
                read = key.fileobj.recv(1 << 20)
                if not read:
                    raise SystemExit(f"session {key.data} is not followed any more")
                # Events, not the empty lines that say that nothing has come.
                self.lines[key.data] += read.count(b'"timestamp"')

    def stop(self):
        self.ended.set()
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def measure(bench, server, load, watched, pause_ms, seconds, scratch):
    folder = Path(tempfile.mkdtemp(prefix=f"{server.name}-", dir=scratch))
    try:
        running = bench.Running(server, load, folder)
        pid = running.process.pid
        try:
            script = script_of(bench, load, running, folder, pause_ms)
            recorded = Recorded(bench, running)
            recorded.start()
            viewers = Viewers(running.admin, [session for session, _ in recorded.sessions]) if watched else None
            if viewers:
                viewers.start()
            bench.wrk(running.port, load, script, 1)
            shown, rounds = dict(viewers.lines) if viewers else {}, recorded.rounds
            before, (user, system) = threads(pid), user_and_system_us(bench, pid)
            seen = bench.wrk(running.port, load, script, seconds)
            after, (user_after, system_after) = threads(pid), user_and_system_us(bench, pid)
            got = sorted(viewers.lines[session] - count for session, count in shown.items())
            rounds = recorded.rounds - rounds
            if viewers:
                viewers.stop()
            recorded.stop()
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.sync()
    each = {name: (ns - before.get(name, 0)) / 1000 / max(1, seen["requests"]) for name, ns in after.items()}
    watching = sum(us for name, us in each.items() if name in ("session-view", "session-feed", "sessions", "admin"))
    return {"load": load.name, "watched": watched, **seen, "core_us": each["core"], "watching_us": watching, "threads_us": each,
            "user_us": (user_after - user) / max(1, seen["requests"]), "system_us": (system_after - system) / max(1, seen["requests"]),
            "per_second": seen["requests"] * 1e6 / seen["us"], "got": got, "recorded": rounds}


def table(rows):
    head = ("load", "rate", "viewers", "cores us/request", "x without", "user us", "system us", "of them for viewers us", "req/s", "p50 ms", "p99 ms",
            "batches recorded of each session", "events that each viewer got", "failed")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        got = f"{row['got'][0]:,} to {row['got'][-1]:,}" if row["watched"] else ""
        cells = (row["load"], row["rate"], str(VIEWERS if row["watched"] else 0), f"{row['core_us']:.2f}", f"{row['ratio']:.3f}", f"{row['user_us']:.2f}",
                 f"{row['system_us']:.2f}", f"{row['watching_us']:.2f}", f"{row['per_second']:,.0f}", f"{row['p50_us'] / 1000:.2f}",
                 f"{row['p99_us'] / 1000:.2f}", f"{row['recorded']}", got, f"{row['failed']}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def summarise(results, load, rate, watched):
    """Medians over the rounds; the ratio is taken within each round. Of events, the fewest and the most of a viewer in any round."""
    of_load = [row for row in results if (row["load"], row["rate"]) == (load, rate)]
    own = [row for row in of_load if row["watched"] == watched]
    without = {row["round"]: row for row in of_load if not row["watched"]}
    median = {key: statistics.median(row[key] for row in own)
              for key in ("core_us", "user_us", "system_us", "watching_us", "per_second", "p50_us", "p99_us")}
    return {"load": load, "rate": rate, "watched": watched, **median,
            "ratio": statistics.median(row["core_us"] / without[row["round"]]["core_us"] for row in own),
            "recorded": min(row["recorded"] for row in own), "got": sorted(count for row in own for count in row["got"]),
            "failed": sum(row["bad_status"] + row["broken"] for row in own)}


def run(bench, seconds, scratch, where, json_file):
    """Measures, and prints a table. Returns 1 if viewers cost the cores more than they may, or one of them gets nothing."""
    # Whoever reads and records shares the processor of the load.
    os.sched_setaffinity(0, {bench.LOAD_CORE})
    server = next(server for server in bench.SERVERS if server.name == SERVERS[0])
    loads = [load for load in bench.LOADS if load.name in LOADS]
    results, full = [], {}
    for number in range(where["rounds"]):
        for load in loads:
            for rate in RATES:
                # So long does each connection wait between two requests.
                pause_ms = 0 if rate == "full" else 1000 * RATES[rate] * load.connections / full[load.name]
                for watched in (False, True) if number % 2 == 0 else (True, False):
                    row = {"round": number, "rate": rate, **measure(bench, server, load, watched, pause_ms, seconds, scratch)}
                    results.append(row)
                    if rate == "full" and not watched:
                        full.setdefault(load.name, row["per_second"])
                    print(f"round {number + 1}/{where['rounds']} {load.name} at {rate} rate, {VIEWERS if watched else 0} viewers: {row['core_us']:.2f} us of "
                          f"the cores, {row['per_second']:,.0f} req/s, events {row['got']} of {row['recorded']} batches", file=sys.stderr)
    summary = [summarise(results, load.name, rate, watched) for load in loads for rate in RATES for watched in (False, True)]
    json_file.write_text(json.dumps({**where, "viewers": summary, "results": results}, indent=1) + "\n")
    print(f"{where['machine']}; {where['file_system']}; {where['date']}; {where['rounds']} rounds of {seconds} s. Server on one processor, wrk, the viewers and ten "
          f"sessions of {BATCH_BYTES / EVERY_S / 1024:.0f} KB/s on the other. Processor time of the threads that serve requests, then user and system time of all threads, "
          f"for each request. Medians; the ratio is taken within a round.\n\n{table(summary)}")
    lonely = [row for row in summary if row["watched"] and row["got"][0] == 0]
    for row in lonely:
        print(f"{row['load']} at {row['rate']} rate: {row['got'].count(0)} times a viewer got no event", file=sys.stderr)
    dear = [row for row in summary if row["rate"] == "full" and row["ratio"] > LIMIT]
    return 1 if lonely or dear or any(row["failed"] for row in summary) else 0
