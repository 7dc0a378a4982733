//! Which folder may use which, as CONTRIBUTING has it: an arrow back fails here.

// By its path: the package that it belongs to would bring an HTTP client.
#[path = "../../../tests/support/src/arrows.rs"]
mod arrows;

use std::path::Path;

/// From bottom to top; folders of one rank do not use each other.
const RANKS: [&[&str]; 15] = [
    &["json", "semconv"],
    &["format", "capture"],
    &["redact", "health"],
    &["alert"],
    &["notify"],
    &["api"],
    &["price"],
    &["render"],
    &["store"],
    &["compose"],
    &["archive"],
    &["read"],
    &["query"],
    &["index"],
    &["lib"],
];

#[test]
fn no_arrow_goes_back() {
    arrows::assert_no_arrow_back(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &RANKS);
}
