//! Four providers on loopback, under the names of the real ones: what is recorded looks as it does in production, prices
//! and all, and nothing leaves the machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::answers;
use crate::api::{Answer, Api, Received};

const HOSTS: [&str; 4] =
    ["api.openai.com", "api.anthropic.com", "api.deepseek.com", "generativelanguage.googleapis.com"];

/// The running providers; they end with the runtime that they were started on.
pub struct Providers {
    address: SocketAddr,
    is_overloaded: Arc<AtomicBool>,
}

impl Providers {
    /// Starts them. Their faults are the same in each run, as far as the order of requests is.
    pub async fn start() -> Arc<Self> {
        let is_overloaded = Arc::new(AtomicBool::new(false));
        let dice = Mutex::new(Dice(0x5eed));
        let overloaded = Arc::clone(&is_overloaded);
        let api = Api::respond(move |request| {
            let thrown = dice.lock().expect("nobody panics with the dice").throw();
            answer(request, thrown, overloaded.load(Ordering::Relaxed))
        })
        .await;
        let address = api.url.trim_start_matches("http://").parse().expect("an address");
        Arc::new(Providers { address, is_overloaded })
    }

    /// Returns a client's builder for which the providers' hosts are on loopback.
    pub fn client(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(6));
        HOSTS.iter().fold(builder, |builder, host| builder.resolve(host, self.address))
    }

    /// Sets whether Anthropic's servers are overloaded, which they then say to most requests.
    pub fn overload(&self, is_overloaded: bool) {
        self.is_overloaded.store(is_overloaded, Ordering::Relaxed);
    }
}

/// Numbers below 100, always the same ones (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % 100) as u32
    }
}

fn answer(request: &Received, thrown: u32, is_overloaded: bool) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let head = request.head.to_ascii_lowercase();
    let host = HOSTS.iter().find(|host| head.contains(&format!("\r\nhost: {host}"))).copied();
    match host.unwrap_or_default() {
        "api.anthropic.com" if is_overloaded && thrown < 90 => Answer::json(
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_011CV"}"#,
        ),
        "api.anthropic.com" => answers::anthropic(&body, thrown),
        "api.deepseek.com" if thrown < 8 => Answer::silence(),
        "api.deepseek.com" if thrown < 22 => answers::chat(&body, thrown).then_break(),
        "generativelanguage.googleapis.com" if thrown < 10 => Answer::json(
            429,
            r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED"}}"#,
        ),
        "generativelanguage.googleapis.com" => answers::gemini(&body, thrown),
        _ if request.head.contains("/embeddings") => answers::embeddings(&body),
        _ if body["model"] == "gpt-4o" && thrown < 12 => Answer::json(
            429,
            r#"{"error":{"message":"Rate limit reached for gpt-4o in organization org-shop on tokens per min (TPM): Limit 30000, Used 29411, Requested 1712.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        )
        .header("retry-after-ms", "400"),
        _ if body["model"] == "gpt-4o" && thrown < 24 => Answer::json(
            503,
            r#"{"error":{"message":"The server is currently overloaded with other requests.","type":"server_error"}}"#,
        ),
        _ if body["model"] == "gpt-4o" && thrown > 96 => Answer::json(
            400,
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 131204 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ),
        _ => answers::chat(&body, thrown),
    }
}
