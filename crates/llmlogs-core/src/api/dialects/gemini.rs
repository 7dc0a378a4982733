//! Gemini's `generateContent` and `streamGenerateContent`, on the Gemini API, on Vertex AI and in
//! the envelope of Code Assist.
//!
//! Both spellings of every name are read: the API takes `systemInstruction` and `system_instruction`
//! alike, and clients send either.
//!
//! <https://ai.google.dev/api/generate-content>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object, Text};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::cost::usage_cost;
use crate::api::shared::delta::has_content;
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{present, text, text_or_json, unix_seconds};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct Gemini;

impl Dialect for Gemini {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let body = unwrapped(body, "request");
        let config = member(body, "generationConfig");
        let system = parts(member(body, "systemInstruction"));
        let system = (!system.is_empty()).then_some(Message { role: Cow::Borrowed("system"), parts: system });
        let listed = contents(body.get("contents"));
        RequestView {
            model: model(endpoint, body),
            stream: endpoint.path.trim_end_matches('/').ends_with("streamGenerateContent")
                || body.get("stream").as_bool().unwrap_or(false),
            temperature: known(member(config, "temperature")),
            max_tokens: known(member(config, "maxOutputTokens")),
            tool_choice: known(member(member(body, "toolConfig"), "functionCallingConfig")),
            messages_count: listed.len(),
            messages: system.into_iter().chain(listed.iter().map(message)).collect(),
            tools: listed_or_single(body.get("tools")).iter().flat_map(tools).collect(),
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let body = unwrapped(body, "response");
        let is_vertex = endpoint.provider == "gcp.vertex_ai";
        let usage_json = member(body, "usageMetadata");
        let mut choices: Vec<Choice<'j>> =
            body.get("candidates").items().iter().map(|candidate| choice(candidate, is_vertex)).collect();
        let feedback = member(body, "promptFeedback");
        let block_reason = name_of(member(feedback, "blockReason"), BLOCK_REASONS[usize::from(is_vertex)]);
        if let (true, Some(reason)) =
            (choices.is_empty(), Some(block_reason).filter(|reason| !reason.is_empty()))
        {
            let refusal = member(feedback, "blockReasonMessage").as_str().map(Part::Refusal);
            choices.push(Choice { finish_reason: reason, parts: refusal.into_iter().collect() });
        }
        ResponseView {
            id: text(member(body, "responseId")),
            object: Cow::Borrowed(""),
            created: unix_seconds(member(body, "createTime")),
            model: text(member(body, "modelVersion")),
            choices,
            usage: usage(usage_json),
            cost: usage_cost(usage_json),
            service_tier: service_tier(usage_json),
            error: reported(body),
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(GenerateFold::default()))
    }
}

/// Returns the member `camel`, or the one of the same name in snake case.
fn member<'j>(json: &'j Json<'j>, camel: &str) -> &'j Json<'j> {
    match json.get(camel) {
        Json::Null if camel.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            let mut members = json.as_object().into_iter().flat_map(Object::iter);
            members
                .find(|(key, _)| is_snake_of(&key.plain(), camel))
                .map_or(&Json::Null, |(_, member)| member)
        }
        found => found,
    }
}

/// Returns whether `name` is `camel` in snake case.
fn is_snake_of(name: &str, camel: &str) -> bool {
    let mut name = name.bytes();
    let mut camel = camel.bytes();
    let same = |byte: u8| {
        if byte.is_ascii_uppercase() {
            name.next() == Some(b'_') && name.next() == Some(byte.to_ascii_lowercase())
        } else {
            name.next() == Some(byte)
        }
    };
    camel.all(same) && name.next().is_none()
}

/// Returns a member that is there and not null.
fn known<'j>(json: &'j Json<'j>) -> Option<&'j Json<'j>> {
    (!json.is_null()).then_some(json)
}

/// Returns what Code Assist (`v1internal:…`) wraps in a member of its own, else the body itself.
fn unwrapped<'j>(body: &'j Json<'j>, envelope: &str) -> &'j Json<'j> {
    match body.get(envelope) {
        inner @ Json::Object(_) => inner,
        _ => body,
    }
}

/// Returns the model that the body names, under its resource name, where the path does not name it.
fn model<'j>(endpoint: &Endpoint, body: &'j Json<'j>) -> Option<Cow<'j, str>> {
    if endpoint.path_model.is_some() {
        return None;
    }
    let name = body.get("model").as_str()?;
    Some(match name.strip_prefix("models/") {
        Some(short) => Cow::Owned(short.to_owned()),
        None => name,
    })
}

/// Returns the elements of a list. Google's servers accept a single object in place of a list, and its own examples
/// send one.
fn listed_or_single<'j>(json: &'j Json<'j>) -> &'j [Json<'j>] {
    match json {
        Json::Array(items) => items,
        Json::Null => &[],
        single => std::slice::from_ref(single),
    }
}

/// Returns the messages of a conversation; a list of bare parts is one message.
fn contents<'j>(contents: &'j Json<'j>) -> &'j [Json<'j>] {
    let listed = listed_or_single(contents);
    let bare = |item: &Json<'_>| item.get("parts").is_null() && item.get("role").is_null();
    if listed.len() > 1 && listed.iter().all(bare) { std::slice::from_ref(contents) } else { listed }
}

fn message<'j>(content: &'j Json<'j>) -> Message<'j> {
    let role = match &*text(content.get("role")).to_ascii_lowercase() {
        "" | "user" => Cow::Borrowed("user"),
        "model" => Cow::Borrowed("assistant"),
        "function" => Cow::Borrowed("tool"),
        other => Cow::Owned(other.to_owned()),
    };
    let parts = parts(content);
    let parts = if role == "assistant" { joined(parts) } else { parts };
    Message::with_results(role, parts)
}

/// Returns the parts of a content, of a list of parts, or of a bare text.
fn parts<'j>(content: &'j Json<'j>) -> Vec<Part<'j>> {
    match content {
        Json::String(text) if !text.is_empty() => vec![Part::Text(text.plain())],
        Json::Array(items) => items.iter().flat_map(parts).collect(),
        Json::Object(_) => match content.get("parts") {
            Json::Null => part(content),
            inner => listed_or_single(inner).iter().flat_map(part).collect(),
        },
        _ => Vec::new(),
    }
}

/// Joins texts that follow each other: streamed text comes in parts that end where a signature follows.
fn joined(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let mut whole: Vec<Part<'_>> = Vec::with_capacity(parts.len());
    for part in parts {
        match (whole.last_mut(), part) {
            (Some(Part::Text(text)), Part::Text(more))
            | (Some(Part::Reasoning(text)), Part::Reasoning(more)) => text.to_mut().push_str(&more),
            (_, part) => whole.push(part),
        }
    }
    whole
}

/// Members of a part that are not its data.
const BESIDE_DATA: [&str; 5] = ["thought", "thoughtSignature", "thought_signature", "role", "parts"];

fn part<'j>(part: &'j Json<'j>) -> Vec<Part<'j>> {
    let at = |name: &str| known(member(part, name));
    if let Json::String(text) = part {
        return vec![Part::Text(text.plain())];
    }
    let one = if let Some(text) = part.get("text").as_str() {
        if text.is_empty() {
            return Vec::new();
        }
        if is_thought(part) { Part::Reasoning(text) } else { Part::Text(text) }
    } else if let Some(call) = at("functionCall").filter(|call| !call.get("name").is_null()) {
        Part::ToolCall { id: id(call), name: text(call.get("name")), arguments: arguments(call) }
    } else if let Some(result) = at("functionResponse") {
        return function_response(result);
    } else if let Some(data) = at("inlineData") {
        let bytes = data.get("data").as_str().map(|data| base64_bytes(&data));
        media(data, bytes, Cow::Borrowed(""))
    } else if let Some(file) = at("fileData") {
        media(file, None, text(member(file, "fileUri")))
    } else if let Some(code) = at("executableCode") {
        let (name, arguments) = (Cow::Borrowed("code_execution"), text(code.get("code")));
        Part::ServerToolCall { id: id(code), name, arguments }
    } else if let Some(result) = at("codeExecutionResult") {
        let output = result.get("output").as_str().unwrap_or_else(|| text(result.get("outcome")));
        Part::ToolResult { call_id: id(result), label: Cow::Borrowed("code_execution"), text: output }
    } else if let Some(call) = at("toolCall") {
        Part::ServerToolCall {
            id: id(call),
            name: text(member(call, "toolType")),
            arguments: arguments(call),
        }
    } else if let Some(result) = at("toolResponse") {
        let label = text(member(result, "toolType"));
        Part::ToolResult { call_id: id(result), label, text: text_or_json(result.get("response")) }
    } else {
        let has_data =
            |part: &Object<'_>| part.iter().any(|(key, _)| !BESIDE_DATA.iter().any(|k| *key == **k));
        return part
            .as_object()
            .filter(|part| has_data(part))
            .map(|_| Part::Other(part))
            .into_iter()
            .collect();
    };
    vec![one]
}

fn is_thought(part: &Json<'_>) -> bool {
    part.get("thought").as_bool().unwrap_or(false)
}

/// The id that a call and its response share; a model that makes one call at a time may leave it out.
fn id<'j>(call_or_response: &'j Json<'j>) -> Cow<'j, str> {
    text(call_or_response.get("id"))
}

/// Returns the arguments of a call, which may leave them out where there are none.
fn arguments<'j>(call: &'j Json<'j>) -> Cow<'j, str> {
    known(call.get("args")).map_or(Cow::Borrowed("{}"), text_or_json)
}

fn media<'j>(data: &'j Json<'j>, bytes: Option<u64>, source: Cow<'j, str>) -> Part<'j> {
    let media_type = member(data, "mimeType").as_str().unwrap_or(Cow::Borrowed("file"));
    Part::Media { media_type, bytes, source }
}

/// Returns the parts of a function's result, and the images and files that may come with it.
fn function_response<'j>(result: &'j Json<'j>) -> Vec<Part<'j>> {
    let label = result.get("name").as_str().unwrap_or_else(|| id(result));
    let text = text_or_json(result.get("response"));
    let mut all = vec![Part::ToolResult { call_id: id(result), label, text }];
    all.extend(listed_or_single(result.get("parts")).iter().flat_map(part));
    all
}

/// Returns the function declarations of an entry, and each tool of Google's own in it.
fn tools<'j>(entry: &'j Json<'j>) -> Vec<Tool<'j>> {
    let mut all = Vec::new();
    for (key, value) in entry.as_object().into_iter().flat_map(Object::iter) {
        match (&*key.plain(), value) {
            (_, Json::Null) => {}
            ("functionDeclarations" | "function_declarations", declared) => {
                all.extend(listed_or_single(declared).iter().map(|function| {
                    Tool {
                        name: text(function.get("name")),
                        description: text(function.get("description")),
                        parameters: ["parameters", "parametersJsonSchema", "parameters_json_schema"]
                            .into_iter()
                            .find_map(|key| present(function, key)),
                    }
                }));
            }
            (name, _) => {
                all.push(Tool { name: Cow::Owned(name.to_owned()), ..Tool::default() });
            }
        }
    }
    all
}

/// The names of the numbers that stand for finish reasons where a client asks for `$alt=json;enum-encoding=int`: the Gemini
/// API's, then Vertex AI's.
///
/// <https://ai.google.dev/api/generate-content#FinishReason>,
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#FinishReason>
const FINISH_REASONS: [&[&str]; 2] = [
    &[
        "",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "IMAGE_SAFETY",
        "UNEXPECTED_TOOL_CALL",
    ],
    &[
        "",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_OTHER",
        "UNEXPECTED_TOOL_CALL",
        "NO_IMAGE",
    ],
];

/// The same for what blocks a prompt.
const BLOCK_REASONS: [&[&str]; 2] = [
    &["", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"],
    &["", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "MODEL_ARMOR", "JAILBREAK"],
];

/// Returns the name of an enumeration's value, which may come as its number: one of `names`, else the number itself.
fn name_of<'j>(value: &'j Json<'j>, names: &'static [&'static str]) -> Cow<'j, str> {
    match value.as_u64().map(|number| names.get(usize::try_from(number).unwrap_or(usize::MAX))) {
        Some(Some(name)) => Cow::Borrowed(name),
        Some(None) => Cow::Owned(value.scalar()),
        None => text(value),
    }
}

fn choice<'j>(candidate: &'j Json<'j>, is_vertex: bool) -> Choice<'j> {
    Choice {
        finish_reason: name_of(member(candidate, "finishReason"), FINISH_REASONS[usize::from(is_vertex)]),
        parts: joined(parts(candidate.get("content"))),
    }
}

/// Returns the token counts of `usageMetadata`: those of Google's own tools belong to the prompt, those of thoughts to
/// the answer.
pub(crate) fn usage(usage: &Json<'_>) -> Option<Usage> {
    usage.as_object()?;
    let number = |name: &str| member(usage, name).as_u64();
    let thoughts = number("thoughtsTokenCount").unwrap_or(0);
    let prompt = number("promptTokenCount").unwrap_or(0) + number("toolUsePromptTokenCount").unwrap_or(0);
    let answer = number("candidatesTokenCount").or_else(|| number("responseTokenCount")).unwrap_or(0);
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: answer + thoughts,
        total_tokens: number("totalTokenCount").unwrap_or(prompt + answer + thoughts),
        cached_tokens: number("cachedContentTokenCount").unwrap_or(0),
        cache_creation_tokens: 0,
        reasoning_tokens: thoughts,
    })
}

/// Returns the service tier: the Gemini API names it, Vertex AI names the kind of traffic.
fn service_tier<'j>(usage: &'j Json<'j>) -> Cow<'j, str> {
    match &*text(member(usage, "trafficType")) {
        "ON_DEMAND_FLEX" => Cow::Borrowed("flex"),
        "ON_DEMAND_PRIORITY" => Cow::Borrowed("priority"),
        _ => text(member(usage, "serviceTier")),
    }
}

/// Folds chunks, each of the shape of a whole response, into one response.
#[derive(Default)]
struct GenerateFold<'a> {
    object: Object<'a>,
    candidates: Vec<CandidateFold<'a>>,
    /// What Code Assist puts around each chunk.
    envelope: Option<Object<'a>>,
    error: Option<Json<'a>>,
}

#[derive(Default)]
struct CandidateFold<'a> {
    index: u64,
    members: Object<'a>,
    finished: bool,
}

impl<'a> Fold<'a> for GenerateFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut chunk) = data else {
            return EventKind::Unknown;
        };
        if chunk.get("response").is_some_and(is_response)
            && let Some(Json::Object(inner)) = chunk.remove("response")
        {
            let envelope = self.envelope.get_or_insert_default();
            envelope.set("response", Json::Null);
            for (key, value) in chunk {
                blend(envelope.entry(&key), value);
            }
            chunk = inner;
        }
        let chunk = Json::Object(chunk);
        let failed = has_content(chunk.get("error"));
        if failed {
            self.error = Some(chunk.clone());
        }
        if !is_response(&chunk) {
            return if failed { EventKind::Other } else { EventKind::Unknown };
        }
        self.take(chunk)
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        self.candidates.sort_by_key(|candidate| candidate.index);
        let candidates = self.candidates.into_iter().map(|candidate| Json::Object(candidate.members));
        if self.object.get("candidates").is_some() {
            self.object.set("candidates", Json::Array(candidates.collect()));
        }
        let mut object = Json::Object(self.object);
        if let Some(mut envelope) = self.envelope {
            envelope.set("response", object);
            object = Json::Object(envelope);
        }
        Folded { object, error: self.error }
    }
}

/// Returns whether a chunk has anything that a response has.
fn is_response(chunk: &Json<'_>) -> bool {
    ["candidates", "usageMetadata", "promptFeedback", "modelVersion", "responseId", "createTime"]
        .iter()
        .any(|name| !member(chunk, name).is_null())
}

impl<'a> GenerateFold<'a> {
    fn take(&mut self, chunk: Json<'a>) -> EventKind {
        let blocked = !member(member(&chunk, "promptFeedback"), "blockReason").is_null();
        let mut is_content = false;
        let Json::Object(chunk) = chunk else {
            return EventKind::Unknown;
        };
        for (key, value) in chunk {
            match (&*key.plain(), value) {
                ("candidates", Json::Array(candidates)) => {
                    if self.object.get("candidates").is_none() {
                        self.object.set("candidates", Json::Null);
                    }
                    for candidate in candidates {
                        is_content |= self.candidate(candidate);
                    }
                }
                // Each chunk counts from the start of the answer, so the last one counts all of it.
                ("usageMetadata" | "usage_metadata", value) => {
                    if !value.is_null() {
                        *self.object.entry(&key) = value;
                    }
                }
                (_, value) => blend(self.object.entry(&key), value),
            }
        }
        let all_finished = !self.candidates.is_empty() && self.candidates.iter().all(|c| c.finished);
        match (all_finished || (blocked && self.candidates.is_empty()), is_content) {
            (true, true) => EventKind::LastContent,
            (true, false) => EventKind::End,
            (false, true) => EventKind::Content,
            (false, false) => EventKind::Other,
        }
    }

    /// Takes one candidate of a chunk; returns whether it has content.
    fn candidate(&mut self, candidate: Json<'a>) -> bool {
        let Json::Object(candidate) = candidate else {
            return false;
        };
        // The first candidate may have no index.
        let index = candidate.get("index").and_then(Json::as_u64).unwrap_or(0);
        let place = match self.candidates.iter().position(|c| c.index == index) {
            Some(place) => place,
            None => {
                self.candidates.push(CandidateFold { index, ..CandidateFold::default() });
                self.candidates.len() - 1
            }
        };
        self.candidates[place].take(candidate)
    }
}

impl<'a> CandidateFold<'a> {
    fn take(&mut self, candidate: Object<'a>) -> bool {
        let mut is_content = false;
        for (key, value) in candidate {
            let place = self.members.entry(&key);
            match (&*key.plain(), value) {
                (_, Json::Null) => {}
                ("content", Json::Object(content)) => is_content |= take_content(place, content),
                ("finishReason" | "finish_reason", reason) => {
                    // A zero says that there is none.
                    self.finished = reason.as_u64() != Some(0);
                    *place = reason;
                }
                // The same categories again, rated on the whole answer so far.
                ("safetyRatings" | "safety_ratings", ratings) => *place = ratings,
                // Of this chunk's tokens alone.
                ("logprobsResult" | "logprobs_result", logprobs) => append(place, logprobs),
                (_, value) => blend(place, value),
            }
        }
        is_content
    }
}

fn take_content<'a>(place: &mut Json<'a>, content: Object<'a>) -> bool {
    if place.as_object().is_none() {
        *place = Json::Object(Object::new());
    }
    let Some(whole) = place.as_object_mut() else {
        return false;
    };
    let mut is_content = false;
    for (key, value) in content {
        let place = whole.entry(&key);
        match (&*key.plain(), value) {
            (_, Json::Null) => {}
            ("parts", Json::Array(new)) => {
                if !matches!(place, Json::Array(_)) {
                    *place = Json::Array(Vec::with_capacity(new.len()));
                }
                if let Json::Array(parts) = place {
                    for part in new {
                        is_content |= take_part(parts, part);
                    }
                }
            }
            (_, value) => *place = value,
        }
    }
    is_content
}

/// Adds a part: text to text of its kind, arguments to their call, anything else at the end. Returns whether it has
/// content.
fn take_part<'a>(parts: &mut Vec<Json<'a>>, part: Json<'a>) -> bool {
    if let Some(thought) = plain_text(&part) {
        let Some(text) = part.get("text").as_text().cloned() else {
            return false;
        };
        let is_content = !text.is_empty();
        if !is_content && !parts.is_empty() {
            return false;
        }
        match parts.last_mut() {
            Some(last) if plain_text(last) == Some(thought) => {
                if let Some(Json::String(whole)) = last.as_object_mut().and_then(|last| last.get_mut("text"))
                {
                    whole.push(&text);
                }
            }
            _ => parts.push(part),
        }
        return is_content;
    }
    let is_signature = part.get("text").as_text().is_some_and(Text::is_empty);
    match part {
        Json::Object(part) if part.get("functionCall").is_some_and(|call| call.as_object().is_some()) => {
            take_call(parts, part);
        }
        part => parts.push(part),
    }
    !is_signature
}

/// Returns whether a part that is nothing but text is a thought; `None` for any other part. A part with a signature
/// has to be sent back as it is, so it stays a part of its own.
fn plain_text(part: &Json<'_>) -> Option<bool> {
    let only_text = part.as_object()?.iter().all(|(key, _)| *key == *"text" || *key == *"thought");
    (only_text && part.get("text").as_text().is_some()).then(|| is_thought(part))
}

/// Takes a call, or a piece of one: Vertex AI streams arguments as values at JSON paths.
///
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc>
fn take_call<'a>(parts: &mut Vec<Json<'a>>, mut part: Object<'a>) {
    let Some(Json::Object(mut piece)) = part.remove("functionCall") else {
        return;
    };
    let open = |part: &Json<'_>| part.at(&["functionCall", "willContinue"]).as_bool().unwrap_or(false);
    let begins = piece.get("name").is_some_and(|name| !name.is_null());
    let place = if begins { None } else { parts.iter().rposition(open) };
    let place = match place {
        Some(place) => place,
        None => {
            parts.push(Json::Object([("functionCall", Json::Object(Object::new()))].into_iter().collect()));
            parts.len() - 1
        }
    };
    let Some(whole) = parts[place].as_object_mut() else {
        return;
    };
    if let Some(call) = whole.get_mut("functionCall").and_then(Json::as_object_mut) {
        call.remove("willContinue");
        let pieces = piece.remove("partialArgs");
        for (key, value) in piece {
            let is_blank = value.is_null() || *key.plain() == *"willContinue" && value == Json::Bool(false);
            if !is_blank {
                call.set_text(key, value);
            }
        }
        if let Some(Json::Array(pieces)) = pieces {
            for piece in pieces {
                take_argument(call, piece);
            }
        }
    }
    for (key, value) in part {
        blend(whole.entry(&key), value);
    }
}

/// Puts a piece of an argument in its place; a piece whose path is not understood is kept as it is.
fn take_argument<'a>(call: &mut Object<'a>, piece: Json<'a>) {
    let value = [("stringValue", true), ("numberValue", true), ("boolValue", true), ("nullValue", false)]
        .iter()
        .find_map(|(name, has_value)| match (piece.get(name), has_value) {
            (Json::Null, true) => None,
            (value, true) => Some(value.clone()),
            (_, false) => piece.as_object().and_then(|p| p.get(name)).map(|_| Json::Null),
        });
    let steps = piece.get("jsonPath").as_str().and_then(|path| json_path(&path));
    let (Some(value), Some(steps)) = (value, steps) else {
        let kept = call.entry(&Text::new("partialArgs"));
        match kept {
            Json::Array(kept) => kept.push(piece),
            _ => *kept = Json::Array(vec![piece]),
        }
        return;
    };
    let mut place = call.entry(&Text::new("args"));
    if place.is_null() {
        *place = Json::Object(Object::new());
    }
    for step in steps {
        place = step.within(place);
    }
    match (&mut *place, value) {
        (Json::String(whole), Json::String(more)) => whole.push(&more),
        (_, value) => *place = value,
    }
}

/// One step of a JSON path.
#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    /// Returns the place that the step leads to, added where it is missing.
    fn within<'p, 'a>(&self, place: &'p mut Json<'a>) -> &'p mut Json<'a> {
        match self {
            Step::Key(_) => {
                if place.as_object().is_none() {
                    *place = Json::Object(Object::new());
                }
            }
            Step::Index(_) => {
                if !matches!(place, Json::Array(_)) {
                    *place = Json::Array(Vec::new());
                }
            }
        }
        match (self, place) {
            (Step::Key(key), Json::Object(object)) => object.entry(&Text::new(key.clone())),
            (Step::Index(index), Json::Array(items)) => {
                // Elements come in their order; an index far beyond the end would only cost memory.
                let index = (*index).min(items.len());
                if index == items.len() {
                    items.push(Json::Null);
                }
                &mut items[index]
            }
            (_, place) => place,
        }
    }
}

/// Deeper paths are not followed: the tree that they would build is walked recursively.
const MAX_STEPS: usize = 64;

/// Returns the steps of a path such as `$.a.b[0]['c']`.
fn json_path(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == MAX_STEPS {
            return None;
        }
        let step = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let key = after[..end].to_owned();
            rest = &after[end..];
            Step::Key(key)
        } else {
            let after = rest.strip_prefix('[')?;
            match after.chars().next()? {
                quote @ ('\'' | '"') => {
                    let (key, after) = after[1..].split_once(&format!("{quote}]"))?;
                    rest = after;
                    Step::Key(key.to_owned())
                }
                _ => {
                    let (index, after) = after.split_once(']')?;
                    rest = after;
                    Step::Index(index.parse().ok()?)
                }
            }
        };
        steps.push(step);
    }
    Some(steps)
}

/// Adds the elements of every list in `new` to the list of its name.
fn append<'a>(whole: &mut Json<'a>, new: Json<'a>) {
    match (&mut *whole, new) {
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                append(old.entry(&key), value);
            }
        }
        (Json::Array(old), Json::Array(new)) => old.extend(new),
        (_, Json::Null) => {}
        (_, new) => *whole = new,
    }
}

/// Lists beyond this many elements are not compared element by element.
const COMPARED: usize = 1000;

/// Updates members with those of a later chunk. Metadata comes in pieces or grows from chunk to chunk: a later value
/// replaces an earlier one, what is missing stays.
fn blend<'a>(whole: &mut Json<'a>, new: Json<'a>) {
    match (&mut *whole, new) {
        (_, Json::Null) => {}
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                blend(old.entry(&key), value);
            }
        }
        (Json::Array(old), Json::Array(mut new)) => {
            let comparable = old.len() <= COMPARED && new.len() <= COMPARED;
            if comparable && old.iter().all(|item| new.contains(item)) {
                *old = new;
            } else {
                new.retain(|item| !comparable || !old.contains(item));
                old.extend(new);
            }
        }
        (_, new) => *whole = new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint() -> Endpoint {
        let url = "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent";
        detect_endpoint(Request { method: "POST", url }).unwrap()
    }

    #[test]
    fn a_finish_reason_that_is_a_number_was_none() {
        let vertex = "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:generateContent";
        let vertex = detect_endpoint(Request { method: "POST", url: vertex }).unwrap();
        for (number, ai_studio, on_vertex) in [
            (0, "", ""),
            (1, "STOP", "STOP"),
            (2, "MAX_TOKENS", "MAX_TOKENS"),
            (6, "LANGUAGE", "BLOCKLIST"),
            (12, "UNEXPECTED_TOOL_CALL", "IMAGE_PROHIBITED_CONTENT"),
            (99, "99", "99"),
        ] {
            let body = format!(r#"{{"candidates":[{{"finishReason":{number}}}]}}"#);
            let body = json::parse(&body).unwrap();
            assert_eq!(Gemini.response(&endpoint(), &body).finish_reason(), ai_studio);
            assert_eq!(Gemini.response(&vertex, &body).finish_reason(), on_vertex);
        }
        let blocked = json::parse(r#"{"promptFeedback":{"blockReason":1}}"#).unwrap();
        assert_eq!(Gemini.response(&endpoint(), &blocked).finish_reason(), "SAFETY");

        let mut fold = Gemini.fold(&endpoint()).unwrap();
        let text = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":0}]}"#;
        assert_eq!(fold.event("", json::parse(text).unwrap()), EventKind::Content);
        let last = r#"{"candidates":[{"finishReason":1}]}"#;
        assert_eq!(fold.event("", json::parse(last).unwrap()), EventKind::End);
        assert_eq!(Gemini.response(&endpoint(), &fold.finish().object).finish_reason(), "STOP");
    }

    #[test]
    fn tool_results_join_their_calls_by_id_where_there_are_ids() {
        let body = r#"{"contents":[{"role":"model","parts":[{"functionCall":{"id":"t","name":"f","args":{}}},{"functionCall":{"name":"g","args":{}}}]},
            {"role":"user","parts":[{"functionResponse":{"id":"t","name":"f","response":{"a":1}}},{"functionResponse":{"name":"g","response":{}}}]},
            {"role":"model","parts":[{"toolCall":{"id":"s","toolType":"GOOGLE_SEARCH","args":{}}},{"toolResponse":{"id":"s","toolType":"GOOGLE_SEARCH","response":{}}}]}]}"#;
        let body = json::parse(body).unwrap();
        let view = Gemini.request(&endpoint(), &body);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        let expected = [
            "f called as t",
            "g called as ",
            "result of t",
            "result of ",
            "GOOGLE_SEARCH called by the provider as s",
            "result of s",
        ];
        assert_eq!(tool_ids(parts), expected);
    }
}
