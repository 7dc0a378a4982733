// OpenAI's own client: plain, streamed, and refused both ways. Prints what it was told.

import OpenAI from "openai";

const messages = [{ role: "user", content: "Say hello" }];
const client = new OpenAI({ maxRetries: 0 });

const { data, response } = await client.chat.completions.create({ model: "gpt-4o", messages }).withResponse();
console.log(response.status, response.headers.get("x-request-id"), JSON.stringify(data));
const stream = await client.chat.completions.create({
  model: "gpt-4o",
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) console.log(JSON.stringify(chunk));
console.log((await client.responses.create({ model: "gpt-4o", input: "Say hello" })).output_text);
for await (const event of await client.responses.create({ model: "gpt-4o", input: "Say hello", stream: true })) {
  console.log(event.type);
}
for (const stream of [false, true]) {
  try {
    await client.chat.completions.create({ model: "refused", messages, stream });
  } catch (error) {
    console.log(error.constructor.name, error.status, JSON.stringify(error.error));
  }
}
