//! Takes the pictures of the page that README and guide show: a fake agent works, and each page is looked at in both
//! themes.
//!
//! ```text
//! cargo run -p browser-tests --bin screenshots            # into docs/screenshots
//! cargo run -p browser-tests --bin screenshots -- FOLDER
//! ```
//!
//! It needs Chromium and chromedriver (Debian: `chromium-driver`), and takes about two minutes.

#![allow(clippy::unwrap_used, reason = "what cannot go on ends")]
#![allow(clippy::print_stdout, reason = "it says what it wrote")]

mod small_png;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use browser_tests::{Browser, Server, Theme};
use llmlogs_test_support::agent::{Agent, Providers};
use reqwest_middleware::ClientBuilder;
use thirtyfour::prelude::*;
use tracing_llmlogs::read::{DEFAULT_ROOT, Filter, IndexLine, Root};
use tracing_llmlogs::{Alerts, Fallback, LlmLogLayer, LlmLogMiddleware, Retry};
use tracing_subscriber::prelude::*;

/// The size of the pictures, in pixels.
const SIZE: (u32, u32) = (1280, 860);

/// The height for a page whose charts are below its tables.
const TALL: u32 = 1240;

/// For how long the agent works, and when one looks at it: while one provider is overloaded.
const TIME: Duration = Duration::from_secs(100);
const LOOK: Duration = Duration::from_secs(48);

#[tokio::main]
async fn main() -> WebDriverResult<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/screenshots"), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    // The pictures show a path as people have it.
    let program = tempfile::tempdir().unwrap();
    std::env::set_current_dir(program.path()).unwrap();
    let root = PathBuf::from(DEFAULT_ROOT);
    let alerts = Alerts::new().rule("failure_rate>40%/20s at_least=3 each=model quiet=10s".parse().unwrap());
    let (layer, guard) =
        LlmLogLayer::builder().root(&root).context_field("tenant").alerts(alerts).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    let Some(browser) = Browser::sized(SIZE.0, SIZE.1).await else { return Ok(()) };
    let server = Server::start(&root);

    let providers = Providers::start().await;
    let middleware = LlmLogMiddleware::new()
        .retry(Retry::new().max_attempts(2).backoff(Duration::from_millis(200), Duration::from_secs(1)))
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let client = ClientBuilder::new(providers.client().build().unwrap()).with(middleware).build();
    let agent = Agent::new(client, providers);
    let working = tokio::spawn(async move { agent.work(TIME).await });

    println!("The agent works for {} seconds.", TIME.as_secs());
    browser.enter(&server).await?;
    tokio::time::sleep(LOOK).await;
    let camera = Camera { browser: &browser, server: &server, folder: &folder };
    browser.viewport(SIZE.0, TALL).await;
    camera.take("overview", "/", "return document.querySelectorAll('main td').length > 20").await?;
    browser.viewport(SIZE.0, SIZE.1).await;
    camera
        .take("calls", "/calls", "return document.querySelectorAll(\"main a[href^='/call/']\").length > 10")
        .await?;
    working.await.unwrap();
    guard.flush(Duration::from_secs(10)).unwrap();

    let is_there = "return document.querySelector('main')?.innerText.length > 200";
    // It was tried twice, and its request has a tool call with its result.
    let retried =
        find(&root, "model:gpt-4o status:ok", |line| line.attempts > 1 && line.tool_names().next().is_none());
    camera.take("call", &format!("/call/{retried}"), is_there).await?;
    let failed = find(&root, "status:error model:deepseek*", |_| true);
    camera.take("failure", &format!("/call/{failed}"), is_there).await?;
    let one = find(&root, "model:gpt-4o status:ok text:checkout", |line| line.tool_names().next().is_none());
    let other = find(&root, "model:gpt-4o status:ok text:backup", |line| line.tool_names().next().is_none());
    camera.take("compare", &format!("/compare?a={one}&b={other}"), is_there).await?;
    let session = retried.rsplit_once('/').unwrap().0;
    camera.take("trace", &format!("/trace/{session}?from=0&to=6"), is_there).await?;
    browser.driver().clone().quit().await
}

/// Takes pictures.
struct Camera<'a> {
    browser: &'a Browser,
    server: &'a Server,
    folder: &'a Path,
}

impl Camera<'_> {
    /// Opens a page in both themes and takes a picture once `is_ready`, the body of a function, returns true.
    async fn take(&self, name: &str, page: &str, is_ready: &str) -> WebDriverResult<()> {
        for theme in Theme::BOTH {
            self.browser.theme(theme).await?;
            self.browser.open(&self.server.page(page)).await?;
            self.browser.until(is_ready).await?;
            // Charts and what comes by scripts have no end that could be waited for.
            tokio::time::sleep(Duration::from_millis(700)).await;
            let picture = small_png::smaller(&self.browser.driver().screenshot_as_png().await?);
            let path = self.folder.join(format!("{name}-{}.png", theme.name()));
            fs::write(&path, &picture).unwrap();
            println!("{}: {} KB", path.display(), picture.len().div_ceil(1024));
        }
        Ok(())
    }
}

/// Returns the path (`DAY/SESSION/CALL`) of the newest call that passes, for which `is_wanted` likes the index line; of
/// the newest that passes if it likes none.
fn find(root: &Path, filter: &str, is_wanted: impl Fn(&IndexLine<'_>) -> bool) -> String {
    let opened = Root::open(root).unwrap();
    let entries: Vec<_> = opened.query(Filter::parse(filter).unwrap()).filter_map(Result::ok).collect();
    let entry = entries.iter().find(|entry| is_wanted(&entry.line())).or_else(|| entries.first());
    let entry = entry.unwrap_or_else(|| panic!("the agent makes calls that pass {filter}"));
    entry.call().dir().strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}
