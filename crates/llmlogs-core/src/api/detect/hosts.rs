//! Which host belongs to which provider.

use std::borrow::Cow;

use super::url::CleanUrl;

/// The ends of the names of hosts, and their providers: as OpenTelemetry names them, else by plain names. An entry
/// without a leading dot is a whole name or one below it.
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
    (".api.cognitive.microsoft.com", "azure.ai.openai"),
    (".githubcopilot.com", "github_copilot"),
    ("router.huggingface.co", "huggingface"),
    ("api-inference.huggingface.co", "huggingface"),
    (".endpoints.huggingface.cloud", "huggingface"),
    ("api.replicate.com", "replicate"),
    ("api.deepgram.com", "deepgram"),
    ("api.eu.deepgram.com", "deepgram"),
    ("api.aleph-alpha.com", "aleph_alpha"),
    ("api.portkey.ai", "portkey"),
    (".snowflakecomputing.com", "snowflake"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.venice.ai", "venice"),
    ("api.z.ai", "z_ai"),
    ("api.writer.com", "writer"),
];

/// Returns the provider of a URL: by its host, else the one that `implied` names because only it serves such a path,
/// else the host itself.
pub(super) fn provider(url: &CleanUrl<'_>, implied: Option<&'static str>) -> Cow<'static, str> {
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

/// Returns whether a host is this machine or a bare address, where a model server is more likely than anything else
/// with such a path.
pub(super) fn is_local(host: &str) -> bool {
    let is_address = || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    host == "localhost" || host.ends_with(".localhost") || is_address()
}

/// Returns the provider whose host this is.
pub(super) fn known_host(host: &str) -> Option<&'static str> {
    let is_amazon =
        || [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|end| host.ends_with(end));
    if ["runtime.sagemaker.", "runtime-fips.sagemaker."].iter().any(|service| host.contains(service))
        && is_amazon()
    {
        return Some("aws.sagemaker");
    }
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
