//! Which requests are calls to a model, and whose.
//!
//! The shape of the path decides, so a local server or a proxy needs no setting; the host names the
//! provider where it is known.

mod hosts;
mod route;
mod url;

use std::borrow::Cow;

use crate::capture::{Api, Endpoint};
use crate::json::Json;

use hosts::{is_local, known_host, provider};
use route::{is_common, route};
use url::{clean_url, percent_decoded};

/// Returns whether the body of a request confirms that it is a call to a model, where the path alone leaves that open:
/// every API has one of a few members. A body that is not JSON confirms nothing.
pub fn body_confirms_llm(endpoint: &Endpoint, body: Option<&Json<'_>>) -> bool {
    const MEMBERS: [&str; 6] = ["model", "messages", "prompt", "input", "query", "inputText"];
    if !is_common(&endpoint.path) {
        return true;
    }
    let known = |host: &str| is_local(host) || known_host(host).is_some();
    if clean_url(&endpoint.base_url).is_some_and(|url| known(&url.host)) {
        return true;
    }
    body.and_then(Json::as_object).is_some_and(|body| {
        // `messages` may be anybody's; a model's are objects with roles.
        let of_a_model = |key: &&str| match body.get(key) {
            None | Some(Json::Null) => false,
            Some(Json::Array(items)) if **key == *"messages" => {
                items.iter().any(|item| !item.get("role").is_null())
            }
            Some(_) => **key != *"messages",
        };
        MEMBERS.iter().any(of_a_model)
    })
}

/// The part of a request that tells where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// In any case.
    pub method: &'a str,
    /// Absolute; it may carry credentials, none of which are kept.
    pub url: &'a str,
}

/// Returns the endpoint that a request goes to, if it is a call to a model.
pub fn detect_endpoint(request: Request<'_>) -> Option<Endpoint> {
    if !request.method.eq_ignore_ascii_case("POST") {
        return None;
    }
    let url = clean_url(request.url)?;
    let route = route(&url)?;
    Some(Endpoint {
        api: route.api,
        provider: provider(&url, route.implied),
        operation: Cow::Borrowed(route.operation),
        path_model: route.model.map(percent_decoded),
        method: request.method.to_ascii_uppercase(),
        base_url: url.base.into_owned(),
        path: url.path.to_owned(),
    })
}

/// Returns the endpoint of a request that [`detect_endpoint`] does not know and that the user treats as a call.
pub fn unrecognised(request: Request<'_>) -> Option<Endpoint> {
    let url = clean_url(request.url)?;
    Some(Endpoint {
        api: Api::Raw,
        provider: provider(&url, None),
        operation: Cow::Borrowed("chat"),
        path_model: None,
        method: request.method.to_ascii_uppercase(),
        base_url: url.base.into_owned(),
        path: url.path.to_owned(),
    })
}

/// Returns the API that a request body belongs to whose address is unknown.
pub fn api_of(provider: &str, body: Option<&Json<'_>>) -> Api {
    match body {
        Some(body) if provider == "anthropic" && !body.get("messages").is_null() => Api::Anthropic,
        // Bedrock's formats are told apart by the body later on.
        Some(_) if provider == "aws.bedrock" => Api::BedrockInvoke,
        Some(body) if provider == "cohere" && !body.get("messages").is_null() => Api::CohereChat,
        Some(body) if !body.get("messages").is_null() => Api::OpenAiChat,
        Some(body) if !body.get("contents").is_null() => Api::Gemini,
        // An embedding's input is texts or numbers.
        Some(body) if body.get("input").items().iter().any(|item| item.as_object().is_some()) => {
            Api::OpenAiResponses
        }
        _ => Api::Raw,
    }
}

/// Returns the API that a response body belongs to: the endpoint's, or where its address is unknown the one whose
/// shape the body has.
pub fn api_of_answer(endpoint: &Endpoint, answer: &Json<'_>) -> Api {
    if !endpoint.path.is_empty() {
        return endpoint.api;
    }
    let has = |key: &str| !answer.get(key).is_null();
    let is = |key: &str, word: &str| answer.get(key).as_text().is_some_and(|text| *text == *word);
    if has("choices") {
        Api::OpenAiChat
    } else if is("type", "message") && has("content") {
        Api::Anthropic
    } else if has("candidates") || has("usageMetadata") {
        Api::Gemini
    } else if is("object", "response") {
        Api::OpenAiResponses
    } else if is("object", "interaction") {
        Api::GeminiInteractions
    } else if has("done") || has("eval_count") {
        Api::Ollama
    } else if !answer.at(&["output", "message"]).is_null() {
        Api::BedrockConverse
    } else if has("message") && (has("finish_reason") || !answer.at(&["usage", "billed_units"]).is_null()) {
        Api::CohereChat
    } else {
        endpoint.api
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(url: &str) -> Option<Endpoint> {
        detect_endpoint(Request { method: "POST", url })
    }

    #[test]
    fn a_common_path_on_an_unknown_host_needs_a_body_that_confirms_it() {
        let call = |url: &str, body: &str| {
            let body = crate::json::parse(body).ok();
            body_confirms_llm(&post(url).unwrap(), body.as_ref())
        };
        for (path, theirs, ours) in [
            ("/forms/x/responses", r#"{"answers":[1]}"#, r#"{"model":"m","input":"hi"}"#),
            (
                "/v1/messages",
                r#"{"to":"bob","text":"private"}"#,
                r#"{"messages":[{"role":"user","content":"hi"}]}"#,
            ),
            ("/api/chat", r#"{"messages":["hi"]}"#, r#"{"model":"m","messages":[]}"#),
            ("/tasks/7/completions", "[]", r#"{"prompt":"hi"}"#),
            ("/v1/chat", "not json", r#"{"model":"m"}"#),
        ] {
            assert!(!call(&format!("https://shop.example.com{path}"), theirs), "{path}");
            assert!(call(&format!("https://shop.example.com{path}"), ours), "{path}");
        }
        for base in
            ["https://api.openai.com", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"]
        {
            assert!(call(&format!("{base}/v1/responses"), "not json"), "{base}");
        }
        assert!(call("https://shop.example.com/v1/chat/completions", "not json"));
    }

    #[test]
    fn the_path_decides_whatever_the_host() {
        for base in [
            "https://api.openai.com/v1",
            "http://localhost:8080/v1",
            "https://gateway.example/some/prefix",
            "http://[::1]:9/v1",
        ] {
            let endpoint = post(&format!("{base}/chat/completions")).unwrap();
            assert_eq!((endpoint.api, &*endpoint.operation), (Api::OpenAiChat, "chat"));
        }
    }

    #[test]
    fn responses_are_known_wherever_they_are_served() {
        for url in [
            "https://api.openai.com/v1/responses",
            "https://my.openai.azure.com/openai/v1/responses?api-version=preview",
            "https://my.openai.azure.com/openai/deployments/d/responses",
            "https://chatgpt.com/backend-api/codex/responses",
            "https://chatgpt.com/backend-api/codex/responses/compact",
            "https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses",
        ] {
            let endpoint = post(url).unwrap();
            assert_eq!((endpoint.api, &*endpoint.operation), (Api::OpenAiResponses, "chat"), "{url}");
        }
    }

    #[test]
    fn what_is_no_call_is_left_alone() {
        for url in [
            "https://api.openai.com/v1/responses/resp_1/cancel",
            "https://api.openai.com/v1/responses/input_tokens",
            "https://api.openai.com/v1/models",
            "https://api.openai.com/v1/files",
            "https://api.openai.com/v1/threads/t/messages",
            "https://api.anthropic.com/v1/messages/count_tokens",
            "https://x-aiplatform.googleapis.com/v1/publishers/anthropic/models/count-tokens:rawPredict",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/count-tokens",
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:countTokens",
            "https://example.com/",
            "https://example.com/api/orders",
        ] {
            assert_eq!(post(url), None, "{url}");
        }
        let get = Request { method: "GET", url: "https://api.openai.com/v1/chat/completions" };
        assert_eq!(detect_endpoint(get), None);
    }

    #[test]
    fn no_credential_of_a_url_is_kept() {
        let endpoint =
            post("https://user:pass@api.x.ai:8443/v1/chat/completions?key=k&api-version=1#f").unwrap();
        assert_eq!(endpoint.base_url, "https://api.x.ai:8443");
        assert_eq!(endpoint.path, "/v1/chat/completions");
        assert_eq!(endpoint.provider, "x_ai");
    }

    #[test]
    fn providers_go_by_opentelemetrys_names_then_plain_names_then_the_host() {
        for (url, provider) in [
            ("https://api.deepseek.com/chat/completions", "deepseek"),
            ("https://openrouter.ai/api/v1/chat/completions", "openrouter"),
            ("https://api.writer.com/v1/chat", "writer"),
            ("https://my.openai.azure.com/openai/deployments/d/chat/completions", "azure.ai.openai"),
            // A resource without a name of its own, by its region.
            (
                "https://eastus.api.cognitive.microsoft.com/openai/deployments/d/chat/completions",
                "azure.ai.openai",
            ),
            ("https://europe-west1-aiplatform.googleapis.com/v1/x/chat/completions", "gcp.vertex_ai"),
            ("https://api.business.githubcopilot.com/chat/completions", "github_copilot"),
            ("https://o-a.snowflakecomputing.com/api/v2/cortex/v1/chat/completions", "snowflake"),
            ("http://localhost:11434/v1/chat/completions", "ollama"),
            ("http://localhost:8000/v1/chat/completions", "localhost"),
            ("https://api.example.org/v1/chat/completions", "api.example.org"),
            ("https://notapi.openai.com.evil.example/v1/chat/completions", "notapi.openai.com.evil.example"),
        ] {
            assert_eq!(post(url).unwrap().provider, provider, "{url}");
        }
    }

    #[test]
    fn the_path_names_the_model_where_the_body_does_not() {
        let model = |url: &str| post(url).unwrap().path_model.unwrap();
        let azure = "https://my.openai.azure.com/openai/deployments/gpt-4o/chat/completions";
        assert_eq!(model(azure), "gpt-4o");
        let gemini =
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent";
        assert_eq!(model(gemini), "gemini-2.5-pro");
        let bedrock = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-v1%3A0/converse";
        assert_eq!(model(bedrock), "us.amazon.nova-v1:0");
        for arn in [
            "arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.claude",
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude",
        ] {
            let invoke = format!("http://localhost:8787/bedrock/model/{arn}/invoke-with-response-stream");
            assert_eq!(model(&invoke), "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude");
            assert_eq!(post(&invoke).unwrap().provider, "aws.bedrock");
        }
    }

    #[test]
    fn vertex_passes_each_publishers_own_format_on() {
        for (publisher, api) in [("anthropic", Api::Anthropic), ("mistralai", Api::OpenAiChat)] {
            let url = format!(
                "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/{publisher}/models/m@1:rawPredict"
            );
            let endpoint = post(&url).unwrap();
            assert_eq!((endpoint.api, endpoint.path_model.as_deref()), (api, Some("m@1")));
        }
    }
}
