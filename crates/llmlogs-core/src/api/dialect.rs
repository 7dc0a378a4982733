//! The shape of one API's file.

use crate::capture::Endpoint;
use crate::json::Json;

use super::view::{RequestView, ResponseView};

/// How one API speaks.
pub trait Dialect: Sync {
    /// What a request body says.
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j>;

    /// What a response body, or a folded stream, says.
    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j>;

    /// Folds a stream into the object that the API would have returned without streaming; `None`
    /// where streams are kept as they are.
    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        None
    }
}

/// A stream on its way to one object.
pub trait Fold<'a> {
    /// Takes one event; `name` is its `event:` line, or what stands for it in other framings.
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind;

    /// The object so far.
    fn finish(self: Box<Self>) -> Folded<'a>;
}

/// What an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Something that the model said: the first of these is the first token.
    Content,
    /// Anything else that was understood.
    Other,
    /// The API's own end mark: nothing comes after it.
    End,
    /// Both: the last thing that the model said.
    LastContent,
    /// Not understood.
    Unknown,
}

/// A folded stream.
#[derive(Debug, Default)]
pub struct Folded<'a> {
    pub object: Json<'a>,
    /// The error that the stream reported.
    pub error: Option<Json<'a>>,
}
