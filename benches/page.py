#!/usr/bin/env python3
"""`llmlogs serve` on a root of many calls, beside `llmlogs stats` on the same root.

    benches/page.py [CALLS] [FOLDER] [SESSIONS]

Makes a root of CALLS calls (1,000,000) in SESSIONS sessions (100) once and keeps it in FOLDER; most calls are lines of
indexes only, since the page reads bodies of calls that are looked at, and of those that a term `body:` leaves. The oldest
call has a body whose first message has a text that no other call has. LLMLOGS names another binary than that of
`cargo build --release -p llmlogs`.

Every question is asked five times; the best time counts, the worst stands behind it. Wanted for 1,000,000 calls: at most
200 MB resident, the first page within a second of the start, all calls within ten.
"""

import glob
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse

calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
folder = sys.argv[2] if len(sys.argv) > 2 else os.path.join(tempfile.gettempdir(), "llmlogs-bench")
sessions = int(sys.argv[3]) if len(sys.argv) > 3 else 100
here = os.path.dirname(os.path.abspath(__file__))
root = os.path.join(folder, f"page-{calls}-{sessions}")
NEEDLE = "the very first needle"


def make_root():
    script = os.path.join(here, "cli_root.py")
    subprocess.run([sys.executable, script, root, str(calls), "2000", str(sessions)], check=True)
    index = sorted(glob.glob(f"{root}/*/session_*/index.jsonl"))[0]
    with open(index) as lines:
        oldest = os.path.join(os.path.dirname(index), json.loads(lines.readline())["call_id"])
    os.makedirs(oldest, exist_ok=True)
    messages = [{"role": "user", "content": f"please find {NEEDLE}"}, {"role": "assistant", "content": "which one?"},
                {"role": "user", "content": "never mind"}]
    with open(f"{oldest}/input.json", "w") as body:
        json.dump({"model": "gpt-4o", "messages": messages}, body)


def resident(pid, what):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(what))


class Page:
    """A running `llmlogs serve`, and what it answers."""

    def __init__(self, llmlogs):
        self.begun = time.perf_counter()
        self.child = subprocess.Popen([llmlogs, "--root", root, "serve", "--no-token"], stdout=subprocess.PIPE, text=True)
        address = urllib.parse.urlsplit(self.child.stdout.readline().strip())
        self.printed = self.since_start()
        self.connection = http.client.HTTPConnection(address.hostname, address.port)

    def since_start(self):
        return time.perf_counter() - self.begun

    def get(self, path, /, **params):
        query = urllib.parse.urlencode(params)
        self.connection.request("GET", f"{path}?{query}" if query else path)
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, params, body)
        return body

    def ask(self, path, /, **params):
        return json.loads(self.get(path, **params))


def row(name, seconds, worst=None, peer=None):
    text = f"{name:44}{seconds * 1000:>9.0f} ms"
    text += f"{worst * 1000:>9.0f} ms" if worst else " " * 12
    print(text + (f"{seconds / peer:>9.2f}" if peer else ""), flush=True)


def stats(llmlogs):
    begun = time.perf_counter()
    child = subprocess.Popen([llmlogs, "--root", root, "stats"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def main():
    llmlogs = os.environ.get("LLMLOGS")
    if not llmlogs:
        subprocess.run(["cargo", "build", "--release", "-p", "llmlogs"], check=True, cwd=os.path.dirname(here))
        llmlogs = os.path.join(os.path.dirname(here), "target/release/llmlogs")
    if not os.path.isdir(root):
        os.makedirs(folder, exist_ok=True)
        make_root()
    runs = [stats(llmlogs) for _ in range(5)]
    peer = min(seconds for seconds, _ in runs)
    print(f"{calls} calls in {sessions} sessions; best of five, worst of five, ratio to llmlogs stats\n")
    row("llmlogs stats", peer, max(seconds for seconds, _ in runs), peer)

    page = Page(llmlogs)
    try:
        row("address is printed", page.printed)
        page.get("/calls")
        page.ask("/api/calls", limit=100)
        row("first answer", page.since_start(), None, peer)
        while not page.ask("/api/calls", limit=100)["calls"]:
            time.sleep(0.02)
        row("first page with calls", page.since_start(), None, peer)
        while page.ask("/api/calls", limit=1)["loading"]:
            time.sleep(0.02)
        row("all calls are loaded", page.since_start(), None, peer)
        print(f"{'resident':44}{resident(page.child.pid, 'VmRSS'):>9.0f} MB   at most {resident(page.child.pid, 'VmHWM'):.0f} MB")
        total = page.ask("/api/calls", limit=1)["total"]
        assert total > 0.9 * calls, total
        newest = page.ask("/api/calls", limit=1)["calls"][0]["path"]
        middle = page.ask("/api/calls", limit=1, offset=total // 2)["calls"][0]["path"]
        questions = [
            ("list, newest page", "/api/calls", {"limit": 100}),
            ("list, page in the middle", "/api/calls", {"limit": 100, "offset": total // 2}),
            ("list, last page", "/api/calls", {"limit": 100, "offset": total - 100}),
            ("list, status:error model:gpt*", "/api/calls", {"limit": 100, "q": "status:error model:gpt*"}),
            ("list, text:needle", "/api/calls", {"limit": 100, "q": "text:needle"}),
            ("list, body:… in the oldest message", "/api/calls", {"limit": 100, "q": f'body:"{NEEDLE}"'}),
            ("overview", "/api/overview", {}),
            ("overview, status:error model:gpt*", "/api/overview", {"q": "status:error model:gpt*"}),
            ("series", "/api/series", {}),
            ("facets", "/api/facets", {}),
            ("neighbours of the newest", "/api/neighbours", {"path": newest}),
            ("neighbours in the middle", "/api/neighbours", {"path": middle}),
        ]
        for name, path, params in questions:
            times = []
            for _ in range(5):
                begun = time.perf_counter()
                answer = page.ask(path, **params)
                times.append(time.perf_counter() - begun)
            if "body" in params.get("q", ""):
                assert answer["total"] == 1, answer["total"]
            row(name, min(times), max(times), peer)
        print(f"{'resident after these':44}{resident(page.child.pid, 'VmRSS'):>9.0f} MB   at most {resident(page.child.pid, 'VmHWM'):.0f} MB")
        memory = max(memory for _, memory in runs)
        print(f"{'llmlogs stats, at most':44}{memory:>9.0f} MB")
    finally:
        page.child.terminate()
        page.child.wait()


main()
