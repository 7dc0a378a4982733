//! The builder: settings, and from them a layer and its recorder.

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::Metadata;

use crate::alerts::Alerts;
#[cfg(feature = "opentelemetry")]
use crate::export::ExportRules;
use crate::layer::{LlmLogLayer, Rules};
use crate::recorder::{self, Durability, LlmLogGuard, Overflow, Settings};
use crate::sink::Off;
use crate::warn::warn_stderr;
use llmlogs_core::price::Price;
use llmlogs_core::redact::Redactor;
use llmlogs_core::render::Language;
use llmlogs_core::store::Retention;

/// Returns a layer with every setting at its default, and its guard.
///
/// Calls are recorded below `$LLMLOGS_ROOT`, else below `./llmlogs/apiCall`. With `LLMLOGS=off` in the
/// environment the layer does nothing and no folder is made.
///
/// ```no_run
/// use tracing_subscriber::prelude::*;
///
/// let (layer, _guard) = tracing_llmlogs::layer()?;
/// tracing_subscriber::registry().with(layer).init();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`LlmLogLayerBuilder::build`].
pub fn layer() -> io::Result<(LlmLogLayer, LlmLogGuard)> {
    LlmLogLayer::builder().build()
}

/// Returns a layer with every setting at its default, and its guard; if the root cannot be made or written, a layer that
/// records nothing.
///
/// As [`LlmLogLayerBuilder::build_or_off`], with defaults:
///
/// ```no_run
/// use tracing_subscriber::prelude::*;
///
/// let (layer, _guard) = tracing_llmlogs::layer_or_off();
/// tracing_subscriber::registry().with(layer).init();
/// ```
#[must_use = "the recorder stops when the guard is dropped"]
pub fn layer_or_off() -> (LlmLogLayer, LlmLogGuard) {
    LlmLogLayer::builder().build_or_off()
}

impl LlmLogLayer {
    /// Returns a builder with all settings at their defaults.
    pub fn builder() -> LlmLogLayerBuilder {
        LlmLogLayerBuilder {
            settings: Settings::default(),
            rules: Rules::default(),
            #[cfg(feature = "opentelemetry")]
            export: ExportRules::default(),
            enabled: true,
        }
    }
}

/// Settings of a layer and its recorder; made by [`LlmLogLayer::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct LlmLogLayerBuilder {
    settings: Settings,
    rules: Rules,
    /// The redactor in it is that of `settings` once the layer is built.
    #[cfg(feature = "opentelemetry")]
    export: ExportRules,
    enabled: bool,
}

impl LlmLogLayerBuilder {
    /// Sets the folder below which calls are recorded, which is made if it is missing. Default: `$LLMLOGS_ROOT`, else
    /// `./llmlogs/apiCall`.
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.settings.root = Some(root.into());
        self
    }

    /// Sets how many bytes may wait to be written, bodies included. Default: 64 MiB.
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_queue_bytes = bytes;
        self
    }

    /// Sets what happens when calls come faster than the disk takes them. Default: [`Overflow::Degrade`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.settings.overflow = overflow;
        self
    }

    /// Sets what a written call survives. Default: [`Durability::Process`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// Sets how many bytes of a request or response body are recorded; the program always sends and gets all of it. A
    /// request counts without the media that are taken out of it. Default: 8 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.settings.compose.max_body_bytes = bytes;
        self
    }

    /// Sets whether `input.txt` and `output.txt` are written. Default: `true`.
    pub fn text_files(mut self, on: bool) -> Self {
        self.settings.compose.text_files = on;
        self
    }

    /// Sets whether bodies are recorded. Without them a call is its `metadata.json` and its line in the index.
    /// Default: `true`.
    pub fn bodies(mut self, on: bool) -> Self {
        self.settings.compose.bodies = on;
        self
    }

    /// Sets the language of the failure text in `output.txt`. Default: that of the user's locale, Chinese for
    /// `zh*`, else English ([`Language::from_environment`]).
    pub fn language(mut self, language: Language) -> Self {
        self.settings.compose.language = language;
        self
    }

    /// Sets the price of `model`. It takes precedence over the built-in price table, not over a cost that the provider
    /// itself reports.
    pub fn price(mut self, model: impl Into<String>, price: Price) -> Self {
        self.settings.compose.prices.set(model.into(), price);
        self
    }

    /// Sets the rules of what is taken out of bodies before they are recorded. Default: [`Redactor::new`], the built-in
    /// rules.
    pub fn redact(mut self, rules: Redactor) -> Self {
        self.settings.compose.redact = rules;
        self
    }

    /// Sets how many bytes base64 media in a body may have. Larger images, sounds and files are replaced by
    /// `{"elided": {"media_type", "bytes", "sha256"}}`. Default: 32 KiB.
    pub fn max_media_bytes(mut self, bytes: usize) -> Self {
        self.settings.compose.max_media_bytes = bytes;
        self
    }

    /// Sets whether media that is taken out of bodies is stored, once a session, as `media/<sha256>.<ext>`. Default:
    /// `false`.
    pub fn keep_media(mut self, on: bool) -> Self {
        self.settings.keep_media = on;
        self
    }

    /// Sets the limits of what is kept. What is beyond them is removed when the recorder starts and then hourly, on a
    /// thread of its own. Default: everything is kept.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.settings.upkeep.retention = Some(retention);
        self
    }

    /// Packs sessions of this root into Parquet files, a tenth as large, once they ended `age` ago: when the recorder
    /// starts and then hourly, on a thread of its own. [`read`](crate::read) and the `llmlogs` command read packed calls as they
    /// read folders; `llmlogs unpack` gives the folders back. Default: folders stay.
    ///
    /// Programs that read packed calls need the feature `pack`, too.
    #[cfg(feature = "pack")]
    #[cfg_attr(docsrs, doc(cfg(feature = "pack")))]
    pub fn pack_after(mut self, age: std::time::Duration) -> Self {
        self.settings.upkeep.pack_after = Some(age);
        self
    }

    /// Sets the rules that watch the recorded calls, and who is told when one is broken. Default: none.
    pub fn alerts(mut self, alerts: Alerts) -> Self {
        self.settings.alerts = Some(alerts);
        self
    }

    /// Adds `name` to the fields of enclosing spans that are recorded as a call's context. These always are:
    /// `user_message`, `agent_iteration` or `iteration`, `phase`, `round`, `task_id`,
    /// `gen_ai.conversation.id` and `gen_ai.agent.name`.
    pub fn context_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.rules.context.insert(name.into());
        self
    }

    /// Treats a span as a call if `predicate` returns `true` for its metadata, beside the spans that are recognised by
    /// their fields.
    ///
    /// The predicate is called once or a few times for a callsite, so its result must not change.
    pub fn call_if(mut self, predicate: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.rules.call_if = Some(Arc::new(predicate));
        self
    }

    /// Sets whether the messages of calls are exported as attributes of their OpenTelemetry spans:
    /// `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions` and `gen_ai.tool.definitions` in
    /// OpenTelemetry's JSON, `input.value` and `output.value` as the bodies are recorded. They are redacted by the same rules
    /// as the files. Default: what `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, else `false`.
    ///
    /// They are made on the thread that ends a call, and only if its span is recorded by OpenTelemetry.
    #[cfg(feature = "opentelemetry")]
    pub fn export_messages(mut self, on: bool) -> Self {
        self.export.content = Some(on);
        self
    }

    /// Sets how many bytes an attribute with messages may have. What is longer is cut to JSON that says so. Default: 64 KiB.
    #[cfg(feature = "opentelemetry")]
    pub fn max_exported_bytes(mut self, bytes: usize) -> Self {
        self.export.max_bytes = bytes;
        self
    }

    /// Sets whether anything is recorded at all. With `LLMLOGS=off` in the environment nothing is, whatever is set here.
    /// Default: `true`.
    pub fn enabled(mut self, on: bool) -> Self {
        self.enabled = on;
        self
    }

    /// Makes the session's folder, starts the recorder's thread, and returns the layer and the recorder's guard.
    /// [`build_or_off`](Self::build_or_off) goes on where this fails.
    ///
    /// # Errors
    ///
    /// Returns an error if the root cannot be made or written (the error names it), if a webhook of the alerts has no valid
    /// address, or if no thread can be started.
    pub fn build(self) -> io::Result<(LlmLogLayer, LlmLogGuard)> {
        self.try_build().map_err(|(_rules, error)| error)
    }

    /// As [`build`](Self::build), for a program that is to run whether or not its calls can be recorded: if the root
    /// cannot be made or written, or no thread can be started, the layer records nothing, the guard counts nothing, and
    /// one line on standard error says so, with the path and the reason.
    ///
    /// ```no_run
    /// use tracing_llmlogs::LlmLogLayer;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (layer, _guard) = LlmLogLayer::builder().root("/var/log/llm").build_or_off();
    /// tracing_subscriber::registry().with(layer).init();
    /// ```
    #[must_use = "the recorder stops when the guard is dropped"]
    pub fn build_or_off(self) -> (LlmLogLayer, LlmLogGuard) {
        self.try_build().unwrap_or_else(|(rules, error)| {
            warn_stderr(format_args!("calls are not recorded: {error}"));
            off(rules)
        })
    }

    /// Returns the rules beside the error, for a layer that records nothing.
    fn try_build(self) -> Result<(LlmLogLayer, LlmLogGuard), (Rules, io::Error)> {
        if !self.enabled || switched_off() {
            return Ok(off(self.rules));
        }
        #[cfg(feature = "opentelemetry")]
        let rules = {
            let redact = self.settings.compose.redact.clone();
            Rules { export: Arc::new(ExportRules { redact, ..self.export }), ..self.rules }
        };
        #[cfg(not(feature = "opentelemetry"))]
        let rules = self.rules;
        match recorder::start(self.settings) {
            Ok((queue, guard)) => Ok((LlmLogLayer::new(rules, queue), guard)),
            Err(error) => Err((rules, error)),
        }
    }
}

/// Returns a layer that records nothing, and its guard.
fn off(rules: Rules) -> (LlmLogLayer, LlmLogGuard) {
    (LlmLogLayer::new(rules, Arc::new(Off)), LlmLogGuard::inert())
}

impl fmt::Debug for LlmLogLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmLogLayerBuilder").field("root", &self.settings.root).finish_non_exhaustive()
    }
}

fn switched_off() -> bool {
    env::var("LLMLOGS").is_ok_and(|value| ["off", "0", "false", "no"].contains(&&*value.to_ascii_lowercase()))
}
