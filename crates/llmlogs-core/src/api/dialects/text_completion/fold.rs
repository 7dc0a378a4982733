//! Streams of texts that continue a prompt, folded into the answer that they stand for.

use std::borrow::Cow;

use crate::json::{Json, Object, Text};

use crate::api::dialect::{EventKind, Fold, Folded};
use crate::api::dialects::openai_chat::ChatFold;
use crate::api::error::reported;
use crate::api::shared::delta::{append_text, is_empty};

/// Folds chunks, each of which shows by its members whose it is.
#[derive(Default)]
pub(super) struct CompletionFold<'a> {
    object: Object<'a>,
    /// The name of the list of answers; `None` where the object is the answer.
    list: Option<&'static str>,
    answers: Vec<Object<'a>>,
    /// Text Generation Inference's tokens.
    tokens: Vec<Json<'a>>,
    /// The fold of chunks of a chat.
    chat: Option<Box<ChatFold<'a>>>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for CompletionFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        if !data.get("choices").is_null() {
            return self.chat.get_or_insert_default().event(name, data);
        }
        // watsonx lists its errors; AWS has them by their types.
        let is_error = || !data.get("errors").items().is_empty() || !data.get("__type").is_null();
        if name == "error" || reported(&data).is_some() || is_error() {
            self.error = Some(data);
            return EventKind::Other;
        }
        let Json::Object(event) = data else {
            return EventKind::Unknown;
        };
        let kind = event.get("type").or(event.get("event_type")).and_then(Json::as_str).map(Cow::into_owned);
        let has = |key: &str| event.get(key).is_some();
        match kind.as_deref() {
            Some("ping") => EventKind::Other,
            Some("stream_chunk" | "stream_summary" | "completion_summary") => self.aleph_alpha(event),
            Some("completion") => self.anthropic(event),
            None if has("completion") => self.anthropic(event),
            _ if has("is_finished") => self.cohere(event),
            _ if has("token") => self.hugging_face(event),
            _ if has("results") => self.watsonx(event),
            _ => EventKind::Unknown,
        }
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        if let Some(chat) = self.chat {
            let folded = chat.finish();
            return Folded { error: self.error.or(folded.error), ..folded };
        }
        if let Some(list) = self.list {
            let answers = self.answers.into_iter().map(Json::Object).collect();
            self.object.set(list, Json::Array(answers));
        }
        if !self.tokens.is_empty() {
            let details = self.object.entry(&Text::new("details"));
            if details.is_null() {
                *details = Json::Object(Object::new());
            }
            if let Some(details) = details.as_object_mut() {
                details.set("tokens", Json::Array(self.tokens));
            }
        }
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

impl<'a> CompletionFold<'a> {
    /// Returns the answer of that index in the list of that name.
    fn answer(&mut self, list: &'static str, index: usize) -> Option<&mut Object<'a>> {
        // No API gives more answers to one request.
        const MOST: usize = 1024;
        self.list = Some(list);
        if index >= MOST {
            return None;
        }
        if index >= self.answers.len() {
            self.answers.resize_with(index + 1, Object::new);
        }
        self.answers.get_mut(index)
    }

    fn anthropic(&mut self, event: Object<'a>) -> EventKind {
        let (mut is_content, mut is_last) = (false, false);
        for (key, value) in event {
            match (&*key.plain(), value) {
                ("completion", piece) => {
                    is_content = !is_empty(&piece);
                    append_text(self.object.entry(&key), piece);
                }
                (name, value) => {
                    is_last |= name == "stop_reason" && !value.is_null();
                    *self.object.entry(&key) = value;
                }
            }
        }
        ended(is_content, is_last)
    }

    fn cohere(&mut self, mut event: Object<'a>) -> EventKind {
        event.remove("event_type");
        let is_last = event.remove("is_finished").and_then(|last| last.as_bool()).unwrap_or(false);
        let index = index_of(&event);
        event.remove("index");
        let piece = event.remove("text").unwrap_or_default();
        let is_content = !is_last && !is_empty(&piece);
        if is_last {
            let reason = event.remove("finish_reason");
            // The whole response, whose generations have the whole texts.
            if let Some(Json::Object(mut response)) = event.remove("response") {
                if let Some(Json::Array(generations)) = response.remove("generations") {
                    let objects = generations.into_iter().map(|generation| match generation {
                        Json::Object(generation) => generation,
                        text => [("text", text)].into_iter().collect(),
                    });
                    (self.list, self.answers) = (Some("generations"), objects.collect());
                }
                response.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
            }
            for answer in self.answers.iter_mut().filter(|answer| answer.get("finish_reason").is_none()) {
                if let Some(reason) = &reason {
                    answer.set("finish_reason", reason.clone());
                }
            }
            event.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
        } else if let Some(answer) = self.answer("generations", index) {
            append_text(answer.entry(&Text::new("text")), piece);
        }
        ended(is_content, is_last)
    }

    fn aleph_alpha(&mut self, mut event: Object<'a>) -> EventKind {
        let kind =
            event.remove("type").and_then(|kind| kind.as_str().map(Cow::into_owned)).unwrap_or_default();
        let index = index_of(&event);
        event.remove("index");
        let mut is_content = false;
        match &*kind {
            "stream_chunk" | "stream_summary" => {
                if let Some(version) = event.remove("model_version") {
                    self.object.set("model_version", version);
                }
                let Some(answer) = self.answer("completions", index) else {
                    return EventKind::Unknown;
                };
                for (key, value) in event {
                    if *key.plain() == *"completion" {
                        is_content |= !is_empty(&value);
                        append_text(answer.entry(&key), value);
                    } else {
                        answer.set_text(key, value);
                    }
                }
            }
            _ => event.into_iter().for_each(|(key, value)| self.object.set_text(key, value)),
        }
        ended(is_content, kind == "completion_summary")
    }

    /// Takes an event of Text Generation Inference: a token, and with the last one the whole text.
    fn hugging_face(&mut self, mut event: Object<'a>) -> EventKind {
        let token = event.remove("token").unwrap_or_default();
        let whole = event.remove("generated_text").filter(|whole| !whole.is_null());
        let is_special = token.get("special").as_bool().unwrap_or(false);
        let piece = if is_special { Json::Null } else { token.get("text").clone() };
        let is_content = !is_empty(&piece);
        self.tokens.push(token);
        let is_last = whole.is_some();
        match whole {
            Some(whole) => self.object.set("generated_text", whole),
            None => append_text(self.object.entry(&Text::new("generated_text")), piece),
        }
        if let Some(details) = event.remove("details").filter(|details| !details.is_null()) {
            self.object.set("details", details);
        }
        ended(is_content, is_last)
    }

    fn watsonx(&mut self, mut event: Object<'a>) -> EventKind {
        let results = match event.remove("results") {
            Some(Json::Array(results)) => results,
            _ => return EventKind::Unknown,
        };
        let (mut is_content, mut is_last) = (false, false);
        for (index, result) in results.into_iter().enumerate() {
            let (Json::Object(result), Some(answer)) = (result, self.answer("results", index)) else {
                continue;
            };
            for (key, value) in result {
                let place = answer.entry(&key);
                match &*key.plain() {
                    "generated_text" => {
                        is_content |= !is_empty(&value);
                        append_text(place, value);
                    }
                    // A count grows from chunk to chunk, or is zero where it stood before.
                    "generated_token_count" | "input_token_count" => {
                        if place.is_null() || value.as_u64() > place.as_u64() {
                            *place = value;
                        }
                    }
                    name => {
                        is_last |= name == "stop_reason"
                            && value.as_text().is_some_and(|reason| *reason != *"not_finished");
                        *place = value;
                    }
                }
            }
        }
        event.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
        ended(is_content, is_last)
    }
}

fn index_of(event: &Object<'_>) -> usize {
    let index = event.get("index").and_then(Json::as_u64);
    index.and_then(|index| usize::try_from(index).ok()).unwrap_or(0)
}

fn ended(is_content: bool, is_last: bool) -> EventKind {
    match (is_content, is_last) {
        (true, true) => EventKind::LastContent,
        (false, true) => EventKind::End,
        (is_content, false) => EventKind::content_if(is_content),
    }
}
