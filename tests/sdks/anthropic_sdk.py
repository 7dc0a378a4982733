"""Anthropic's own client: plain, streamed, and refused both ways. Prints what it was told."""

import anthropic

REQUEST = {"max_tokens": 100, "messages": [{"role": "user", "content": "Say hello"}]}
client = anthropic.Anthropic(max_retries=0)

raw = client.messages.with_raw_response.create(model="claude-sonnet-4-5", **REQUEST)
print(raw.status_code, raw.headers["x-request-id"], raw.parse().model_dump_json())
with client.messages.stream(model="claude-sonnet-4-5", **REQUEST) as events:
    for event in events:
        print(event.type)
    print(events.get_final_message().model_dump_json())
for is_streamed in (False, True):
    try:
        client.messages.create(model="refused", stream=is_streamed, **REQUEST)
    except anthropic.RateLimitError as error:
        print(type(error).__name__, error.status_code, error.body)
