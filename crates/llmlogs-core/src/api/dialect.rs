//! What the file of an API implements: how its requests, responses and streams are read.

use crate::capture::Endpoint;
use crate::json::Json;

use super::view::{RequestView, ResponseView};

/// Reads the bodies of one API. Nothing fails: what is not understood is left out of the views.
pub trait Dialect: Sync {
    /// Returns what a request body asks for.
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j>;

    /// Returns what a response body, or a folded stream, contains.
    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j>;

    /// Returns a fold of a stream into the object that the API would have returned without streaming; `None`
    /// where streams are kept as they are.
    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        None
    }
}

/// Folds the events of a stream into one object.
pub trait Fold<'a> {
    /// Takes one event; `name` is its `event:` line, or what stands for it in other framings.
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind;

    /// Returns whether the API ends its streams with an end mark or a finish reason; a stream of one that does not has
    /// ended where its body does.
    fn has_end_mark(&self) -> bool {
        true
    }

    /// Returns the object so far.
    fn finish(self: Box<Self>) -> Folded<'a>;
}

/// What an event of a stream was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Content of the answer: the first of these is the first token.
    Content,
    /// Anything else that was understood.
    Other,
    /// The API's own end mark: nothing comes after it.
    End,
    /// Content and the end mark in one.
    LastContent,
    /// Not understood.
    Unknown,
}

impl EventKind {
    /// Returns [`EventKind::Content`] for an event that `has_content`, else [`EventKind::Other`].
    #[inline]
    pub fn content_if(has_content: bool) -> Self {
        if has_content { EventKind::Content } else { EventKind::Other }
    }
}

/// A folded stream.
#[derive(Debug, Default)]
pub struct Folded<'a> {
    /// The object that the API would have returned without streaming.
    pub object: Json<'a>,
    /// The error that the stream reported.
    pub error: Option<Json<'a>>,
}
