//! From a call's record to the contents of its files.

use std::io;
use std::sync::Arc;

use llmlogs_core::capture::{Body, CallRecord, CapturedRequest};
use llmlogs_core::compose::{ComposeOptions, Composed, Composer, Input, Media};
use llmlogs_core::store::{CallFiles, MediaFile, RequestFiles, ResponseFiles};

/// Composes calls and chooses what is written of them.
#[derive(Clone)]
pub(super) struct CallComposer {
    composer: Arc<Composer>,
    bodies: bool,
    text_files: bool,
    keep_media: bool,
    runs_user_code: bool,
}

impl CallComposer {
    pub(super) fn new(options: ComposeOptions, keep_media: bool) -> Self {
        CallComposer {
            bodies: options.bodies,
            text_files: options.text_files,
            runs_user_code: options.redact.runs_user_code(),
            composer: Arc::new(Composer::new(options)),
            keep_media,
        }
    }

    /// Composes a finished call, with its request if `needs_request` is set and bodies are kept.
    pub(super) fn compose(
        &self,
        record: &CallRecord,
        session_id: &str,
        needs_request: bool,
    ) -> io::Result<Composed> {
        let with_request = self.bodies && needs_request;
        Ok(self.run(|| self.composer.compose(record, session_id, with_request))?)
    }

    /// Composes the request of a call in flight; `None` if nothing of it is to be written.
    pub(super) fn compose_request(&self, request: &CapturedRequest) -> Option<Input> {
        if !self.bodies || matches!(request.body, Body::Dropped { .. }) {
            return None;
        }
        Some(self.run(|| self.composer.request(request)))
    }

    /// Runs `compose`; if it runs the user's code, with no subscriber within reach, so that nothing which that code
    /// emits is recorded.
    fn run<T>(&self, compose: impl FnOnce() -> T) -> T {
        if self.runs_user_code {
            tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), compose)
        } else {
            compose()
        }
    }

    /// Returns whether `composed` has everything that is to be written.
    pub(super) fn is_complete(&self, composed: &Composed, needs_request: bool) -> bool {
        !self.bodies || !needs_request || composed.input.is_some()
    }

    pub(super) fn request_files<'c>(&self, request: &'c Input) -> RequestFiles<'c> {
        RequestFiles {
            json: &request.json,
            text: self.text_files.then_some(&request.text),
            media: self.media(&request.media),
        }
    }

    pub(super) fn call_files<'c>(
        &self,
        composed: &'c Composed,
        call_id: &str,
        degraded: bool,
    ) -> CallFiles<'c> {
        let (metadata, index_line) = composed.named(call_id);
        let response = self.bodies.then(|| ResponseFiles {
            json: &composed.output_json,
            text: self.text_files.then_some(&composed.output_text),
            media: self.media(&composed.media),
        });
        let request = composed.input.as_ref().filter(|_| self.bodies);
        CallFiles {
            request: request.map(|request| self.request_files(request)),
            response,
            metadata,
            index_line,
            status: composed.status,
            degraded,
        }
    }

    fn media<'c>(&self, media: &'c [Media]) -> Vec<MediaFile<'c>> {
        let kept = if self.keep_media { media } else { &[] };
        kept.iter().map(|medium| MediaFile { name: &medium.name, bytes: &medium.bytes }).collect()
    }
}
