"""OpenAI's own client: plain, streamed, and refused both ways. Prints what it was told."""

import openai

QUESTION = [{"role": "user", "content": "Say hello"}]
client = openai.OpenAI(max_retries=0)

raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=QUESTION)
print(raw.status_code, raw.headers["x-request-id"], raw.parse().model_dump_json())
stream = client.chat.completions.create(
    model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
)
for chunk in stream:
    print(chunk.model_dump_json())
print(client.responses.create(model="gpt-4o", input="Say hello").output_text)
with client.responses.stream(model="gpt-4o", input="Say hello") as events:
    for event in events:
        print(event.type)
for is_streamed in (False, True):
    try:
        client.chat.completions.create(model="refused", messages=QUESTION, stream=is_streamed)
    except openai.RateLimitError as error:
        print(type(error).__name__, error.status_code, error.request_id, error.body)
