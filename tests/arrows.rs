//! Which folder may use which, as CONTRIBUTING has it: an arrow back fails here.

use std::path::Path;

use llmlogs_test_support::arrows::assert_no_arrow_back;

/// From bottom to top; folders of one rank do not use each other.
const RANKS: [&[&str]; 6] = [
    &["warn", "sink", "export", "circuits"],
    &["health", "alerts"],
    &["instrument", "layer", "recorder"],
    &["middleware"],
    &["builder"],
    &["lib"],
];

#[test]
fn no_arrow_goes_back() {
    assert_no_arrow_back(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &RANKS);
}
