//! Gemini's Interactions: steps in, steps out.
//!
//! <https://ai.google.dev/api/interactions-api>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object, Text};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::delta::joined_json;
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{present, text, text_or_json, unix_seconds};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct GeminiInteractions;

impl Dialect for GeminiInteractions {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let input = body.get("input");
        let config = body.get("generation_config");
        let mut messages = match input {
            Json::String(_) => {
                vec![Message { role: Cow::Borrowed("user"), parts: vec![Part::Text(text(input))] }]
            }
            // One step, or one part of the user's.
            Json::Object(_) => vec![message(input)],
            _ => input.items().iter().map(message).collect(),
        };
        let messages_count = messages.len();
        if let Some(system) = body.get("system_instruction").as_str() {
            messages.insert(0, Message { role: Cow::Borrowed("system"), parts: vec![Part::Text(system)] });
        }
        RequestView {
            // An agent stands in the place of a model.
            model: body.get("model").as_str().or(body.get("agent").as_str()),
            stream: body.get("stream").as_bool().unwrap_or(false),
            temperature: present(config, "temperature"),
            max_tokens: present(config, "max_output_tokens"),
            tool_choice: present(config, "tool_choice").or(present(body, "tool_choice")),
            messages_count,
            messages,
            tools: body.get("tools").items().iter().map(tool).collect(),
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        // Before they were steps they were outputs.
        let steps = present(body, "steps").or(present(body, "outputs")).unwrap_or(&Json::Null);
        let choice = Choice {
            finish_reason: match text(body.get("status")) {
                status if status == "in_progress" => Cow::Borrowed(""),
                status => status,
            },
            parts: steps.items().iter().filter(|step| is_answer(step)).flat_map(parts).collect(),
        };
        let failed = body.get("status").as_text().is_some_and(|status| *status == *"failed");
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("object")),
            created: unix_seconds(body.get("created")),
            model: text(body.get("model")),
            choices: present(body, "status").map(|_| choice).into_iter().collect(),
            usage: usage(body.get("usage")),
            service_tier: text(body.get("service_tier")),
            error: reported(body).or(failed.then_some(body)),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(StepsFold::default()))
    }
}

fn tool<'j>(tool: &'j Json<'j>) -> Tool<'j> {
    // Google's own tools have a type and no name.
    let name = present(tool, "name").or(present(tool, "type")).map(text).unwrap_or_default();
    Tool { name, description: text(tool.get("description")), parameters: present(tool, "parameters") }
}

fn kind<'j>(step: &'j Json<'j>) -> Cow<'j, str> {
    text(step.get("type"))
}

/// Returns whether a step is part of the answer: an interaction may repeat its input.
fn is_answer(step: &Json<'_>) -> bool {
    !matches!(&*kind(step), "user_input" | "function_result")
}

fn message<'j>(step: &'j Json<'j>) -> Message<'j> {
    let role = match &*text(step.get("role")) {
        "" => match &*kind(step) {
            "model_output" | "function_call" | "thought" => Cow::Borrowed("assistant"),
            "function_result" => Cow::Borrowed("tool"),
            _ => Cow::Borrowed("user"),
        },
        "model" => Cow::Borrowed("assistant"),
        other => Cow::Owned(other.to_owned()),
    };
    Message { role, parts: parts(step) }
}

/// Returns the parts of a step, or of a part in the place of a step.
fn parts<'j>(step: &'j Json<'j>) -> Vec<Part<'j>> {
    match &*kind(step) {
        "text" => vec![Part::Text(text(step.get("text")))],
        "thought" => {
            let summary = step.get("summary").items().iter();
            summary.filter_map(|part| part.get("text").as_str()).map(Part::Reasoning).collect()
        }
        "function_call" => vec![Part::ToolCall {
            id: text(step.get("id")),
            name: text(step.get("name")),
            arguments: text_or_json(step.get("arguments")),
        }],
        "function_result" => {
            let label = present(step, "name").or(present(step, "call_id")).map(text).unwrap_or_default();
            vec![tool_result(step, label)]
        }
        "image" | "audio" | "video" | "document" => vec![Part::Media {
            media_type: present(step, "mime_type").map_or_else(|| kind(step), text),
            bytes: step.get("data").as_str().map(|data| base64_bytes(&data)),
            source: text(step.get("uri")),
        }],
        hosted if hosted.ends_with("_call") => vec![Part::ServerToolCall {
            id: text(step.get("id")),
            name: Cow::Owned(hosted.trim_end_matches("_call").to_owned()),
            arguments: text_or_json(step.get("arguments")),
        }],
        hosted if hosted.ends_with("_result") => {
            vec![tool_result(step, Cow::Owned(hosted.trim_end_matches("_result").to_owned()))]
        }
        _ => match step.get("content") {
            Json::Null => vec![Part::Other(step)],
            content @ Json::String(_) => vec![Part::Text(text(content))],
            content => content.items().iter().flat_map(parts).collect(),
        },
    }
}

fn tool_result<'j>(step: &'j Json<'j>, label: Cow<'j, str>) -> Part<'j> {
    Part::ToolResult { call_id: text(step.get("call_id")), label, text: text_or_json(step.get("result")) }
}

/// Returns the token counts of `usage`; as with `generateContent`, those of Google's own tools belong to the prompt,
/// those of thoughts to the answer.
pub(crate) fn usage(usage: &Json<'_>) -> Option<Usage> {
    let number = |name: &str| usage.get(name).as_u64();
    number("total_input_tokens").or(number("total_output_tokens"))?;
    let thoughts = number("total_thought_tokens").or(number("total_reasoning_tokens")).unwrap_or(0);
    let prompt = number("total_input_tokens").unwrap_or(0) + number("total_tool_use_tokens").unwrap_or(0);
    let completion = number("total_output_tokens").unwrap_or(0) + thoughts;
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: number("total_tokens").unwrap_or(prompt + completion),
        cached_tokens: number("total_cached_tokens").unwrap_or(0),
        cache_creation_tokens: 0,
        reasoning_tokens: thoughts,
    })
}

/// Folds events into an interaction.
#[derive(Default)]
struct StepsFold<'a> {
    object: Object<'a>,
    steps: Vec<Step<'a>>,
    /// `steps`, or `outputs` where the stream is of the older kind.
    list: Option<&'static str>,
    error: Option<Json<'a>>,
}

struct Step<'a> {
    index: Option<u64>,
    members: Object<'a>,
    /// The JSON of a call's arguments so far.
    arguments: Text<'a>,
}

impl<'a> StepsFold<'a> {
    fn interaction(&mut self, event: &mut Object<'a>) {
        if let Some(Json::Object(interaction)) = event.remove("interaction") {
            for (key, value) in interaction {
                let is_blank = matches!(&value, Json::Array(items) if items.is_empty()) || value.is_null();
                if !is_blank || self.object.iter().all(|(known, _)| *known != key) {
                    self.object.set_text(key, value);
                }
            }
        }
    }

    /// Returns the step at `index`; one that was not started is added with the type `implied`.
    fn step(&mut self, index: Option<u64>, implied: &'static str) -> &mut Step<'a> {
        let known = self.steps.iter().rposition(|step| step.index == index);
        let place = known.unwrap_or_else(|| {
            let members = [("type", Json::string(implied))].into_iter().collect();
            self.steps.push(Step { index, members, arguments: Text::new("") });
            self.steps.len() - 1
        });
        &mut self.steps[place]
    }
}

impl<'a> Step<'a> {
    fn kind(&self) -> String {
        self.members.get("type").and_then(Json::as_str).unwrap_or_default().into_owned()
    }

    /// Takes a piece; returns whether it has content.
    fn take(&mut self, mut delta: Object<'a>) -> bool {
        let kind = delta.get("type").and_then(Json::as_str).unwrap_or_default().into_owned();
        match &*kind {
            "thought_summary" => {
                let piece = delta.remove("content").unwrap_or_default();
                let summary = self.members.entry(&Text::new("summary"));
                match (last_text(summary), &piece.get("text").as_text()) {
                    (Some(last), Some(more)) => last.push(more),
                    _ => push(summary, piece),
                }
                true
            }
            "thought_signature" => {
                self.members.set("signature", delta.remove("signature").unwrap_or_default());
                true
            }
            "arguments_delta" => {
                if let Some(Json::String(piece)) =
                    delta.remove("arguments").or(delta.remove("partial_arguments"))
                {
                    self.arguments.push(&piece);
                }
                true
            }
            // A delta of the step's own type has the rest of its members.
            _ if kind == self.kind() && self.kind() != "text" => {
                for (key, value) in delta {
                    self.members.set_text(key, value);
                }
                true
            }
            "text" if self.kind() == "text" => {
                match (self.members.get_mut("text"), delta.remove("text")) {
                    (Some(Json::String(whole)), Some(Json::String(more))) => whole.push(&more),
                    (_, Some(more)) => self.members.set("text", more),
                    (_, None) => {}
                }
                true
            }
            "text" => {
                let content = self.members.entry(&Text::new("content"));
                match (last_text(content), delta.get("text").and_then(Json::as_text)) {
                    (Some(last), Some(more)) => last.push(more),
                    _ => push(content, Json::Object(delta)),
                }
                true
            }
            "text_annotation_delta" => {
                let content = self.members.entry(&Text::new("content"));
                let annotations = delta.remove("annotations").unwrap_or_default();
                if let Json::Array(items) = content
                    && let Some(Json::Object(last)) = items.last_mut()
                    && let Json::Array(more) = annotations
                {
                    let known = last.entry(&Text::new("annotations"));
                    more.into_iter().for_each(|one| push(known, one));
                }
                false
            }
            "image" | "audio" | "video" | "document" => {
                push(self.members.entry(&Text::new("content")), Json::Object(delta));
                true
            }
            _ => {
                for (key, value) in delta.into_iter().filter(|(key, _)| *key.plain() != *"type") {
                    self.members.set_text(key, value);
                }
                false
            }
        }
    }

    fn finish(mut self) -> Json<'a> {
        if !self.arguments.is_empty() {
            self.members.set("arguments", joined_json(self.arguments));
        }
        Json::Object(self.members)
    }
}

fn push<'a>(list: &mut Json<'a>, item: Json<'a>) {
    match list {
        Json::Array(items) => items.push(item),
        other => *other = Json::Array(vec![item]),
    }
}

/// Returns the text of the last item of a list, if it is one.
fn last_text<'l, 'a>(list: &'l mut Json<'a>) -> Option<&'l mut Text<'a>> {
    let Json::Array(items) = list else {
        return None;
    };
    match items.last_mut()?.as_object_mut()?.get_mut("text")? {
        Json::String(text) => Some(text),
        _ => None,
    }
}

impl<'a> Fold<'a> for StepsFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut event) = data else {
            return EventKind::Unknown;
        };
        let kind = event.get("event_type").and_then(Json::as_str).map(Cow::into_owned);
        let index = event.get("index").and_then(Json::as_u64);
        match kind.as_deref().unwrap_or(name) {
            "interaction.created" | "interaction.start" => {
                self.interaction(&mut event);
                EventKind::Other
            }
            "interaction.completed" | "interaction.complete" => {
                self.interaction(&mut event);
                EventKind::End
            }
            "interaction.status_update" => {
                if let Some(status) = event.remove("status") {
                    self.object.set("status", status);
                }
                EventKind::Other
            }
            start @ ("step.start" | "content.start") => {
                self.list = Some(if start == "step.start" { "steps" } else { "outputs" });
                let step = event.remove("step").or(event.remove("content"));
                let members = step.and_then(|step| match step {
                    Json::Object(members) => Some(members),
                    _ => None,
                });
                self.steps.push(Step {
                    index,
                    members: members.unwrap_or_default(),
                    arguments: Text::new(""),
                });
                EventKind::Other
            }
            "step.delta" | "content.delta" => match event.remove("delta") {
                Some(Json::Object(delta)) => {
                    let implied = match &*delta.get("type").and_then(Json::as_str).unwrap_or_default() {
                        "thought_summary" | "thought_signature" => "thought",
                        "arguments_delta" => "function_call",
                        _ => "model_output",
                    };
                    EventKind::content_if(self.step(index, implied).take(delta))
                }
                _ => EventKind::Other,
            },
            "step.stop" | "content.stop" => EventKind::Other,
            "error" => {
                self.error = Some(Json::Object(event));
                EventKind::Other
            }
            _ => EventKind::Unknown,
        }
    }

    fn finish(self: Box<Self>) -> Folded<'a> {
        let StepsFold { mut object, steps, list, error } = *self;
        let list = list.unwrap_or("steps");
        // The last event has either all steps or none.
        if !steps.is_empty() && object.get(list).is_none_or(|known| known.items().is_empty()) {
            object.set(list, Json::Array(steps.into_iter().map(Step::finish).collect()));
        }
        Folded { object: Json::Object(object), error }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, decode, detect_endpoint};
    use crate::capture::{Body, CapturedResponse, ChunkTimings, Completion, ResponseHead};
    use crate::json;

    const URL: &str = "https://generativelanguage.googleapis.com/v1beta/interactions?alt=sse&key=k";

    fn endpoint() -> Endpoint {
        detect_endpoint(Request { method: "POST", url: URL }).unwrap()
    }

    fn outcome(content_type: &str, body: &str) -> CapturedResponse {
        CapturedResponse {
            head: ResponseHead {
                status: Some(200),
                content_type: content_type.into(),
                ..ResponseHead::default()
            },
            body: Body::Whole(body.to_owned().into()),
            chunk_timings: ChunkTimings::default(),
            completion: Completion::Complete,
            ended: Instant::now(),
        }
    }

    #[test]
    fn a_request_lists_steps_and_tools() {
        let body = r#"{"model":"gemini-3","input":[{"type":"user_input","content":[{"type":"text","text":"look"},{"type":"image","mime_type":"image/png","data":"AAAA"}]},{"type":"function_call","id":"1","name":"f","arguments":{"a":1}},{"type":"function_result","call_id":"1","name":"f","result":"ok"}],"system_instruction":"be brief","tools":[{"type":"function","name":"f","description":"d"},{"type":"google_search"}],"generation_config":{"temperature":0.5,"max_output_tokens":9},"stream":true}"#;
        let body = json::parse(body).unwrap();
        let view = GeminiInteractions.request(&endpoint(), &body);
        assert_eq!((view.model.as_deref(), view.stream, view.messages_count), (Some("gemini-3"), true, 3));
        let roles: Vec<_> = view.messages.iter().map(|message| &*message.role).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool"]);
        assert_eq!(view.last_user_message(), "look");
        assert_eq!(view.tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["f", "google_search"]);
        assert_eq!(view.max_tokens.and_then(Json::as_u64), Some(9));
    }

    const WHOLE: &str = r#"{"id":"i1","model":"gemini-3","object":"interaction","created":"2025-10-27T04:02:10Z","status":"requires_action","steps":[{"type":"thought","summary":[{"type":"text","text":"hm m"}],"signature":"sig"},{"type":"model_output","content":[{"type":"text","text":"Hello"}]},{"type":"function_call","id":"c","name":"f","arguments":{"a":1}}],"usage":{"total_input_tokens":14,"total_output_tokens":34,"total_thought_tokens":222,"total_tokens":277,"total_tool_use_tokens":7,"total_cached_tokens":2}}"#;

    #[test]
    fn an_answer_has_its_parts_and_all_its_tokens() {
        let body = json::parse(WHOLE).unwrap();
        let view = GeminiInteractions.response(&endpoint(), &body);
        assert_eq!(
            (&*view.id, view.created, view.finish_reason()),
            ("i1", Some(1_761_537_730), "requires_action")
        );
        assert_eq!(view.tool_names().map(|name| &**name).collect::<Vec<_>>(), ["f"]);
        let usage = view.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (21, 256, 277));
        assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (2, 222));
    }

    #[test]
    fn an_interaction_in_progress_has_no_finish_reason() {
        for (status, reason) in
            [("in_progress", ""), ("completed", "completed"), ("requires_action", "requires_action")]
        {
            let body = format!(r#"{{"id":"i1","object":"interaction","status":"{status}","steps":[]}}"#);
            let body = json::parse(&body).unwrap();
            assert_eq!(GeminiInteractions.response(&endpoint(), &body).finish_reason(), reason);
        }
    }

    #[test]
    fn a_stream_folds_into_the_same_interaction() {
        let events = [
            r#"{"event_type":"interaction.created","interaction":{"id":"i1","model":"gemini-3","object":"interaction","created":"2025-10-27T04:02:10Z","status":"in_progress"}}"#,
            r#"{"event_type":"step.start","index":0,"step":{"type":"thought"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"thought_summary","content":{"type":"text","text":"hm"}}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"thought_summary","content":{"type":"text","text":" m"}}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"thought_signature","signature":"sig"}}"#,
            r#"{"event_type":"step.stop","index":0}"#,
            r#"{"event_type":"step.delta","index":1,"delta":{"type":"text","text":"Hel"}}"#,
            r#"{"event_type":"step.delta","index":1,"delta":{"type":"text","text":"lo"}}"#,
            r#"{"event_type":"step.start","index":2,"step":{"type":"function_call","id":"c","name":"f"}}"#,
            r#"{"event_type":"step.delta","index":2,"delta":{"type":"arguments_delta","arguments":"{\"a\""}}"#,
            r#"{"event_type":"step.delta","index":2,"delta":{"type":"arguments_delta","arguments":":1}"}}"#,
            r#"{"event_type":"interaction.completed","interaction":{"id":"i1","status":"requires_action","usage":{"total_input_tokens":14,"total_output_tokens":34,"total_thought_tokens":222,"total_tokens":277,"total_tool_use_tokens":7,"total_cached_tokens":2}}}"#,
        ];
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let outcome = outcome("text/event-stream", &stream);
        let decoded = decode(&endpoint(), &outcome);
        assert!(decoded.finished);
        let (folded, whole) = (decoded.json.unwrap(), json::parse(WHOLE).unwrap());
        for key in ["id", "model", "object", "status", "steps", "usage"] {
            assert_eq!(folded.get(key), whole.get(key), "{key}");
        }
        // Broken off, it is kept as far as it came.
        let half: String = events[..10].iter().map(|event| format!("data: {event}\n\n")).collect();
        let outcome = self::outcome("text/event-stream", &half);
        let decoded = decode(&endpoint(), &outcome);
        assert!(!decoded.finished);
        assert_eq!(decoded.json.unwrap().get("steps").items().len(), 3);
    }

    #[test]
    fn tool_results_join_their_calls_by_id() {
        let body = r#"{"input":[{"type":"function_call","id":"c","name":"f","arguments":{}},{"type":"function_result","call_id":"c","name":"f","result":"1"},
            {"type":"google_search_call","id":"s","arguments":{}},{"type":"google_search_result","call_id":"s","result":[]}]}"#;
        let body = json::parse(body).unwrap();
        let view = GeminiInteractions.request(&endpoint(), &body);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        let expected =
            ["f called as c", "result of c", "google_search called by the provider as s", "result of s"];
        assert_eq!(tool_ids(parts), expected);
    }
}
