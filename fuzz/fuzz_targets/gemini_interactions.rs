//! Requests to and answers of this API, streamed and whole.

#![no_main]

mod exchange;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| exchange::run(10, bytes));
