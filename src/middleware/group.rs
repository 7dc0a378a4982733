//! Which requests are made for one call: the outermost middleware gives them a group, which travels with the request and
//! not in it.

use std::sync::{Arc, Weak};

use crate::instrument;
use llmlogs_core::capture::CallGroup;

/// The group of a request's call, in the request's extensions while the outermost middleware handles it.
#[derive(Clone)]
struct Member {
    group: CallGroup,
    first_group: CallGroup,
    /// Gone when the outermost middleware is done.
    alive: Weak<()>,
    /// Whether a middleware that does something about failures is among those that handle it.
    is_acted_for: bool,
}

/// A middleware's part in the group of a request.
pub(super) struct Membership {
    pub(super) group: CallGroup,
    /// The group in which a request with these extensions was sent before, and came back; else the same as `group`.
    pub(super) first_group: CallGroup,
    /// Whether an outer middleware does something about the call's failures already.
    pub(super) is_acted_for: bool,
    /// Kept while the request is handled: extensions may be used for other requests later.
    _own: Option<Arc<()>>,
}

impl Membership {
    /// Joins the group of the request with these extensions, or gives it one.
    pub(super) fn of(extensions: &mut http::Extensions, is_acting: bool) -> Self {
        let known = extensions.get_mut::<Member>();
        let before = known.as_ref().map(|member| member.first_group);
        if let Some(member) = known.filter(|member| member.alive.strong_count() > 0) {
            let acted_for = member.is_acted_for;
            member.is_acted_for |= is_acting;
            let Member { group, first_group, .. } = *member;
            return Membership { group, first_group, is_acted_for: acted_for, _own: None };
        }
        let group = instrument::current_group().unwrap_or_else(CallGroup::next);
        let (own, first_group) = (Arc::new(()), before.unwrap_or(group));
        let alive = Arc::downgrade(&own);
        extensions.insert(Member { group, first_group, alive, is_acted_for: is_acting });
        Membership { group, first_group, is_acted_for: false, _own: Some(own) }
    }

    /// Notes that whatever this middleware did about failures is done: a loop outside may send the request again.
    pub(super) fn leave(self, extensions: &mut http::Extensions) {
        if let Some(Member { is_acted_for, .. }) = extensions.get_mut::<Member>() {
            *is_acted_for = self.is_acted_for;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_middlewares_join_the_outer_ones_group_until_it_is_done() {
        let mut extensions = http::Extensions::new();
        let outer = Membership::of(&mut extensions, true);
        let inner = Membership::of(&mut extensions, false);
        assert_eq!((inner.group, inner.is_acted_for), (outer.group, true));
        assert!(!outer.is_acted_for);
        let (outer_group, outer_first) = (outer.group, outer.first_group);
        drop(outer);
        let next = Membership::of(&mut extensions, false);
        assert_ne!(next.group, inner.group, "the extensions were used for another request");
        assert_eq!(
            (outer_group, next.first_group),
            (outer_first, outer_first),
            "it may be the same one, sent again"
        );
    }
}
