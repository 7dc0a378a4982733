//! Runs of OpenAI's assistants, also on Azure: `/threads/runs`, `/threads/{id}/runs` and the submission of tools' outputs.
//!
//! A run that is not streamed is answered before it has begun; what it said is asked for later, with requests that are no
//! calls to a model. A streamed run is stored as the run that it ended as, with its messages and its steps beside it.
//!
//! <https://platform.openai.com/docs/api-reference/runs>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::json::{Json, Object};

use super::openai_chat::OpenAiChat;
use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::shared::content::content_part;
use crate::api::shared::delta::{has_content, is_empty};
use crate::api::shared::members::{present, text, text_or_json};
use crate::api::shared::usage::usage;
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView};

pub(crate) struct OpenAiRuns;

impl Dialect for OpenAiRuns {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        // Model, parameters and tools are where chat completions have them.
        let chat = OpenAiChat.request(endpoint, body);
        let instructions = ["instructions", "additional_instructions"].into_iter().filter_map(|key| {
            let instructions = body.get(key).as_str().filter(|text| !text.is_empty())?;
            Some(Message { role: Cow::Borrowed("system"), parts: vec![Part::Text(instructions)] })
        });
        let listed =
            body.at(&["thread", "messages"]).items().iter().chain(body.get("additional_messages").items());
        let listed = listed.map(|message| Message {
            role: text(message.get("role")),
            parts: contents(message.get("content")),
        });
        let outputs = body.get("tool_outputs").items().iter().map(|output| {
            let id = text(output.get("tool_call_id"));
            let result =
                Part::ToolResult { call_id: id.clone(), label: id, text: text_or_json(output.get("output")) };
            Message { role: Cow::Borrowed("tool"), parts: vec![result] }
        });
        let listed: Vec<_> = listed.chain(outputs).collect();
        RequestView {
            max_tokens: present(body, "max_completion_tokens"),
            messages_count: listed.len(),
            messages: instructions.chain(listed).collect(),
            ..chat
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let status = text(body.get("status"));
        let failed = status == "failed" || !body.get("error").is_null();
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("object")),
            created: body.get("created_at").as_u64(),
            model: text(body.get("model")),
            choices: choice(body, &status).into_iter().collect(),
            usage: usage(endpoint, body.get("usage")),
            error: failed.then(|| present(body, "last_error").unwrap_or(body)),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(RunFold::default()))
    }
}

/// Returns what a run said, and the calls that it waits for; `None` for a run that has neither and goes on.
fn choice<'j>(run: &'j Json<'j>, status: &str) -> Option<Choice<'j>> {
    let is_running = matches!(status, "" | "queued" | "in_progress" | "cancelling");
    let reason = run.at(&["incomplete_details", "reason"]).as_str();
    let finish_reason = match reason {
        Some(reason) if !is_running => reason,
        _ if is_running => Cow::Borrowed(""),
        _ => text(run.get("status")),
    };
    let said = run.get("messages").items().iter().flat_map(|message| contents(message.get("content")));
    let calls =
        run.at(&["required_action", "submit_tool_outputs", "tool_calls"]).items().iter().map(|call| {
            let function = call.get("function");
            Part::ToolCall {
                id: text(call.get("id")),
                name: text(function.get("name")),
                arguments: text_or_json(function.get("arguments")),
            }
        });
    let parts: Vec<_> = said.chain(calls).collect();
    (!parts.is_empty() || !finish_reason.is_empty()).then_some(Choice { finish_reason, parts })
}

/// Returns the parts of a message's content, whose texts are objects with annotations.
fn contents<'j>(content: &'j Json<'j>) -> Vec<Part<'j>> {
    let part = |part: &'j Json<'j>| match present(part.get("text"), "value") {
        Some(value) => Part::Text(text(value)),
        None => content_part(part),
    };
    match content {
        Json::String(text) if !text.is_empty() => vec![Part::Text(text.plain())],
        content => content.items().iter().map(part).collect(),
    }
}

/// Folds events into a run with its messages and steps.
#[derive(Default)]
struct RunFold<'a> {
    run: Object<'a>,
    messages: Vec<Json<'a>>,
    steps: Vec<Json<'a>>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for RunFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        if name == "error" || data.get("object").is_null() && has_content(data.get("error")) {
            self.error = Some(data);
            return EventKind::Other;
        }
        // Some gateways leave the names out; what an object is stands in it.
        let object = data.get("object").as_str().map(Cow::into_owned).unwrap_or_default();
        match (&*object, name) {
            ("thread.message.delta", _) => grow(&mut self.messages, data),
            ("thread.run.step.delta", _) => grow(&mut self.steps, data),
            ("thread.message", _) => set(&mut self.messages, data),
            ("thread.run.step", _) => set(&mut self.steps, data),
            ("thread", _) => EventKind::Other,
            ("thread.run", _) => {
                let status = data.get("status").as_str().map(Cow::into_owned).unwrap_or_default();
                if status == "failed" && has_content(data.get("last_error")) {
                    self.error = Some(data.get("last_error").clone());
                }
                if let Json::Object(run) = data {
                    self.run = run;
                }
                let is_over = matches!(
                    &*status,
                    "completed" | "failed" | "cancelled" | "expired" | "incomplete" | "requires_action"
                );
                if is_over { EventKind::End } else { EventKind::Other }
            }
            _ => EventKind::Unknown,
        }
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        for (key, items) in [("messages", self.messages), ("steps", self.steps)] {
            if !items.is_empty() {
                self.run.set(key, Json::Array(items));
            }
        }
        Folded { object: Json::Object(self.run), error: self.error }
    }
}

/// Puts an object in the place of an earlier state of it; returns whether that is the first content.
fn set<'a>(list: &mut Vec<Json<'a>>, object: Json<'a>) -> EventKind {
    let has_new = !is_empty(object.get("content"));
    let Some(old) = list.iter_mut().find(|old| old.get("id") == object.get("id")) else {
        list.push(object);
        return EventKind::content_if(has_new);
    };
    let had_old = !is_empty(old.get("content"));
    let content = old.get("content").clone();
    *old = object;
    // A message that broke off may have lost its content.
    if let (false, true, Some(old)) = (has_new, had_old, old.as_object_mut()) {
        old.set("content", content);
    }
    EventKind::content_if(has_new && !had_old)
}

/// Adds what a delta has to the object of its id; returns whether that is content.
fn grow<'a>(list: &mut Vec<Json<'a>>, delta: Json<'a>) -> EventKind {
    let Json::Object(mut event) = delta else {
        return EventKind::Unknown;
    };
    let id = event.remove("id").unwrap_or_default();
    let place = match list.iter().position(|old| *old.get("id") == id) {
        Some(place) => place,
        None => {
            list.push(Json::Object([("id", id)].into_iter().collect()));
            list.len() - 1
        }
    };
    let delta = event.remove("delta").unwrap_or_default();
    let is_content = ["content", "step_details"].iter().any(|key| has_content(delta.get(key)));
    merge(&mut list[place], "", delta);
    EventKind::content_if(is_content)
}

/// Adds a piece to what came before it: texts grow, elements of lists go by their index.
fn merge<'a>(whole: &mut Json<'a>, key: &str, piece: Json<'a>) {
    const IN_PIECES: [&str; 5] = ["value", "arguments", "input", "logs", "output"];
    match (&mut *whole, piece) {
        (_, Json::Null) => {}
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                merge(old.entry(&key), &key.plain(), value);
            }
        }
        (Json::String(old), Json::String(new)) if IN_PIECES.contains(&key) => old.push(&new),
        (Json::Array(old), Json::Array(new)) => new.into_iter().for_each(|item| merge_item(old, item)),
        (_, Json::Array(new)) => {
            let mut items = Vec::new();
            new.into_iter().for_each(|item| merge_item(&mut items, item));
            *whole = Json::Array(items);
        }
        (_, new) => *whole = new,
    }
}

fn merge_item<'a>(list: &mut Vec<Json<'a>>, item: Json<'a>) {
    let index = item.get("index").as_u64();
    match list.iter_mut().find(|old| index.is_some() && old.get("index").as_u64() == index) {
        Some(old) => merge(old, "", item),
        None => list.push(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::framing::{Framing, for_each_event};
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint() -> Endpoint {
        let url = "https://api.openai.com/v1/threads/thread_1/runs";
        detect_endpoint(Request { method: "POST", url }).unwrap()
    }

    fn fold(stream: &str) -> (Folded<'static>, Vec<EventKind>) {
        let mut fold = OpenAiRuns.fold(&endpoint()).unwrap();
        let mut kinds = Vec::new();
        for_each_event(Framing::Sse, stream.as_bytes(), |event| {
            if event.data != "[DONE]" {
                kinds.push(fold.event(&event.name, json::parse(&event.data).unwrap().into_owned()));
            }
        });
        (fold.finish(), kinds)
    }

    const BEGIN: &str = r#"event: thread.run.created
data: {"id":"run_1","object":"thread.run","created_at":1710348075,"assistant_id":"asst_1","thread_id":"thread_1","status":"queued","model":"gpt-4o","usage":null}

event: thread.run.in_progress
data: {"id":"run_1","object":"thread.run","created_at":1710348075,"assistant_id":"asst_1","status":"in_progress","model":"gpt-4o","usage":null}

event: thread.message.created
data: {"id":"msg_1","object":"thread.message","role":"assistant","content":[]}

event: thread.message.delta
data: {"id":"msg_1","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text","text":{"value":"Hel","annotations":[]}}]}}

event: thread.message.delta
data: {"id":"msg_1","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text","text":{"value":"lo"}}]}}

"#;

    #[test]
    fn a_streamed_run_folds_into_the_run_with_its_messages() {
        let stream = format!(
            "{BEGIN}{}",
            r#"event: thread.message.completed
data: {"id":"msg_1","object":"thread.message","role":"assistant","content":[{"type":"text","text":{"value":"Hello","annotations":[]}}]}

event: thread.run.completed
data: {"id":"run_1","object":"thread.run","created_at":1710348075,"status":"completed","model":"gpt-4o","usage":{"prompt_tokens":20,"completion_tokens":11,"total_tokens":31}}

event: done
data: [DONE]

"#
        );
        let (folded, kinds) = fold(&stream);
        let view = OpenAiRuns.response(&endpoint(), &folded.object);
        assert_eq!((&*view.id, &*view.model, view.finish_reason()), ("run_1", "gpt-4o", "completed"));
        assert_eq!(view.choices[0].parts, [Part::Text("Hello".into())]);
        assert_eq!(view.usage.unwrap().total_tokens, 31);
        assert_eq!(kinds.iter().position(|kind| *kind == EventKind::Content), Some(3));
        assert_eq!(kinds.last(), Some(&EventKind::End));
        assert!(folded.error.is_none() && !kinds.contains(&EventKind::Unknown));
    }

    #[test]
    fn a_run_that_breaks_off_or_fails_keeps_what_it_said() {
        let (folded, _) = fold(BEGIN);
        let view = OpenAiRuns.response(&endpoint(), &folded.object);
        assert_eq!(view.choices[0].parts, [Part::Text("Hello".into())]);
        assert_eq!(view.finish_reason(), "");
        let failed = format!(
            "{BEGIN}{}",
            r#"event: thread.run.failed
data: {"id":"run_1","object":"thread.run","status":"failed","last_error":{"code":"rate_limit_exceeded","message":"You exceeded your current quota."},"model":"gpt-4o"}

"#
        );
        let (folded, _) = fold(&failed);
        let error = folded.error.unwrap();
        assert_eq!(text(error.get("code")), "rate_limit_exceeded");
        let view = OpenAiRuns.response(&endpoint(), &folded.object);
        assert_eq!(view.choices[0].parts, [Part::Text("Hello".into())]);
    }

    #[test]
    fn a_message_that_comes_whole_is_content_and_one_that_lost_its_content_keeps_it() {
        let whole = "data: {\"id\":\"m\",\"object\":\"thread.message\",\"content\":[{\"type\":\"text\",\"text\":{\"value\":\"Hi\"}}]}\n\n";
        let empty = "data: {\"id\":\"m\",\"object\":\"thread.message\",\"content\":[]}\n\n";
        let (folded, kinds) = fold(&format!("{empty}{whole}{empty}"));
        assert_eq!(kinds, [EventKind::Other, EventKind::Content, EventKind::Other]);
        let view = OpenAiRuns.response(&endpoint(), &folded.object);
        assert_eq!(view.choices[0].parts, [Part::Text("Hi".into())]);
    }

    #[test]
    fn a_run_asks_for_tools_and_gets_their_outputs() {
        let run = r#"{"id":"run_1","object":"thread.run","status":"requires_action","model":"gpt-4o","required_action":{"type":"submit_tool_outputs","submit_tool_outputs":{"tool_calls":[{"id":"call_1","type":"function","function":{"name":"add","arguments":"{\"a\":1}"}}]}}}"#;
        let run = json::parse(run).unwrap();
        let view = OpenAiRuns.response(&endpoint(), &run);
        assert_eq!(view.finish_reason(), "requires_action");
        assert_eq!(tool_ids(&view.choices[0].parts), ["add called as call_1"]);
        assert_eq!(view.tool_names().collect::<Vec<_>>(), ["add"]);
        let body = json::parse(r#"{"tool_outputs":[{"tool_call_id":"call_1","output":"3"}],"stream":true}"#)
            .unwrap();
        let request = OpenAiRuns.request(&endpoint(), &body);
        assert_eq!(tool_ids(&request.messages[0].parts), ["result of call_1"]);
        assert!(request.stream);
    }

    #[test]
    fn a_request_has_its_instructions_and_the_messages_of_its_thread() {
        let body = r#"{"assistant_id":"asst_1","model":"gpt-4o","instructions":"Be brief.","temperature":0.5,"max_completion_tokens":9,
            "thread":{"messages":[{"role":"user","content":"Hi"}]},"additional_messages":[{"role":"user","content":[{"type":"text","text":"there"}]}],
            "tools":[{"type":"code_interpreter"}]}"#;
        let body = json::parse(body).unwrap();
        let view = OpenAiRuns.request(&endpoint(), &body);
        let roles: Vec<_> = view.messages.iter().map(|message| &*message.role).collect();
        assert_eq!((roles, view.messages_count), (vec!["system", "user", "user"], 2));
        assert_eq!((view.last_user_message().as_str(), view.model.as_deref()), ("there", Some("gpt-4o")));
        assert_eq!(view.max_tokens.and_then(Json::as_u64), Some(9));
        assert_eq!(view.tools[0].name, "code_interpreter");
    }

    #[test]
    fn a_run_that_was_only_queued_has_neither_failed_nor_finished() {
        let run = json::parse(r#"{"id":"run_1","object":"thread.run","status":"queued","model":"gpt-4o","last_error":null,"usage":null}"#).unwrap();
        let view = OpenAiRuns.response(&endpoint(), &run);
        assert!(view.error.is_none() && view.choices.is_empty());
    }
}
