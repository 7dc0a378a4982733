//! Nothing to show, which is said.

use browser_tests::{Browser, Recorder, Role, Server};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_does_not_exist_yet_is_waited_for() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "The very first question", "Yes.");
    recorder.flush();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("apiCall");
    let server = Server::start(&root);
    browser.enter(&server).await?;
    browser.read("does not exist yet").await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("does not exist yet").await?;

    std::fs::rename(recorder.root(), &root).unwrap();
    browser.read("The very first question").await?;
    browser.click(Role::Link, "Overview").await?;
    browser.read("gpt-4o").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_calls_and_no_match_are_two_things() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.read("No calls yet").await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("No calls yet").await?;
    recorder.ok("gpt-4o", "Capital of France?", "Paris.");
    recorder.flush();
    browser.read("Capital of France?").await?;
    for page in ["/", "/calls"] {
        browser.open(&server.page(&format!("{page}?q=model%3Aclaude*"))).await?;
        browser.read("No call").await?;
        assert!(!browser.text().await?.contains("No calls yet"), "{page}");
    }
    browser.end(&server).await
}
