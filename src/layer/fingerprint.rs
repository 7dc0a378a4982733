//! Whether two requests ask for the same.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use llmlogs_core::capture::{CallGroup, CapturedRequest};
use llmlogs_core::json::{self, Json, Object};

/// A request, and what was found out of it by comparing it with others.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    request: Arc<CapturedRequest>,
    /// The call that it is known to be made for.
    group: Option<CallGroup>,
    json: JsonHash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonHash {
    NotComputed,
    /// The body is no JSON.
    None,
    /// Does not depend on the order of members or on white space.
    Of(u64),
}

impl PartialEq for Fingerprint {
    /// Returns whether both are of the very same captured request; [`Fingerprint::is_same`] looks at what it asks for.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.request, &other.request)
    }
}

impl Fingerprint {
    pub(super) fn new(request: Arc<CapturedRequest>, group: Option<CallGroup>) -> Self {
        Fingerprint { request, group, json: JsonHash::NotComputed }
    }

    pub(super) fn request(&self) -> &Arc<CapturedRequest> {
        &self.request
    }

    /// Returns whether the requests are made for one call, or the bodies have the same bytes, or are the same JSON but for the order of members: a client may
    /// write again what its caller had written. A body is parsed at most once for its hash, and once more where the
    /// hashes are equal.
    pub(super) fn is_same(&mut self, other: &mut Self) -> bool {
        if self.group.is_some() && self.group == other.group {
            return true;
        }
        if self.request.body.bytes() == other.request.body.bytes() {
            return true;
        }
        let known = self.json_hash();
        if known == JsonHash::None || known != other.json_hash() {
            return false;
        }
        match (parse(&self.request), parse(&other.request)) {
            (Some(a), Some(b)) => same_json(&a, &b),
            _ => false,
        }
    }

    fn json_hash(&mut self) -> JsonHash {
        if self.json == JsonHash::NotComputed {
            self.json = parse(&self.request).map_or(JsonHash::None, |json| JsonHash::Of(hash_json(&json)));
        }
        self.json
    }
}

fn parse(request: &CapturedRequest) -> Option<Json<'_>> {
    json::parse(std::str::from_utf8(request.body.bytes()).ok()?).ok()
}

/// Equal for values that are equal by [`same_json`].
fn hash_json(json: &Json<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(json).hash(&mut hasher);
    match json {
        Json::Null => {}
        Json::Bool(value) => value.hash(&mut hasher),
        Json::Number(digits) => digits.hash(&mut hasher),
        Json::String(text) => text.plain().hash(&mut hasher),
        Json::Array(items) => items.iter().for_each(|item| hash_json(item).hash(&mut hasher)),
        Json::Object(object) => {
            let member = |(key, value): (&json::Text<'_>, &Json<'_>)| {
                let mut hasher = DefaultHasher::new();
                key.plain().hash(&mut hasher);
                hash_json(value).hash(&mut hasher);
                hasher.finish()
            };
            // A sum does not depend on the order.
            object.iter().map(member).fold(0, u64::wrapping_add).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Equal but for the order of members, which writers choose as they like.
fn same_json(a: &Json<'_>, b: &Json<'_>) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let (a, b) = (by_key(a), by_key(b));
            a.len() == b.len()
                && a.iter().zip(&b).all(|((a_key, a), (b_key, b))| a_key == b_key && same_json(a, b))
        }
        (a, b) => a == b,
    }
}

/// The members in the order of their keys; those of one key stay in theirs.
fn by_key<'o>(object: &'o Object<'_>) -> Vec<(std::borrow::Cow<'o, str>, &'o Json<'o>)> {
    let mut members: Vec<_> = object.iter().map(|(key, value)| (key.plain(), value)).collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use llmlogs_core::capture::{Api, Body, Endpoint};

    use super::*;

    fn fingerprint(body: &str) -> Fingerprint {
        let endpoint = Arc::new(Endpoint {
            api: Api::Raw,
            provider: Cow::Borrowed("openai"),
            operation: Cow::Borrowed("chat"),
            path_model: None,
            base_url: String::new(),
            path: String::new(),
            query: String::new(),
            method: String::new(),
        });
        let body = Body::limited(body.to_owned().into(), usize::MAX);
        Fingerprint::new(Arc::new(CapturedRequest { endpoint, content_encoding: String::new(), body }), None)
    }

    fn is_same(a: &str, b: &str) -> bool {
        let (mut a, mut b) = (fingerprint(a), fingerprint(b));
        let same = a.is_same(&mut b);
        // What was kept of the first comparison does not change the second.
        assert_eq!(same, b.is_same(&mut a));
        same
    }

    #[test]
    fn the_order_of_members_white_space_and_escapes_make_no_difference() {
        for (a, b, same) in [
            (r#"{"a":1,"b":[{"c":2,"d":3}]}"#, r#"{ "b": [{"d":3, "c":2}], "a": 1 }"#, true),
            (r#"{"a":"\u4f60"}"#, r#"{"a":"你"}"#, true),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#, false),
            (r#"[1,2]"#, r#"[2,1]"#, false),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, false),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
            (r#"{"a":{"b":1},"c":{"d":2}}"#, r#"{"a":{"d":2},"c":{"b":1}}"#, false),
            ("no JSON", "no JSON", true),
            ("no JSON", "no  JSON", false),
            ("", "", true),
            ("", "{}", false),
        ] {
            assert_eq!(is_same(a, b), same, "{a} {b}");
        }
    }

    #[test]
    fn requests_of_one_call_are_the_same_whatever_they_ask_for() {
        let group = |body, group| Fingerprint { group, ..fingerprint(body) };
        let (one, other) = (Some(CallGroup::next()), Some(CallGroup::next()));
        for (a, b, same) in [(one, one, true), (one, other, false), (one, None, false), (None, None, false)] {
            assert_eq!(group("a", a).is_same(&mut group("b", b)), same);
        }
        assert!(group("a", one).is_same(&mut group("a", other)), "else their bodies decide");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (0..3).prop_map(Into::into),
            "[ab]{0,1}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
                prop::collection::vec(("[ab]", inner), 0..3)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_comparison_of_whole_values(a in json(), b in json()) {
            let pretty = serde_json::to_string_pretty(&b).unwrap();
            prop_assert_eq!(is_same(&a.to_string(), &pretty), a == b);
            prop_assert!(is_same(&b.to_string(), &pretty));
        }
    }
}
