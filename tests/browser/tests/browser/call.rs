//! A call.

use browser_tests::{Browser, Recorder, Role, Server, chat, reply};
use serde_json::json;
use thirtyfour::prelude::*;
use tracing_llmlogs::LlmCall;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_call_stands_with_its_result() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    let mut request = chat("gpt-4o", "What is in config.py?");
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(
        json!({"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
        "function": {"name": "read_file", "arguments": r#"{"path":"config.py"}"#}}]}),
    );
    messages.push(json!({"role": "tool", "tool_call_id": "call_1", "content": "PORT = 8080"}));
    recorder.record(|| {
        let call = LlmCall::builder("openai", "gpt-4o").operation("chat").request(&request).start();
        call.finish(&reply("gpt-4o", "It sets the port to 8080."));
    });
    let path = recorder.paths().remove(0);
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page(&format!("/call/{path}"))).await?;

    browser.read("It sets the port to 8080.").await?;
    let text = browser.text().await?;
    let places: Vec<_> =
        ["What is in config.py?", "read_file", "config.py\"", "PORT = 8080", "It sets the port"]
            .map(|text_of| text[text.find("What is in").unwrap()..].find(text_of))
            .to_vec();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?} in {text}");
    assert_eq!(text.matches("PORT = 8080").count(), 1, "the result stands once: {text}");
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_reads_without_scripts() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "Paris it is.");
    let path = recorder.paths().remove(0);
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.driver().cdp().send_raw("Emulation.setScriptExecutionDisabled", json!({"value": true})).await?;
    browser.open(&server.page(&format!("/call/{path}"))).await?;
    let text = browser.driver().find(By::Tag("main")).await?.text().await?;
    assert!(text.contains("Capital of France?") && text.contains("Paris it is."), "{text}");
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_flight_shows_its_request_and_then_its_answer() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "Paris.");
    let call = recorder.begin("gpt-4o", "A question that takes a while");
    // The request is on disk once the recorder has taken it from its queue.
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("in flight").await?;
    let paths = recorder.paths();
    browser.open(&server.page(&format!("/call/{}", paths[1]))).await?;
    browser.read("A question that takes a while").await?;
    browser.read("in flight").await?;

    recorder.finish(call, "gpt-4o", "Done in the end.");
    recorder.flush();
    // Pages that do not follow the call by themselves are loaded again.
    browser
        .wait("the answer", async || {
            browser.driver().refresh().await?;
            Ok(browser.text().await?.contains("Done in the end.").then_some(()))
        })
        .await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_call_is_the_next_one_that_passes_the_filter() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.failed("gpt-4o", "The older failure", 429, "RateLimitError", "Slow down, please.");
    recorder.ok("gpt-4o", "Between them", "Yes.");
    recorder.failed("gpt-4o", "The newer failure", 500, "InternalServerError", "It broke.");
    let paths = recorder.paths();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page(&format!("/call/{}?q=status%3Aerror", paths[2]))).await?;
    browser.read("It broke.").await?;
    browser.press("n").await?;
    browser.read("Slow down, please.").await?;
    assert!(
        browser.place().await?.starts_with(&format!("/call/{}?q=status", paths[0])),
        "{}",
        browser.place().await?
    );
    browser.press("p").await?;
    browser.read("It broke.").await?;
    // Back to the list, which has the filter still.
    browser.press("\u{e00c}").await?;
    browser.find(Role::Heading, "Calls").await?;
    browser.read("The older failure").await?;
    assert!(!browser.text().await?.contains("Between them"));
    browser.end(&server).await
}
