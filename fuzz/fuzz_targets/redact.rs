//! The built-in redaction rules.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| tracing_llmlogs::fuzzing::redact(text));
