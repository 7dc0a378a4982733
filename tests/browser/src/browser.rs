//! Chromium behind chromedriver.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, Key};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::find::{self, Role};
use crate::server::Server;

/// How long something may take to appear. Nothing is measured: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The colours that the system asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub const BOTH: [Theme; 2] = [Theme::Light, Theme::Dark];

    pub fn name(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// A browser with a profile of its own; it ends with this.
pub struct Browser {
    // Dropped first: it ends the browser, which needs chromedriver for that.
    driver: WebDriver,
    _chromedriver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser. Without chromedriver it says that nothing is tested, and returns `None`.
    pub async fn start() -> Option<Self> {
        Browser::sized(1280, 900).await
    }

    /// Starts a browser with a window of this size.
    pub async fn sized(width: u32, height: u32) -> Option<Self> {
        let mut command = Command::new("chromedriver");
        let spawned =
            command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn();
        let mut chromedriver = match spawned {
            Ok(child) => child,
            Err(error) => {
                crate::skip(&format!(
                    "chromedriver does not start ({error}); Debian has it as chromium-driver"
                ));
                return None;
            }
        };
        let mut lines = BufReader::new(chromedriver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("chromedriver says its port");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // Whatever else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().unwrap();
        let mut capabilities = DesiredCapabilities::chrome();
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--lang=en-US",
            "--force-color-profile=srgb",
            &format!("--window-size={width},{height}"),
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            capabilities.add_arg(flag).unwrap();
        }
        capabilities.set("goog:loggingPrefs", json!({"browser": "ALL", "performance": "ALL"})).unwrap();
        // A dialog stays, and makes the next command fail: nothing here may open one.
        capabilities.set("unhandledPromptBehavior", json!("ignore")).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await.unwrap();
        let browser = Browser { driver, _chromedriver: chromedriver, _profile: profile };
        browser.viewport(width, height).await;
        Some(browser)
    }

    /// The WebDriver session, for what has no word here.
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Enters a served page by the address that it printed.
    pub async fn enter(&self, server: &Server) -> WebDriverResult<()> {
        // The browser's own first page is none of ours.
        self.driver.goto("about:blank").await?;
        self.complaints().await?;
        self.requests().await?;
        self.driver.goto(&server.url).await?;
        assert!(!self.url().await?.contains("token"), "the token leaves the address");
        Ok(())
    }

    /// Opens an address. An error of the driver's does not say which one it was: that is printed.
    pub async fn open(&self, url: &str) -> WebDriverResult<()> {
        self.driver.goto(url).await.inspect_err(|_| eprintln!("could not open {url}"))
    }

    /// Returns the address.
    pub async fn url(&self) -> WebDriverResult<String> {
        Ok(self.driver.current_url().await?.to_string())
    }

    /// Returns the path of the address, with its query.
    pub async fn place(&self) -> WebDriverResult<String> {
        let url = self.driver.current_url().await?;
        Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }

    /// Returns what `script`, the body of a function, returns.
    pub async fn run(&self, script: &str) -> WebDriverResult<Value> {
        Ok(self.driver.execute(script, []).await?.json().clone())
    }

    /// Returns what can be read in the main part of the page.
    pub async fn text(&self) -> WebDriverResult<String> {
        let text = self.run("return (document.querySelector('main') ?? document.body).innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits for the element of this role and name; the name is the whole one, but for white space around it.
    pub async fn find(&self, role: Role, name: &str) -> WebDriverResult<WebElement> {
        let mut found = self
            .wait(&format!("{role:?} {name:?}"), async || find::all(&self.driver, role, name).await)
            .await?;
        Ok(found.remove(0))
    }

    /// Returns the elements of this role and name that are there now; all of the role if the name is empty.
    pub async fn all(&self, role: Role, name: &str) -> WebDriverResult<Vec<WebElement>> {
        Ok(find::all(&self.driver, role, name).await?.unwrap_or_default())
    }

    /// Clicks the element of this role and name.
    pub async fn click(&self, role: Role, name: &str) -> WebDriverResult<()> {
        self.find(role, name).await?.click().await
    }

    /// Waits until the text can be read in the main part of the page.
    pub async fn read(&self, text: &str) -> WebDriverResult<()> {
        self.wait(&format!("the text {text:?}"), async || Ok(self.text().await?.contains(text).then_some(())))
            .await
    }

    /// Waits until the text can no longer be read in the main part of the page.
    pub async fn gone(&self, text: &str) -> WebDriverResult<()> {
        self.wait(&format!("the end of {text:?}"), async || {
            Ok((!self.text().await?.contains(text)).then_some(()))
        })
        .await
    }

    /// Waits until `script`, the body of a function, returns something true.
    pub async fn until(&self, script: &str) -> WebDriverResult<Value> {
        let is_true = |value: &Value| {
            !matches!(value, Value::Null | Value::Bool(false)) && value != &json!(0) && value != ""
        };
        self.wait(script, async || Ok(Some(self.run(script).await?).filter(is_true))).await
    }

    /// Waits until `attempt` has something.
    ///
    /// # Panics
    ///
    /// If it never has, with the text of the page.
    pub async fn wait<T>(
        &self,
        what: &str,
        attempt: impl AsyncFn() -> WebDriverResult<Option<T>>,
    ) -> WebDriverResult<T> {
        let start = Instant::now();
        loop {
            match attempt().await {
                Ok(Some(found)) => return Ok(found),
                // The page changed between two commands.
                Ok(None) | Err(_) if start.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(50)).await
                }
                Ok(None) => panic!("{what} never came at {}:\n{}", self.url().await?, self.text().await?),
                Err(error) => return Err(error),
            }
        }
    }

    /// Presses keys, one after the other, at whatever has the focus.
    pub async fn press(&self, keys: &str) -> WebDriverResult<()> {
        self.driver.action_chain().send_keys(keys).perform().await
    }

    /// Presses Tab.
    pub async fn tab(&self) -> WebDriverResult<()> {
        self.driver.action_chain().send_keys(Key::Tab).perform().await
    }

    /// Lets the system ask for light or dark colours.
    pub async fn theme(&self, theme: Theme) -> WebDriverResult<()> {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": theme.name()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// Sets the size of what is shown, without the window's frame.
    pub async fn viewport(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
    }

    /// Returns what the browser complained about since the last time: errors of scripts and responses, and whatever the
    /// content security policy stopped.
    pub async fn complaints(&self) -> WebDriverResult<Vec<String>> {
        let log = self.driver.get_log("browser").await?;
        let is_complaint = |level: &str| matches!(level, "SEVERE" | "WARNING");
        Ok(log.into_iter().filter(|entry| is_complaint(&entry.level)).map(|entry| entry.message).collect())
    }

    /// Returns the addresses of all requests to any server since the last time.
    pub async fn requests(&self) -> WebDriverResult<BTreeSet<String>> {
        let mut urls = BTreeSet::new();
        for entry in self.driver.get_log("performance").await? {
            let event: Value = serde_json::from_str(&entry.message).unwrap_or_default();
            if event["message"]["method"] == "Network.requestWillBeSent" {
                let url = event["message"]["params"]["request"]["url"].as_str().unwrap_or_default();
                if ["http:", "https:", "ws:", "wss:", "ftp:"].iter().any(|scheme| url.starts_with(scheme)) {
                    urls.insert(url.to_owned());
                }
            }
        }
        Ok(urls)
    }

    /// Asserts that the browser had nothing to complain about, and that every request went to the server.
    pub async fn assert_calm(&self, server: &Server) -> WebDriverResult<()> {
        assert_eq!(self.complaints().await?, Vec::<String>::new(), "at {}", self.url().await?);
        let foreign: Vec<String> =
            self.requests().await?.into_iter().filter(|url| !url.starts_with(server.origin())).collect();
        assert!(foreign.is_empty(), "requests that leave the page: {foreign:?}");
        Ok(())
    }

    /// Ends the browser, having asserted that it was calm.
    pub async fn end(self, server: &Server) -> WebDriverResult<()> {
        self.assert_calm(server).await?;
        self.driver.quit().await
    }
}
