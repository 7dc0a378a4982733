//! A call's record into the contents of its five files.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use base64::Engine;

use crate::api::{self, DecodedBody, RequestView, ResponseView, dialect};
use crate::capture::{
    Body, CallRecord, CapturedRequest, CapturedResponse, Completion, Endpoint, ErrorType, Failure, SpanRecord,
};
use crate::format::{
    ApiInfo, Attempt, Context, Files, IndexEntry, Metadata, Performance, RequestInfo, ResponseInfo,
    SCHEMA_VERSION, Status, Truncated, Usage,
};
use crate::json::{self, Json, Object};
use crate::redact::{REPLACEMENT, Redactor};
use crate::render::{self, Failed, Language, Reply};

use crate::format::time::LocalTime;
use crate::price::{Priced, Prices};

mod from_fields;
pub mod media;

use from_fields::SpanAttributes;
pub use media::Media;

/// The request's two files.
pub struct Input {
    pub json: Vec<u8>,
    pub text: String,
    /// What was taken out of it.
    pub media: Vec<Media>,
    /// It was too long, whatever was taken out of it.
    cut: bool,
}

/// A call as its files tell it.
struct Call {
    /// `None` where it is on disk already.
    input: Option<Input>,
    output_json: Vec<u8>,
    output_text: String,
    /// Without the call's id.
    metadata: Metadata,
    /// What was taken out of the response.
    media: Vec<Media>,
}

/// All five files and the line in the index, but for the call's id, which is that of a folder yet to be made.
pub struct Composed {
    /// `None` where it is on disk already.
    pub input: Option<Input>,
    pub output_json: Vec<u8>,
    pub output_text: String,
    /// What was taken out of the response.
    pub media: Vec<Media>,
    pub status: Status,
    metadata: Vec<u8>,
    line: Vec<u8>,
}

impl Composed {
    /// `metadata.json` and the line in the index, of the call `id`.
    pub fn named(&self, id: &str) -> (Vec<u8>, Vec<u8>) {
        (with_id(&self.metadata, b"\"call_id\": \"", id), with_id(&self.line, b"\"call_id\":\"", id))
    }
}

/// `json` with `id`, which needs no escapes, after the first `key`, where nothing stands yet.
fn with_id(json: &[u8], key: &[u8], id: &str) -> Vec<u8> {
    let place = memchr::memmem::find(json, key).map_or(0, |found| found + key.len());
    [&json[..place], id.as_bytes(), &json[place..]].concat()
}

/// What can be chosen of a call's files.
#[derive(Debug, Clone)]
pub struct ComposeOptions {
    /// Whether bodies are kept; without them a call is its `metadata.json` and its line in the index.
    pub bodies: bool,
    /// Whether `input.txt` and `output.txt` are written.
    pub text_files: bool,
    /// The language of the failure text.
    pub language: Language,
    pub prices: Prices,
    pub redact: Redactor,
    /// How many bytes of a body are kept.
    pub max_body_bytes: usize,
    /// Base64 media of more bytes than this stands aside.
    pub max_media_bytes: usize,
}

impl Default for ComposeOptions {
    fn default() -> Self {
        ComposeOptions {
            bodies: true,
            text_files: true,
            language: Language::default(),
            prices: Prices::default(),
            redact: Redactor::new(),
            max_body_bytes: 8 << 20,
            max_media_bytes: 32 << 10,
        }
    }
}

/// Makes the contents of a call's files.
pub struct Composer {
    options: ComposeOptions,
    files: Files,
}

/// The parts of a record that tell of the call as a whole.
struct Chosen<'r> {
    request: Option<&'r CapturedRequest>,
    outcome: Option<Cow<'r, CapturedResponse>>,
}

impl<'r> Chosen<'r> {
    /// The last attempt gives request, response and status, unless the call ended otherwise than its
    /// last attempt did.
    fn of(record: &'r CallRecord) -> Self {
        let own = &record.own;
        let last = record.attempts.iter().rev().find(|leg| is_http(leg)).unwrap_or(own);
        let outcome = match (own.response.as_deref(), last.response.as_deref()) {
            (Some(own), Some(last)) => {
                let same = match own.end {
                    Completion::Complete => true,
                    Completion::Dropped => last.end == Completion::Dropped,
                    // What was only let go of failed for the outer one's reason.
                    Completion::Failed(_) => {
                        last.end != Completion::Dropped && api::exchange_failure(last, None).is_some()
                    }
                };
                Some(match own.body {
                    _ if same => Cow::Borrowed(last),
                    // What had been answered stays, whatever came of it later.
                    Body::Empty => Cow::Owned(CapturedResponse {
                        end: own.end.clone(),
                        ended: own.ended,
                        ..last.clone()
                    }),
                    _ => Cow::Borrowed(own),
                })
            }
            (own, last) => last.or(own).map(Cow::Borrowed),
        };
        Chosen { request: last.request.as_deref().or(own.request.as_deref()), outcome }
    }

    fn outcome(&self) -> Option<&CapturedResponse> {
        self.outcome.as_deref()
    }
}

fn is_http(leg: &SpanRecord) -> bool {
    leg.request.is_some() || leg.response.is_some()
}

impl Composer {
    pub fn new(options: ComposeOptions) -> Self {
        let name = |name: &str, on: bool| if on { name.to_owned() } else { String::new() };
        let (bodies, texts) = (options.bodies, options.bodies && options.text_files);
        let files = Files {
            input: name("input.json", bodies),
            output: name("output.json", bodies),
            input_txt: name("input.txt", texts),
            output_txt: name("output.txt", texts),
        };
        Composer { options, files }
    }

    /// The files of a request whose call is still in flight.
    pub fn request(&self, request: &CapturedRequest) -> Input {
        let sent = self.read(&request.body);
        let view = sent.view(&request.endpoint);
        let model = model_of(&view, Some(&request.endpoint), "");
        self.input(&sent, Some(&request.body), &model, &view)
    }

    /// A request body as it may be recorded.
    fn read<'b>(&self, body: &'b Body) -> Sent<'b> {
        let json = match body_text(body) {
            Some(Cow::Borrowed(text)) => json::parse(text).ok(),
            Some(Cow::Owned(text)) => json::parse(&text).ok().map(Json::into_owned),
            None => None,
        };
        let form = if json.is_none() { api::form(body.bytes()) } else { None };
        Sent { form, ..self.redacted(json) }
    }

    fn redacted<'b>(&self, mut json: Option<Json<'b>>) -> Sent<'b> {
        let changed = json.as_mut().is_some_and(|json| self.options.redact.json(json));
        Sent { json, form: None, changed }
    }

    fn input(&self, sent: &Sent<'_>, body: Option<&Body>, model: &str, view: &RequestView<'_>) -> Input {
        let mut media = Vec::new();
        let json = self.stored(sent.json.as_ref(), sent.changed, body, "", &mut media);
        match body {
            Some(Body::Whole(bytes))
                if bytes.len() > self.options.max_body_bytes && json.len() > self.options.max_body_bytes =>
            {
                let cut = Body::limited(bytes.clone(), self.options.max_body_bytes);
                let json = stored_body(&cut, &self.options.redact);
                let text = render::input(model, &RequestView::default(), std::str::from_utf8(&json).ok());
                return Input { json, text, media, cut: true };
            }
            _ => {}
        }
        let raw = if view.messages.is_empty() { std::str::from_utf8(&json).ok() } else { None };
        let text = render::input(model, view, raw);
        Input { json, text, media, cut: body.is_some_and(is_cut) }
    }

    /// A body as its file holds it: as it came, unless something was taken out of it.
    fn stored(
        &self,
        json: Option<&Json<'_>>,
        changed: bool,
        body: Option<&Body>,
        content_type: &str,
        media: &mut Vec<Media>,
    ) -> Vec<u8> {
        match (json, body) {
            (Some(json), _) if media::worth_a_look(json, self.options.max_media_bytes) => {
                let mut json = json.clone();
                let taken = media::elide(&mut json, self.options.max_media_bytes);
                match body {
                    Some(body) if taken.is_empty() && !changed => stored_body(body, &self.options.redact),
                    _ => {
                        media.extend(taken);
                        pretty(&json)
                    }
                }
            }
            (Some(json), Some(body)) if !changed && matches!(body, Body::Whole(_)) => {
                // Nothing was taken out: what is printed is the body itself.
                let mut out = Vec::new();
                match std::str::from_utf8(body.bytes()).map(|text| json::reformat(text, &mut out)) {
                    Ok(Ok(())) => out,
                    _ => pretty(json),
                }
            }
            (Some(json), _) => pretty(json),
            (None, Some(Body::Whole(bytes)))
                if bytes.len() > self.options.max_media_bytes && std::str::from_utf8(bytes).is_err() =>
            {
                let clean = self.options.redact.bytes(bytes);
                let (elided, medium) = media::elide_body(&clean, content_type);
                media.push(medium);
                pretty(&Json::Object([("base64", elided)].into_iter().collect()))
            }
            (None, Some(body)) => stored_body(body, &self.options.redact),
            (None, None) => pretty(&Json::Null),
        }
    }

    /// Composes what is to be written of a call.
    ///
    /// # Errors
    ///
    /// None, as far as is known: it is serde's.
    pub fn compose(
        &self,
        record: &CallRecord,
        session_id: &str,
        with_input: bool,
    ) -> serde_json::Result<Composed> {
        let Call { input, output_json, output_text, metadata, media } =
            self.call(record, session_id, with_input);
        Ok(Composed {
            line: serde_json::to_vec(&IndexEntry::from(&metadata))?,
            metadata: serde_json::to_vec_pretty(&metadata)?,
            status: metadata.status,
            input,
            output_json,
            output_text,
            media,
        })
    }

    fn call(&self, record: &CallRecord, session_id: &str, with_input: bool) -> Call {
        let chosen = Chosen::of(record);
        let attributes = SpanAttributes::by(record);
        let mut endpoint =
            chosen.request.map_or_else(|| attributes.endpoint(), |request| (*request.endpoint).clone());
        endpoint.path = self.options.redact.text(&endpoint.path).into_owned();
        let ended = chosen.outcome().map_or(record.own.ended, |outcome| outcome.ended);

        // The request: as it was sent, or as the fields tell it.
        let sent = match chosen.request {
            Some(request) => self.read(&request.body),
            None => self.redacted(Some(attributes.request())),
        };
        let request = sent.view(&endpoint);
        let model = model_of(&request, Some(&endpoint), &attributes.model());
        let input = with_input
            .then(|| self.input(&sent, chosen.request.map(|request| &request.body), &model, &request));

        // The response: as it came, or as the fields tell it.
        let wall_end = record.own.started.wall_at(ended);
        let (started, end) = (LocalTime::of(record.own.started.wall), LocalTime::of(wall_end));
        let mut decoded = match chosen.outcome() {
            Some(outcome) => api::decode(&endpoint, outcome),
            None => DecodedBody {
                json: Some(attributes.response(end.unix_seconds())),
                finished: true,
                ..DecodedBody::default()
            },
        };
        let mut changed = decoded.json.as_mut().is_some_and(|json| self.options.redact.json(json));
        changed |= decoded.error.as_mut().is_some_and(|error| self.options.redact.json(error));
        let is_error_body = chosen.outcome().is_some_and(|o| o.head.status.is_some_and(|s| s >= 400));
        let response = match &decoded.json {
            Some(body) if !is_error_body => {
                dialect(api::api_of_answer(&endpoint, body)).response(&endpoint, body)
            }
            _ => ResponseView::default(),
        };
        let mut failure = call_failure(record, &chosen, &attributes, &decoded, &response);
        if let Some(failure) = &mut failure {
            self.redact_failure(failure);
        }
        let cancelled = failure.as_ref().is_some_and(|failure| failure.kind == ErrorType::Cancelled);

        // A response made up from the fields says less of the tokens than the fields themselves.
        let in_body = response.usage.filter(|_| chosen.outcome().is_some());
        let usage = in_body.or_else(|| attributes.usage()).unwrap_or_default();
        let latency = record.own.started.until(ended);
        let latency_ms = match (chosen.outcome(), attributes.latency_ms()) {
            (None, Some(told)) => told,
            _ => milliseconds(latency),
        };
        let response_info = response_info(
            &response,
            failure.as_ref(),
            &chosen,
            &attributes,
            decoded.json.as_ref().unwrap_or(&Json::Null),
        );
        let priced = Priced {
            provider: &endpoint.provider,
            base_url: &endpoint.base_url,
            models: [&response_info.model, &model],
            service_tier: &response.service_tier,
            at: record.own.started.wall,
            body: decoded.json.as_ref().unwrap_or(&Json::Null),
        };
        let mut media = Vec::new();
        let reply = Reply {
            id: &response_info.id,
            model: if response_info.model.is_empty() { &model } else { &response_info.model },
            finish_reason: &response_info.finish_reason,
            usage,
            choices: &response.choices,
            raw: None,
        };
        let (output_json, output_text) = match &failure {
            None => {
                // A folded stream is what it folded into; everything else is its body.
                let body = chosen.outcome().map(|outcome| &outcome.body);
                let body = body.filter(|body| !decoded.streamed || decoded.json.is_none() || is_cut(body));
                let json = decoded.json.as_ref().filter(|_| !body.is_some_and(is_cut));
                let content_type = chosen.outcome().map_or("", |outcome| &outcome.head.content_type);
                let stored = self.stored(json, changed, body, content_type, &mut media);
                let raw = if reply.choices.is_empty() { std::str::from_utf8(&stored).ok() } else { None };
                let text = render::output(&Reply { raw, ..reply }, None);
                (stored, text)
            }
            Some(failure) => {
                self.failure(&chosen, &decoded, &response, &reply, failure, &model, &end, &mut media)
            }
        };
        let metadata = Metadata {
            schema_version: SCHEMA_VERSION,
            call_id: String::new(),
            session_id: session_id.to_owned(),
            timestamp: started.unix(),
            datetime: started.readable(),
            started_at: started.rfc3339(),
            ended_at: end.rfc3339(),
            status: match &failure {
                None => Status::Ok,
                Some(_) if cancelled => Status::Cancelled,
                Some(_) => Status::Error,
            },
            request_info: request_info(&request),
            usage,
            performance: performance(latency_ms, usage, failure.is_some(), decoded.first_content, record),
            context: self.context(record, &attributes, chosen.request.is_some(), &request),
            attempts: self.attempts(record),
            files: self.files.clone(),
            cost_estimate: self.options.prices.cost(&priced, &usage, response.cost),
            truncated: Truncated {
                input: chosen.request.is_some_and(|CapturedRequest { body, .. }| {
                    let told = || self.input(&sent, Some(body), &model, &request).cut;
                    let long = body.len() > self.options.max_body_bytes;
                    is_cut(body) || long && input.as_ref().map_or_else(told, |input| input.cut)
                }),
                output: chosen.outcome().is_some_and(|outcome| is_cut(&outcome.body)),
            },
            response_info,
            api_info: api_info(endpoint, model),
        };
        Call { input, output_json, output_text, metadata, media }
    }

    #[allow(clippy::too_many_arguments, reason = "all of them are the call, read in one place")]
    fn failure(
        &self,
        chosen: &Chosen<'_>,
        decoded: &DecodedBody<'_>,
        response: &ResponseView<'_>,
        reply: &Reply<'_>,
        failure: &Failure,
        model: &str,
        end: &LocalTime,
        media: &mut Vec<Media>,
    ) -> (Vec<u8>, String) {
        let status = chosen.outcome().and_then(|outcome| outcome.head.status);
        let http_error = status.is_some_and(|status| status >= 400);
        let arrived = chosen.outcome().and_then(|outcome| self.arrived(outcome, decoded));
        // An error that the body reports is the provider's word; anything else had merely arrived.
        let (body, partial) = match (&decoded.error, arrived) {
            (Some(error), partial) => (Some(error.clone()), partial),
            (None, arrived) if http_error || response.error.is_some() => (arrived, None),
            (None, arrived) => (None, arrived),
        };
        let kind = failure.kind.word();
        let failed = Failed { error_type: &kind, message: &failure.message, language: self.options.language };
        let partial_text = partial.as_ref().and_then(Json::as_str).map(Cow::into_owned);
        let text = render::output(&Reply { raw: partial_text.as_deref(), ..*reply }, Some(&failed));
        let seconds = end.unix_seconds();
        let counts = [
            ("prompt_tokens", reply.usage.prompt_tokens),
            ("completion_tokens", reply.usage.completion_tokens),
            ("total_tokens", reply.usage.total_tokens),
        ];
        let counts: Object<'_> =
            counts.map(|(name, count)| (name, Json::number(count))).into_iter().collect();
        let members = [
            ("error", Json::Bool(true)),
            ("error_type", Json::string(&*kind)),
            ("error_message", Json::string(&*failure.message)),
            ("error_code", Json::string(&*failure.code)),
            ("http_status", status.map_or(Json::Null, Json::number)),
            ("timestamp", Json::number(end.unix())),
            ("id", Json::string(format!("error_{seconds}"))),
            ("object", Json::string("error")),
            ("created", Json::number(seconds)),
            ("model", Json::string(model)),
            ("choices", Json::Array(Vec::new())),
            ("usage", Json::Object(counts)),
            ("body", body.unwrap_or_default()),
            ("partial", partial.unwrap_or_default()),
        ];
        let object = Json::Object(members.into_iter().collect());
        (self.stored(Some(&object), true, None, "", media), text)
    }

    /// A failed call's body as far as it arrived; `None` where nothing did.
    fn arrived<'b>(&self, outcome: &'b CapturedResponse, decoded: &DecodedBody<'b>) -> Option<Json<'b>> {
        match (&decoded.json, &outcome.body) {
            (_, body @ (Body::Cut { .. } | Body::GivenUp { .. })) => {
                let stored = stored_body(body, &self.options.redact);
                json::parse(std::str::from_utf8(&stored).ok()?).ok().map(Json::into_owned)
            }
            (Some(Json::Object(object)), _) if object.is_empty() => None,
            (Some(json), _) => Some(json.clone()),
            (None, body) if body.is_empty() => None,
            (None, body) => Some(match std::str::from_utf8(body.bytes()) {
                Ok(text) => Json::string(self.options.redact.text(text)),
                Err(_binary) => base64_object(&self.options.redact.bytes(body.bytes())),
            }),
        }
    }

    fn attempts(&self, record: &CallRecord) -> Vec<Attempt> {
        let tries: Vec<&SpanRecord> = record.attempts.iter().filter(|leg| is_http(leg)).collect();
        if tries.len() < 2 {
            return Vec::new();
        }
        tries.iter().zip(1..).map(|(leg, number)| self.attempt(number, leg)).collect()
    }

    fn attempt(&self, number: u64, leg: &SpanRecord) -> Attempt {
        let outcome = leg.response.as_deref();
        let ended = outcome.map_or(leg.ended, |outcome| outcome.ended);
        let mut failure = match (outcome, leg.request.as_deref()) {
            (Some(outcome), Some(request)) => {
                let mut decoded = api::decode(&request.endpoint, outcome);
                for body in [&mut decoded.json, &mut decoded.error].into_iter().flatten() {
                    self.options.redact.json(body);
                }
                let is_error_body = outcome.head.status.is_some_and(|status| status >= 400);
                let view = match &decoded.json {
                    Some(body) if !is_error_body => {
                        dialect(request.endpoint.api).response(&request.endpoint, body)
                    }
                    _ => ResponseView::default(),
                };
                api::exchange_failure(outcome, Some(&decoded))
                    .or_else(|| api::reported_failure(&decoded, &view))
            }
            (Some(outcome), None) => api::exchange_failure(outcome, None),
            (None, _) => Some(Failure::new(ErrorType::Cancelled, "the attempt was dropped before its end")),
        };
        if let Some(failure) = &mut failure {
            self.redact_failure(failure);
        }
        let head = outcome.map(|outcome| &outcome.head);
        Attempt {
            attempt: number,
            started_at: LocalTime::of(leg.started.wall).rfc3339(),
            latency_ms: milliseconds(leg.started.until(ended)),
            http_status: head.and_then(|head| head.status),
            retry_after_ms: head.and_then(|head| head.retry_after_ms),
            error_type: failure.as_ref().map(|failure| failure.kind.word().into_owned()).unwrap_or_default(),
            error_code: failure.as_ref().map(|failure| failure.code.clone()).unwrap_or_default(),
            error_message: failure.map(|failure| failure.message).unwrap_or_default(),
        }
    }

    /// What a failure quotes of a body that is no JSON, or of something else, has been through no rule yet.
    fn redact_failure(&self, failure: &mut Failure) {
        for text in [&mut failure.message, &mut failure.code] {
            if let Cow::Owned(clean) = self.options.redact.text(text) {
                *text = clean;
            }
        }
    }

    fn context(
        &self,
        record: &CallRecord,
        attributes: &SpanAttributes<'_>,
        http: bool,
        request: &RequestView<'_>,
    ) -> Context {
        let mut context = Context { agent_iteration: 0.into(), ..Context::default() };
        let mut iteration = None;
        for (name, value) in record.context.iter().chain(attributes.unknown(http)) {
            let mut value = value.to_json();
            if let serde_json::Value::String(text) = &mut value
                && let Cow::Owned(clean) = self.options.redact.text(text)
            {
                *text = clean;
            }
            match name {
                "user_message" => {
                    context.user_message = match value {
                        serde_json::Value::String(text) => text,
                        other => other.to_string(),
                    }
                }
                "agent_iteration" => context.agent_iteration = value,
                "iteration" => iteration = Some(value),
                "phase" => context.phase = value,
                "round" => context.round = value,
                "task_id" => context.task_id = value,
                // The key is taken by the names of the spans.
                "spans" => drop(context.other.insert("field.spans".to_owned(), value)),
                name => drop(context.other.insert(name.to_owned(), value)),
            }
        }
        if let (Some(iteration), true) = (iteration, context.agent_iteration == 0) {
            context.agent_iteration = iteration;
        }
        if context.user_message.is_empty() {
            context.user_message = request.last_user_message();
        }
        context.spans = record.spans.iter().map(|span| span.name.to_owned()).collect();
        context
    }
}

/// A request body, read.
struct Sent<'b> {
    json: Option<Json<'b>>,
    /// What a body that is a form says; it is stored as it came.
    form: Option<Json<'static>>,
    /// Something was taken out of it.
    changed: bool,
}

impl Sent<'_> {
    fn view(&self, endpoint: &Endpoint) -> RequestView<'_> {
        let body = self.json.as_ref().or(self.form.as_ref());
        body.map(|body| dialect(endpoint.api).request(endpoint, body)).unwrap_or_default()
    }
}

fn pretty(json: &Json<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    json::pretty(json, &mut out);
    out
}

fn is_cut(body: &Body) -> bool {
    matches!(body, Body::Cut { .. } | Body::GivenUp { .. })
}

/// A body's text, where it is text and all of it is there.
fn body_text(body: &Body) -> Option<Cow<'_, str>> {
    match body {
        Body::Whole(bytes) => Some(json::lossy(bytes)),
        _ => None,
    }
}

/// A body as `input.json` and `output.json` hold it.
fn stored_body(body: &Body, redact: &Redactor) -> Vec<u8> {
    let mut out = Vec::new();
    match body {
        Body::Empty => out.extend_from_slice(b"null"),
        Body::Streaming => out.extend_from_slice(b"{\n  \"streaming\": true\n}"),
        Body::Whole(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                let text = redact.text(text);
                if json::reformat(&text, &mut out).is_err() {
                    json::quote(&text, &mut out);
                }
            }
            Err(_binary) => json::pretty(&base64_object(&redact.bytes(bytes)), &mut out),
        },
        Body::Cut { original, .. } if redact.goes_by_place() => {
            // Where in the body something stands cannot be told of a part of it.
            cut(REPLACEMENT, *original, &mut out);
        }
        Body::Cut { bytes, original } => {
            cut(&redact.text(&json::lossy(bytes)), *original, &mut out);
        }
        Body::GivenUp { original } => cut("", *original, &mut out),
    }
    out
}

fn cut(text: &str, original: u64, out: &mut Vec<u8>) {
    let members = [
        ("truncated", Json::Bool(true)),
        ("original_bytes", Json::number(original)),
        ("text", Json::string(text)),
    ];
    json::pretty(&Json::Object(members.into_iter().collect()), out);
}

fn base64_object(bytes: &[u8]) -> Json<'static> {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    Json::Object([("base64", Json::string(text))].into_iter().collect())
}

fn model_of(view: &RequestView<'_>, endpoint: Option<&Endpoint>, told: &str) -> String {
    let in_body = view.model.as_deref().filter(|model| !model.is_empty());
    let in_path = endpoint.and_then(|endpoint| endpoint.path_model.as_deref());
    let told = Some(told).filter(|told| !told.is_empty());
    in_body.or(in_path).or(told).unwrap_or("unknown").to_owned()
}

fn api_info(endpoint: Endpoint, model: String) -> ApiInfo {
    ApiInfo {
        provider: endpoint.provider.into_owned(),
        model,
        base_url: endpoint.base_url,
        endpoint: endpoint.path,
        operation: endpoint.operation.into_owned(),
        method: endpoint.method,
    }
}

fn request_info(view: &RequestView<'_>) -> RequestInfo {
    let number = |json: Option<&Json<'_>>| json.and_then(json_number);
    RequestInfo {
        messages_count: view.messages_count as u64,
        tools_count: view.tools.len() as u64,
        has_tools: !view.tools.is_empty(),
        tool_choice: view.tool_choice.map_or_else(|| "auto".into(), json_value),
        temperature: number(view.temperature),
        max_tokens: number(view.max_tokens),
        stream: view.stream,
    }
}

fn json_number(json: &Json<'_>) -> Option<serde_json::Number> {
    match json {
        Json::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn json_value(json: &Json<'_>) -> serde_json::Value {
    let mut out = Vec::new();
    json::compact(json, &mut out);
    serde_json::from_slice(&out).unwrap_or_default()
}

fn response_info(
    view: &ResponseView<'_>,
    failure: Option<&Failure>,
    chosen: &Chosen<'_>,
    attributes: &SpanAttributes<'_>,
    body: &Json<'_>,
) -> ResponseInfo {
    let or = |known: &str, told: String| if known.is_empty() { told } else { known.to_owned() };
    let tool_names: Vec<String> = view.tool_names().map(|name| name.clone().into_owned()).collect();
    let head = chosen.outcome().map(|outcome| &outcome.head);
    ResponseInfo {
        id: or(&view.id, attributes.response_id()),
        object: view.object.clone().into_owned(),
        created: view.created.unwrap_or(0),
        model: or(&view.model, attributes.response_model()),
        http_status: head.and_then(|head| head.status),
        request_id: or(head.map_or("", |head| &head.request_id), api::request_id(body)),
        error: failure.is_some(),
        error_type: failure.map(|failure| failure.kind.word().into_owned()).unwrap_or_default(),
        error_code: failure.map(|failure| failure.code.clone()).unwrap_or_default(),
        error_message: failure.map(|failure| failure.message.clone()).unwrap_or_default(),
        finish_reason: or(view.finish_reason(), attributes.finish_reason()),
        tool_calls_count: tool_names.len() as u64,
        has_tool_calls: !tool_names.is_empty(),
        tool_names,
    }
}

fn performance(
    latency_ms: u64,
    usage: Usage,
    failed: bool,
    first_content: Option<Instant>,
    record: &CallRecord,
) -> Performance {
    let mut tokens_per_second = 0.0;
    if !failed && latency_ms > 0 {
        let rate = usage.completion_tokens as f64 / (latency_ms as f64 / 1000.0);
        tokens_per_second = (rate * 100.0).round() / 100.0;
    }
    Performance {
        latency_ms,
        tokens_per_second,
        time_to_first_token_ms: first_content.map(|at| milliseconds(record.own.started.until(at))),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Why the call failed, if it did: HTTP first, then what the body reports, then what the span says.
fn call_failure(
    record: &CallRecord,
    chosen: &Chosen<'_>,
    attributes: &SpanAttributes<'_>,
    decoded: &DecodedBody<'_>,
    response: &ResponseView<'_>,
) -> Option<Failure> {
    let exchange = chosen.outcome().and_then(|outcome| api::exchange_failure(outcome, Some(decoded)));
    // A stream that had come to its end was a call that had come to its end.
    let over =
        exchange.is_none() && chosen.outcome().is_some_and(|outcome| outcome.end == Completion::Dropped);
    let panicked = || {
        let panicked = !over && (record.own.panicked || record.attempts.iter().any(|leg| leg.panicked));
        panicked.then(|| Failure::new(ErrorType::Panic, "the program panicked while the call was open"))
    };
    // A caller that panics drops its call, but the panic is why.
    match exchange {
        Some(failure) if failure.kind == ErrorType::Cancelled => {
            return api::reported_failure(decoded, response).or_else(panicked).or(Some(failure));
        }
        Some(failure) => return Some(failure),
        None => {}
    }
    api::reported_failure(decoded, response).or_else(|| attributes.failure()).or_else(panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_stored_as_it_is_whatever_it_is() {
        let stored = |body| String::from_utf8(stored_body(&body, &Redactor::new())).unwrap();
        assert_eq!(stored(Body::Whole("{\"z\":1.0,\"a\":[]}".into())), "{\n  \"z\": 1.0,\n  \"a\": []\n}");
        assert_eq!(stored(Body::Whole("no json\n".into())), "\"no json\\n\"");
        assert_eq!(stored(Body::Whole(vec![0xff, 0xfe].into())), "{\n  \"base64\": \"//4=\"\n}");
        assert_eq!(stored(Body::Empty), "null");
        let cut = Body::limited("abcdef".into(), 3);
        assert_eq!(
            stored(cut),
            "{\n  \"truncated\": true,\n  \"original_bytes\": 6,\n  \"text\": \"abc\"\n}"
        );
    }
}
