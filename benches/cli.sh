#!/usr/bin/env bash
# The command over a root of 1,000,000 indexed calls, beside DuckDB and ripgrep on the same files in the same run.
#
#   benches/cli.sh [CALLS] [FOLDER]
#
# Needs python3 with the package duckdb (PYTHON=… names another one) and rg. The root is made once and kept in FOLDER.
# Each figure is the best of five. Wanted: stats at least as fast as DuckDB, search within 1.2 of rg, latest, ls and
# show within 50 ms with nothing cached (`sync; echo 3 > /proc/sys/vm/drop_caches`, where that is allowed), memory
# within 200 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
calls=${1:-1000000}
folder=${2:-${TMPDIR:-/tmp}/llmlogs-bench}
python=${PYTHON:-python3}
root=$folder/root-$calls

cargo build --release --features cli --bin llmlogs
llmlogs=$PWD/target/release/llmlogs
export LLMLOGS_ROOT=$root
[ -d "$root" ] || { mkdir -p "$folder"; "$python" benches/cli_root.py "$root" "$calls"; }

cat > "$folder/measure.py" <<'PY'
import glob, os, subprocess, sys, time

llmlogs, root, python = sys.argv[1:4]

def run(command, env=None):
    """Seconds and peak MB of one run."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    _, _, usage = os.wait4(child.pid, 0)
    return time.perf_counter() - begun, usage.ru_maxrss / 1024

def best(command):
    runs = [run(command) for _ in range(5)]
    return min(seconds for seconds, _ in runs), max(memory for _, memory in runs)

def drop_caches():
    try:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as switch:
            switch.write("3")
        return True
    except OSError:
        return False

def cold(command):
    # The program itself stays cached: it is the root that is new.
    dropped = drop_caches()
    run([llmlogs, "--version"])
    seconds, memory = run(command)
    return seconds, memory, "cold" if dropped else "warm (caches could not be dropped)"

print(f"{'':34}{'llmlogs':>10}{'peer':>10}{'ratio':>8}{'memory':>10}")

def beside(name, ours, peer):
    # Turn by turn, so that a busy machine is busy for both.
    pairs = [(run(ours), run(peer)) for _ in range(5)]
    seconds, theirs = (min(pair[n][0] for pair in pairs) for n in (0, 1))
    memory = max(pair[0][1] for pair in pairs)
    print(f"{name:34}{seconds * 1000:>7.0f} ms{theirs * 1000:>7.0f} ms{seconds / theirs:>8.2f}{memory:>7.0f} MB")

query = f"""
import duckdb
duckdb.sql('''select count(*), count(*) filter (status = 'ok'), sum(prompt_tokens), sum(completion_tokens),
  sum(total_tokens), avg(latency_ms), quantile_disc(latency_ms, [0.5, 0.95, 0.99]), max(latency_ms)
  from read_json('{root}/*/*/index.jsonl', format = 'newline_delimited')''').fetchall()
"""
try:
    subprocess.run([python, "-c", "import duckdb"], check=True, stderr=subprocess.DEVNULL)
    beside("stats, DuckDB read_json", [llmlogs, "stats"], [python, "-c", query])
except subprocess.CalledProcessError:
    print("stats: the Python package duckdb is not installed")
    print(f"stats{best([llmlogs, 'stats'])}")
try:
    rg = ["rg", "--glob", "index.jsonl"]
    beside("search needle, rg", [llmlogs, "search", "needle"], rg + ["needle", root])
    beside("search -i NEEDLE, rg -i", [llmlogs, "search", "-i", "NEEDLE"], rg + ["-i", "NEEDLE", root])
    # The session whose calls have folders.
    session = sorted(glob.glob(f"{root}/*/session_*"))[-1]
    here = ["--session", os.path.basename(session)]
    bodies = ["rg", "--glob", "input.json", "--glob", "output.json", "needle", session]
    beside("search --in input,output, rg", [llmlogs, "search", "--in", "input,output", "needle", *here], bodies)
except FileNotFoundError:
    print("search: rg is not installed")
for name, command in [("latest", []), ("ls", ["ls"]), ("show", ["show"])]:
    seconds, memory, how = cold([llmlogs, *command])
    print(f"{name + ', ' + how:34}{seconds * 1000:>7.1f} ms{'50 ms':>10}{seconds / 0.05:>8.2f}{memory:>7.0f} MB")
for name, command in [("ls --limit 0", ["ls", "--limit", "0"]), ("failures", ["failures"])]:
    seconds, memory = run([llmlogs, *command])
    print(f"{name:34}{seconds * 1000:>7.0f} ms{'':>18}{memory:>7.0f} MB")
PY
"$python" "$folder/measure.py" "$llmlogs" "$root" "$python"
