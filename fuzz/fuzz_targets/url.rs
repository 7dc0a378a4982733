//! Recognising requests, and URLs without their credentials.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| llmlogs_fuzz::url(text));
