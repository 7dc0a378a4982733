//! What axe-core finds.

use browser_tests::{Axe, Browser, Recorder, Server, Theme};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_serious_on_any_page_in_either_theme() -> WebDriverResult<()> {
    let Some(axe) = Axe::load() else { return Ok(()) };
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "Paris.");
    recorder.failed("gpt-4o-mini", "Capital of Atlantis?", 429, "RateLimitError", "Slow down, please.");
    let call = recorder.begin("gpt-4o", "A question that takes a while");
    let paths = recorder.paths();
    let session = paths[0].rsplit_once('/').unwrap().0;
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    let mut found = Vec::new();
    for (page, text) in [
        ("/".to_owned(), "Slow down, please."),
        ("/?q=model%3Anone".to_owned(), "No call"),
        ("/calls".to_owned(), "Capital of Atlantis?"),
        (format!("/call/{}", paths[0]), "Paris."),
        (format!("/call/{}", paths[1]), "Slow down, please."),
        (format!("/call/{}", paths[2]), "A question that takes a while"),
        (format!("/compare?a={}&b={}", paths[0], paths[1]), "Capital of Atlantis?"),
        (format!("/trace/{session}"), "gpt-4o-mini"),
    ] {
        for theme in Theme::BOTH {
            browser.theme(theme).await?;
            browser.open(&server.page(&page)).await?;
            browser.read(text).await?;
            for line in axe.serious(&browser).await? {
                found.push(format!("{page} ({}): {line}", theme.name()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    recorder.finish(call, "gpt-4o", "Yes.");
    browser.driver().clone().quit().await
}
