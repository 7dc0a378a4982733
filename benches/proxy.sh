#!/usr/bin/env bash
# What `llmlogs proxy` adds to a call and to a chunk, beside nginx and mitmproxy as reverse proxies and a direct connection, in
# one run, with the memory of each; the load of the machine is printed with it.
#
#   benches/proxy.sh
#
# Needs nginx (Debian's package) and mitmproxy (from PyPI; installed into target/ if it is not in PATH); what is missing is left
# out and said. Wanted of llmlogs: at most 0.3 ms more for a plain call in the median, 1 ms at p99 with 100 at once, 1 ms for a
# chunk at p99, 30 MB when idle.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
export LLMLOGS_BENCH_API_PORT=18480 LLMLOGS_BENCH_PROXIES=
api=http://127.0.0.1:$LLMLOGS_BENCH_API_PORT

cargo build --release -p llmlogs
cargo bench --no-run --bench proxy

# started NAME PORT: the process that was started last is a proxy there; waits until it answers.
started() {
    local process=$!
    processes+=("$process")
    for _ in $(seq 100); do
        if (: <"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
            LLMLOGS_BENCH_PROXIES+="$1:$2:$process "
            return
        fi
        sleep 0.1
    done
    echo "$1 does not listen on port $2" >&2
    exit 1
}

target/release/llmlogs --root "$folder/root" proxy --upstream "$api" --listen 127.0.0.1:18481 >/dev/null 2>&1 &
started llmlogs 18481

if command -v nginx >/dev/null; then
    cat >"$folder/nginx.conf" <<CONF
daemon off;
worker_processes 2;
pid $folder/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    upstream api { server 127.0.0.1:$LLMLOGS_BENCH_API_PORT; keepalive 128; }
    server {
        listen 127.0.0.1:18482;
        location / {
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
CONF
    nginx -c "$folder/nginx.conf" -e stderr &
    started nginx 18482
else
    echo "NOT MEASURED: nginx is not installed" >&2
fi

mitmdump=$(command -v mitmdump || true)
if [ -z "$mitmdump" ]; then
    if [ ! -x target/ci-tools/mitmproxy/bin/mitmdump ]; then
        python3 -m venv target/ci-tools/mitmproxy && target/ci-tools/mitmproxy/bin/pip install --quiet mitmproxy || true
    fi
    mitmdump=target/ci-tools/mitmproxy/bin/mitmdump
fi
if [ -x "$mitmdump" ]; then
    # Without streaming it would keep a stream back until its end.
    "$mitmdump" --quiet --mode "reverse:$api" --listen-host 127.0.0.1 --listen-port 18483 --set stream_large_bodies=1 --set confdir="$folder/mitmproxy" >/dev/null 2>&1 &
    started mitmproxy 18483
else
    echo "NOT MEASURED: mitmproxy cannot be installed" >&2
fi

echo "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
cargo bench --quiet --bench proxy
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
