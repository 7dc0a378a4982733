//! The JSON parser and its writers.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| llmlogs_fuzz::json(text));
