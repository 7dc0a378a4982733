//! OpenAI Responses, wherever they are served: OpenAI, Azure, ChatGPT's Codex backend, DeepSeek,
//! xAI, OpenRouter, Bedrock, GitHub Copilot, LM Studio …
//!
//! <https://platform.openai.com/docs/api-reference/responses>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::json::{Json, Object, Text};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::content::content_part;
use crate::api::shared::cost::body_cost;
use crate::api::shared::delta::{append_text, has_content};
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{present, text, text_or_json};
use crate::api::shared::usage::usage;
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let listed: Vec<Message<'j>> = match body.get("input") {
            Json::String(input) => vec![message_of("user", vec![Part::Text(input.plain())])],
            items => items.items().iter().map(|item| message(item, body)).collect(),
        };
        let messages_count = listed.len();
        let instructions = present(body, "instructions").map(text_or_json).filter(|text| !text.is_empty());
        let instructions = instructions.map(|text| message_of("system", vec![Part::Text(text)]));
        RequestView {
            model: body.get("model").as_str(),
            stream: body.get("stream").as_bool().unwrap_or(false),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_output_tokens"),
            tool_choice: present(body, "tool_choice"),
            messages_count,
            messages: instructions.into_iter().chain(listed).collect(),
            tools: body.get("tools").items().iter().map(tool).collect(),
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        // A response can fail without saying why.
        let failed = body.get("status").as_text().is_some_and(|status| *status == *"failed");
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("object")),
            created: body.get("created_at").as_f64().map(|seconds| seconds as u64),
            model: text(body.get("model")),
            choices: choice(body).into_iter().collect(),
            usage: usage(endpoint, body.get("usage")),
            cost: body_cost(body),
            service_tier: text(body.get("service_tier")),
            error: reported(body).or(failed.then_some(body)),
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(ResponsesFold::default()))
    }
}

fn tool<'j>(tool: &'j Json<'j>) -> Tool<'j> {
    let name = ["name", "server_label", "type"].into_iter().find_map(|key| tool.get(key).as_str());
    let description = present(tool, "description").or(present(tool, "server_description"));
    Tool {
        name: name.unwrap_or_default(),
        description: description.map(text).unwrap_or_default(),
        parameters: present(tool, "parameters"),
    }
}

fn message_of<'j>(role: impl Into<Cow<'j, str>>, parts: Vec<Part<'j>>) -> Message<'j> {
    Message { role: role.into(), parts }
}

/// An item of the input of `body`; messages may leave their type out.
fn message<'j>(item: &'j Json<'j>, body: &'j Json<'j>) -> Message<'j> {
    let kind = text(item.get("type"));
    let role = match (item.get("role").as_str(), &*kind) {
        (Some(role), _) => role,
        (None, kind) if kind.ends_with("_output") => Cow::Borrowed("tool"),
        (None, kind) if kind == "reasoning" || kind.ends_with("_call") => Cow::Borrowed("assistant"),
        // References, approvals, compactions: their kind stands for the role.
        (None, _) => kind,
    };
    message_of(role, item_parts(item, body))
}

/// Returns the parts of an item of either direction; `body` is the whole that it is in.
fn item_parts<'j>(item: &'j Json<'j>, body: &'j Json<'j>) -> Vec<Part<'j>> {
    let kind = text(item.get("type"));
    match &*kind {
        "message" | "" => contents(item.get("content")),
        "reasoning" => {
            let pieces = ["summary", "content"].into_iter().flat_map(|key| item.get(key).items());
            pieces.map(|piece| Part::Reasoning(text(piece.get("text")))).collect()
        }
        kind if kind.ends_with("_call") => tool_call(item, kind, body),
        kind if kind.ends_with("_output") => tool_result(item),
        _ => vec![Part::Other(item)],
    }
}

fn contents<'j>(content: &'j Json<'j>) -> Vec<Part<'j>> {
    match content {
        Json::String(text) if !text.is_empty() => vec![Part::Text(text.plain())],
        content => content.items().iter().map(content_part).collect(),
    }
}

/// Calls of tools that the provider runs itself.
const RUN_BY_PROVIDER: [&str; 7] = [
    "web_search_call",
    "x_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "tool_search_call",
];

/// A call of any tool, the caller's or the provider's own; the latter are named after their kind
/// and carry their results.
fn tool_call<'j>(call: &'j Json<'j>, kind: &str, body: &Json<'_>) -> Vec<Part<'j>> {
    const ARGUMENTS: [&str; 9] = [
        "arguments",
        "input",
        "action",
        "actions",
        "operation",
        "code",
        "queries",
        "query",
        "revised_prompt",
    ];
    let name = call.get("name").as_str().filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| Cow::Owned(kind.trim_end_matches("_call").to_owned()));
    let arguments = ARGUMENTS.into_iter().find_map(|key| present(call, key)).map(text_or_json);
    let (tool, arguments) = (name.clone(), arguments.unwrap_or_default());
    // A call that the provider runs itself has no id but the item's.
    let id = present(call, "call_id").or(present(call, "id")).map(text).unwrap_or_default();
    // A search of tools may be left to the caller.
    let by_caller = call.get("execution").as_text().is_some_and(|execution| *execution == *"client");
    let by_provider =
        RUN_BY_PROVIDER.contains(&kind) || kind == "shell_call" && runs_in_container(call, body);
    let mut parts = vec![if by_provider && !by_caller {
        Part::ServerToolCall { id: id.clone(), name: tool, arguments }
    } else {
        Part::ToolCall { id: id.clone(), name: tool, arguments }
    }];
    for key in ["output", "outputs", "error"] {
        if let Some(result) = present(call, key).filter(|result| has_content(result)) {
            let text = text_or_json(result);
            parts.push(Part::ToolResult { call_id: id.clone(), label: name.clone(), text });
        }
    }
    if let Some(image) = call.get("result").as_str() {
        let format = call.get("output_format").as_str().unwrap_or(Cow::Borrowed("png"));
        parts.push(Part::Media {
            media_type: format!("image/{format}").into(),
            bytes: Some(base64_bytes(&image)),
            source: Cow::Borrowed(""),
        });
    }
    parts
}

/// Returns whether a shell runs in a container of the provider's: so the call says, else the tool of the request, which the
/// response repeats.
fn runs_in_container(call: &Json<'_>, body: &Json<'_>) -> bool {
    let is_container = |place: &Json<'_>| {
        let kind = place.at(&["environment", "type"]).as_text();
        kind.map(|kind| kind.plain().starts_with("container"))
    };
    let is_shell = |tool: &&Json<'_>| tool.get("type").as_text().is_some_and(|kind| *kind == *"shell");
    let shell = body.get("tools").items().iter().find(is_shell);
    is_container(call).or_else(|| is_container(shell?)).unwrap_or(false)
}

/// Returns the parts of the result of the caller's tool: text, or a list of texts and media.
fn tool_result<'j>(result: &'j Json<'j>) -> Vec<Part<'j>> {
    let output = present(result, "output").unwrap_or_else(|| result.get("tools"));
    let mut media = Vec::new();
    let answer = match output {
        Json::Array(items) => {
            let mut texts = Vec::new();
            for part in items.iter().map(content_part) {
                match part {
                    Part::Text(text) => texts.push(text),
                    Part::Other(json) => texts.push(text_or_json(json)),
                    part => media.push(part),
                }
            }
            texts.join("\n").into()
        }
        Json::Object(_) => match content_part(output) {
            Part::Other(json) => text_or_json(json),
            part => {
                media.push(part);
                Cow::Borrowed("")
            }
        },
        output => text_or_json(output),
    };
    let call_id = text(result.get("call_id"));
    let mut parts = vec![Part::ToolResult { call_id: call_id.clone(), label: call_id, text: answer }];
    parts.append(&mut media);
    parts
}

/// Returns all of the output as one choice; `None` while a background response is still waiting.
fn choice<'j>(body: &'j Json<'j>) -> Option<Choice<'j>> {
    let mut parts: Vec<Part<'j>> =
        body.get("output").items().iter().flat_map(|item| item_parts(item, body)).collect();
    if parts.is_empty()
        && let Some(text) = body.get("output_text").as_str().filter(|text| !text.is_empty())
    {
        parts.push(Part::Text(text));
    }
    let finish_reason = finish_reason(body);
    (!parts.is_empty() || !finish_reason.is_empty()).then_some(Choice { finish_reason, parts })
}

/// Returns why the response is incomplete, else its status once it is final.
fn finish_reason<'j>(body: &'j Json<'j>) -> Cow<'j, str> {
    let reason = text(body.at(&["incomplete_details", "reason"]));
    if !reason.is_empty() {
        return reason;
    }
    match body.get("status").as_str() {
        Some(status) if status != "queued" && status != "in_progress" => status,
        _ => Cow::Borrowed(""),
    }
}

/// Folds events into a `response`.
#[derive(Default)]
struct ResponsesFold<'a> {
    response: Object<'a>,
    items: Vec<Item<'a>>,
    /// Sound, which belongs to no item.
    audio: Object<'a>,
    error: Option<Json<'a>>,
}

/// An item of the output so far.
struct Item<'a> {
    /// Its `output_index`.
    index: u64,
    /// Whether the item has come as a whole.
    done: bool,
    members: Object<'a>,
}

/// Where in an item the pieces of an event go.
struct Place {
    /// The list that holds the part, and the kind of part; `None` for a member of the item.
    part: Option<(&'static str, &'static str)>,
    member: Cow<'static, str>,
    /// The kind of the item, for one that is not there yet.
    item: Cow<'static, str>,
}

impl Place {
    fn of(stem: &str) -> Self {
        let part = |list, kind, member, item| Place {
            part: Some((list, kind)),
            member: Cow::Borrowed(member),
            item: Cow::Borrowed(item),
        };
        let own =
            |member, item| Place { part: None, member: Cow::Borrowed(member), item: Cow::Borrowed(item) };
        match stem {
            "output_text" => part("content", "output_text", "text", "message"),
            "refusal" => part("content", "refusal", "refusal", "message"),
            "reasoning_text" | "reasoning" => part("content", "reasoning_text", "text", "reasoning"),
            "reasoning_summary_text" | "reasoning_summary" => {
                part("summary", "summary_text", "text", "reasoning")
            }
            "function_call_arguments" => own("arguments", "function_call"),
            "mcp_call_arguments" | "mcp_call.arguments" => own("arguments", "mcp_call"),
            "custom_tool_call_input" => own("input", "custom_tool_call"),
            "code_interpreter_call_code" | "code_interpreter_call.code" => {
                own("code", "code_interpreter_call")
            }
            // A kind that is not known keeps its pieces under its own name.
            stem => Place { part: None, member: stem.to_owned().into(), item: stem.to_owned().into() },
        }
    }
}

impl<'a> Fold<'a> for ResponsesFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut event) = data else {
            return EventKind::Unknown;
        };
        let kind = event.get("type").and_then(Json::as_str).map(Cow::into_owned);
        let kind = kind.unwrap_or_else(|| name.to_owned());
        if matches!(event.get("response"), Some(Json::Object(_))) {
            return self.state(&kind, event);
        }
        let untyped = !kind.starts_with("response.");
        if kind == "error"
            || kind == "response.error"
            || untyped && event.get("error").is_some_and(has_content)
        {
            self.error = Some(Json::Object(event));
            return EventKind::Other;
        }
        match kind.strip_prefix("response.").unwrap_or(&kind) {
            "output_item.added" => self.item_added(&mut event),
            "output_item.done" => self.item_done(&mut event),
            // The latter two are vLLM's.
            "content_part.added" | "content_part.done" | "reasoning_part.added" | "reasoning_part.done" => {
                self.part(&mut event, "content", "content_index")
            }
            "reasoning_summary_part.added" | "reasoning_summary_part.done" => {
                self.part(&mut event, "summary", "summary_index")
            }
            "output_text.annotation.added" | "output_text_annotation.added" => self.annotation(&mut event),
            "image_generation_call.partial_image" => {
                let piece = event.remove("partial_image_b64").unwrap_or_default();
                let Some(item) = self.item(&event) else {
                    return EventKind::Unknown;
                };
                if !item.done {
                    item.members.set("partial_image_b64", piece);
                }
                EventKind::Content
            }
            "audio.delta" => self.audio_delta("data", event.remove("delta")),
            "audio.transcript.delta" => self.audio_delta("transcript", event.remove("delta")),
            "audio.done" | "audio.transcript.done" | "keepalive" | "ping" => EventKind::Other,
            kind => match kind.rsplit_once('.') {
                Some((stem, "delta")) => self.delta(&Place::of(stem), &mut event),
                Some((stem, "done")) => self.whole(&Place::of(stem), &mut event),
                Some((stem, progress)) => self.progress(stem, progress, &event),
                None => EventKind::Unknown,
            },
        }
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        // ChatGPT's closing event has no output, and a stream that broke off has no closing event.
        let empty = self.response.get("output").is_none_or(|output| output.items().is_empty());
        if empty && !self.items.is_empty() {
            self.items.sort_by_key(|item| item.index);
            let items = self.items.into_iter().map(Item::finish);
            self.response.set("output", Json::Array(items.collect()));
        }
        if !self.audio.is_empty() && self.response.get("audio").is_none_or(Json::is_null) {
            self.response.set("audio", Json::Object(self.audio));
        }
        Folded { object: Json::Object(self.response), error: self.error }
    }
}

impl<'a> ResponsesFold<'a> {
    /// Takes an event that has the response so far: the last one counts.
    fn state(&mut self, kind: &str, event: Object<'a>) -> EventKind {
        let Some(Json::Object(mut response)) = event.get("response").cloned() else {
            return EventKind::Unknown;
        };
        let status = response.get("status").and_then(Json::as_str).unwrap_or_default();
        let closing = ["response.completed", "response.incomplete", "response.failed", "response.done"];
        let last =
            closing.contains(&kind) || ["completed", "incomplete", "failed", "cancelled"].contains(&&*status);
        let failed = kind == "response.failed" || status == "failed";
        // Proxies close with as little as an id and the usage.
        for key in ["id", "object", "created_at", "model"] {
            if response.get(key).is_none()
                && let Some(known) = self.response.get(key)
            {
                response.set(key, known.clone());
            }
        }
        self.response = response;
        if failed {
            self.error = Some(Json::Object(event));
        }
        if last { EventKind::End } else { EventKind::Other }
    }

    fn item_added(&mut self, event: &mut Object<'a>) -> EventKind {
        let Some(Json::Object(members)) = event.remove("item") else {
            return EventKind::Unknown;
        };
        let index = self.index(event);
        // A message or a thought begins with its text, a call with its name.
        let item_type = members.get("type").and_then(Json::as_str).unwrap_or_default();
        let event_kind = EventKind::content_if(item_type != "message" && item_type != "reasoning");
        let again = |item: &&mut Item<'a>| item.index == index && item.members.get("id") == members.get("id");
        match self.items.iter_mut().find(again) {
            Some(item) if item.done => {}
            Some(item) => item.members = members,
            None => self.items.push(Item { index, done: false, members }),
        }
        event_kind
    }

    fn item_done(&mut self, event: &mut Object<'a>) -> EventKind {
        let Some(Json::Object(members)) = event.remove("item") else {
            return EventKind::Unknown;
        };
        let index = self.index(event);
        let same_id = |item: &Item<'a>| item.index == index && item.members.get("id") == members.get("id");
        // GitHub Copilot gives an item another id in each of its events.
        let open = |item: &Item<'a>| item.index == index && !item.done;
        let place = self.items.iter().position(same_id).or_else(|| self.items.iter().position(open));
        let item = Item { index, done: true, members };
        match place {
            Some(place) => self.items[place] = item,
            None => self.items.push(item),
        }
        EventKind::Content
    }

    /// Returns the event's `output_index`; the place after the last item where it has none.
    fn index(&self, event: &Object<'a>) -> u64 {
        let index = event.get("output_index").and_then(Json::as_u64);
        index.unwrap_or_else(|| self.items.iter().map(|item| item.index.saturating_add(1)).max().unwrap_or(0))
    }

    /// Returns the item that an event is about.
    fn item(&mut self, event: &Object<'a>) -> Option<&mut Item<'a>> {
        let id = event.get("item_id").filter(|id| !id.is_null());
        let index = event.get("output_index").and_then(Json::as_u64);
        let here = |item: &Item<'a>| index.is_none_or(|index| item.index == index);
        let same_id = |item: &Item<'a>| here(item) && id.is_some() && item.members.get("id") == id;
        let place = self.items.iter().rposition(same_id).or_else(|| self.items.iter().rposition(here))?;
        self.items.get_mut(place)
    }

    /// Returns the item that an event is about, added where there is none.
    fn item_or_new(&mut self, event: &Object<'a>, kind: &str) -> Option<&mut Item<'a>> {
        if self.item(event).is_none() {
            let mut members = Object::new();
            if let Some(id) = event.get("item_id") {
                members.set("id", id.clone());
            }
            members.set("type", Json::string(kind.to_owned()));
            if kind == "message" {
                members.set("role", Json::string("assistant"));
            }
            let index = self.index(event);
            self.items.push(Item { index, done: false, members });
        }
        self.item(event)
    }

    fn part(&mut self, event: &mut Object<'a>, list: &'static str, index: &str) -> EventKind {
        let Some(part) = event.remove("part") else {
            return EventKind::Unknown;
        };
        let kind = if list == "content" { "message" } else { "reasoning" };
        let Some(item) = self.item_or_new(event, kind) else {
            return EventKind::Unknown;
        };
        if !item.done {
            let index = event.get(index).and_then(Json::as_u64).unwrap_or(0);
            *slot(&mut item.members, list, index) = part;
        }
        EventKind::Other
    }

    fn annotation(&mut self, event: &mut Object<'a>) -> EventKind {
        let Some(annotation) = event.remove("annotation") else {
            return EventKind::Unknown;
        };
        let index = event.get("annotation_index").and_then(Json::as_u64);
        let place = Place::of("output_text");
        let Some(part) = self.item_or_new(event, &place.item).and_then(|item| item.part(&place, event))
        else {
            return EventKind::Other;
        };
        let known = part.get("annotations").map_or(0, |list| list.items().len() as u64);
        *slot(part, "annotations", index.unwrap_or(known)) = annotation;
        EventKind::Other
    }

    fn delta(&mut self, place: &Place, event: &mut Object<'a>) -> EventKind {
        let piece = match event.remove("delta") {
            // Early summaries and gateways wrap the piece.
            Some(Json::Object(mut delta)) if delta.get("text").is_some() => delta.remove("text"),
            delta => delta,
        };
        let Some(piece) = piece else {
            return EventKind::Unknown;
        };
        if place.part.is_none() && event.get("output_index").is_none() && event.get("item_id").is_none() {
            return EventKind::Unknown;
        }
        let is_content = piece.as_text().is_none_or(|piece| !piece.is_empty());
        let logprobs = event.remove("logprobs");
        let Some(item) = self.item_or_new(event, &place.item) else {
            return EventKind::Unknown;
        };
        if !item.done {
            match item.part(place, event) {
                Some(part) => {
                    append_text(part.entry(&Text::new(place.member.clone())), piece);
                    if let Some(Json::Array(new)) = logprobs.filter(|new| !new.items().is_empty()) {
                        match part.entry(&Text::new("logprobs")) {
                            Json::Array(old) => old.extend(new),
                            old => *old = Json::Array(new),
                        }
                    }
                }
                None => append_text(item.members.entry(&Text::new(place.member.clone())), piece),
            }
        }
        EventKind::content_if(is_content)
    }

    /// Takes the whole of what came in deltas, which may have been left out.
    fn whole(&mut self, place: &Place, event: &mut Object<'a>) -> EventKind {
        let Some(whole) = event.remove(&place.member).filter(|whole| !whole.is_null()) else {
            // Marks without a text, of kinds that are known by their pieces.
            return if self.item(event).is_some() { EventKind::Other } else { EventKind::Unknown };
        };
        let logprobs = event.remove("logprobs").filter(|list| !list.items().is_empty());
        let name = event.remove("name").filter(|name| !name.is_null());
        let Some(item) = self.item_or_new(event, &place.item) else {
            return EventKind::Unknown;
        };
        if !item.done {
            if let (Some(name), None) = (name, item.members.get("name")) {
                item.members.set("name", name);
            }
            let members = match item.part(place, event) {
                Some(part) => part,
                None => &mut item.members,
            };
            members.set(place.member.clone().into_owned(), whole);
            if let Some(logprobs) = logprobs {
                members.set("logprobs", logprobs);
            }
        }
        EventKind::Content
    }

    /// Takes `response.web_search_call.searching` and the like.
    fn progress(&mut self, stem: &str, progress: &str, event: &Object<'a>) -> EventKind {
        if event.get("output_index").is_none() && event.get("item_id").is_none() {
            return EventKind::Unknown;
        }
        let Some(item) = self.item(event) else {
            return EventKind::Unknown;
        };
        if !item.done && (stem.ends_with("_call") || stem == "mcp_list_tools") {
            item.members.set("status", Json::string(progress.to_owned()));
        }
        EventKind::Other
    }

    fn audio_delta(&mut self, member: &'static str, piece: Option<Json<'a>>) -> EventKind {
        append_text(self.audio.entry(&Text::new(member)), piece.unwrap_or_default());
        EventKind::Content
    }
}

impl<'a> Item<'a> {
    /// Returns the item without the gaps of parts that never came.
    fn finish(mut self) -> Json<'a> {
        for key in ["content", "summary"] {
            if let Some(Json::Array(parts)) = self.members.get_mut(key) {
                parts.retain(|part| !part.is_null());
            }
        }
        Json::Object(self.members)
    }

    /// Returns the part that an event is about; `None` where it is about the item itself.
    fn part(&mut self, place: &Place, event: &Object<'a>) -> Option<&mut Object<'a>> {
        let (list, kind) = place.part?;
        let key = if list == "summary" { "summary_index" } else { "content_index" };
        let index = event.get(key).and_then(Json::as_u64).unwrap_or(0);
        let part = slot(&mut self.members, list, index);
        if part.as_object().is_none() {
            let start = [("type", Json::string(kind))];
            *part = Json::Object(start.into_iter().collect());
        }
        part.as_object_mut()
    }
}

/// Returns the place `index` of the list `key`; where the index is far beyond the end, a new last one.
fn slot<'o, 'a>(members: &'o mut Object<'a>, key: &'static str, index: u64) -> &'o mut Json<'a> {
    const GAP: usize = 64;
    let list = members.entry(&Text::new(key));
    if !matches!(list, Json::Array(_)) {
        *list = Json::Array(Vec::new());
    }
    match list {
        Json::Array(list) => {
            let index = usize::try_from(index).ok().filter(|index| *index <= list.len() + GAP);
            let index = index.unwrap_or(list.len());
            if index >= list.len() {
                list.resize(index + 1, Json::Null);
            }
            &mut list[index]
        }
        // Never: it was made an array above.
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::framing::{Framing, for_each_event};
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint(url: &str) -> Endpoint {
        detect_endpoint(Request { method: "POST", url }).unwrap()
    }

    fn openai() -> Endpoint {
        endpoint("https://api.openai.com/v1/responses")
    }

    fn compact(json: &Json<'_>) -> String {
        let mut out = Vec::new();
        json::compact(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Folds a stream; returns the object, the kind of each event, and the error.
    fn fold_stream(stream: &str) -> (String, Vec<EventKind>, Option<String>) {
        let mut fold = OpenAiResponses.fold(&openai()).unwrap();
        let mut kinds = Vec::new();
        for_each_event(Framing::Sse, stream.as_bytes(), |event| {
            if event.data != "[DONE]" {
                kinds.push(fold.event(&event.name, json::parse(&event.data).unwrap().into_owned()));
            }
        });
        let folded = fold.finish();
        (compact(&folded.object), kinds, folded.error.map(|error| compact(&error)))
    }

    fn fold(events: &[&str]) -> (String, Vec<EventKind>, Option<String>) {
        fold_stream(&events.iter().map(|event| format!("data: {event}\n\n")).collect::<String>())
    }

    const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1700000000,"status":"in_progress","model":"gpt-x","output":[],"usage":null}}"#;

    /// A thought, a message and a call, each with every event that belongs to it.
    const ITEMS: [&str; 20] = [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","item_id":"rs","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs","output_index":0,"summary_index":0,"delta":"Hm","obfuscation":"xx"}"#,
        r#"{"type":"response.reasoning_summary_text.done","item_id":"rs","output_index":0,"summary_index":0,"text":"Hm"}"#,
        r#"{"type":"response.reasoning_summary_part.done","item_id":"rs","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"Hm"}}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"gAAA"}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
        r#"{"type":"response.content_part.added","item_id":"msg","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}"#,
        r#"{"type":"response.output_text.delta","item_id":"msg","output_index":1,"content_index":0,"delta":"Gr\u00fc","logprobs":[{"token":"Gr","logprob":-0.10}]}"#,
        r#"{"type":"response.output_text.delta","item_id":"msg","output_index":1,"content_index":0,"delta":"ße\n","logprobs":[{"token":"e","logprob":-2}]}"#,
        r#"{"type":"response.output_text.annotation.added","item_id":"msg","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation","url":"u"}}"#,
        r#"{"type":"response.output_text.done","item_id":"msg","output_index":1,"content_index":0,"text":"Grüße\n","logprobs":[]}"#,
        r#"{"type":"response.content_part.done","item_id":"msg","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Grüße\n","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[{"token":"Gr","logprob":-0.10},{"token":"e","logprob":-2}]}}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"msg","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Grüße\n","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[{"token":"Gr","logprob":-0.10},{"token":"e","logprob":-2}]}]}}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc","type":"function_call","status":"in_progress","call_id":"c","name":"add","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc","output_index":2,"delta":"{\"x\":"}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc","output_index":2,"delta":"1}"}"#,
        r#"{"type":"response.function_call_arguments.done","item_id":"fc","output_index":2,"arguments":"{\"x\":1}"}"#,
        r#"{"type":"keepalive","sequence_number":9}"#,
        r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"fc","type":"function_call","status":"completed","call_id":"c","name":"add","arguments":"{\"x\":1}"}}"#,
    ];

    const OUTPUT: &str = r#"[{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"gAAA"},{"id":"msg","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Grüße\n","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[{"token":"Gr","logprob":-0.10},{"token":"e","logprob":-2}]}]},{"id":"fc","type":"function_call","status":"completed","call_id":"c","name":"add","arguments":"{\"x\":1}"}]"#;

    fn closing(output: &str) -> String {
        format!(
            r#"{{"type":"response.completed","response":{{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","model":"gpt-x","output":{output},"service_tier":"default","usage":{{"input_tokens":10,"input_tokens_details":{{"cached_tokens":4}},"output_tokens":6,"output_tokens_details":{{"reasoning_tokens":2}},"total_tokens":16}}}}}}"#
        )
    }

    fn with_closing(output: &str) -> Vec<String> {
        let events = std::iter::once(CREATED).chain(ITEMS).map(str::to_owned);
        events.chain([closing(output)]).collect()
    }

    #[test]
    fn a_stream_is_the_response_of_its_closing_event() {
        let events = with_closing(OUTPUT);
        let (object, kinds, error) = fold(&events.iter().map(|e| &**e).collect::<Vec<_>>());
        let Json::Object(mut event) = json::parse(events.last().unwrap()).unwrap() else { panic!() };
        assert_eq!(object, compact(&event.remove("response").unwrap()));
        assert_eq!(error, None);
        let first = kinds.iter().position(|kind| *kind == EventKind::Content).unwrap();
        assert_eq!(first, 3, "the first content is the first piece of the summary");
        assert_eq!(kinds.last(), Some(&EventKind::End));
        assert!(!kinds.contains(&EventKind::Unknown), "{kinds:?}");
    }

    #[test]
    fn a_closing_event_without_output_has_the_items_that_came_before_it() {
        let events = with_closing("[]");
        let (object, ..) = fold(&events.iter().map(|e| &**e).collect::<Vec<_>>());
        let full = with_closing(OUTPUT);
        let (expected, ..) = fold(&full.iter().map(|e| &**e).collect::<Vec<_>>());
        assert_eq!(object, expected);
    }

    #[test]
    fn a_stream_that_breaks_off_keeps_every_piece_that_came() {
        let whole = json::parse(OUTPUT).unwrap();
        for end in 0..=ITEMS.len() {
            let events: Vec<_> = std::iter::once(CREATED).chain(ITEMS[..end].iter().copied()).collect();
            let (object, _, error) = fold(&events);
            assert_eq!(error, None);
            let object = json::parse(&object).unwrap();
            assert_eq!(object.get("id").as_str().as_deref(), Some("resp_1"));
            for (item, whole) in object.get("output").items().iter().zip(whole.items()) {
                assert_eq!(item.get("id"), whole.get("id"));
            }
            if end == 10 {
                let part = &object.get("output").items()[1].get("content").items()[0];
                assert_eq!(part.get("text").as_str().as_deref(), Some("Grüße\n"));
                assert_eq!(part.get("logprobs").items().len(), 2);
            }
            if end == 17 {
                let call = &object.get("output").items()[2];
                assert_eq!(call.get("arguments").as_str().as_deref(), Some(r#"{"x":1}"#));
            }
        }
    }

    #[test]
    fn pieces_make_their_item_where_none_was_announced() {
        let (object, kinds, _) = fold(&[
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"b"}"#,
            r#"{"type":"response.refusal.delta","item_id":"m","output_index":1,"content_index":1,"delta":"no"}"#,
            r#"{"type":"response.reasoning_text.delta","item_id":"r","output_index":0,"content_index":0,"delta":"hm"}"#,
            r#"{"type":"response.custom_tool_call_input.delta","item_id":"t","output_index":2,"delta":"ls"}"#,
            r#"{"type":"response.new_kind_of_call.delta","item_id":"n","output_index":3,"delta":"x"}"#,
            r#"{"type":"response.new_kind_of_call.delta","item_id":"n","output_index":3,"delta":"y"}"#,
        ]);
        assert_eq!(
            object,
            r#"{"output":[{"id":"r","type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}]},{"id":"m","type":"message","role":"assistant","content":[{"type":"output_text","text":"ab"},{"type":"refusal","refusal":"no"}]},{"id":"t","type":"custom_tool_call","input":"ls"},{"id":"n","type":"new_kind_of_call","new_kind_of_call":"xy"}]}"#
        );
        assert!(kinds.iter().all(|kind| *kind == EventKind::Content), "{kinds:?}");
    }

    #[test]
    fn an_item_whose_id_changes_from_event_to_event_is_one_item() {
        let (object, ..) = fold(&[
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"a","type":"function_call","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","item_id":"b","output_index":0,"delta":"{}"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"c","type":"function_call","name":"f","arguments":"{}"}}"#,
        ]);
        assert_eq!(object, r#"{"output":[{"id":"c","type":"function_call","name":"f","arguments":"{}"}]}"#);
    }

    #[test]
    fn progress_of_hosted_tools_shows_in_their_status() {
        let searching = [
            CREATED,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"ws","type":"web_search_call","status":"in_progress"}}"#,
            r#"{"type":"response.web_search_call.searching","output_index":0,"item_id":"ws"}"#,
            r#"{"type":"response.image_generation_call.partial_image","output_index":0,"item_id":"ws","partial_image_index":0,"partial_image_b64":"iVBO"}"#,
        ];
        let (object, kinds, _) = fold(&searching);
        assert!(object.contains(
            r#"{"id":"ws","type":"web_search_call","status":"searching","partial_image_b64":"iVBO"}"#
        ));
        assert_eq!(kinds, [EventKind::Other, EventKind::Content, EventKind::Other, EventKind::Content]);
    }

    #[test]
    fn an_error_event_leaves_what_had_come() {
        for event in [
            r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":9}"#,
            r#"{"error":{"code":502,"message":"m"}}"#,
        ] {
            let (object, kinds, error) = fold(&[CREATED, ITEMS[6], ITEMS[7], ITEMS[8], event]);
            assert_eq!(error.as_deref(), Some(event));
            assert!(object.contains(r#""text":"Grü""#), "{object}");
            assert!(!kinds.contains(&EventKind::Unknown));
        }
    }

    #[test]
    fn a_failed_response_is_an_error_and_ends_the_stream() {
        let failed = r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"rate_limit_exceeded","message":"m"},"output":[]}}"#;
        let (object, kinds, error) = fold(&[CREATED, ITEMS[6], ITEMS[7], ITEMS[8], failed]);
        assert_eq!(error.as_deref(), Some(failed));
        assert_eq!(kinds.last(), Some(&EventKind::End));
        assert!(object.contains(r#""text":"Grü""#) && object.contains(r#""model":"gpt-x""#), "{object}");
    }

    #[test]
    fn events_that_are_not_known_harm_nothing() {
        for event in ["[1]", "7", r#"{"type":"codex.rate_limits","limits":{}}"#, r#"{"type":"response.x.y"}"#]
        {
            let (object, kinds, error) = fold(&[CREATED, event, &closing("[]")]);
            assert!(object.contains(r#""status":"completed""#));
            assert_eq!((kinds[1], error), (EventKind::Unknown, None), "{event}");
        }
    }

    #[test]
    fn an_index_out_of_all_proportion_makes_no_long_list() {
        let (object, ..) = fold(&[
            r#"{"type":"response.output_text.delta","output_index":18446744073709551615,"content_index":999999999999,"delta":"a"}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":3,"delta":"b"}"#,
        ]);
        assert!(object.len() < 300, "{object}");
        assert!(object.contains(r#""text":"a""#) && object.contains(r#""text":"b""#));
        assert!(!object.contains("null"));
    }

    proptest! {
        #[test]
        fn line_ends_comments_names_and_blank_lines_do_not_change_the_fold(
            newline in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            noise in prop::collection::vec(0_u8..6, 22),
            last_blank in any::<bool>(),
            bom in any::<bool>(),
        ) {
            let events = with_closing("[]");
            let plain: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
            let mut noisy = if bom { "\u{feff}".to_owned() } else { String::new() };
            for (place, (event, noise)) in events.iter().zip(noise).enumerate() {
                if noise & 1 != 0 {
                    noisy += &format!(": OPENROUTER PROCESSING{newline}{newline}");
                }
                if noise & 2 != 0 {
                    noisy += &format!("event: anything{newline}id: {place}{newline}");
                }
                noisy += &if noise & 4 != 0 { format!("data:{event}{newline}") } else { format!("data: {event}{newline}") };
                if last_blank || place + 1 < events.len() {
                    noisy += newline;
                }
            }
            prop_assert_eq!(fold_stream(&noisy), fold_stream(&plain));
        }
    }

    fn request(body: &str) -> Vec<String> {
        let json = json::parse(body).unwrap();
        let view = OpenAiResponses.request(&openai(), &json);
        let messages = view.messages.iter().map(|m| format!("{}: {:?}", m.role, m.parts));
        let tools = view.tools.iter().map(|tool| format!("{}/{}", tool.name, tool.description));
        let counts = format!("{} {}", view.messages_count, view.last_user_message());
        messages.chain(tools).chain([counts]).collect()
    }

    #[test]
    fn instructions_come_first_and_a_text_is_a_user_message() {
        let lines = request(r#"{"model":"m","instructions":"Be brief","input":"Hi"}"#);
        assert_eq!(lines, [r#"system: [Text("Be brief")]"#, r#"user: [Text("Hi")]"#, "1 Hi"]);
    }

    #[test]
    fn every_kind_of_input_item_has_its_place() {
        let lines = request(
            r#"{"input":[
                {"role":"developer","content":"d"},
                {"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_file","filename":"f.pdf","file_data":"AAAAAAAA"},{"type":"input_file","file_url":"https://x/y.pdf"}]},
                {"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"g"},
                {"type":"function_call","call_id":"c","name":"add","arguments":"{}"},
                {"type":"function_call_output","call_id":"c","output":"3"},
                {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"4"},{"type":"input_image","image_url":"https://x/i.png"}]},
                {"type":"computer_call_output","call_id":"k","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,AAAA"}},
                {"type":"item_reference","id":"i"}]}"#,
        );
        assert_eq!(lines[8], "8 look");
        assert!(lines[7].starts_with("item_reference: [Other("), "{}", lines[7]);
        assert_eq!(
            lines[..7],
            [
                r#"developer: [Text("d")]"#,
                r#"user: [Text("look"), Media { media_type: "image/png", bytes: Some(3), source: "" }, Media { media_type: "file", bytes: Some(6), source: "" }, Media { media_type: "file", bytes: None, source: "https://x/y.pdf" }]"#,
                r#"assistant: [Reasoning("hm")]"#,
                r#"assistant: [ToolCall { id: "c", name: "add", arguments: "{}" }]"#,
                r#"tool: [ToolResult { call_id: "c", label: "c", text: "3" }]"#,
                r#"tool: [ToolResult { call_id: "c", label: "c", text: "4" }, Media { media_type: "image", bytes: None, source: "https://x/i.png" }]"#,
                r#"tool: [ToolResult { call_id: "k", label: "k", text: "" }, Media { media_type: "image/png", bytes: Some(3), source: "" }]"#,
            ]
        );
    }

    #[test]
    fn built_in_tools_go_by_their_kind() {
        let lines = request(
            r#"{"input":[],"tools":[{"type":"function","name":"f","description":"d","parameters":{}},{"type":"web_search"},{"type":"mcp","server_label":"docs","server_url":"u"},{"type":"custom","name":"c"},{"type":"namespace","name":"n","description":"e","tools":[]}]}"#,
        );
        assert_eq!(lines, ["f/d", "web_search/", "docs/", "c/", "n/e", "0 "]);
    }

    fn response<T>(body: &str, read: impl FnOnce(&ResponseView<'_>) -> T) -> T {
        let json = json::parse(body).unwrap();
        read(&OpenAiResponses.response(&openai(), &json))
    }

    #[test]
    fn every_kind_of_output_item_has_its_place() {
        let body = r#"{"id":"resp_1","object":"response","created_at":1700000000.9,"status":"completed","model":"m","output":[
            {"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
            {"type":"web_search_call","id":"w","status":"completed","action":{"type":"search","query":"q"}},
            {"type":"mcp_call","name":"roll","server_label":"dice","arguments":"{}","output":"4","error":null},
            {"type":"image_generation_call","result":"AAAA","output_format":"webp","revised_prompt":"a cat"},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]},{"type":"refusal","refusal":"no"}]},
            {"type":"custom_tool_call","name":"sh","input":"ls"},
            {"type":"tool_search_call","execution":"server","arguments":{"paths":["p"]}},
            {"type":"tool_search_call","execution":"client","call_id":"t","arguments":{"queries":["q"]}},
            {"type":"mcp_list_tools","tools":[]}]}"#;
        response(body, |view| {
            assert_eq!((view.created, &*view.object), (Some(1_700_000_000), "response"));
            assert_eq!(view.finish_reason(), "completed");
            let names: Vec<_> = view.tool_names().map(|name| &**name).collect();
            assert_eq!(names, ["sh", "tool_search"], "only what the caller has to answer");
            let parts = format!("{:?}", view.choices[0].parts);
            for part in [
                r#"Reasoning("hm")"#,
                r#"ServerToolCall { id: "w", name: "web_search", arguments: "{\"type\":\"search\",\"query\":\"q\"}" }"#,
                r#"ToolResult { call_id: "", label: "roll", text: "4" }"#,
                r#"Media { media_type: "image/webp", bytes: Some(3), source: "" }"#,
                r#"Text("Hi"), Refusal("no")"#,
                r#"ToolCall { id: "", name: "sh", arguments: "ls" }"#,
            ] {
                assert!(parts.contains(part), "{part} in {parts}");
            }
        });
    }

    #[test]
    fn the_finish_reason_is_the_providers_own_word() {
        for (body, reason) in [
            (r#"{"status":"completed","incomplete_details":null,"output":[]}"#, "completed"),
            (
                r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
                "max_output_tokens",
            ),
            (r#"{"status":"incomplete"}"#, "incomplete"),
            (r#"{"status":"queued","background":true,"output":[]}"#, ""),
            (r#"{"status":"in_progress","output":[]}"#, ""),
        ] {
            response(body, |view| assert_eq!((view.finish_reason(), view.error), (reason, None), "{body}"));
        }
    }

    #[test]
    fn a_failed_response_is_a_failure_whatever_its_status() {
        for body in [
            r#"{"status":"failed","error":{"code":"c","message":"m"}}"#,
            r#"{"status":"failed","error":null}"#,
        ] {
            assert!(response(body, |view| view.error.is_some()), "{body}");
        }
    }

    #[test]
    fn tokens_and_costs_are_as_reported() {
        let body = r#"{"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":3},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":16,"cost":0.5,"cost_details":{"upstream_inference_input_cost":0.2,"upstream_inference_output_cost":0.3}}}"#;
        response(body, |view| {
            let usage = view.usage.unwrap();
            assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (10, 6, 16));
            assert_eq!((usage.cached_tokens, usage.cache_creation_tokens, usage.reasoning_tokens), (4, 3, 2));
            let cost = view.cost.unwrap();
            assert_eq!((cost.input, cost.output, cost.total), (0.2, 0.3, 0.5));
        });
        // xAI counts reasoning inside of the output here, whatever its chat completions do.
        let json = json::parse(r#"{"usage":{"input_tokens":10,"output_tokens":6,"output_tokens_details":{"reasoning_tokens":2},"cost_in_usd_ticks":25000000}}"#).unwrap();
        let view = OpenAiResponses.response(&endpoint("https://api.x.ai/v1/responses"), &json);
        assert_eq!(view.usage.unwrap().completion_tokens, 6);
        assert_eq!(view.cost.unwrap().total, 0.0025);
    }

    #[test]
    fn a_shell_in_the_providers_container_was_a_call_of_the_programs() {
        let calls = |body: &str| {
            let body = json::parse(body).unwrap();
            let view = OpenAiResponses.response(&openai(), &body);
            (view.tool_names().count(), tool_ids(&view.choices[0].parts).join(", "))
        };
        let call = |environment: &str| {
            format!(
                r#"{{"type":"shell_call","call_id":"c","action":{{"commands":["ls"]}},"environment":{environment}}}"#
            )
        };
        let hosted = call(r#"{"type":"container_reference","container_id":"cntr_1"}"#);
        let output = r#"{"type":"shell_call_output","call_id":"c","output":[{"stdout":"a","stderr":"","outcome":{"type":"exit","exit_code":0}}]}"#;
        let server = "shell called by the provider as c";
        assert_eq!(
            calls(&format!(r#"{{"output":[{hosted},{output}]}}"#)),
            (0, format!("{server}, result of c"))
        );
        let auto = r#""tools":[{"type":"shell","environment":{"type":"container_auto"}}]"#;
        let bare = call("null");
        assert_eq!(calls(&format!(r#"{{"output":[{bare}],{auto}}}"#)), (0, server.to_owned()));
        for local in [bare, call(r#"{"type":"local"}"#)] {
            assert_eq!(calls(&format!(r#"{{"output":[{local}]}}"#)), (1, "shell called as c".to_owned()));
        }
        let local = call(r#"{"type":"local"}"#);
        assert_eq!(calls(&format!(r#"{{"output":[{local}],{auto}}}"#)).0, 1);
    }

    #[test]
    fn tool_results_join_their_calls_by_id() {
        let body = r#"{"output":[{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"},{"type":"mcp_call","id":"m","name":"roll","arguments":"{}","output":"4"}]}"#;
        response(body, |view| {
            let expected = ["f called as c", "roll called by the provider as m", "result of m"];
            assert_eq!(tool_ids(&view.choices[0].parts), expected);
        });
        let json =
            json::parse(r#"{"input":[{"type":"function_call_output","call_id":"c","output":"1"}]}"#).unwrap();
        let view = OpenAiResponses.request(&openai(), &json);
        assert_eq!(tool_ids(&view.messages[0].parts), ["result of c"]);
    }
}
