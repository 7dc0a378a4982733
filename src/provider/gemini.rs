//! Gemini's `generateContent` and `streamGenerateContent`, on the Gemini API and on Vertex AI.
//!
//! <https://ai.google.dev/api/generate-content>. Requests may spell their fields in either case; answers come
//! in camel case.

use std::borrow::Cow;

use crate::json::{Json, Object};
use crate::record::{Endpoint, Usage};

use super::dialect::{Dialect, Fold, Folded, Seen};
use super::view::{
    Choice, Message, Part, RequestView, ResponseView, Tool, base64_bytes, present, text, text_or_json,
    unix_seconds,
};

pub(super) struct Gemini;

impl Dialect for Gemini {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let contents = either(body, "contents", "contents").map(listed).unwrap_or_default();
        let instructions = either(body, "systemInstruction", "system_instruction");
        let mut messages: Vec<Message<'j>> = Vec::with_capacity(contents.len() + 1);
        if let Some(instructions) = instructions {
            messages.push(Message { role: Cow::Borrowed("system"), parts: content_parts(instructions) });
        }
        let messages_count = contents.len();
        messages.extend(contents.into_iter().map(|content| {
            let role = match &*text(content.get("role")) {
                "model" => Cow::Borrowed("assistant"),
                // One turn may come without a role.
                "" | "function" => Cow::Borrowed("user"),
                other => Cow::Owned(other.to_owned()),
            };
            Message::with_results(role, content_parts(content))
        }));
        let config = either(body, "generationConfig", "generation_config");
        let from_config = |camel, snake| config.and_then(|config| either(config, camel, snake));
        let calling = either(body, "toolConfig", "tool_config")
            .and_then(|config| either(config, "functionCallingConfig", "function_calling_config"));
        RequestView {
            model: body.get("model").as_str(),
            stream: endpoint.path.contains("streamGenerateContent"),
            temperature: from_config("temperature", "temperature"),
            max_tokens: from_config("maxOutputTokens", "max_output_tokens"),
            tool_choice: calling.and_then(|calling| present(calling, "mode")),
            messages_count,
            messages,
            tools: either(body, "tools", "tools")
                .map(listed)
                .unwrap_or_default()
                .into_iter()
                .flat_map(tools)
                .collect(),
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let mut choices: Vec<Choice<'j>> = body.get("candidates").items().iter().map(choice).collect();
        // A blocked prompt has no candidate; why is all that the provider says.
        let blocked = body.at(&["promptFeedback", "blockReason"]).as_str();
        if let (Some(finish_reason), true) = (blocked, choices.is_empty()) {
            choices.push(Choice { finish_reason, parts: Vec::new() });
        }
        ResponseView {
            id: text(body.get("responseId")),
            created: unix_seconds(body.get("createTime")),
            model: text(body.get("modelVersion")),
            choices,
            usage: usage(body.get("usageMetadata")),
            error: present(body, "error").map(|_| body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(GeminiFold::default()))
    }
}

/// A member in either spelling.
fn either<'j>(body: &'j Json<'j>, camel: &str, snake: &str) -> Option<&'j Json<'j>> {
    present(body, camel).or_else(|| present(body, snake))
}

/// The elements of a list; one thing alone stands for a list of it.
fn listed<'j>(json: &'j Json<'j>) -> Vec<&'j Json<'j>> {
    match json {
        Json::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The functions that a tool declares, each a tool of its own; a built-in tool is one.
fn tools<'j>(tool: &'j Json<'j>) -> Vec<Tool<'j>> {
    let Some(members) = tool.as_object() else {
        return Vec::new();
    };
    let mut tools = Vec::new();
    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        if *key == *"functionDeclarations" || *key == *"function_declarations" {
            tools.extend(value.items().iter().map(|function| Tool {
                name: text(function.get("name")),
                description: text(function.get("description")),
            }));
        } else {
            tools.push(Tool { name: key.plain(), description: Cow::Borrowed("") });
        }
    }
    tools
}

/// The parts of a content, which may be a text alone.
fn content_parts<'j>(content: &'j Json<'j>) -> Vec<Part<'j>> {
    match content {
        Json::String(text) => vec![Part::Text(text.plain())],
        content => match present(content, "parts") {
            Some(parts) => listed(parts).into_iter().filter_map(part).collect(),
            // A part alone stands for the content.
            None => part(content).into_iter().collect(),
        },
    }
}

fn part<'j>(part: &'j Json<'j>) -> Option<Part<'j>> {
    if let Some(said) = part.get("text").as_str() {
        let thought = part.get("thought").as_bool() == Some(true);
        return match (said.is_empty(), thought) {
            (true, _) => None,
            (false, true) => Some(Part::Reasoning(said)),
            (false, false) => Some(Part::Text(said)),
        };
    }
    let media_type = |media: &'j Json<'j>| {
        either(media, "mimeType", "mime_type").and_then(Json::as_str).unwrap_or(Cow::Borrowed("file"))
    };
    if let Some(data) = either(part, "inlineData", "inline_data") {
        let bytes = data.get("data").as_str().map(|data| base64_bytes(&data));
        return Some(Part::Media { media_type: media_type(data), bytes, source: Cow::Borrowed("") });
    }
    if let Some(file) = either(part, "fileData", "file_data") {
        let source = either(file, "fileUri", "file_uri").and_then(Json::as_str).unwrap_or_default();
        return Some(Part::Media { media_type: media_type(file), bytes: None, source });
    }
    if let Some(call) = either(part, "functionCall", "function_call") {
        let arguments = present(call, "args").map_or(Cow::Borrowed("{}"), text_or_json);
        return Some(Part::ToolCall { name: text(call.get("name")), arguments });
    }
    if let Some(result) = either(part, "functionResponse", "function_response") {
        let text_of = text_or_json(result.get("response"));
        return Some(Part::ToolResult { of: text(result.get("name")), text: text_of });
    }
    if let Some(code) = either(part, "executableCode", "executable_code") {
        return Some(Part::ServerToolCall {
            name: Cow::Borrowed("code_execution"),
            arguments: text(code.get("code")),
        });
    }
    if let Some(result) = either(part, "codeExecutionResult", "code_execution_result") {
        return Some(Part::ToolResult {
            of: Cow::Borrowed("code_execution"),
            text: text(result.get("output")),
        });
    }
    Some(Part::Other(part))
}

fn choice<'j>(candidate: &'j Json<'j>) -> Choice<'j> {
    let parts = present(candidate, "content").map(content_parts).unwrap_or_default();
    let mut whole: Vec<Part<'j>> = Vec::with_capacity(parts.len());
    for part in parts {
        // Texts that a signature or a citation cuts in two read as one.
        match (whole.last_mut(), part) {
            (Some(Part::Text(text)), Part::Text(more))
            | (Some(Part::Reasoning(text)), Part::Reasoning(more)) => {
                text.to_mut().push_str(&more);
            }
            (_, part) => whole.push(part),
        }
    }
    let parts =
        whole.into_iter().filter(|part| !matches!(part, Part::Other(Json::Object(o)) if o.is_empty()));
    Choice { finish_reason: text(candidate.get("finishReason")), parts: parts.collect() }
}

/// Prompt and tool-use prompt, candidates and thoughts.
fn usage(metadata: &Json<'_>) -> Option<Usage> {
    metadata.as_object()?;
    let count = |key: &str| metadata.get(key).as_u64().unwrap_or(0);
    let prompt_tokens = count("promptTokenCount") + count("toolUsePromptTokenCount");
    let reasoning_tokens = count("thoughtsTokenCount");
    let completion_tokens = count("candidatesTokenCount") + count("responseTokenCount") + reasoning_tokens;
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: metadata.get("totalTokenCount").as_u64().unwrap_or(prompt_tokens + completion_tokens),
        cached_tokens: count("cachedContentTokenCount"),
        cache_creation_tokens: 0,
        reasoning_tokens,
    })
}

/// Chunks on their way to a `GenerateContentResponse`, each of which is one already.
#[derive(Default)]
struct GeminiFold<'a> {
    object: Object<'a>,
    candidates: Vec<(u64, Object<'a>, Vec<Json<'a>>)>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for GeminiFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> Seen {
        let Json::Object(chunk) = data else {
            return Seen::Unknown;
        };
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            self.error = Some(Json::Object(chunk));
            return Seen::Other;
        }
        let mut said = false;
        for (key, value) in chunk {
            match (&*key.plain(), value) {
                ("candidates", Json::Array(candidates)) => {
                    self.object.entry(&key);
                    for candidate in candidates {
                        said |= self.candidate(candidate);
                    }
                }
                // A chunk may leave out counts that an earlier one had.
                ("usageMetadata", Json::Object(counts)) => {
                    let known = self.object.entry(&key);
                    match known.as_object_mut() {
                        Some(known) => counts.into_iter().for_each(|(key, count)| known.set_text(key, count)),
                        None => *known = Json::Object(counts),
                    }
                }
                (_, Json::Null) => {}
                (_, value) => *self.object.entry(&key) = value,
            }
        }
        if said { Seen::Content } else { Seen::Other }
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        self.candidates.sort_by_key(|(index, ..)| *index);
        let candidates = self.candidates.into_iter().map(|(_, mut members, parts)| {
            if let Some(content) = members.get_mut("content").and_then(Json::as_object_mut)
                && (!parts.is_empty() || content.get("parts").is_some())
            {
                content.set("parts", Json::Array(parts));
            }
            Json::Object(members)
        });
        let candidates: Vec<_> = candidates.collect();
        if self.object.get("candidates").is_some() {
            self.object.set("candidates", Json::Array(candidates));
        }
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

impl<'a> GeminiFold<'a> {
    /// Takes one candidate of a chunk; says whether the model said something in it.
    fn candidate(&mut self, candidate: Json<'a>) -> bool {
        let index = candidate.get("index").as_u64().unwrap_or(0);
        let place = match self.candidates.iter().position(|(known, ..)| *known == index) {
            Some(place) => place,
            None => {
                self.candidates.push((index, Object::new(), Vec::new()));
                self.candidates.len() - 1
            }
        };
        let (_, members, parts) = &mut self.candidates[place];
        let Json::Object(candidate) = candidate else {
            return false;
        };
        let mut said = false;
        for (key, value) in candidate {
            match (&*key.plain(), value) {
                ("content", Json::Object(content)) => {
                    let whole = members.entry(&key);
                    if whole.is_null() {
                        *whole = Json::Object(Object::new());
                    }
                    for (key, value) in content {
                        match value {
                            Json::Array(more) if key == *"parts" => {
                                if let Some(whole) = whole.as_object_mut() {
                                    whole.entry(&key);
                                }
                                for part in more {
                                    said |= add_part(parts, part);
                                }
                            }
                            value => {
                                if let Some(whole) = whole.as_object_mut() {
                                    *whole.entry(&key) = value;
                                }
                            }
                        }
                    }
                }
                // Citations and log probabilities come with the text that they belong to.
                ("citationMetadata" | "logprobsResult", Json::Object(more)) => {
                    let whole = members.entry(&key);
                    match whole.as_object_mut() {
                        Some(whole) => {
                            more.into_iter().for_each(|(key, more)| match (whole.entry(&key), more) {
                                (Json::Array(old), Json::Array(new)) => old.extend(new),
                                (old, new) => *old = new,
                            })
                        }
                        None => *whole = Json::Object(more),
                    }
                }
                (_, Json::Null) => {}
                (_, value) => *members.entry(&key) = value,
            }
        }
        said
    }
}

/// Adds a part: onto the last one where both are text of one kind. A part with a signature stays by itself: it
/// has to go back to the API as it came.
fn add_part<'a>(parts: &mut Vec<Json<'a>>, part: Json<'a>) -> bool {
    let is_text = |part: &Json<'_>| {
        part.as_object().is_some_and(|members| {
            let plain = |key: &str| matches!(key, "text" | "thought");
            members.get("text").is_some() && members.iter().all(|(key, _)| plain(&key.plain()))
        })
    };
    let thought = |part: &Json<'_>| part.get("thought").as_bool().unwrap_or(false);
    let said = part.get("text").as_text().map_or(!part.is_null(), |text| !text.is_empty());
    let joins =
        parts.last().is_some_and(|last| is_text(last) && is_text(&part) && thought(last) == thought(&part));
    match (parts.last_mut().and_then(Json::as_object_mut).filter(|_| joins), part) {
        (Some(last), Json::Object(part)) => {
            for (key, value) in part {
                match (last.entry(&key), value) {
                    (Json::String(old), Json::String(new)) if key == *"text" => old.push(&new),
                    (old, new) => *old = new,
                }
            }
        }
        (_, part) => parts.push(part),
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::provider::{Request, recognise};

    fn endpoint() -> Endpoint {
        let url =
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:streamGenerateContent?alt=sse";
        recognise(Request { method: "POST", url }).unwrap()
    }

    fn fold(chunks: &[&str]) -> (String, Vec<Seen>, bool) {
        let mut fold = Gemini.fold(&endpoint()).unwrap();
        let seen = chunks.iter().map(|chunk| fold.event("", json::parse(chunk).unwrap())).collect();
        let folded = fold.finish();
        let mut out = Vec::new();
        json::compact(&folded.object, &mut out);
        (String::from_utf8(out).unwrap(), seen, folded.error.is_some())
    }

    #[test]
    fn texts_of_one_kind_join_and_a_signed_part_stays_by_itself() {
        let (object, seen, _) = fold(&[
            r#"{"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}],"role":"model"}}],"usageMetadata":{"promptTokenCount":4,"thoughtsTokenCount":2}}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"m","thought":true,"thoughtSignature":"S1"}],"role":"model"}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi "}],"role":"model"}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"you"},{"functionCall":{"name":"f","args":{"x":1.0}},"thoughtSignature":"S2"}],"role":"model"}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":9},"responseId":"r"}"#,
        ]);
        assert_eq!(
            object,
            r#"{"candidates":[{"content":{"parts":[{"text":"Hm","thought":true},{"text":"m","thought":true,"thoughtSignature":"S1"},{"text":"Hi you"},{"functionCall":{"name":"f","args":{"x":1.0}},"thoughtSignature":"S2"},{"text":""}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"thoughtsTokenCount":2,"totalTokenCount":9},"responseId":"r"}"#
        );
        assert_eq!(seen[4], Seen::Other);
        let body = json::parse(&object).unwrap();
        let view = Gemini.response(&endpoint(), &body);
        let usage = view.usage.unwrap();
        assert_eq!((usage.completion_tokens, usage.reasoning_tokens, usage.total_tokens), (2, 2, 9));
        assert_eq!(view.tool_names().collect::<Vec<_>>(), ["f"]);
        assert_eq!(view.choices[0].parts[..2], [Part::Reasoning("Hmm".into()), Part::Text("Hi you".into())]);
    }

    #[test]
    fn candidates_fold_by_index_and_an_error_in_the_stream_is_told() {
        let (object, _, failed) = fold(&[
            r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]}},{"index":0,"content":{"parts":[{"text":"a"}]}}]}"#,
            r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]}}]}"#,
            r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#,
        ]);
        assert_eq!(
            object,
            r#"{"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]}},{"index":1,"content":{"parts":[{"text":"bb"}]}}]}"#
        );
        assert!(failed);
    }

    #[test]
    fn a_blocked_prompt_tells_why() {
        let body = json::parse(
            r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}"#,
        );
        let body = body.unwrap();
        let view = Gemini.response(&endpoint(), &body);
        assert_eq!((view.finish_reason(), view.usage.unwrap().total_tokens), ("SAFETY", 3));
    }

    #[test]
    fn a_request_is_read_in_either_spelling() {
        for body in [
            r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}],
                "tools":[{"functionDeclarations":[{"name":"f","description":"d"},{"name":"g"}]},{"googleSearch":{}}],
                "toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"generationConfig":{"temperature":0.5,"maxOutputTokens":10}}"#,
            r#"{"system_instruction":"Be brief.","contents":{"parts":[{"text":"Hi"},{"inline_data":{"mime_type":"image/png","data":"AAAA"}}]},
                "tools":[{"function_declarations":[{"name":"f","description":"d"},{"name":"g"}]},{"google_search":{}}],
                "tool_config":{"function_calling_config":{"mode":"ANY"}},"generation_config":{"temperature":0.5,"max_output_tokens":10}}"#,
        ] {
            let body = json::parse(body).unwrap();
            let view = Gemini.request(&endpoint(), &body);
            assert_eq!((view.stream, view.messages_count, view.tools.len()), (true, 1, 3));
            let roles: Vec<_> = view.messages.iter().map(|message| &*message.role).collect();
            assert_eq!(roles, ["system", "user"]);
            assert_eq!(view.last_user_message(), "Hi");
            assert_eq!(view.tool_choice.unwrap().scalar(), "ANY");
            assert_eq!(view.max_tokens.unwrap().as_u64(), Some(10));
        }
    }
}
