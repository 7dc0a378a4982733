//! Bedrock's agents (`InvokeAgent`) and its knowledge bases (`RetrieveAndGenerate`, also as a stream).
//!
//! Their streams have no end mark: they end where their body does.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_InvokeAgent.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_RetrieveAndGenerate.html>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{self, Json, Object, Text};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::delta::{append_text, is_empty};
use crate::api::shared::media::base64_decoded;
use crate::api::shared::members::{count, present, text, text_or_json};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView};

pub(crate) struct BedrockAgent;

impl Dialect for BedrockAgent {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let asked = body.get("inputText").as_str().or_else(|| body.at(&["input", "text"]).as_str());
        let asked = asked.filter(|text| !text.is_empty());
        let results = body.at(&["sessionState", "returnControlInvocationResults"]).items().iter();
        let results = results.map(|result| {
            let result = present(result, "functionResult").or(present(result, "apiResult")).unwrap_or(result);
            let name = ["function", "apiPath", "actionGroup"].iter().find_map(|key| result.get(key).as_str());
            let body = result.at(&["responseBody", "TEXT", "body"]);
            let body = if body.is_null() { result.get("responseBody") } else { body };
            Part::ToolResult {
                call_id: Cow::Borrowed(""),
                label: name.unwrap_or_default(),
                text: text_or_json(body),
            }
        });
        let results: Vec<_> = results.collect();
        let user = asked.map(|text| Message { role: Cow::Borrowed("user"), parts: vec![Part::Text(text)] });
        let tool = (!results.is_empty()).then_some(Message { role: Cow::Borrowed("tool"), parts: results });
        let messages: Vec<_> = tool.into_iter().chain(user).collect();
        let settings = body.get("retrieveAndGenerateConfiguration");
        let configured =
            ["knowledgeBaseConfiguration", "externalSourcesConfiguration"].map(|key| settings.get(key));
        let inference = configured.iter().map(|settings| {
            settings.at(&["generationConfiguration", "inferenceConfig", "textInferenceConfig"])
        });
        let inference = inference.into_iter().find(|config| !config.is_null()).unwrap_or(&Json::Null);
        RequestView {
            model: configured.iter().find_map(|settings| settings.get("modelArn").as_str()),
            // An agent answers as a stream whatever it is asked for.
            stream: endpoint.path.ends_with("Stream") || endpoint.operation == "invoke_agent",
            temperature: present(inference, "temperature"),
            max_tokens: present(inference, "maxTokens"),
            messages_count: messages.len(),
            messages,
            ..RequestView::default()
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let answer = body.at(&["output", "text"]).as_str().or_else(|| body.get("completion").as_str());
        let answer = answer.filter(|text| !text.is_empty()).map(Part::Text);
        let wanted = body.get("returnControl");
        let calls = wanted.get("invocationInputs").items().iter().map(|input| tool_call(wanted, input));
        let parts: Vec<_> = answer.into_iter().chain(calls).collect();
        let finish_reason = match text(body.get("guardrailAction")) {
            _ if !wanted.is_null() => Cow::Borrowed("returnControl"),
            intervened if intervened == "INTERVENED" => intervened,
            _ => Cow::Borrowed(""),
        };
        let answered = !parts.is_empty() || !finish_reason.is_empty();
        ResponseView {
            id: text(body.get("sessionId")),
            choices: answered.then_some(Choice { finish_reason, parts }).into_iter().collect(),
            usage: usage(body.get("traces").items()),
            error: reported(body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(AgentFold::default()))
    }
}

/// Returns the call of an action that the caller has to carry out.
fn tool_call<'j>(wanted: &'j Json<'j>, input: &'j Json<'j>) -> Part<'j> {
    let inner =
        present(input, "functionInvocationInput").or(present(input, "apiInvocationInput")).unwrap_or(input);
    let name = ["function", "apiPath", "actionGroup"].iter().find_map(|key| inner.get(key).as_str());
    let arguments = present(inner, "parameters").unwrap_or_else(|| inner.get("requestBody"));
    Part::ToolCall {
        id: text(wanted.get("invocationId")),
        name: name.unwrap_or_default(),
        arguments: text_or_json(arguments),
    }
}

/// Returns the sum of the tokens of each model call that the traces tell of; the caller has to ask for traces.
fn usage(traces: &[Json<'_>]) -> Option<Usage> {
    const STEPS: [&str; 4] =
        ["preProcessingTrace", "orchestrationTrace", "routingClassifierTrace", "postProcessingTrace"];
    let mut sum: Option<Usage> = None;
    let steps =
        traces.iter().flat_map(|trace| STEPS.map(|step| trace.at(&["trace", step, "modelInvocationOutput"])));
    for output in steps {
        let number = |name| count(output, &[&["metadata", "usage", name]]);
        let tokens = [number("inputTokens"), number("outputTokens")];
        if let [Some(prompt), Some(completion)] = tokens {
            let sum = sum.get_or_insert_default();
            sum.prompt_tokens = sum.prompt_tokens.saturating_add(prompt);
            sum.completion_tokens = sum.completion_tokens.saturating_add(completion);
            sum.total_tokens = sum.prompt_tokens.saturating_add(sum.completion_tokens);
        }
    }
    sum
}

/// Folds events into an object: of an agent its `completion`, `returnControl`, `attributions` and `traces`; of a knowledge
/// base the response that it gives without streaming.
#[derive(Default)]
struct AgentFold<'a> {
    object: Object<'a>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for AgentFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut event) = data else {
            return EventKind::Unknown;
        };
        if event.get("__type").is_some_and(|kind| !kind.is_null()) {
            self.error = Some(Json::Object(event));
            return EventKind::Other;
        }
        match name {
            "chunk" => {
                let piece = event.get("bytes").and_then(Json::as_str);
                let Some(piece) = piece.and_then(|base64| base64_decoded(&base64)) else {
                    return EventKind::Unknown;
                };
                let piece = json::lossy(&piece).into_owned();
                let is_content = !piece.is_empty();
                append_text(self.object.entry(&Text::new("completion")), Json::string(piece));
                if let Some(attribution) = event.remove("attribution") {
                    self.list("attributions", attribution);
                }
                EventKind::content_if(is_content)
            }
            "returnControl" => {
                self.object.set("returnControl", Json::Object(event));
                EventKind::LastContent
            }
            "trace" => {
                self.list("traces", Json::Object(event));
                EventKind::Other
            }
            "files" => {
                self.object.set("files", event.remove("files").unwrap_or_default());
                EventKind::Content
            }
            "output" => {
                let piece = event.remove("text").unwrap_or_default();
                let is_content = !is_empty(&piece);
                let output = self.object.entry(&Text::new("output"));
                if output.is_null() {
                    *output = Json::Object(Object::new());
                }
                if let Some(output) = output.as_object_mut() {
                    append_text(output.entry(&Text::new("text")), piece);
                }
                EventKind::content_if(is_content)
            }
            "citation" => {
                // Newer ones have their members twice, as they were named at first and as they are now.
                let citation = event.remove("citation").unwrap_or(Json::Object(event));
                self.list("citations", citation);
                EventKind::Other
            }
            "guardrail" => {
                self.object.set("guardrailAction", event.remove("action").unwrap_or_default());
                EventKind::Other
            }
            _ => EventKind::Unknown,
        }
    }

    fn has_end_mark(&self) -> bool {
        false
    }

    fn finish(self: Box<Self>) -> Folded<'a> {
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

impl<'a> AgentFold<'a> {
    fn list(&mut self, key: &'static str, item: Json<'a>) {
        match self.object.entry(&Text::new(key)) {
            Json::Array(items) => items.push(item),
            place => *place = Json::Array(vec![item]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};

    const HOST: &str = "https://bedrock-agent-runtime.us-east-1.amazonaws.com";

    fn endpoint(path: &str) -> Endpoint {
        detect_endpoint(Request { method: "POST", url: &format!("{HOST}{path}") }).unwrap()
    }

    fn agent() -> Endpoint {
        endpoint("/agents/AGENT12345/agentAliases/TSTALIASID/sessions/s-1/text")
    }

    fn fold(endpoint: &Endpoint, events: &[(&str, &str)]) -> (Folded<'static>, Vec<EventKind>) {
        let mut fold = BedrockAgent.fold(endpoint).unwrap();
        let events = events.iter().map(|(name, data)| (*name, json::parse(data).unwrap().into_owned()));
        let kinds = events.map(|(name, data)| fold.event(name, data)).collect();
        (fold.finish(), kinds)
    }

    #[test]
    fn an_agents_chunks_and_traces_fold_into_one_answer() {
        let (folded, kinds) = fold(
            &agent(),
            &[
                (
                    "trace",
                    r#"{"agentId":"A","sessionId":"s-1","trace":{"orchestrationTrace":{"modelInvocationOutput":{"metadata":{"usage":{"inputTokens":100,"outputTokens":20}}}}}}"#,
                ),
                (
                    "trace",
                    r#"{"agentId":"A","sessionId":"s-1","trace":{"postProcessingTrace":{"modelInvocationOutput":{"metadata":{"usage":{"inputTokens":10,"outputTokens":2}}}}}}"#,
                ),
                ("chunk", r#"{"bytes":"SGVs","attribution":{"citations":[]}}"#),
                ("chunk", r#"{"bytes":"bG8="}"#),
            ],
        );
        let view = BedrockAgent.response(&agent(), &folded.object);
        assert_eq!(view.choices[0].parts, [Part::Text("Hello".into())]);
        let usage = view.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (110, 22, 132));
        assert_eq!(kinds[2], EventKind::Content);
    }

    #[test]
    fn an_agent_hands_an_action_to_the_caller_and_gets_its_result() {
        let control = r#"{"invocationId":"i-1","invocationInputs":[{"functionInvocationInput":{"actionGroup":"weather","function":"forecast","parameters":[{"name":"city","type":"string","value":"Ulm"}]}}]}"#;
        let (folded, kinds) = fold(&agent(), &[("returnControl", control)]);
        let view = BedrockAgent.response(&agent(), &folded.object);
        assert_eq!(view.finish_reason(), "returnControl");
        assert_eq!(tool_ids(&view.choices[0].parts), ["forecast called as i-1"]);
        assert_eq!(kinds, [EventKind::LastContent]);
        let body = r#"{"inputText":"","sessionState":{"invocationId":"i-1","returnControlInvocationResults":[{"functionResult":{"actionGroup":"weather","function":"forecast","responseBody":{"TEXT":{"body":"rain"}}}}]}}"#;
        let body = json::parse(body).unwrap();
        let request = BedrockAgent.request(&agent(), &body);
        let expected = Part::ToolResult { call_id: "".into(), label: "forecast".into(), text: "rain".into() };
        assert_eq!(request.messages[0].parts, [expected]);
    }

    #[test]
    fn a_knowledge_bases_stream_folds_into_its_response() {
        let endpoint = endpoint("/retrieveAndGenerateStream");
        let (folded, _) = fold(
            &endpoint,
            &[
                ("output", r#"{"text":"Hel"}"#),
                ("output", r#"{"text":"lo"}"#),
                ("citation", r#"{"citation":{"retrievedReferences":[]}}"#),
                ("guardrail", r#"{"action":"NONE"}"#),
            ],
        );
        let mut out = Vec::new();
        json::compact(&folded.object, &mut out);
        let object = r#"{"output":{"text":"Hello"},"citations":[{"retrievedReferences":[]}],"guardrailAction":"NONE"}"#;
        assert_eq!(String::from_utf8(out).unwrap(), object);
        let view = BedrockAgent.response(&endpoint, &folded.object);
        assert_eq!(view.choices[0].parts, [Part::Text("Hello".into())]);
        let body = r#"{"input":{"text":"Hi"},"retrieveAndGenerateConfiguration":{"type":"KNOWLEDGE_BASE","knowledgeBaseConfiguration":{"knowledgeBaseId":"K","modelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku","generationConfiguration":{"inferenceConfig":{"textInferenceConfig":{"maxTokens":9}}}}}}"#;
        let body = json::parse(body).unwrap();
        let request = BedrockAgent.request(&endpoint, &body);
        assert_eq!(request.last_user_message(), "Hi");
        assert!(request.model.unwrap().ends_with("anthropic.claude-3-haiku"));
        assert_eq!((request.stream, request.max_tokens.and_then(Json::as_u64)), (true, Some(9)));
    }

    #[test]
    fn an_exception_among_the_frames_is_the_streams_error() {
        let throttled = r#"{"message":"slow down","__type":"throttlingException"}"#;
        let (folded, _) =
            fold(&agent(), &[("chunk", r#"{"bytes":"SGVs"}"#), ("throttlingException", throttled)]);
        assert!(folded.error.is_some());
        assert_eq!(text(folded.object.get("completion")), "Hel");
    }
}
