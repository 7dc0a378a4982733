//! The overview.

use browser_tests::{Browser, Recorder, Role, Server};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_of_failure_leads_to_its_calls_and_back() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    for number in 0..5 {
        recorder.ok("gpt-4o", &format!("Question {number}"), "Paris.");
    }
    recorder.failed(
        "gpt-4o-mini",
        "Question of the failed call",
        429,
        "RateLimitError",
        "Slow down, please.",
    );
    recorder.flush();
    let server = Server::start(recorder.root());

    browser.enter(&server).await?;
    browser.read("Slow down, please.").await?;
    browser.click(Role::Link, "gpt-4o-mini").await?;
    browser.find(Role::Heading, "Calls").await?;
    browser.read("Question of the failed call").await?;
    assert!(!browser.text().await?.contains("Question 3"));
    browser.driver().back().await?;
    browser.find(Role::Heading, "Overview").await?;
    browser.read("Slow down, please.").await?;
    browser.end(&server).await
}
