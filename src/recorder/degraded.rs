//! A call without its bodies in few bytes: what waits in memory when there is room for nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use llmlogs_core::api::dialect;
use llmlogs_core::capture::{
    Body, CallKey, CallRecord, CapturedAttempt, CapturedRequest, CapturedResponse, ChunkTimings, Completion,
    Decision, EnclosingSpan, Endpoint, Failure, FieldValue, Fields, ResponseHead, SpanRecord, Symbol,
    SymbolTable, TimeAnchor, TraceIds,
};
use llmlogs_core::json;

/// The endpoints of degraded calls, each kept once: a program talks to few hosts.
#[derive(Default)]
pub(super) struct EndpointTable {
    known: Vec<Arc<Endpoint>>,
}

/// A request of no more bytes than this is kept.
const SMALL_REQUEST: usize = 512;

/// Of a larger one of no more bytes than this, the beginning of the user's last message is kept: as many characters as
/// an index line has.
const READABLE_REQUEST: usize = 256 << 10;
const MESSAGE_CHARS: usize = 200;

/// Beyond this many endpoints, each call keeps its own.
const MAX_ENDPOINTS: usize = 256;

impl EndpointTable {
    /// Returns the index of `endpoint`, which is added if it is new; `None` if the table is full.
    fn index_of(&mut self, endpoint: &Arc<Endpoint>) -> Option<u64> {
        let known = self.known.iter().position(|known| known == endpoint);
        let index = known.or_else(|| {
            (self.known.len() < MAX_ENDPOINTS).then(|| {
                self.known.push(Arc::clone(endpoint));
                self.known.len() - 1
            })
        });
        index.map(|index| index as u64)
    }
}

/// A packed call.
pub(super) struct DegradedRecord {
    key: CallKey,
    started: TimeAnchor,
    bytes: Box<[u8]>,
    /// What is rare and kept as it is, in the order of its places in `bytes`.
    rest: Vec<Rest>,
}

enum Rest {
    Endpoint(Arc<Endpoint>),
    Failure(Failure),
}

/// What an allocation takes beside its bytes.
const ALLOCATION: usize = 16;

impl DegradedRecord {
    /// Returns what it takes in the queue, in bytes.
    pub(super) fn weight(&self) -> usize {
        let rest_bytes = self.rest.iter().map(|rest| match rest {
            Rest::Endpoint(endpoint) => endpoint.weight(),
            Rest::Failure(failure) => failure.weight(),
        });
        // Twice, for queues grow by doubling.
        2 * size_of::<Self>()
            + ALLOCATION
            + self.bytes.len()
            + self.rest.capacity() * size_of::<Rest>()
            + rest_bytes.sum::<usize>()
    }

    /// Packs a call without its bodies.
    pub(super) fn pack(record: &CallRecord, endpoints: &mut EndpointTable) -> Self {
        let mut out = Writer { bytes: Vec::with_capacity(512), rest: Vec::new(), endpoints };
        out.span_record(&record.own, &record.own.started);
        out.number(record.attempts.len() as u64);
        for attempt in &record.attempts {
            out.span_record(attempt, &record.own.started);
        }
        out.context(record);
        out.number(record.spans.len() as u64);
        for span in &record.spans {
            out.number(span.id);
            out.number(Symbol::of(span.name).number().into());
            // In milliseconds since the epoch; 0 if the layer did not see it open.
            let started = span.started.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            out.number(started.map_or(0, |at| at.as_millis() as u64));
        }
        let Writer { bytes, rest, .. } = out;
        DegradedRecord { key: record.key, started: record.own.started, bytes: bytes.into_boxed_slice(), rest }
    }

    /// Returns the call that was packed with the same table.
    pub(super) fn unpack(self, endpoints: &EndpointTable) -> Box<CallRecord> {
        let mut input =
            Reader { bytes: &self.bytes, rest: self.rest.into_iter(), endpoints, started: self.started };
        let own = input.span_record();
        let attempts = (0..input.number()).map(|_| input.span_record()).collect();
        let context = input.fields();
        let symbols = SymbolTable::now();
        let spans = (0..input.number()).map(|_| input.enclosing_span(&symbols)).collect();
        Box::new(CallRecord { key: self.key, own, attempts, context, spans })
    }
}

/// Returns the beginning of the last user message of a request that is too large to be kept.
fn user_message(request: &CapturedRequest) -> Option<String> {
    let bytes = request.body.bytes();
    if bytes.len() <= SMALL_REQUEST || bytes.len() > READABLE_REQUEST {
        return None;
    }
    let body = json::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    let message = dialect(request.endpoint.api).request(&request.endpoint, &body).last_user_message();
    Some(message.chars().take(MESSAGE_CHARS).collect()).filter(|message: &String| !message.is_empty())
}

struct Writer<'e> {
    bytes: Vec<u8>,
    rest: Vec<Rest>,
    endpoints: &'e mut EndpointTable,
}

impl Writer<'_> {
    /// Seven bits a byte, the lowest first.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// The length, then the bytes.
    fn data(&mut self, data: &[u8]) {
        self.number(data.len() as u64);
        self.bytes.extend_from_slice(data);
    }

    /// The time since the call's start, in nanoseconds.
    fn instant(&mut self, when: Instant, started: &TimeAnchor) {
        self.number(u64::try_from(started.until(when).as_nanos()).unwrap_or(u64::MAX));
    }

    fn fields(&mut self, fields: &Fields) {
        self.data(fields.as_bytes());
    }

    fn span_record(&mut self, span: &SpanRecord, started: &TimeAnchor) {
        self.instant(span.started.clock, started);
        self.instant(span.ended, started);
        self.bytes.push(u8::from(span.panicked));
        self.bytes.push(u8::from(span.trace.is_some()));
        if let Some(TraceIds { trace, span }) = &span.trace {
            self.bytes.extend_from_slice(trace);
            self.bytes.extend_from_slice(span);
        }
        self.fields(&span.fields);
        self.bytes.push(u8::from(span.request.is_some()));
        if let Some(request) = &span.request {
            self.endpoint(&request.endpoint);
            self.data(request.content_encoding.as_bytes());
            match &request.body {
                Body::Whole(bytes) if bytes.len() <= SMALL_REQUEST => {
                    self.bytes.push(3);
                    self.data(bytes);
                }
                body => self.body(body),
            }
        }
        self.bytes.push(u8::from(span.response.is_some()));
        if let Some(response) = &span.response {
            self.response(response, started);
        }
        self.number(span.attempts.len() as u64);
        for attempt in &span.attempts {
            self.attempt(attempt, started);
        }
    }

    fn endpoint(&mut self, endpoint: &Arc<Endpoint>) {
        match self.endpoints.index_of(endpoint) {
            Some(index) => self.number(index + 1),
            None => {
                self.number(0);
                self.rest.push(Rest::Endpoint(Arc::clone(endpoint)));
            }
        }
    }

    fn attempt(&mut self, attempt: &CapturedAttempt, started: &TimeAnchor) {
        let CapturedAttempt { started: at, ended, endpoint, model, waited, decision, response } = attempt;
        self.instant(at.clock, started);
        self.instant(*ended, started);
        self.endpoint(endpoint);
        self.data(model.as_bytes());
        self.number(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX));
        self.bytes.push(decision.number());
        self.bytes.push(u8::from(response.is_some()));
        if let Some(response) = response {
            self.response(response, started);
        }
    }

    /// The context, with the user's message if the request that has it is not kept.
    fn context(&mut self, record: &CallRecord) {
        let spans = record.attempts.iter().rev().chain([&record.own]);
        let is_known = record.context.get("user_message").is_some();
        let request = spans.filter_map(|span| span.request.as_deref()).next().filter(|_| !is_known);
        match request.and_then(user_message) {
            Some(message) => {
                let mut context = record.context.clone();
                context.push(Symbol::of("user_message"), FieldValue::Str(&message));
                self.fields(&context);
            }
            None => self.fields(&record.context),
        }
    }

    fn body(&mut self, body: &Body) {
        match body.dropped() {
            Body::Streaming => self.bytes.push(1),
            Body::Dropped { original } => {
                self.bytes.push(2);
                self.number(original);
            }
            Body::Empty | Body::Whole(_) | Body::Cut { .. } => self.bytes.push(0),
        }
    }

    fn response(&mut self, response: &CapturedResponse, started: &TimeAnchor) {
        let CapturedResponse { head, body, completion, ended, chunk_timings: _ } = response;
        self.number(head.status.map_or(0, u64::from));
        let texts = [
            &*head.content_type,
            &*head.content_encoding,
            &*head.request_id,
            &*head.error_code,
            &*head.status_text,
        ];
        for text in texts {
            self.data(text.as_bytes());
        }
        self.number(head.retry_after_ms.map_or(0, |wait| wait.saturating_add(1)));
        self.number(head.invocation_metrics.len() as u64);
        for (name, count) in &head.invocation_metrics {
            self.number(Symbol::of(name).number().into());
            self.number(*count);
        }
        self.body(body);
        self.bytes.push(match completion {
            Completion::Complete => 0,
            Completion::Dropped => 1,
            Completion::Failed(failure) => {
                self.rest.push(Rest::Failure(failure.clone()));
                2
            }
        });
        self.instant(*ended, started);
    }
}

/// Reads what a [`Writer`] wrote; bytes that no writer wrote are read as empty values, without a panic.
struct Reader<'p> {
    bytes: &'p [u8],
    rest: std::vec::IntoIter<Rest>,
    endpoints: &'p EndpointTable,
    started: TimeAnchor,
}

impl<'p> Reader<'p> {
    fn enclosing_span(&mut self, symbols: &SymbolTable) -> EnclosingSpan {
        let (id, name) = (self.number(), symbols.of(self.name()));
        let started = self.number();
        let started = (started > 0).then(|| UNIX_EPOCH + Duration::from_millis(started));
        EnclosingSpan { id, name, started }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => 0,
        }
    }

    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    fn data(&mut self) -> &'p [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX).min(self.bytes.len());
        let (data, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        data
    }

    fn text(&mut self) -> &'p str {
        std::str::from_utf8(self.data()).unwrap_or_default()
    }

    fn name(&mut self) -> Symbol {
        u32::try_from(self.number()).map_or(Symbol::NONE, Symbol::from_number)
    }

    fn instant(&mut self) -> Instant {
        let after = Duration::from_nanos(self.number());
        self.started.clock.checked_add(after).unwrap_or(self.started.clock)
    }

    fn fields(&mut self) -> Fields {
        Fields::from_bytes(self.data())
    }

    fn span_record(&mut self) -> SpanRecord {
        let clock = self.instant();
        let started = TimeAnchor { wall: self.started.wall_at(clock), clock };
        let ended = self.instant();
        let panicked = self.byte() != 0;
        let trace = (self.byte() != 0).then(|| {
            let mut ids = TraceIds { trace: [0; 16], span: [0; 8] };
            ids.trace.iter_mut().chain(&mut ids.span).for_each(|byte| *byte = self.byte());
            ids
        });
        let fields = self.fields();
        let request = if self.byte() != 0 { self.request() } else { None };
        let response = if self.byte() != 0 { Some(Arc::new(self.response())) } else { None };
        let attempts = (0..self.number()).map_while(|_| self.attempt()).collect();
        SpanRecord { started, ended, fields, request, response, attempts, panicked, trace }
    }

    fn endpoint(&mut self) -> Option<Arc<Endpoint>> {
        match usize::try_from(self.number()).unwrap_or(0).checked_sub(1) {
            Some(index) => self.endpoints.known.get(index).cloned(),
            None => match self.rest.next() {
                Some(Rest::Endpoint(endpoint)) => Some(endpoint),
                Some(Rest::Failure(_)) | None => None,
            },
        }
    }

    fn attempt(&mut self) -> Option<CapturedAttempt> {
        let clock = self.instant();
        let started = TimeAnchor { wall: self.started.wall_at(clock), clock };
        let ended = self.instant();
        let endpoint = self.endpoint()?;
        let model = self.text().into();
        let waited = Duration::from_nanos(self.number());
        let decision = Decision::from_number(self.byte())?;
        let response = if self.byte() != 0 { Some(Arc::new(self.response())) } else { None };
        Some(CapturedAttempt { started, ended, endpoint, model, waited, decision, response })
    }

    fn request(&mut self) -> Option<Arc<CapturedRequest>> {
        let endpoint = self.endpoint();
        let content_encoding = self.text().to_owned();
        let body = self.body();
        endpoint.map(|endpoint| Arc::new(CapturedRequest { endpoint, content_encoding, body }))
    }

    fn body(&mut self) -> Body {
        match self.byte() {
            1 => Body::Streaming,
            2 => Body::Dropped { original: self.number() },
            3 => Body::Whole(self.data().to_vec().into()),
            _ => Body::Empty,
        }
    }

    fn response(&mut self) -> CapturedResponse {
        let status = u16::try_from(self.number()).ok().filter(|status| *status != 0);
        let [content_type, content_encoding, request_id, error_code, status_text] =
            [(); 5].map(|()| self.text().to_owned());
        let head = ResponseHead {
            status,
            content_type,
            content_encoding,
            request_id,
            error_code,
            status_text: status_text.into(),
            retry_after_ms: self.number().checked_sub(1),
            invocation_metrics: (0..self.number())
                .map(|_| (SymbolTable::now().of(self.name()), self.number()))
                .collect(),
        };
        let body = self.body();
        let completion = match self.byte() {
            0 => Completion::Complete,
            1 => Completion::Dropped,
            _ => match self.rest.next() {
                Some(Rest::Failure(failure)) => Completion::Failed(failure),
                Some(Rest::Endpoint(_)) | None => Completion::Dropped,
            },
        };
        CapturedResponse {
            head,
            body,
            chunk_timings: ChunkTimings::default(),
            completion,
            ended: self.instant(),
        }
    }
}

#[cfg(test)]
mod tests {
    use llmlogs_core::capture::{Api, ErrorType};

    use super::*;

    fn span(name: &'static str, started: Option<u64>) -> EnclosingSpan {
        EnclosingSpan { id: 7, name, started: started.map(|at| UNIX_EPOCH + Duration::from_millis(at)) }
    }

    fn record(path: &str) -> CallRecord {
        let clock = Instant::now();
        let started = TimeAnchor { wall: std::time::SystemTime::now(), clock };
        let after = |ms| clock + Duration::from_millis(ms);
        let mut fields = Fields::default();
        fields.push(Symbol::of("gen_ai.request.model"), FieldValue::Str("模型"));
        fields.push(Symbol::of("negative"), FieldValue::I64(-12));
        fields.push(Symbol::of("least"), FieldValue::I64(i64::MIN));
        fields.push(Symbol::of("most"), FieldValue::U64(u64::MAX));
        fields.push(Symbol::of("part"), FieldValue::F64(0.3));
        fields.push(Symbol::of("yes"), FieldValue::Bool(true));
        let endpoint = Arc::new(Endpoint {
            api: Api::OpenAiChat,
            provider: "openai".into(),
            operation: "chat".into(),
            path_model: Some("m".into()),
            base_url: "http://h".into(),
            path: path.into(),
            query: String::new(),
            method: "POST".into(),
        });
        let span_record = |from, to, body: &'static [u8], completion| SpanRecord {
            started: TimeAnchor { wall: started.wall_at(after(from)), clock: after(from) },
            ended: after(to),
            fields: fields.clone(),
            request: Some(Arc::new(CapturedRequest {
                endpoint: endpoint.clone(),
                content_encoding: "gzip".into(),
                body: Body::Whole(body.repeat(SMALL_REQUEST).into()),
            })),
            response: Some(Arc::new(CapturedResponse {
                head: ResponseHead {
                    status: Some(429),
                    status_text: "Slow Down".into(),
                    content_type: "application/json".into(),
                    request_id: "req_1".into(),
                    retry_after_ms: Some(2000),
                    invocation_metrics: vec![("inputTokenCount", 300)],
                    ..ResponseHead::default()
                },
                body: Body::Cut { bytes: body.into(), original: 1 << 40 },
                chunk_timings: ChunkTimings::default(),
                completion,
                ended: after(to),
            })),
            attempts: Vec::new(),
            panicked: to == 9,
            trace: (to == 4).then_some(TraceIds { trace: [7; 16], span: [9; 8] }),
        };
        let attempt = |from, to, decision| {
            let SpanRecord { started, ended, response, .. } =
                span_record(from, to, b"slow down", Completion::Complete);
            let response = response.filter(|_| decision != Decision::Final);
            let (endpoint, model, waited) = (endpoint.clone(), "gpt-4o".into(), Duration::from_millis(from));
            CapturedAttempt { started, ended, endpoint, model, waited, decision, response }
        };
        let failure =
            Failure { kind: ErrorType::Http(429), code: "slow".into(), message: "slow down".into() };
        CallRecord {
            key: CallKey::next(),
            own: SpanRecord {
                request: None,
                response: None,
                attempts: vec![attempt(1, 2, Decision::Retry), attempt(5, 9, Decision::Final)],
                ..span_record(0, 9, b"", Completion::Dropped)
            },
            attempts: vec![
                span_record(1, 2, b"one", Completion::Failed(failure)),
                span_record(3, 4, b"another", Completion::Complete),
            ],
            context: fields.clone(),
            spans: vec![span("agent", Some(1_761_537_730_123)), span("plan", None)],
        }
    }

    #[test]
    fn a_packed_call_is_the_call_without_its_bodies() {
        let mut endpoints = EndpointTable::default();
        for n in 0..2 * MAX_ENDPOINTS {
            let mut record = record(&format!("/v1/{n}"));
            let packed = DegradedRecord::pack(&record, &mut endpoints);
            let unpacked = packed.unpack(&endpoints);
            record.drop_bodies();
            assert_eq!(format!("{unpacked:?}"), format!("{record:?}"));
        }
        assert_eq!(endpoints.known.len(), MAX_ENDPOINTS);
        for name in ["agent", "plan", "inputTokenCount", "least"] {
            assert_eq!(Symbol::of(name), Symbol::of(name), "a name is kept once, however many calls have it");
        }
    }

    #[test]
    fn a_small_request_stays_and_a_large_one_leaves_the_users_message() {
        let mut endpoints = EndpointTable::default();
        let mut sent = |length: usize| {
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#,
                "é".repeat(length)
            );
            let mut record = record("/v1/chat/completions");
            let request = record.attempts[1].request.as_deref().unwrap().clone();
            let request = CapturedRequest { body: Body::Whole(body.clone().into()), ..request };
            record.attempts[1].request = Some(Arc::new(request));
            let unpacked = DegradedRecord::pack(&record, &mut endpoints).unpack(&endpoints);
            let kept = unpacked.attempts[1].request.as_ref().unwrap().body.bytes() == body.as_bytes();
            let message = unpacked.context.get("user_message").map(FieldValue::to_text);
            (kept, message.map(|message| message.chars().count()))
        };
        assert_eq!(sent(100), (true, None));
        assert_eq!(sent(1000), (false, Some(200)));
        assert_eq!(sent(200_000), (false, None));
    }
}
