//! The list of calls.

use browser_tests::{Browser, Recorder, Role, Server};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_is_typed_stays_in_the_address_from_page_to_page() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "Paris.");
    recorder.ok("claude-sonnet-4-5", "Capital of Spain?", "Madrid.");
    recorder.failed("gpt-4o", "Capital of Atlantis?", 429, "RateLimitError", "Slow down, please.");
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Capital of Spain?").await?;

    browser.find(Role::Textbox, "Filter").await?.send_keys("model:gpt* status:error\u{e007}").await?;
    browser.gone("Capital of Spain?").await?;
    browser.read("Capital of Atlantis?").await?;
    assert!(!browser.text().await?.contains("Capital of France?"));
    assert!(browser.place().await?.contains("q=model"), "{}", browser.place().await?);

    // The address is the view: it can be opened again, and leads to the same numbers.
    let view = browser.url().await?;
    browser.open("about:blank").await?;
    browser.open(&view).await?;
    browser.read("Capital of Atlantis?").await?;
    browser.click(Role::Link, "Overview").await?;
    browser.find(Role::Heading, "Overview").await?;
    browser.read("Slow down, please.").await?;
    assert!(browser.place().await?.contains("q=model"), "{}", browser.place().await?);
    assert!(!browser.text().await?.contains("claude-sonnet-4-5"));

    browser.driver().back().await?;
    browser.read("Capital of Atlantis?").await?;
    browser.driver().back().await?;
    browser.driver().back().await?;
    browser.driver().back().await?;
    browser.read("Capital of Spain?").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_is_wrong_is_explained_and_changes_nothing_else() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "Paris.");
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page("/calls?q=colour%3Ared")).await?;
    // By the field.
    let alert = browser.find(Role::Alert, "").await?;
    assert!(alert.text().await?.contains("colour"), "{}", alert.text().await?);
    browser.find(Role::Textbox, "Filter").await?.send_keys("\u{e009}a\u{e009}model:gpt-4o\u{e007}").await?;
    browser.read("Capital of France?").await?;
    // That the question was refused is what the console says, too.
    let complaints = browser.complaints().await?;
    assert!(complaints.iter().all(|complaint| complaint.contains("400")), "{complaints:?}");
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_there_once_however_far_one_scrolls() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    for number in 0..700 {
        recorder.ok("gpt-4o", &format!("Question {number:03}."), "Yes.");
    }
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page("/calls")).await?;
    browser.read("Question 699.").await?;

    // Whatever part of the list is in the document: scrolled to its end, each call was there, and none twice at a time.
    let collect = r#"
        window.seen ??= new Set();
        // What is in view is waited for.
        if (document.querySelector("main [aria-busy=true]")) return false;
        const shown = [...document.querySelectorAll("main a[href^='/call/']")].filter((link) => link.checkVisibility()).map((link) => link.textContent);
        if (new Set(shown).size < shown.length) throw new Error("a call is there twice");
        for (const call of shown) window.seen.add(call);
        const table = [...document.querySelectorAll("main *")].filter((element) => element.scrollHeight > element.clientHeight + 40
            && ["auto", "scroll"].includes(getComputedStyle(element).overflowY)).sort((a, b) => b.scrollHeight - a.scrollHeight)[0];
        (table ?? document.scrollingElement).scrollBy(0, 400);
        const more = [...document.querySelectorAll("button")].find((button) => button.textContent === "Older calls" && button.checkVisibility());
        more?.click();
        return window.seen.size >= 700;"#;
    browser.until(collect).await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_looked_at_without_leaving_the_list() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "It is Paris.");
    recorder.failed("gpt-4o", "Capital of Atlantis?", 429, "RateLimitError", "Slow down, please.");
    recorder.ok("gpt-4o", "Capital of Spain?", "It is Madrid.");
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Capital of Spain?").await?;
    browser.run("document.activeElement.blur()").await?;

    browser.press("j").await?;
    browser.read("It is Madrid.").await?;
    browser.press("e").await?;
    browser.gone("It is Madrid.").await?;
    browser.press("j").await?;
    browser.read("It is Paris.").await?;
    assert!(browser.place().await?.starts_with("/calls"));
    browser.press("\u{e00c}").await?;
    browser.gone("It is Paris.").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calls_have_in_common_becomes_a_filter_with_a_click() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Capital of France?", "Paris.");
    recorder.ok("gpt-4o", "Capital of Italy?", "Rome.");
    recorder.ok("claude-sonnet-4-5", "Capital of Spain?", "Madrid.");
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Capital of Spain?").await?;
    browser.click(Role::Button, "gpt-4o 2").await?;
    browser.gone("Capital of Spain?").await?;
    browser.read("Capital of Italy?").await?;
    assert!(browser.place().await?.contains("q=model"), "{}", browser.place().await?);
    // It holds on the other pages, and a second click takes it back.
    browser.click(Role::Link, "Overview").await?;
    browser.find(Role::Heading, "Overview").await?;
    browser.read("gpt-4o").await?;
    assert!(!browser.text().await?.contains("claude"));
    browser.driver().back().await?;
    browser.read("Capital of Italy?").await?;
    browser.click(Role::Button, "gpt-4o 2").await?;
    browser.read("Capital of Spain?").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_calls_wait_while_one_reads_further_down() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    for number in 0..120 {
        recorder.ok("gpt-4o", &format!("Question {number:03}."), "Yes.");
    }
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Question 119.").await?;
    browser.run("document.activeElement.blur()").await?;
    for _ in 0..60 {
        browser.press("j").await?;
    }
    browser.read("Question 060.").await?;
    browser.gone("Question 119.").await?;
    recorder.ok("gpt-4o", "Something new.", "Yes.");
    recorder.flush();
    browser.click(Role::Button, "1 new").await?;
    browser.read("Something new.").await?;
    browser.end(&server).await
}
