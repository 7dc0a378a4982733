//! What the path of a URL determines, and what else a request needs to be a call to a model.

use crate::capture::Api;

/// What a request needs besides its path to be a call to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing: no other service has such a path.
    Path,
    /// Other services have such paths: on a host that is neither known nor local, a body that is a model's.
    Body,
    /// Anybody may have such a path: on every host that is not known, a body with all members of one of these lists. No
    /// list at all stands for a body that is no JSON, such as sound, and confirms nothing.
    Members(&'static [&'static [&'static str]]),
}

/// What the path of a URL determines.
pub(super) struct Route<'a> {
    pub(super) api: Api,
    /// OpenTelemetry's name of the operation.
    pub(super) operation: &'static str,
    /// The provider whose API it is, where only one has it.
    pub(super) implied: Option<&'static str>,
    /// The model, where the path names it; its `%XX` are not decoded.
    pub(super) model: Option<&'a str>,
    pub(super) evidence: Evidence,
}

impl<'a> Route<'a> {
    pub(super) fn new(api: Api, operation: &'static str) -> Self {
        Route { api, operation, implied: None, model: None, evidence: Evidence::Path }
    }

    pub(super) fn implied(self, provider: &'static str) -> Self {
        Route { implied: Some(provider), ..self }
    }

    pub(super) fn model(self, model: &'a str) -> Self {
        Route { model: Some(model), ..self }
    }

    pub(super) fn confirmed_by(self, members: &'static [&'static [&'static str]]) -> Self {
        Route { evidence: Evidence::Members(members), ..self }
    }
}

/// Returns the path segment after the last one that is `marker`.
pub(super) fn after<'p>(path: &'p str, marker: &str) -> Option<&'p str> {
    let mut after = None;
    for segment in path.rsplit('/') {
        if segment == marker {
            return after;
        }
        after = Some(segment);
    }
    None
}
