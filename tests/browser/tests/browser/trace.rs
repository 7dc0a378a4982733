//! A session's spans and calls.

use browser_tests::{Browser, Recorder, Server};
use thirtyfour::prelude::*;
use tracing::info_span;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_enclose_their_calls_which_lead_to_their_pages() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.record(|| {
        info_span!("research").in_scope(|| {
            info_span!("planning").in_scope(|| recorder.ok("gpt-4o", "Make a plan", "1. Read."));
            info_span!("reading").in_scope(|| {
                recorder.failed("gpt-4o-mini", "Read the file", 500, "InternalServerError", "It broke.");
            });
        });
    });
    let path = recorder.paths().remove(0);
    let session = path.rsplit_once('/').unwrap().0;
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page(&format!("/trace/{session}"))).await?;
    browser.read("planning").await?;
    let text = browser.text().await?;
    let tree = &text[text.find("research").unwrap()..];
    let places: Vec<_> =
        ["research", "planning", "gpt-4o", "reading", "gpt-4o-mini"].map(|name| tree.find(name)).to_vec();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?} in {tree}");

    // From the failure to the call.
    browser.run("document.activeElement.blur()").await?;
    browser.press("e").await?;
    browser.press("\u{e007}").await?;
    browser.until("return location.pathname.startsWith('/call/')").await?;
    browser.read("It broke.").await?;
    browser.driver().back().await?;
    browser.read("planning").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_followed_while_it_goes_on() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.record(|| info_span!("first_task").in_scope(|| recorder.ok("gpt-4o", "One", "Yes.")));
    let path = recorder.paths().remove(0);
    let session = path.rsplit_once('/').unwrap().0.to_owned();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page(&format!("/trace/{session}"))).await?;
    browser.read("first_task").await?;
    recorder.record(|| info_span!("second_task").in_scope(|| recorder.ok("gpt-4o", "Two", "Yes.")));
    browser.read("second_task").await?;
    browser.end(&server).await
}
