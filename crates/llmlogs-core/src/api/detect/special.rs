//! Which API a path belongs to that one provider alone serves, most of them older or smaller than chat.
//!
//! Some of these paths anybody may have (`/complete`, `/models/…`, `/v1/predictions`). They count on their provider's own
//! hosts, and elsewhere only on a local server or behind a gateway whose path names the provider, where the body has to
//! confirm them.

use crate::capture::Api;

use super::evidence::{Route, after};
use super::hosts::{is_local, known_host};
use super::url::CleanUrl;

/// Returns the route of a prompt that is kept at Portkey; its path ends as other completions do.
pub(super) fn prompts<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    tail(path, ["prompts", "*", "completions"])?;
    is_served(url, "portkey", &["portkey"]).then(|| {
        Route::new(Api::OpenAiChat, "chat").implied("portkey").confirmed_by(&[
            &["variables"],
            &["model"],
            &["prompt"],
            &["messages"],
        ])
    })
}

/// Returns the route of a path that one provider alone serves.
pub(super) fn special_route<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    amazon(url, path)
        .or_else(|| watsonx(path))
        .or_else(|| openai(url, path))
        .or_else(|| completion(url, path))
        .or_else(|| hugging_face(url, path))
        .or_else(|| replicate(url, path))
        .or_else(|| media(url, path))
}

/// Returns the route of Bedrock's agents, knowledge bases and guardrails, and of models on SageMaker.
fn amazon<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    let bedrock = |api, operation| Route::new(api, operation).implied("aws.bedrock");
    if let Some([_, agent, ..]) = tail(path, ["agents", "*", "agentAliases", "*", "sessions", "*", "text"]) {
        return Some(bedrock(Api::BedrockAgent, "invoke_agent").model(agent));
    }
    if let Some([_, guardrail, ..]) = tail(path, ["guardrail", "*", "version", "*", "apply"]) {
        return Some(bedrock(Api::Raw, "moderation").model(guardrail));
    }
    if path.ends_with("/retrieveAndGenerate") || path.ends_with("/retrieveAndGenerateStream") {
        return Some(bedrock(Api::BedrockAgent, "chat"));
    }
    let invoked = tail(path, ["endpoints", "*", "invocations"]);
    let [_, endpoint, _] = invoked.or(tail(path, ["endpoints", "*", "invocations-response-stream"]))?;
    is_served(url, "aws.sagemaker", &["sagemaker"]).then(|| {
        // The bodies are the model's own.
        Route::new(Api::TextCompletion, "prediction")
            .implied("aws.sagemaker")
            .model(endpoint)
            .confirmed_by(&[&["inputs"], &["messages"], &["prompt"], &["text_inputs"], &["instances"]])
    })
}

/// Returns the route of watsonx's texts, of models and of deployments of them.
fn watsonx(path: &str) -> Option<Route<'_>> {
    let [kind, verb] = tail(path, ["text", "*"])?;
    // `/ml/v1/text/…`, `/ml/v1-beta/text/…`, `/ml/v1/deployments/{id}/text/…`
    let before = path.strip_suffix(verb)?.strip_suffix('/')?.strip_suffix(kind)?;
    if !before.contains("/ml/v1") {
        return None;
    }
    let route = match verb {
        "chat" | "chat_stream" => Route::new(Api::OpenAiChat, "chat"),
        "generation" | "generation_stream" => Route::new(Api::TextCompletion, "text_completion"),
        _ => return None,
    };
    Some(Route { model: after(path, "deployments"), ..route.implied("ibm.watsonx.ai") })
}

/// Returns the route of OpenAI's assistants and of moderations, which others have as well.
fn openai<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    let ends = |suffix: &str| path.ends_with(suffix);
    if ends("/v1/moderations") || ends("/v1/chat/moderations") || ends("/openai/moderations") {
        return Some(Route::new(Api::Raw, "moderation").confirmed_by(&[&["input"]]));
    }
    let is_run = ends("/threads/runs")
        || tail(path, ["threads", "*", "runs"]).is_some()
        || tail(path, ["threads", "*", "runs", "*", "submit_tool_outputs"]).is_some();
    // LangGraph's servers have threads and runs of their own, but no version before them.
    let is_openais = || {
        let is_one = |provider| matches!(provider, "openai" | "azure.ai.openai" | "azure.ai.inference");
        is_one(url.named)
            || known_host(&url.host).is_some_and(is_one)
            || path.contains("/v1/threads/")
            || path.contains("/openai/threads/")
    };
    (is_run && is_openais()).then(|| {
        let route = Route::new(Api::OpenAiRuns, "invoke_agent");
        route.implied("openai").confirmed_by(&[&["assistant_id"], &["tool_outputs"]])
    })
}

/// Returns the route of texts that continue a prompt, as it was before chat.
fn completion<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    let ends = |suffix: &str| path.ends_with(suffix);
    let route = Route::new(Api::TextCompletion, "text_completion");
    if ends("/v1/complete") {
        Some(route.implied("anthropic").confirmed_by(&[&["prompt", "max_tokens_to_sample"]]))
    } else if ends("/v1/generate") && is_served(url, "cohere", &["cohere"]) {
        Some(route.implied("cohere").confirmed_by(&[&["prompt"]]))
    } else if ends("/complete")
        && is_served(url, "aleph_alpha", &["aleph-alpha", "aleph_alpha", "alephalpha"])
    {
        Some(
            route.implied("aleph_alpha").confirmed_by(&[&["prompt", "maximum_tokens"], &["prompt", "model"]]),
        )
    } else {
        None
    }
}

/// Returns the route of Hugging Face's models, by their name or by their task and their name.
fn hugging_face<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    if !is_served(url, "huggingface", &["huggingface", "hf-inference"]) {
        return None;
    }
    let is_known = known_host(&url.host).is_some() || url.named == "huggingface";
    let is_name = |name: &str| {
        let segments = name.split('/').filter(|segment| !segment.is_empty() && !segment.contains(':'));
        (1..=2).contains(&name.split('/').count()) && segments.count() == name.split('/').count()
    };
    let (task, model) = if let Some((before, rest)) = path.split_once("/pipeline/") {
        match before.split_once("/models/") {
            Some((_, model)) => (rest, Some(model)),
            None => rest.split_once('/').map_or((rest, None), |(task, model)| (task, Some(model))),
        }
    } else if let Some((before, model)) = path.split_once("/models/") {
        // Others have such paths below a version.
        let is_theirs = is_known || before.is_empty() || before.ends_with("/hf-inference");
        if !is_theirs || !is_name(model) {
            return None;
        }
        ("", Some(model))
    } else if path.is_empty() && url.host.ends_with(".endpoints.huggingface.cloud") {
        // An endpoint for one model.
        ("", None)
    } else {
        return None;
    };
    let route = match task {
        "feature-extraction" => Route::new(Api::Embeddings, "embeddings"),
        "text-to-image" | "image-to-image" => Route::new(Api::Raw, "image_generation"),
        "text-to-speech" | "text-to-audio" => Route::new(Api::Raw, "audio_generation"),
        "automatic-speech-recognition" => Route::new(Api::Raw, "transcription"),
        "text-to-video" | "image-to-video" => Route::new(Api::Raw, "video_generation"),
        "text-generation" | "text2text-generation" => Route::new(Api::TextCompletion, "text_completion"),
        // The address does not show what the model does.
        _ => Route::new(Api::TextCompletion, "prediction"),
    };
    let model = model.filter(|model| is_name(model));
    // Sound and images are sent as they are.
    let members: &[&[&str]] = if path.contains("/hf-inference/") { &[] } else { &[&["inputs"]] };
    Some(Route { model, ..route.implied("huggingface").confirmed_by(members) })
}

/// Returns the route of Replicate's predictions: of a version, which the body names, of a model, or of a deployment.
fn replicate<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    let named = tail(path, ["models", "*", "*", "predictions"])
        .or(tail(path, ["deployments", "*", "*", "predictions"]));
    let is_plain = || path.ends_with("/v1/predictions") || path.ends_with("/replicate/predictions");
    if named.is_none() && !is_plain() || !is_served(url, "replicate", &["replicate"]) {
        return None;
    }
    let model = named.and_then(|[kind, ..]| {
        let model = path.strip_suffix("/predictions")?;
        Some(&model[model.rfind(&format!("/{kind}/"))? + kind.len() + 2..])
    });
    let route = Route::new(Api::Replicate, "prediction").implied("replicate").confirmed_by(&[&["input"]]);
    Some(Route { model, ..route })
}

/// Returns the route of speech, documents, images and videos.
fn media<'u>(url: &CleanUrl<'u>, path: &'u str) -> Option<Route<'u>> {
    let ends = |suffix: &str| path.ends_with(suffix);
    let raw = |operation| Route::new(Api::Raw, operation);
    if ends("/v1/listen") || ends("/v1/speak") {
        // Deepgram's servers can be one's own; the query names the model.
        if !is_served(url, "deepgram", &["deepgram"]) && url.query_model().is_none() {
            return None;
        }
        let route = if ends("/v1/listen") {
            Route::new(Api::Deepgram, "transcription").confirmed_by(&[])
        } else {
            Route::new(Api::Deepgram, "audio_generation").confirmed_by(&[&["text"], &["url"]])
        };
        return Some(Route { model: url.query_model(), ..route.implied("deepgram") });
    }
    if ends("/v1/stt") && is_served(url, "x_ai", &["xai", "x-ai", "grok"]) {
        Some(raw("transcription").implied("x_ai").confirmed_by(&[]))
    } else if ends("/videos/generations") {
        Some(raw("video_generation").confirmed_by(&[&["prompt"]]))
    } else if ends("/v1/ocr") && is_served(url, "mistral_ai", &["mistral"]) {
        Some(raw("ocr").implied("mistral_ai").confirmed_by(&[&["document"]]))
    } else if ends("/api/v1/images") && is_served(url, "openrouter", &["openrouter"]) {
        Some(raw("image_generation").implied("openrouter").confirmed_by(&[&["model", "prompt"]]))
    } else {
        None
    }
}

/// Returns whether a host may serve the API of `provider`: its own does, and one that the user named so; a local one or a
/// gateway may. A gateway's path has one of `names` as a segment.
fn is_served(url: &CleanUrl<'_>, provider: &str, names: &[&str]) -> bool {
    known_host(&url.host) == Some(provider)
        || url.named == provider
        || is_local(&url.host)
        || url.path.split('/').any(|segment| names.iter().any(|name| segment.eq_ignore_ascii_case(name)))
}

/// Returns the last segments of a path, if each is what `pattern` has in its place, where `*` stands for any.
fn tail<'p, const N: usize>(path: &'p str, pattern: [&str; N]) -> Option<[&'p str; N]> {
    let mut segments = path.rsplit('/');
    let mut found = [""; N];
    for (place, expected) in found.iter_mut().zip(pattern).rev() {
        *place = segments.next().filter(|segment| !segment.is_empty())?;
        if expected != "*" && expected != *place {
            return None;
        }
    }
    Some(found)
}
