//! The keyboard alone.

use std::collections::BTreeSet;

use browser_tests::{Browser, Recorder, Role, Server};
use thirtyfour::prelude::*;

fn recorded() -> Recorder {
    let recorder = Recorder::start();
    recorder.ok("gpt-4o", "First question", "Yes.");
    recorder.failed("gpt-4o-mini", "Question that failed", 429, "RateLimitError", "Slow down, please.");
    recorder.ok("gpt-4o", "Third question", "Yes.");
    recorder.ok("gpt-4o", "Fourth question", "Yes.");
    recorder.flush();
    recorder
}

/// Everything that a mouse can use, each once, by something that names it.
const OPERABLE: &str = r#"
    const named = (element) => element.tagName + " " + (element.getAttribute("aria-label") || element.innerText || element.name || element.id).trim().slice(0, 60)
        + " " + (element.getAttribute("href") ?? "");
    window.named = named;
    return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
        .filter((element) => element.checkVisibility({visibilityProperty: true}) && !element.disabled && element.tabIndex >= 0).map(named);"#;

/// What has the focus, and whether that can be seen.
const FOCUSED: &str = r#"
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    const inside = [...element.querySelectorAll("*"), element, element.closest("tr, li, label, th, summary")].filter(Boolean)
        .some((one) => { const its = getComputedStyle(one); return its.outlineStyle !== "none" && parseFloat(its.outlineWidth) > 0 || its.boxShadow !== "none"; });
    return {name: window.named(element), visible: outlined || inside};"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tab_reaches_everything_and_the_focus_is_seen() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = recorded();
    let paths = recorder.paths();
    let session = paths[0].rsplit_once('/').unwrap().0;
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    for (page, text) in [
        ("/".to_owned(), "Slow down, please."),
        ("/calls".to_owned(), "Question that failed"),
        (format!("/call/{}", paths[1]), "Question that failed"),
        (format!("/compare?a={}&b={}", paths[0], paths[1]), "Question that failed"),
        (format!("/trace/{session}"), "gpt-4o-mini"),
    ] {
        browser.open(&server.page(&page)).await?;
        browser.read(text).await?;
        let operable = browser.run(OPERABLE).await?;
        let operable: BTreeSet<String> =
            operable.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        let mut reached = BTreeSet::new();
        // Where Tab has come around, the document has no focus for one press.
        for _ in 0..2 * operable.len() + 10 {
            browser.tab().await?;
            let focused = browser.run(FOCUSED).await?;
            if let Some(name) = focused["name"].as_str() {
                assert_eq!(focused["visible"], true, "{page}: {name} has the focus, and it does not show");
                reached.insert(name.to_owned());
            }
        }
        // A group such as tabs or rows may have one stop, and arrows within.
        let missing: Vec<_> = operable.difference(&reached).collect();
        assert!(missing.is_empty(), "{page}: Tab does not reach {missing:?}");
    }
    browser.end(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_lead_from_the_list_to_a_call_that_failed() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let recorder = recorded();
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;
    browser.click(Role::Link, "Calls").await?;
    browser.read("First question").await?;
    browser.run("document.activeElement.blur()").await?;
    browser.press("j").await?;
    browser.press("e").await?;
    browser.press("\u{e007}").await?;
    browser.read("Slow down, please.").await?;
    browser.until("return location.pathname.startsWith('/call/')").await?;
    browser.driver().back().await?;
    browser.read("First question").await?;
    browser.press("/").await?;
    browser.press("status:ok").await?;
    let filter = browser.find(Role::Textbox, "Filter").await?;
    assert_eq!(
        filter.prop("value").await?.as_deref(),
        Some("status:ok"),
        "/ goes to the filter, and is not typed"
    );
    browser.end(&server).await
}
