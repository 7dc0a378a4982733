//! Composes a call's record into the contents of its five files and its line in the index.

mod attempts;
mod body;
mod chat_messages;
mod content_coding;
mod context_text;
mod exchange;
mod failure;
mod from_fields;
mod media;
mod metadata;
mod options;
mod request;
mod response;
mod stored;

use std::borrow::Cow;

use crate::api::{self, Depth, Interpretation};
use crate::capture::{CallRecord, CapturedRequest, ErrorType};
use crate::format::layout::{INPUT_FILE, INPUT_TEXT_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE};
use crate::format::time::LocalTime;
use crate::format::{Files, IndexEntry, Metadata, PreparedFile, SCHEMA_VERSION, Status, Target, Truncated};
use crate::price::PricedCall;
use crate::render::Reply;

use body::is_cut;
use content_coding::decoded_request;
use exchange::Exchange;
use failure::FailedCall;
use from_fields::SpanAttributes;
use request::{DecodedRequest, UNKNOWN_MODEL, chooses_model, model_of};
use response::Output;

pub use content_coding::{DecodedBytes, decoded_bytes, decoded_response};
pub use failure::clean as clean_failure;
pub use media::Media;
pub use options::ComposeOptions;
pub use request::Input;
pub use stored::{StoredBodies, stored_endpoint};

/// Everything to be written for a call except its id, which is the name of a directory that does not exist yet.
pub struct Composed {
    /// `None` if it was not requested.
    pub input: Option<Input>,
    /// `output.json`
    pub output_json: Vec<u8>,
    /// `output.txt`
    pub output_text: String,
    /// The media that were elided from the response.
    pub media: Vec<Media>,
    /// How the call ended.
    pub status: Status,
    /// The call's line in the index, without its id.
    pub entry: IndexEntry,
    metadata: PreparedFile,
    index_line: PreparedFile,
}

impl Composed {
    /// Returns `metadata.json` of the call whose directory is called `id`, and its line in the index without the newline.
    pub fn named(&self, id: &str) -> (Vec<u8>, Vec<u8>) {
        (self.metadata.with_call_id(id), self.index_line.with_call_id(id))
    }
}

/// Composes the contents of calls' files.
pub struct Composer {
    options: ComposeOptions,
    files: Files,
}

impl Composer {
    /// Returns a composer with `options`.
    pub fn new(options: ComposeOptions) -> Self {
        let name = |name: &str, on: bool| if on { name.to_owned() } else { String::new() };
        let (bodies, texts) = (options.bodies, options.bodies && options.text_files);
        let files = Files {
            input: name(INPUT_FILE, bodies),
            output: name(OUTPUT_FILE, bodies),
            input_txt: name(INPUT_TEXT_FILE, texts),
            output_txt: name(OUTPUT_TEXT_FILE, texts),
        };
        Composer { options, files }
    }

    /// Composes the files of a request whose call is still in flight.
    pub fn request(&self, request: &CapturedRequest) -> Input {
        let in_clear = decoded_request(request, self.options.max_body_bytes);
        let decoded = DecodedRequest::of(&in_clear.as_ref().unwrap_or(request).body, &self.options);
        let view = decoded.view(&request.endpoint);
        let endpoint = &request.endpoint;
        decoded.input(
            &self.options,
            &model_of(&view, endpoint, "", &self.options.redact),
            &endpoint.operation,
            &view,
        )
    }

    /// Composes everything to be written for a call; the files of its request only if `with_input` is set.
    ///
    /// # Errors
    ///
    /// Those of serde; none are known.
    pub fn compose(
        &self,
        record: &CallRecord,
        session_id: &str,
        with_input: bool,
    ) -> serde_json::Result<Composed> {
        let options = &self.options;
        let exchange = Exchange::of(record);
        // What the client left in a content coding is decoded first; nothing below has to know of it.
        let request_in_clear =
            exchange.request.and_then(|request| decoded_request(request, options.max_body_bytes));
        let captured_request = request_in_clear.as_ref().or(exchange.request);
        let response_in_clear =
            exchange.response().and_then(|response| decoded_response(response, options.max_body_bytes));
        let captured_response = response_in_clear.as_ref().or(exchange.response());
        let encoding_of_response = exchange.response().map_or("", |response| &response.head.content_encoding);
        let attributes = SpanAttributes::of(record);
        let mut endpoint =
            captured_request.map_or_else(|| attributes.endpoint(), |request| (*request.endpoint).clone());
        for text in [&mut endpoint.path, &mut endpoint.query] {
            if let Cow::Owned(clean) = options.redact.text(text) {
                *text = clean;
            }
        }
        let answered_by = exchange.answered_by.unwrap_or(&endpoint);
        let ended = captured_response.map_or(record.own.ended, |response| response.ended);

        // The request: as it was sent, or composed from the span's fields.
        let decoded_request = match captured_request {
            Some(request) => DecodedRequest::of(&request.body, options),
            None => DecodedRequest::of_json(attributes.request(), options),
        };
        let request = decoded_request.view(&endpoint);
        let model = model_of(&request, &endpoint, &attributes.model(), &options.redact);
        let input = with_input.then(|| decoded_request.input(options, &model, &endpoint.operation, &request));

        // The response: as it was received, or composed from the span's fields.
        let start = LocalTime::of(record.own.started.wall);
        let end = LocalTime::of(record.own.started.wall_at(ended));
        let mut answer = match captured_response {
            Some(response) => api::interpret(answered_by, response, Depth::Whole),
            None => Interpretation::of_body(&endpoint, attributes.response(end.unix_seconds())),
        };
        let redacted = answer.redact(&options.redact, |json| media::redact(json, options));
        let view = answer.view();
        let mut failure = failure::call_failure(record, captured_response, &attributes, &answer, &view);
        if let Some(failure) = &mut failure {
            failure::clean(failure, &options.redact);
        }

        // The span's fields have more token counts than a response that was composed from them.
        let in_body = view.usage.filter(|_| captured_response.is_some());
        let usage = in_body.or_else(|| attributes.usage()).unwrap_or_default();
        let latency_ms = match (captured_response, attributes.latency_ms()) {
            (None, Some(in_fields)) => in_fields,
            _ => metadata::milliseconds(record.own.started.until(ended)),
        };
        let mut response_info = metadata::response_info(
            &view,
            failure.as_ref(),
            captured_response,
            encoding_of_response,
            &attributes,
            &answer,
        );
        // What came in the status line and in headers.
        for text in [
            &mut response_info.status_text,
            &mut response_info.request_id,
            &mut response_info.content_type,
            &mut response_info.content_encoding,
        ] {
            if let Cow::Owned(clean) = options.redact.text(text) {
                *text = clean;
            }
        }
        let model = match &*response_info.model {
            answered if model == UNKNOWN_MODEL && !answered.is_empty() && chooses_model(&endpoint) => {
                answered.to_owned()
            }
            _ => model,
        };
        let own = Target {
            provider: endpoint.provider.clone().into_owned(),
            model: model.clone(),
            base_url: endpoint.base_url.clone(),
        };
        let attempts = attempts::attempts(record, &endpoint, &own, options);
        let fallback = attempts::fallback(&attempts, &own);
        let asked = fallback.as_ref().map_or(&model, |fallback| &fallback.to.model);
        let priced = PricedCall {
            provider: &answered_by.provider,
            base_url: &answered_by.base_url,
            models: [&response_info.model, asked],
            service_tier: &view.service_tier,
            at: record.own.started.wall,
            body: answer.json(),
        };
        let cost_estimate = options.prices.cost(&priced, &usage, view.cost);
        let reply = Reply {
            id: &response_info.id,
            model: if response_info.model.is_empty() { &model } else { &response_info.model },
            finish_reason: &response_info.finish_reason,
            usage,
            choices: &view.choices,
            raw: None,
        };
        let output = match &failure {
            None => response::output(options, captured_response, &answer, redacted, &reply),
            Some(failure) => {
                let failed = FailedCall {
                    failure,
                    response: captured_response,
                    answer: &answer,
                    view: &view,
                    reply: &reply,
                    model: &model,
                    request_id: &response_info.request_id,
                    attempts: &attempts,
                    end: &end,
                };
                failed.output(options)
            }
        };
        let prompt = request.last_user_message();
        let mut context_cut = false;
        let context = metadata::context(
            record,
            &attributes,
            captured_request.is_some(),
            &prompt,
            &options.redact,
            &mut context_cut,
        );
        let metadata = Metadata {
            schema_version: SCHEMA_VERSION,
            call_id: String::new(),
            session_id: session_id.to_owned(),
            timestamp: start.unix(),
            datetime: start.readable(),
            started_at: start.rfc3339(),
            ended_at: end.rfc3339(),
            status: match &failure {
                None => Status::Ok,
                Some(failure) if failure.kind == ErrorType::Cancelled => Status::Cancelled,
                Some(_) => Status::Error,
            },
            request_info: metadata::request_info(
                &request,
                &captured_request
                    .map_or(Cow::Borrowed(""), |request| options.redact.text(&request.content_encoding)),
                &prompt,
                &context,
            ),
            usage,
            performance: metadata::performance(
                latency_ms,
                usage,
                failure.is_some(),
                answer.body().first_content,
                record,
            ),
            context,
            trace: metadata::trace(record),
            attempts,
            fallback,
            files: self.files.clone(),
            cost_estimate,
            truncated: Truncated {
                input: decoded_request.is_cut(options, input.as_ref()),
                output: captured_response.is_some_and(|response| is_cut(&response.body)),
                context: context_cut,
            },
            response_info,
            api_info: metadata::api_info(endpoint, model),
        };
        let entry = IndexEntry::from(&metadata);
        let Output { json: output_json, text: output_text, media } = output;
        Ok(Composed {
            input,
            output_json,
            output_text,
            media,
            status: metadata.status,
            metadata: metadata.prepare()?,
            index_line: entry.prepare()?,
            entry,
        })
    }
}
