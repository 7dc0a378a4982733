// The Vercel AI SDK: plain, streamed, and refused both ways, by chat completions and by responses. Prints what it was told.

import { openai } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";

const prompt = "Say hello";
const more = { prompt, maxRetries: 0 };

for (const model of [openai.chat, openai.responses]) {
  const plain = await generateText({ model: model("gpt-4o"), ...more });
  console.log(plain.text, plain.finishReason, plain.usage.totalTokens);
  const streamed = streamText({ model: model("gpt-4o"), ...more });
  for await (const text of streamed.textStream) console.log(text);
  console.log(await streamed.finishReason, (await streamed.usage).totalTokens);
}
try {
  await generateText({ model: openai.chat("refused"), ...more });
} catch (error) {
  console.log(error.name, error.statusCode, error.responseBody);
}
const refused = streamText({ model: openai.chat("refused"), ...more, onError: ({ error }) => console.log(error.name, error.statusCode) });
for await (const text of refused.textStream) console.log(text);
