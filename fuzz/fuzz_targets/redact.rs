//! The built-in redaction rules.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| llmlogs_fuzz::redact(text));
