//! Which API a path belongs to.

use crate::capture::Api;

use super::evidence::{Evidence, Route, after};
use super::special::{prompts, special_route};
use super::url::CleanUrl;

/// Endings of paths that other services have too: on an unknown host the body has to confirm that it is a call.
const COMMON: [&str; 14] = [
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
    "/v1/embed",
    "/v2/embed",
    "/api/embed",
    "/v1/tts",
];

/// Returns whether a path is recognised by an ending that other services have too.
fn is_common(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    COMMON.iter().any(|end| path.ends_with(end))
        // No other service has these.
        && !["/chat/completions", "/agents/completions"].iter().any(|end| path.ends_with(end))
}

/// Returns what a request to `url` asks for; `None` where it is no call to a model.
pub(super) fn route<'u>(url: &CleanUrl<'u>) -> Option<Route<'u>> {
    let path = url.path.trim_end_matches('/');
    let by_ending = || {
        let evidence = if is_common(path) { Evidence::Body } else { Evidence::Path };
        by_ending(path, &url.host).map(|route| Route { evidence, ..route })
    };
    bedrock(path)
        .or_else(|| google(path))
        .or_else(|| prompts(url, path))
        .or_else(by_ending)
        .or_else(|| special_route(url, path))
}

/// Returns the route of Google's paths, which end in a verb: `/models/{model}:generateContent`, or tuned models,
/// endpoints.
fn google(path: &str) -> Option<Route<'_>> {
    let last = &path[memchr::memrchr(b'/', path.as_bytes()).map_or(0, |slash| slash + 1)..];
    let encoded = || last.contains('%').then(|| last.split_once("%3A")).flatten();
    let (model, verb) = last.rsplit_once(':').or_else(encoded)?;
    let is_vertex = || path.contains("/projects/") || path.contains("/publishers/");
    let provider = || if is_vertex() { "gcp.vertex_ai" } else { "gcp.gemini" };
    let route = match verb {
        "generateContent" | "streamGenerateContent" => {
            Route::new(Api::Gemini, "generate_content").implied(provider())
        }
        "embedContent" | "batchEmbedContents" => {
            Route::new(Api::Embeddings, "embeddings").implied(provider())
        }
        "predict" => predicted(model)?.implied(provider()),
        // Videos, whose end is asked for later.
        "predictLongRunning" => Route::new(Api::Raw, "video_generation").implied(provider()),
        // A user's own endpoint may be anything.
        "rawPredict" | "streamRawPredict" if model == "count-tokens" || path.contains("/endpoints/") => {
            return None;
        }
        // Vertex AI passes these bodies on to whoever made the model.
        "rawPredict" | "streamRawPredict" => {
            let api = match after(path, "publishers") {
                Some("anthropic") | None => Api::Anthropic,
                Some(_) => Api::OpenAiChat,
            };
            Route::new(api, "chat").implied("gcp.vertex_ai")
        }
        _ => return None,
    };
    // Code Assist has the model in the body: `/v1internal:generateContent`.
    let is_named = path.len() > last.len() && !last.starts_with("v1internal:");
    Some(Route { model: is_named.then_some(model), ..route })
}

/// Returns the route of a path whose end names the operation, as OpenAI's do and most others.
fn by_ending<'p>(path: &'p str, host: &str) -> Option<Route<'p>> {
    let ends = |suffix: &str| path.ends_with(suffix);
    let route = if ends("/chat/completions") || ends("/agents/completions") || ends("/v1/sonar") {
        Route::new(Api::OpenAiChat, "chat")
    } else if ends("/completions") {
        Route::new(Api::OpenAiChat, "text_completion")
    } else if ends("/responses") || ends("/responses/compact") {
        Route::new(Api::OpenAiResponses, "chat")
    } else if ends("/v1/messages") || ends("/anthropic/messages") {
        Route::new(Api::Anthropic, "chat").implied("anthropic")
    } else if ends("/api/chat") {
        Route::new(Api::Ollama, "chat").implied("ollama")
    } else if ends("/api/generate") {
        Route::new(Api::Ollama, "text_completion").implied("ollama")
    // Writer's chat is OpenAI's.
    } else if ends("/v1/chat") && host.ends_with("writer.com") {
        Route::new(Api::OpenAiChat, "chat")
    // LM Studio's own API is another one of that name.
    } else if ends("/v2/chat") || ends("/v1/chat") && !ends("/api/v1/chat") {
        Route::new(Api::CohereChat, "chat").implied("cohere")
    } else if ends("/v1/embed") || ends("/v2/embed") {
        Route::new(Api::Embeddings, "embeddings").implied("cohere")
    } else if ends("/api/embed") {
        Route::new(Api::Embeddings, "embeddings").implied("ollama")
    } else if ends("/embeddings") || ends("/embedding") || ends("/multimodalembeddings") {
        Route::new(Api::Embeddings, "embeddings")
    } else if ends("/rerank") || ends("/reranking") {
        Route::new(Api::Raw, "rerank")
    } else if ends("/images/generations")
        || ends("/images/edits")
        || ends("/images/variations")
        || ends("/v1/image/generation")
    {
        Route::new(Api::Raw, "image_generation")
    } else if ends("/interactions") && host.ends_with("googleapis.com") {
        Route::new(Api::GeminiInteractions, "generate_content").implied("gcp.gemini")
    } else if ends("/v1/conversations") && host.ends_with("mistral.ai") {
        Route::new(Api::Raw, "chat")
    } else if ends("/audio/speech") || ends("/v1/audio/generation") || ends("/v1/tts") {
        Route::new(Api::Raw, "audio_generation")
    } else if ends("/audio/transcriptions") || ends("/audio/translations") {
        Route::new(Api::Raw, "transcription")
    } else {
        return None;
    };
    // Azure names the deployment in the path; it stands for the model.
    Some(Route { model: after(path, "deployments"), ..route })
}

/// Returns what Vertex AI's `predict` does, which serves models of every kind; `None` where the model makes neither
/// embeddings nor images.
fn predicted(model: &str) -> Option<Route<'static>> {
    let is = |words: &[&str]| words.iter().any(|word| model.contains(word));
    if is(&["embedding", "gecko"]) {
        Some(Route::new(Api::Embeddings, "embeddings"))
    } else if is(&["imagen", "image"]) {
        Some(Route::new(Api::Raw, "image_generation"))
    } else {
        None
    }
}

/// Returns the route of Bedrock's paths: `/model/{model}/{verb}`, where the model may be an ARN with slashes in it.
fn bedrock(path: &str) -> Option<Route<'_>> {
    let (path, verb) = path.rsplit_once('/')?;
    let is_converse = matches!(verb, "converse" | "converse-stream");
    if !is_converse && !matches!(verb, "invoke" | "invoke-with-response-stream") {
        return None;
    }
    let (_, model) = path.split_once("/model/")?;
    let (api, operation) = if is_converse {
        (Api::BedrockConverse, "chat")
    } else {
        (Api::BedrockInvoke, invoke_operation(model))
    };
    Some(Route { model: Some(model), ..Route::new(api, operation).implied("aws.bedrock") })
}

/// Returns OpenTelemetry's name for what a model does on Bedrock's `invoke`, which serves models of every kind.
fn invoke_operation(model: &str) -> &'static str {
    let is = |words: &[&str]| words.iter().any(|word| model.contains(word));
    if is(&["embed"]) {
        "embeddings"
    } else if is(&["rerank"]) {
        "rerank"
    } else if is(&["titan-image", "nova-canvas", "stability."]) {
        "image_generation"
    } else {
        "chat"
    }
}
