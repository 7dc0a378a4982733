#!/usr/bin/env python3
"""Makes a root of indexed calls for benches/cli.sh and benches/page.py: cli_root.py DIR [CALLS] [FOLDERS] [SESSIONS].

The calls are those of SESSIONS sessions, five a day (100). FOLDERS of the newest calls get their folders, the rest are lines of indexes only: what is measured
reads the indexes. Sessions are over, as session.json says, so nobody looks for folders.
"""

import datetime
import json
import os
import random
import sys

root = sys.argv[1]
calls = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
folders = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
sessions = int(sys.argv[4]) if len(sys.argv) > 4 else 100
SESSIONS = min(sessions, 5)
DAYS = sessions // SESSIONS
random.seed(7)

models = [("openai", "gpt-4o-mini"), ("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-20250514"),
          ("deepseek", "deepseek-chat"), ("gcp.gemini", "gemini-2.5-flash")]
tools = [[], [], [], ["read_file"], ["read_file", "search"], ["run_tests"]]
errors = [("RateLimitError", 429, "rate_limit_exceeded", "Rate limit reached for requests. Please try again in %d ms."),
          ("TimeoutError", None, "", "error sending request for url (https://api.example.com/v1/chat/%d): operation timed out"),
          ("InternalServerError", 500, "server_error", "The server had an error (request req_%dabcdef)"),
          ("BadRequestError", 400, "context_length_exceeded", "maximum context length is 128000 tokens, you asked for %d")]
words = "please look into the config parser and tell why the nightly build of module fails with a strange error".split()

per_session = calls // (DAYS * SESSIONS)
start = datetime.datetime(2025, 10, 1, 0, 0, 0)
for day in range(DAYS):
    for s in range(SESSIONS):
        begin = start + datetime.timedelta(days=day, hours=s * 4)
        stamp = begin.strftime("%Y%m%d_%H%M%S")
        folder = f"{root}/{begin:%Y%m%d}/session_{stamp}"
        os.makedirs(folder)
        last_session = day == DAYS - 1 and s == SESSIONS - 1
        lines = []
        for n in range(1, per_session + 1):
            at = begin + datetime.timedelta(seconds=(n - 1) * 14000 / per_session)
            provider, model = random.choice(models)
            failed = random.random() < 0.03
            prompt, completion = random.randint(50, 9000), random.randint(5, 900)
            kind, status, code, message = random.choice(errors) if failed else ("", 200, "", "")
            latency = int(random.lognormvariate(7.5, 0.8))
            text = " ".join(random.choices(words, k=random.randint(3, 30)))[:199]
            if random.random() < 0.0002:
                text = "where is the needle " + text[:100]
            line = {
                "call_id": f"call_{at:%Y%m%d_%H%M%S}_{n:03}", "timestamp": round(at.timestamp(), 3),
                "status": "error" if failed else "ok", "provider": provider, "model": model, "operation": "chat",
                "http_status": status, "error_type": kind, "error_code": code,
                "error_message": message % random.randint(1, 99999) if failed else "",
                "finish_reason": "" if failed else random.choice(["stop", "stop", "tool_calls", "length"]),
                "prompt_tokens": 0 if failed else prompt, "completion_tokens": 0 if failed else completion,
                "total_tokens": 0 if failed else prompt + completion, "cached_tokens": 0, "reasoning_tokens": 0,
                "latency_ms": latency, "time_to_first_token_ms": None,
                "total_cost": 0.0 if failed else round(prompt * 1e-6 + completion * 2e-6, 9),
                "currency": "USD", "attempts": 2 if random.random() < 0.01 else 0,
                "tool_names": [] if failed else random.choice(tools), "user_message": text, "trace": "agent/plan",
            }
            lines.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            if last_session and n > per_session - folders:
                call = f"{folder}/{line['call_id']}"
                os.makedirs(call)
                body = {"model": model, "messages": [{"role": "user", "content": text}]}
                json.dump(body, open(f"{call}/input.json", "w"), indent=2)
                answer = {"id": "x", "model": model, "choices": [{"index": 0, "message": {"role": "assistant", "content": "done"}}]}
                json.dump(answer, open(f"{call}/output.json", "w"), indent=2)
                metadata = {
                    "schema_version": 1, "call_id": line["call_id"], "session_id": stamp, "timestamp": line["timestamp"],
                    "status": line["status"], "api_info": {"provider": provider, "model": model},
                    "usage": {"prompt_tokens": line["prompt_tokens"], "completion_tokens": line["completion_tokens"],
                              "total_tokens": line["total_tokens"]},
                    "performance": {"latency_ms": latency}, "context": {"user_message": text},
                }
                json.dump(metadata, open(f"{call}/metadata.json", "w"), indent=2)
        with open(f"{folder}/index.jsonl", "w") as index:
            index.writelines(lines)
        session = {"schema_version": 1, "session_id": stamp, "started_at": begin.astimezone().isoformat(),
                   "ended_at": (begin + datetime.timedelta(hours=4)).astimezone().isoformat(), "pid": 1, "hostname": "h",
                   "program": "p", "recorder_version": "0.1.0",
                   "counters": {"calls": per_session, "errors": 0, "cancelled": 0, "degraded": 0, "lost": 0, "write_errors": 0}}
        json.dump(session, open(f"{folder}/session.json", "w"))
