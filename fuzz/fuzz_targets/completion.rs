//! Requests to and answers of this API, streamed and whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llmlogs_core::capture::Api;

fuzz_target!(|bytes: &[u8]| llmlogs_fuzz::exchange(Api::TextCompletion, bytes));
