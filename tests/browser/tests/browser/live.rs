//! Calls while they are made.

use browser_tests::{Browser, Recorder, Role, Server};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_paused_is_there_afterwards() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Before", "Yes.");
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("Before").await?;
    recorder.ok("gpt-4o", "While it is live", "Yes.");
    browser.read("While it is live").await?;

    browser.click(Role::Button, "Pause").await?;
    browser.until("return document.body.innerText.includes('paused')").await?;
    recorder.ok("gpt-4o", "While it pauses", "Yes.");
    recorder.flush();
    // Another window, which does not pause, has it: so the first one has had the time.
    let paused = browser.driver().window().await?;
    let other = browser.driver().new_tab().await?;
    browser.driver().switch_to_window(other).await?;
    browser.open(&server.page("/calls")).await?;
    browser.read("While it pauses").await?;
    browser.driver().switch_to_window(paused).await?;
    assert!(!browser.text().await?.contains("While it pauses"));
    browser.run("document.activeElement.blur()").await?;
    browser.press(" ").await?;
    browser.read("While it pauses").await?;
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tabs_are_live_at_once() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Before", "Yes.");
    recorder.flush();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.open(&server.page("/calls")).await?;
    browser.read("Before").await?;
    let mut tabs = vec![browser.driver().window().await?];
    for _ in 1..8 {
        let tab = browser.driver().new_tab().await?;
        browser.driver().switch_to_window(tab.clone()).await?;
        browser.open(&server.page("/calls")).await?;
        browser.read("Before").await?;
        tabs.push(tab);
    }
    recorder.ok("gpt-4o", "Seen by all", "Yes.");
    for tab in tabs {
        browser.driver().switch_to_window(tab).await?;
        browser.read("Seen by all").await?;
    }
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_in_a_hurry_is_followed_and_each_call_is_there_once() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("No calls yet").await?;
    for number in 0..60 {
        recorder.ok("gpt-4o", &format!("Number {number}."), "Yes.");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    browser.read("Number 59.").await?;
    browser.until("return document.querySelectorAll(\"main a[href^='/call/']\").length >= 20").await?;
    let twice = browser
        .run(
            r#"const shown = [...document.querySelectorAll("main [role=row], main tr")].map((row) => row.innerText.match(/Number \d+\./)?.[0]).filter(Boolean);
            return shown.filter((name, place) => shown.indexOf(name) !== place);"#,
        )
        .await?;
    assert_eq!(twice.as_array().map(Vec::len), Some(0), "{twice}");
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_goes_on_after_its_server_was_away() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "Before", "Yes.");
    recorder.flush();
    let server = Server::start_with(&[recorder.root()], &["--no-token"]);
    browser.open(&server.page("/calls")).await?;
    browser.read("Before").await?;
    let port = server.origin().rsplit(':').next().unwrap().to_owned();
    drop(server);
    browser.until("return !/^live$/m.test(document.body.innerText)").await?;
    recorder.ok("gpt-4o", "While it was away", "Yes.");
    recorder.flush();
    let server = Server::start_with(&[recorder.root()], &["--no-token", "--port", &port]);
    browser.read("While it was away").await?;
    // That the server was away is what the console says.
    browser.complaints().await?;
    browser.end(&server).await
}
