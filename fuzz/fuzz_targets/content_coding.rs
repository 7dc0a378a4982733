//! Bodies that the client left in a content coding.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| llmlogs_fuzz::content_coding(bytes));
