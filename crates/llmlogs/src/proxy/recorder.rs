//! The recorder's settings, and the client that it watches.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tracing_llmlogs::{
    Alert, Alerts, Fallback, LlmLogGuard, LlmLogLayer, LlmLogLayerBuilder, LlmLogMiddleware, Notify,
    NotifyError, RateLimit, Redactor, Retention, Retry,
};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Global, Recording};
use crate::outcome::CliError;
use crate::output::out::complain;
use crate::webhook;

/// How long a connection may take. Nothing else has a limit: a model may think for minutes.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a connection is kept that nothing uses: as undici does, less than the 5 s after which uvicorn and Node's servers
/// close theirs, so that no request meets one that is about to be closed.
const IDLE: Duration = Duration::from_secs(4);

/// How long the end waits for calls to be written.
const FLUSH: Duration = Duration::from_secs(30);

/// What is recorded, and what is done about failures.
pub(crate) struct Settings {
    builder: LlmLogLayerBuilder,
    middleware: LlmLogMiddleware,
}

impl Settings {
    /// Takes what the command line says.
    pub(crate) fn new(global: &Global, args: &Recording) -> Result<Self, CliError> {
        let mut builder = LlmLogLayer::builder();
        if let Some(root) = global.one_root()? {
            builder = builder.root(root);
        }
        if let Some(file) = &args.redact {
            builder = builder.redact(redactor(file)?);
        }
        let mut retention = Retention::default();
        if let Some(span) = args.keep_for {
            retention = retention.max_age(span.0);
        }
        if let Some(bytes) = args.max_size {
            retention = retention.max_bytes(bytes);
        }
        if args.keep_for.is_some() || args.max_size.is_some() {
            builder = builder.retention(retention);
        }
        if !args.rules.is_empty() {
            builder = builder.alerts(alerts(args)?);
        }
        let mut middleware = LlmLogMiddleware::new();
        if args.retry {
            middleware = middleware.retry(Retry::new());
        }
        for (from, to) in &args.fallback {
            middleware = middleware.fallback(Fallback::model(from, to));
        }
        Ok(Settings { builder, middleware })
    }
}

/// Returns the rules that are given, and whom they tell.
fn alerts(args: &Recording) -> Result<Alerts, CliError> {
    let mut alerts = args.rules.iter().cloned().fold(Alerts::new(), Alerts::rule);
    alerts = alerts.notify(|alert: &Alert| complain(&alert.message));
    for channel in webhook::all(&args.webhooks).map_err(CliError::Usage)? {
        alerts = alerts.notify(Boxed(channel));
    }
    Ok(alerts)
}

/// A channel of which only that is known.
struct Boxed(Box<dyn Notify>);

impl Notify for Boxed {
    fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError> {
        self.0.notify(alert)
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn rate_limit(&self) -> RateLimit {
        self.0.rate_limit()
    }

    fn check(&self) -> Result<(), NotifyError> {
        self.0.check()
    }
}

/// Reads a file of regular expressions, one a line; empty lines and those that begin with `#` are comments.
fn redactor(file: &Path) -> Result<Redactor, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::Usage(format!("--redact {}: {error}", file.display())))?;
    let rules = text.lines().enumerate().map(|(place, line)| (place + 1, line.trim()));
    let mut redactor = Redactor::new();
    for (number, rule) in rules.filter(|(_, rule)| !rule.is_empty() && !rule.starts_with('#')) {
        redactor = redactor.regex(rule).map_err(|error| {
            CliError::Usage(format!("--redact {}, line {number}: {error}", file.display()))
        })?;
    }
    Ok(redactor)
}

/// A recorder that runs, and the client that it watches.
pub(crate) struct Recorder {
    guard: LlmLogGuard,
    client: ClientWithMiddleware,
}

impl Recorder {
    /// Starts to record.
    pub(crate) fn start(settings: Settings) -> Result<Self, CliError> {
        let (layer, guard) =
            settings.builder.build().map_err(|error| CliError::Root(format!("cannot record: {error}")))?;
        tracing_subscriber::registry()
            .with(layer)
            .try_init()
            .map_err(|error| CliError::Failed(format!("cannot record: {error}")))?;
        // Bytes pass as they are: nothing is decoded, followed, repeated, or given up.
        let client = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .build()
            .map_err(|error| CliError::Failed(format!("cannot make a client: {error}")))?;
        let client = ClientBuilder::new(client).with(settings.middleware).build();
        Ok(Recorder { guard, client })
    }

    /// Returns the root that is recorded into.
    pub(crate) fn root(&self) -> PathBuf {
        let session = self.guard.session_dir();
        session.ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
    }

    pub(crate) fn client(&self) -> &ClientWithMiddleware {
        &self.client
    }

    /// Ends when everything is written; returns the session's folder.
    pub(crate) fn finish(self) -> PathBuf {
        let dir = self.guard.session_dir();
        self.guard.shutdown(FLUSH);
        dir
    }
}
