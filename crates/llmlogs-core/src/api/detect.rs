//! Which requests are calls to a model, and whose.
//!
//! The shape of the path decides, so a local server or a proxy needs no setting; the host names the
//! provider where it is known.

use std::borrow::Cow;

use crate::capture::{Api, Endpoint};
use crate::json::{self, Json};

use super::dialects::bedrock_invoke;

/// Endings that other services have too: on a host that nobody knows, the body has to speak for them.
const COMMON: [&str; 11] = [
    "/responses",
    "/v1/messages",
    "/completions",
    "/api/chat",
    "/api/generate",
    "/v1/chat",
    "/v2/chat",
    "/rerank",
    "/reranking",
    "/embedding",
    "/v1/tts",
];

/// Whether a request to an endpoint that was recognised by the end of its path alone is one to a model after all,
/// by its body: every API has one of these members. A body that is not JSON says nothing for it.
pub fn body_confirms_llm(endpoint: &Endpoint, body: Option<&Json<'_>>) -> bool {
    const MEMBERS: [&str; 6] = ["model", "messages", "prompt", "input", "query", "inputText"];
    let path = endpoint.path.trim_end_matches('/');
    let common = COMMON.iter().any(|end| path.ends_with(end))
        // These are nobody else's.
        && !["/chat/completions", "/agents/completions"].iter().any(|end| path.ends_with(end));
    if !common {
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

/// A request as far as recognising it goes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Absolute.
    pub url: &'a str,
}

/// The endpoint that a request goes to, if it is a call to a model.
pub fn detect_endpoint(request: Request<'_>) -> Option<Endpoint> {
    if !request.method.eq_ignore_ascii_case("POST") {
        return None;
    }
    let url = clean_url(request.url)?;
    let shape = shape(&url)?;
    Some(Endpoint {
        api: shape.api,
        provider: provider(&url, shape.implied),
        operation: Cow::Borrowed(shape.operation),
        path_model: shape.model.map(percent_decoded),
        method: request.method.to_ascii_uppercase(),
        base_url: url.base.into_owned(),
        path: url.path.to_owned(),
    })
}

/// The endpoint of a request that the user takes for a call.
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

/// A URL without its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CleanUrl<'u> {
    /// Scheme, host and port; no user, no password.
    base: Cow<'u, str>,
    /// In lower case.
    host: Cow<'u, str>,
    port: Option<u16>,
    /// The path alone: query parameters carry keys (`?key=…`), so none is kept.
    path: &'u str,
}

/// Takes an absolute URL apart; `None` where it is none.
fn clean_url(url: &str) -> Option<CleanUrl<'_>> {
    let scheme = &url[..memchr::memchr(b':', url.as_bytes())?];
    let rest = url[scheme.len()..].strip_prefix("://")?;
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return None;
    }
    let rest = &rest[..memchr::memchr2(b'?', b'#', rest.as_bytes()).unwrap_or(rest.len())];
    let (authority, path) = match memchr::memchr(b'/', rest.as_bytes()) {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let (base, host_port) = match memchr::memrchr(b'@', authority.as_bytes()) {
        None => (Cow::Borrowed(&url[..scheme.len() + "://".len() + authority.len()]), authority),
        Some(at) => {
            let host_port = &authority[at + 1..];
            (Cow::Owned([scheme, "://", host_port].concat()), host_port)
        }
    };
    let (host, port) = match memchr::memrchr(b':', host_port.as_bytes()) {
        // The last group of an IPv6 address is no port.
        Some(colon) if !host_port[colon..].contains(']') => {
            (&host_port[..colon], host_port[colon + 1..].parse().ok())
        }
        _ => (host_port, None),
    };
    let host = match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    Some(CleanUrl { base, host, port, path })
}

/// The API that a body without an address belongs to.
pub fn api_of(provider: &str, body: Option<&Json<'_>>) -> Api {
    match body {
        Some(body) if provider == "anthropic" && !body.get("messages").is_null() => Api::Anthropic,
        // Its dialect tells Bedrock's formats apart by the body.
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

/// What the path says.
struct Shape<'a> {
    api: Api,
    operation: &'static str,
    /// The provider whose API it is, where only one speaks it.
    implied: Option<&'static str>,
    model: Option<&'a str>,
}

/// The API that answered: where no address tells, the answer's own shape does better than the request's.
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

impl Shape<'_> {
    fn new(api: Api, operation: &'static str) -> Self {
        Shape { api, operation, implied: None, model: None }
    }

    fn implied(self, provider: &'static str) -> Self {
        Shape { implied: Some(provider), ..self }
    }
}

fn shape<'u>(url: &CleanUrl<'u>) -> Option<Shape<'u>> {
    let path = url.path.trim_end_matches('/');
    if let Some(shape) = bedrock(path) {
        return Some(shape);
    }
    let ends = |suffix: &str| path.ends_with(suffix);
    let with_model = |shape: Shape<'static>, model| Shape { model, ..shape };
    // Google's paths end in a verb: `/models/{model}:generateContent`, or tuned models, endpoints.
    let last = &path[memchr::memrchr(b'/', path.as_bytes()).map_or(0, |slash| slash + 1)..];
    let encoded = || last.contains('%').then(|| last.split_once("%3A")).flatten();
    if let Some((model, verb)) = last.rsplit_once(':').or_else(encoded) {
        let google = || {
            if path.contains("/projects/") || path.contains("/publishers/") {
                "gcp.vertex_ai"
            } else {
                "gcp.gemini"
            }
        };
        let shape = match verb {
            "generateContent" | "streamGenerateContent" => {
                Some(Shape::new(Api::Gemini, "generate_content").implied(google()))
            }
            "embedContent" | "batchEmbedContents" => {
                Some(Shape::new(Api::Embeddings, "embeddings").implied(google()))
            }
            "predict" => predicted(model).map(|shape| shape.implied(google())),
            // Vertex AI passes these bodies on to whoever made the model.
            "rawPredict" | "streamRawPredict" => {
                let api = match after(path, "publishers") {
                    Some("anthropic") | None => Api::Anthropic,
                    Some(_) => Api::OpenAiChat,
                };
                // A user's own endpoint may be anything.
                let ours = model != "count-tokens" && !path.contains("/endpoints/");
                ours.then(|| Shape::new(api, "chat").implied("gcp.vertex_ai"))
            }
            _ => None,
        };
        if let Some(shape) = shape {
            // Code Assist has the model in the body: `/v1internal:generateContent`.
            let named = path.len() > last.len() && !last.starts_with("v1internal:");
            return Some(with_model(shape, named.then_some(model)));
        }
    }
    let shape = if ends("/chat/completions") || ends("/agents/completions") || ends("/v1/sonar") {
        Shape::new(Api::OpenAiChat, "chat")
    } else if ends("/completions") {
        Shape::new(Api::OpenAiChat, "text_completion")
    } else if ends("/responses") || ends("/responses/compact") {
        Shape::new(Api::OpenAiResponses, "chat")
    } else if ends("/v1/messages") || ends("/anthropic/messages") {
        Shape::new(Api::Anthropic, "chat").implied("anthropic")
    } else if ends("/api/chat") {
        Shape::new(Api::Ollama, "chat").implied("ollama")
    } else if ends("/api/generate") {
        Shape::new(Api::Ollama, "text_completion").implied("ollama")
    // LM Studio's own API is another one of that name.
    } else if ends("/v2/chat") || ends("/v1/chat") && !ends("/api/v1/chat") {
        Shape::new(Api::CohereChat, "chat").implied("cohere")
    } else if ends("/v1/embed") || ends("/v2/embed") {
        Shape::new(Api::Embeddings, "embeddings").implied("cohere")
    } else if ends("/api/embed") {
        Shape::new(Api::Embeddings, "embeddings").implied("ollama")
    } else if ends("/embeddings") || ends("/embedding") || ends("/multimodalembeddings") {
        Shape::new(Api::Embeddings, "embeddings")
    } else if ends("/rerank") || ends("/reranking") {
        Shape::new(Api::Raw, "rerank")
    } else if ends("/images/generations")
        || ends("/images/edits")
        || ends("/images/variations")
        || ends("/v1/image/generation")
    {
        Shape::new(Api::Raw, "image_generation")
    } else if ends("/interactions") && url.host.ends_with("googleapis.com") {
        Shape::new(Api::GeminiInteractions, "generate_content").implied("gcp.gemini")
    } else if ends("/v1/conversations") && url.host.ends_with("mistral.ai") || ends("/ml/v1/text/chat") {
        Shape::new(Api::Raw, "chat")
    } else if ends("/ml/v1/text/generation") {
        Shape::new(Api::Raw, "text_completion")
    } else if ends("/audio/speech") || ends("/v1/audio/generation") || ends("/v1/tts") {
        Shape::new(Api::Raw, "audio_generation")
    } else if ends("/audio/transcriptions") || ends("/audio/translations") {
        Shape::new(Api::Raw, "transcription")
    } else {
        return None;
    };
    // Azure names the deployment in the path; it stands for the model.
    Some(with_model(shape, after(path, "deployments")))
}

/// What Vertex AI's `predict` does, which serves models of every kind; `None` where that is none of
/// ours.
fn predicted(model: &str) -> Option<Shape<'static>> {
    let is = |words: &[&str]| words.iter().any(|word| model.contains(word));
    if is(&["embedding", "gecko"]) {
        Some(Shape::new(Api::Embeddings, "embeddings"))
    } else if is(&["imagen", "image"]) {
        Some(Shape::new(Api::Raw, "image_generation"))
    } else {
        None
    }
}

/// Bedrock's paths: `/model/{model}/{verb}`, where the model may be an ARN with slashes in it.
fn bedrock(path: &str) -> Option<Shape<'_>> {
    let (path, verb) = path.rsplit_once('/')?;
    let is_converse = matches!(verb, "converse" | "converse-stream");
    if !is_converse && !matches!(verb, "invoke" | "invoke-with-response-stream") {
        return None;
    }
    let (_, model) = path.split_once("/model/")?;
    let (api, operation) = match is_converse {
        true => (Api::BedrockConverse, "chat"),
        false => (Api::BedrockInvoke, bedrock_invoke::operation(model)),
    };
    Some(Shape { model: Some(model), ..Shape::new(api, operation).implied("aws.bedrock") })
}

/// The path segment after the last one that is `marker`.
fn after<'p>(path: &'p str, marker: &str) -> Option<&'p str> {
    let mut after = None;
    for segment in path.rsplit('/') {
        if segment == marker {
            return after;
        }
        after = Some(segment);
    }
    None
}

/// Hosts whose providers are known, by the end of the name.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    (".openai.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    (".models.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("api.deepseek.com", "deepseek"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    (".amazonaws.com", "aws.bedrock"),
    (".api.aws", "aws.bedrock"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("codestral.mistral.ai", "mistral_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    (".ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("openrouter.ai", "openrouter"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"),
    ("ollama.com", "ollama"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    (".githubcopilot.com", "github_copilot"),
    ("router.huggingface.co", "huggingface"),
    (".snowflakecomputing.com", "snowflake"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.venice.ai", "venice"),
    ("api.z.ai", "z_ai"),
];

fn provider(url: &CleanUrl<'_>, implied: Option<&'static str>) -> Cow<'static, str> {
    if let Some(provider) = known_host(&url.host) {
        return Cow::Borrowed(provider);
    }
    if let Some(implied) = implied {
        return Cow::Borrowed(implied);
    }
    if url.port == Some(11434) {
        return Cow::Borrowed("ollama");
    }
    Cow::Owned(url.host.clone().into_owned())
}

/// Whether a host is one of the program's own surroundings, where a model server is more likely than anything else
/// with such a path.
fn is_local(host: &str) -> bool {
    let is_address = || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    host == "localhost" || host.ends_with(".localhost") || is_address()
}

/// Whose host this is.
fn known_host(host: &str) -> Option<&'static str> {
    let known = HOSTS.iter().find(|(end, _)| match end.strip_prefix('.') {
        // Amazon has other services, and other people's servers.
        Some(_) if end.contains("aws") => host.ends_with(end) && host.contains("bedrock"),
        Some(_) => host.ends_with(end),
        // Vertex AI's are named by region: `europe-west1-aiplatform.googleapis.com`.
        None if *end == "aiplatform.googleapis.com" => host.ends_with(end),
        None => host == *end || host.strip_suffix(end).is_some_and(|h| h.ends_with('.')),
    });
    known.map(|(_, provider)| *provider)
}

/// A path segment with its `%XX` decoded.
fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    json::lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(url: &str) -> Option<Endpoint> {
        detect_endpoint(Request { method: "POST", url })
    }

    #[test]
    fn a_common_path_on_an_unknown_host_needs_a_body_that_speaks_for_it() {
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
            ("https://my.openai.azure.com/openai/deployments/d/chat/completions", "azure.ai.openai"),
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
