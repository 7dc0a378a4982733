//! A small fake agent for the example `live` and the page's screenshots: it plans, looks things up, calls tools and has its
//! answers reviewed, at providers that stand in for four real ones and are not always well.

mod answers;
mod providers;
mod tasks;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest_middleware::ClientWithMiddleware;
use serde_json::{Value, json};
use tracing::{Instrument, info_span};

pub use self::providers::Providers;
use self::tasks::{TASKS, Task};

/// While the agent works, the part of its time in which one provider is overloaded.
const OUTAGE: std::ops::Range<f64> = 0.35..0.6;

/// The agent; its client is the program's own, with whatever middleware it wants.
#[derive(Clone)]
pub struct Agent {
    client: ClientWithMiddleware,
    providers: Arc<Providers>,
    next: Arc<AtomicUsize>,
}

impl Agent {
    /// Makes an agent. `client` comes from [`Providers::client`], so that the providers' hosts are on loopback.
    pub fn new(client: ClientWithMiddleware, providers: Arc<Providers>) -> Self {
        Agent { client, providers, next: Arc::default() }
    }

    /// Works through tasks for about `time`, on three at once; what has begun by then is finished.
    pub async fn work(&self, time: Duration) {
        let start = Instant::now();
        let worker = || async {
            while start.elapsed() < time {
                let part = start.elapsed().as_secs_f64() / time.as_secs_f64();
                self.providers.overload(OUTAGE.contains(&part));
                self.task().await;
            }
        };
        tokio::join!(worker(), worker(), worker());
        self.providers.overload(false);
    }

    /// Works on the next task.
    pub async fn task(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let task = &TASKS[number % TASKS.len()];
        let span = info_span!(
            "task",
            task_id = format!("T-{}", 1041 + number),
            tenant = task.tenant,
            user_message = task.question
        );
        async {
            self.plan(task, number).instrument(info_span!("plan", phase = "plan")).await;
            self.look_up(task).instrument(info_span!("look_up", phase = "look_up")).await;
            let answer = self.act(task, number).instrument(info_span!("act", phase = "act")).await;
            self.review(task, &answer, number).instrument(info_span!("review", phase = "review")).await;
        }
        .instrument(span)
        .await;
    }

    async fn plan(&self, task: &Task, number: usize) {
        let request = json!({
            "model": "claude-sonnet-4-5", "max_tokens": 2048, "stream": true,
            "system": "You plan the work of an agent. Answer with short numbered steps.",
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "messages": [{"role": "user", "content": task.question}],
            "metadata": {"user_id": format!("{}-{number}", task.tenant)},
        });
        self.send("http://api.anthropic.com/v1/messages", &request).await;
    }

    async fn look_up(&self, task: &Task) {
        let request = json!({"model": "text-embedding-3-small", "input": [task.question, task.tool]});
        self.send("http://api.openai.com/v1/embeddings", &request).await;
    }

    /// Asks with tools until there is an answer, which it returns.
    async fn act(&self, task: &Task, number: usize) -> String {
        let mut messages = vec![
            json!({"role": "system", "content": tasks::SYSTEM}),
            json!({"role": "user", "content": task.question}),
        ];
        for iteration in 1..=3 {
            let request = json!({
                "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true}, "temperature": 0.2,
                "messages": messages, "tools": tasks::tools(), "user": format!("{}-{number}", task.tenant),
            });
            let span = info_span!("iteration", agent_iteration = iteration);
            let sent =
                self.send("http://api.openai.com/v1/chat/completions", &request).instrument(span).await;
            let Some(said) = sent.map(|body| answers::message_of_stream(&body)) else { return String::new() };
            let Some(call) = said.pointer("/tool_calls/0").cloned() else {
                return said["content"].as_str().unwrap_or_default().to_owned();
            };
            let tool = info_span!("tool", name = task.tool);
            tokio::time::sleep(Duration::from_millis(40 + (number % 5) as u64 * 60)).instrument(tool).await;
            messages.push(said);
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": task.result}));
        }
        String::new()
    }

    async fn review(&self, task: &Task, answer: &str, number: usize) {
        // A request that comes again, unchanged, right after it failed would look like a second retry loop.
        let check =
            format!("Task {number}. Question: {}\n\nAnswer: {answer}\n\nIs the answer right?", task.question);
        if number.is_multiple_of(2) {
            let url =
                "http://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent";
            let request = json!({
                "systemInstruction": {"parts": [{"text": "You review answers. Say what is missing."}]},
                "contents": [{"role": "user", "parts": [{"text": check}]}],
                "generationConfig": {"temperature": 0},
            });
            self.send(url, &request).await;
        } else {
            let request = json!({
                "model": "deepseek-chat", "stream": true, "stream_options": {"include_usage": true},
                "messages": [{"role": "system", "content": "You review answers. Say what is missing."},
                             {"role": "user", "content": check}],
            });
            let url = "http://api.deepseek.com/chat/completions";
            if number % 12 == 5 {
                // A user who does not wait for the end.
                let _given_up =
                    tokio::time::timeout(Duration::from_millis(350), self.send(url, &request)).await;
            } else {
                self.send(url, &request).await;
            }
        }
    }

    /// Sends `request` and reads the response to its end; `None` if that fails or is refused, which is what happens to
    /// agents.
    async fn send(&self, url: &str, request: &Value) -> Option<String> {
        let response = self.client.post(url).json(request).send().await.ok()?;
        let is_success = response.status().is_success();
        let body = response.text().await.ok()?;
        is_success.then_some(body)
    }
}
