//! Which URLs are calls, and what they tell.

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
        ("/v1/embed", r#"{"url":"https://video.example/7"}"#, r#"{"texts":["hi"]}"#),
        ("/api/embed", r#"{"widget":7}"#, r#"{"model":"m","input":"hi"}"#),
    ] {
        assert!(!call(&format!("https://shop.example.com{path}"), theirs), "{path}");
        assert!(call(&format!("https://shop.example.com{path}"), ours), "{path}");
    }
    for base in ["https://api.openai.com", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"] {
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
    let endpoint = post("https://user:pass@api.x.ai:8443/v1/chat/completions?key=k&api-version=1#f").unwrap();
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
        // A resource without a name of its own, by its region.
        (
            "https://eastus.api.cognitive.microsoft.com/openai/deployments/d/chat/completions",
            "azure.ai.openai",
        ),
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

#[test]
fn calls_to_older_and_smaller_apis_were_not_recognised() {
    let bedrock = "https://bedrock-runtime.us-east-1.amazonaws.com";
    let agents = "https://bedrock-agent-runtime.us-east-1.amazonaws.com";
    let hf = "https://router.huggingface.co/hf-inference";
    let ibm = "https://us-south.ml.cloud.ibm.com";
    let azure = "https://my.openai.azure.com/openai";
    let google = "https://generativelanguage.googleapis.com/v1beta";
    let vertex = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google";
    for (url, api, provider, operation, model) in [
        ("https://api.openai.com/v1/threads/runs", Api::OpenAiRuns, "openai", "invoke_agent", None),
        ("https://api.openai.com/v1/threads/thread_1/runs", Api::OpenAiRuns, "openai", "invoke_agent", None),
        (
            "https://api.openai.com/v1/threads/thread_1/runs?include[]=step_details",
            Api::OpenAiRuns,
            "openai",
            "invoke_agent",
            None,
        ),
        (
            "https://api.openai.com/v1/threads/thread_1/runs/run_1/submit_tool_outputs",
            Api::OpenAiRuns,
            "openai",
            "invoke_agent",
            None,
        ),
        (
            &format!("{azure}/threads/thread_1/runs?api-version=2024-05-01-preview"),
            Api::OpenAiRuns,
            "azure.ai.openai",
            "invoke_agent",
            None,
        ),
        (
            "https://acct.services.ai.azure.com/api/projects/p/threads/thread_1/runs?api-version=v1",
            Api::OpenAiRuns,
            "azure.ai.inference",
            "invoke_agent",
            None,
        ),
        ("https://api.openai.com/v1/moderations", Api::Raw, "openai", "moderation", None),
        ("https://api.mistral.ai/v1/moderations", Api::Raw, "mistral_ai", "moderation", None),
        ("https://api.mistral.ai/v1/chat/moderations", Api::Raw, "mistral_ai", "moderation", None),
        (
            "https://gateway.ai.cloudflare.com/v1/acct/gateway/openai/moderations",
            Api::Raw,
            "gateway.ai.cloudflare.com",
            "moderation",
            None,
        ),
        ("https://api.anthropic.com/v1/complete", Api::TextCompletion, "anthropic", "text_completion", None),
        ("https://api.replicate.com/v1/predictions", Api::Replicate, "replicate", "prediction", None),
        (
            "https://api.replicate.com/v1/models/black-forest-labs/flux-schnell/predictions",
            Api::Replicate,
            "replicate",
            "prediction",
            Some("black-forest-labs/flux-schnell"),
        ),
        (
            "https://api.replicate.com/v1/deployments/acme/chat/predictions",
            Api::Replicate,
            "replicate",
            "prediction",
            Some("acme/chat"),
        ),
        (
            "https://gateway.ai.cloudflare.com/v1/acct/gateway/replicate/predictions",
            Api::Replicate,
            "replicate",
            "prediction",
            None,
        ),
        (
            &format!("{agents}/agents/AGENT12345/agentAliases/TSTALIASID/sessions/s-1/text"),
            Api::BedrockAgent,
            "aws.bedrock",
            "invoke_agent",
            Some("AGENT12345"),
        ),
        (&format!("{agents}/retrieveAndGenerate"), Api::BedrockAgent, "aws.bedrock", "chat", None),
        (&format!("{agents}/retrieveAndGenerateStream"), Api::BedrockAgent, "aws.bedrock", "chat", None),
        (
            &format!("{bedrock}/guardrail/arn%3Aaws%3Abedrock%3A%3A1%3Aguardrail%2Fg1/version/DRAFT/apply"),
            Api::Raw,
            "aws.bedrock",
            "moderation",
            Some("arn:aws:bedrock::1:guardrail/g1"),
        ),
        (
            "https://api-inference.huggingface.co/models/gpt2",
            Api::TextCompletion,
            "huggingface",
            "prediction",
            Some("gpt2"),
        ),
        (
            "https://api-inference.huggingface.co/models/meta-llama%2FLlama-3.1-8B",
            Api::TextCompletion,
            "huggingface",
            "prediction",
            Some("meta-llama/Llama-3.1-8B"),
        ),
        (
            "https://api-inference.huggingface.co/pipeline/feature-extraction/BAAI/bge-m3",
            Api::Embeddings,
            "huggingface",
            "embeddings",
            Some("BAAI/bge-m3"),
        ),
        (
            &format!("{hf}/models/BAAI/bge-m3/pipeline/feature-extraction"),
            Api::Embeddings,
            "huggingface",
            "embeddings",
            Some("BAAI/bge-m3"),
        ),
        (
            &format!("{hf}/models/black-forest-labs/FLUX.1-dev"),
            Api::TextCompletion,
            "huggingface",
            "prediction",
            Some("black-forest-labs/FLUX.1-dev"),
        ),
        (
            &format!("{hf}/models/openai/whisper-large-v3/pipeline/automatic-speech-recognition"),
            Api::Raw,
            "huggingface",
            "transcription",
            Some("openai/whisper-large-v3"),
        ),
        (
            "https://x1y2.eu-west-1.aws.endpoints.huggingface.cloud/",
            Api::TextCompletion,
            "huggingface",
            "prediction",
            None,
        ),
        (
            "https://api.deepgram.com/v1/listen?smart_format=true&model=nova%2D3&language=en",
            Api::Deepgram,
            "deepgram",
            "transcription",
            Some("nova-3"),
        ),
        ("https://api.deepgram.com/v1/listen", Api::Deepgram, "deepgram", "transcription", None),
        (
            "https://api.deepgram.com/v1/speak?model=aura-2-thalia-en",
            Api::Deepgram,
            "deepgram",
            "audio_generation",
            Some("aura-2-thalia-en"),
        ),
        (
            "https://speech.acme.example/v1/listen?model=nova-3",
            Api::Deepgram,
            "deepgram",
            "transcription",
            Some("nova-3"),
        ),
        ("https://api.cohere.com/v1/generate", Api::TextCompletion, "cohere", "text_completion", None),
        ("https://api.cohere.ai/v1/generate", Api::TextCompletion, "cohere", "text_completion", None),
        ("https://api.mistral.ai/v1/ocr", Api::Raw, "mistral_ai", "ocr", None),
        (
            &format!("{ibm}/ml/v1/text/chat?version=2024-10-08"),
            Api::OpenAiChat,
            "ibm.watsonx.ai",
            "chat",
            None,
        ),
        (
            &format!("{ibm}/ml/v1/text/chat_stream?version=2024-10-08"),
            Api::OpenAiChat,
            "ibm.watsonx.ai",
            "chat",
            None,
        ),
        (
            &format!("{ibm}/ml/v1/text/generation?version=2024-10-08"),
            Api::TextCompletion,
            "ibm.watsonx.ai",
            "text_completion",
            None,
        ),
        (
            &format!("{ibm}/ml/v1-beta/text/generation_stream"),
            Api::TextCompletion,
            "ibm.watsonx.ai",
            "text_completion",
            None,
        ),
        (
            &format!("{ibm}/ml/v1/deployments/my-llm/text/generation_stream?version=2024-10-08"),
            Api::TextCompletion,
            "ibm.watsonx.ai",
            "text_completion",
            Some("my-llm"),
        ),
        ("https://api.x.ai/v1/stt", Api::Raw, "x_ai", "transcription", None),
        ("https://api.x.ai/v1/videos/generations", Api::Raw, "x_ai", "video_generation", None),
        ("https://api.portkey.ai/v1/prompts/pp-faq/completions", Api::OpenAiChat, "portkey", "chat", None),
        ("https://openrouter.ai/api/v1/images", Api::Raw, "openrouter", "image_generation", None),
        (
            &format!("{google}/models/veo-3.0-generate-001:predictLongRunning"),
            Api::Raw,
            "gcp.gemini",
            "video_generation",
            Some("veo-3.0-generate-001"),
        ),
        (
            &format!("{vertex}/models/veo-3.0-generate-001:predictLongRunning"),
            Api::Raw,
            "gcp.vertex_ai",
            "video_generation",
            Some("veo-3.0-generate-001"),
        ),
        (
            "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my%2Dllm/invocations",
            Api::TextCompletion,
            "aws.sagemaker",
            "prediction",
            Some("my-llm"),
        ),
        (
            "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/m/invocations-response-stream",
            Api::TextCompletion,
            "aws.sagemaker",
            "prediction",
            Some("m"),
        ),
        ("https://api.aleph-alpha.com/complete", Api::TextCompletion, "aleph_alpha", "text_completion", None),
    ] {
        let endpoint = post(url).unwrap_or_else(|| panic!("{url}"));
        assert_eq!(
            (endpoint.api, &*endpoint.provider, &*endpoint.operation),
            (api, provider, operation),
            "{url}"
        );
        assert_eq!(endpoint.path_model.as_deref(), model, "{url}");
        // The provider's own host needs no body.
        if known_host(&clean_url(url).unwrap().host).is_some() {
            assert!(body_confirms_llm(&endpoint, None), "{url}");
        }
        assert_eq!(detect_endpoint(Request { method: "GET", url }), None, "{url}");
    }
}

#[test]
fn what_stands_beside_those_calls_is_none() {
    for url in [
        "https://api.openai.com/v1/threads",
        "https://api.openai.com/v1/threads/thread_1/messages",
        "https://api.openai.com/v1/threads/thread_1/runs/run_1",
        "https://api.openai.com/v1/threads/thread_1/runs/run_1/cancel",
        "https://api.openai.com/v1/assistants",
        "https://api.replicate.com/v1/predictions/gm3q/cancel",
        "https://api.replicate.com/v1/models",
        "https://api.replicate.com/v1/models/acme/chat/versions/v1/trainings",
        "https://api.replicate.com/v1/files",
        "https://bedrock-agent-runtime.us-east-1.amazonaws.com/knowledgebases/K/retrieve",
        "https://bedrock-agent.us-east-1.amazonaws.com/agents/A/agentversions/1/actiongroups",
        "https://bedrock.us-east-1.amazonaws.com/guardrails",
        "https://huggingface.co/api/models/gpt2",
        "https://api-inference.huggingface.co/models",
        "https://api-inference.huggingface.co/models/a/b/c",
        "https://api.deepgram.com/v1/projects",
        "https://api.deepgram.com/v1/auth/grant",
        "https://api.cohere.com/v1/tokenize",
        "https://api.mistral.ai/v1/files",
        "https://us-south.ml.cloud.ibm.com/ml/v1/text/tokenization",
        "https://us-south.ml.cloud.ibm.com/ml/v4/deployments",
        "https://api.portkey.ai/v1/prompts/pp-faq/render",
        "https://openrouter.ai/api/v1/keys",
        "https://generativelanguage.googleapis.com/v1beta/models/veo-3:fetchPredictOperation",
        "https://api.sagemaker.eu-west-1.amazonaws.com/endpoints/my-llm/invocations",
        "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/m/async-invocations",
        "https://api.aleph-alpha.com/tokenize",
    ] {
        assert_eq!(post(url), None, "{url}");
    }
}

#[test]
fn a_strangers_path_of_the_same_name_is_no_call() {
    for path in [
        "/v1/predictions",
        "/models/7",
        "/pipeline/deploy",
        "/complete",
        "/tasks/7/complete",
        "/endpoints/7/invocations",
        "/v1/generate",
        "/v1/listen",
        "/v1/speak",
        "/v1/ocr",
        "/v1/stt",
        "/api/v1/images",
        "/moderations",
        "/forum/moderations",
        "/threads/7/runs",
        "/threads/runs",
    ] {
        assert_eq!(post(&format!("https://shop.example.com{path}")), None, "{path}");
        // On a local server they may be the provider's, but not with such a body.
        if let Some(endpoint) =
            post(&format!("http://localhost:3000{path}")).filter(|e| e.api != Api::Deepgram)
        {
            let theirs = crate::json::parse(r#"{"title":"t","text":7,"items":[1]}"#).unwrap();
            let confirmed = body_confirms_llm(&endpoint, Some(&theirs));
            assert_eq!(confirmed, path == "/v1/stt", "{path}");
        }
    }
    let shop = post("https://shop.example.com/v1/moderations").unwrap();
    let theirs = crate::json::parse(r#"{"comment":7,"action":"hide"}"#).unwrap();
    assert!(!body_confirms_llm(&shop, Some(&theirs)) && !body_confirms_llm(&shop, None));
    let langgraph = "http://localhost:2024/threads/7/runs";
    assert_eq!(post(langgraph), None);
}

#[test]
fn a_local_server_may_serve_them_where_the_body_confirms_it() {
    for (path, body) in [
        ("/v1/threads/thread_1/runs", r#"{"assistant_id":"asst_1"}"#),
        ("/v1/threads/t/runs/r/submit_tool_outputs", r#"{"tool_outputs":[]}"#),
        ("/v1/moderations", r#"{"input":"text"}"#),
        ("/v1/complete", r#"{"prompt":"\n\nHuman: Hi","max_tokens_to_sample":9,"model":"claude-2.1"}"#),
        ("/v1/predictions", r#"{"version":"5a62","input":{"prompt":"Hi"}}"#),
        ("/v1/models/meta/llama/predictions", r#"{"input":{"prompt":"Hi"}}"#),
        ("/models/gpt2", r#"{"inputs":"Hi"}"#),
        ("/pipeline/feature-extraction/BAAI/bge-m3", r#"{"inputs":"Hi"}"#),
        ("/v1/speak", r#"{"text":"Hi"}"#),
        ("/v1/generate", r#"{"prompt":"Hi"}"#),
        ("/v1/ocr", r#"{"model":"mistral-ocr-latest","document":{"type":"document_url"}}"#),
        ("/v1/videos/generations", r#"{"model":"grok-imagine-video","prompt":"a cat"}"#),
        ("/v1/prompts/pp-faq/completions", r#"{"variables":{"name":"Ann"}}"#),
        ("/v1/prompts/pp-faq/completions", r#"{"model":"m","prompt":"Hi"}"#),
        ("/api/v1/images", r#"{"model":"m","prompt":"a cat"}"#),
        ("/endpoints/my-llm/invocations", r#"{"inputs":"Hi"}"#),
        ("/complete", r#"{"model":"luminous-base","prompt":"Hi","maximum_tokens":9}"#),
    ] {
        let endpoint = post(&format!("http://127.0.0.1:8080{path}")).unwrap_or_else(|| panic!("{path}"));
        let parsed = crate::json::parse(body).unwrap();
        assert!(body_confirms_llm(&endpoint, Some(&parsed)), "{path}");
        assert!(!body_confirms_llm(&endpoint, None), "{path}");
    }
    // Sound is no JSON.
    for path in ["/v1/listen?model=nova-3", "/v1/stt", "/hf-inference/models/openai/whisper-large-v3"] {
        let sound = post(&format!("http://127.0.0.1:8080{path}")).unwrap();
        assert!(body_confirms_llm(&sound, None), "{path}");
    }
}

#[test]
fn a_gateways_prefix_changes_nothing_about_a_known_path() {
    for (path, api, model) in [
        ("/openai/v1/chat/completions", Api::OpenAiChat, None),
        ("/v1/acct/gateway/openai/chat/completions", Api::OpenAiChat, None),
        ("/v1/acct/gateway/replicate/v1/chat/completions", Api::OpenAiChat, None),
        ("/v1/acct/gateway/huggingface/models/m/v1/chat/completions", Api::OpenAiChat, None),
        ("/models/meta-llama/Llama-3.1-8B/v1/chat/completions", Api::OpenAiChat, None),
        (
            "/v1/acct/gateway/aws-bedrock/bedrock-runtime/us-east-1/model/m/invoke",
            Api::BedrockInvoke,
            Some("m"),
        ),
        ("/cohere/v1/embed", Api::Embeddings, None),
        ("/models/gemini-2.5-pro:generateContent", Api::Gemini, Some("gemini-2.5-pro")),
    ] {
        let endpoint =
            post(&format!("https://gateway.example.com{path}")).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((endpoint.api, endpoint.path_model.as_deref()), (api, model), "{path}");
    }
}

#[test]
fn a_host_that_the_user_named_serves_its_providers_paths() {
    for (path, provider, api) in [
        ("/v1/predictions", "replicate", Api::Replicate),
        ("/models/gpt2", "huggingface", Api::TextCompletion),
        ("/threads/t/runs", "azure.ai.openai", Api::OpenAiRuns),
        ("/endpoints/m/invocations", "aws.sagemaker", Api::TextCompletion),
    ] {
        let url = format!("https://models.acme.example{path}");
        let request = Request { method: "POST", url: &url };
        assert_eq!(detect_endpoint(request), None, "{path}");
        assert_eq!(detect_endpoint_of(request, "deepgram"), None, "{path}");
        assert_eq!(detect_endpoint_of(request, provider).unwrap().api, api, "{path}");
    }
}
