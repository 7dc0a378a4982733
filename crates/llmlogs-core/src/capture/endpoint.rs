//! Which API a call went to.

use std::borrow::Cow;

/// A wire format of requests and responses; several providers may serve the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI chat completions and compatible APIs.
    OpenAiChat,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic Messages, wherever they are served.
    Anthropic,
    /// Gemini's `generateContent` and `streamGenerateContent`, on the Gemini API and Vertex AI.
    Gemini,
    /// Gemini's Interactions.
    GeminiInteractions,
    /// Bedrock's `converse` and `converse-stream`.
    BedrockConverse,
    /// Bedrock's `invoke` and `invoke-with-response-stream`: the model's own format in Bedrock's
    /// envelope.
    BedrockInvoke,
    /// Cohere's v2 chat.
    CohereChat,
    /// Ollama's `/api/chat` and `/api/generate`.
    Ollama,
    /// Embeddings of every provider.
    Embeddings,
    /// Runs of OpenAI's assistants, on their threads.
    OpenAiRuns,
    /// Texts that continue a prompt, in the shapes of the APIs that have no chat: Anthropic's `complete`, Cohere's
    /// `generate`, watsonx, Hugging Face, SageMaker, Aleph Alpha.
    TextCompletion,
    /// Replicate's predictions.
    Replicate,
    /// Bedrock's agents and knowledge bases.
    BedrockAgent,
    /// Deepgram's speech to text and text to speech.
    Deepgram,
    /// A format that is not decoded: bodies are kept as they are.
    Raw,
}

/// Where a call went, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The wire format.
    pub api: Api,
    /// OpenTelemetry's `gen_ai.provider.name` where it has one, else a plain name, else the host.
    pub provider: Cow<'static, str>,
    /// OpenTelemetry's `gen_ai.operation.name`.
    pub operation: Cow<'static, str>,
    /// The model, if the path names it.
    pub path_model: Option<String>,
    /// Scheme, host and port.
    pub base_url: String,
    /// The path alone.
    pub path: String,
    /// The query parameters that are known to carry no credential, `api-version=2024-10-21&alt=sse`; empty if there are
    /// none.
    pub query: String,
    /// The HTTP method.
    pub method: String,
}

impl Endpoint {
    /// Returns the size of its heap memory in bytes.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        let texts =
            [self.provider.len(), self.operation.len(), self.path_model.as_ref().map_or(0, String::len)];
        let url = self.base_url.len() + self.path.len() + self.query.len();
        texts.iter().sum::<usize>() + url + self.method.len()
    }
}
