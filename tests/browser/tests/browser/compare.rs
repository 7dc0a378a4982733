//! Two calls side by side.

use browser_tests::{Browser, Recorder, Role, Server};
use thirtyfour::prelude::*;

fn recorded() -> Recorder {
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "The capital is Paris.");
    recorder.ok("gpt-4o-mini", "Capital of France?", "The capital is Lyon.");
    recorder.flush();
    recorder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_marked_calls_are_compared_word_by_word() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = recorded();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Capital of France?").await?;
    browser.run("document.activeElement.blur()").await?;
    for key in ["j", "x", "j", "x", "d"] {
        browser.press(key).await?;
    }
    browser.until("return location.pathname === '/compare'").await?;
    browser.read("Lyon.").await?;
    let words =
        "return [...document.querySelectorAll('main del, main ins')].map((word) => word.textContent.trim())";
    let words = browser.run(words).await?.to_string();
    for word in ["Paris", "Lyon", "gpt-4o-mini"] {
        assert!(words.contains(word), "{word} in {words}");
    }
    assert!(!words.contains("capital"), "what is the same is not marked: {words}");
    browser.driver().back().await?;
    browser.find(Role::Heading, "Calls").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_compared_with_the_one_before_it_in_its_session() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = recorded();
    let paths = recorder.paths();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Capital of France?").await?;
    browser.run("document.activeElement.blur()").await?;
    browser.press("j").await?;
    browser.press("D").await?;
    browser.until("return location.pathname === '/compare'").await?;
    let sides = browser
        .run("const query = new URLSearchParams(location.search); return [query.get('a'), query.get('b')]")
        .await?;
    assert_eq!(sides, serde_json::json!([paths[0], paths[1]]), "the older one is the first");
    browser.end(&server).await
}
