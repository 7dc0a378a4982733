//! The readers, over a root whose files hold anything: `metadata.json` and `index.jsonl` are the two halves of the
//! input.

#![no_main]

use std::cell::RefCell;
use std::fs;

use libfuzzer_sys::fuzz_target;
use llmlogs_core::read::Root;

thread_local! {
    static ROOT: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|bytes: &[u8]| {
    ROOT.with_borrow_mut(|root| {
        let root = root.get_or_insert_with(|| tempfile::tempdir().expect("a folder for the files"));
        let session = root.path().join("20251027/session_20251027_040210");
        let call = session.join("call_20251027_040210_001");
        fs::create_dir_all(&call).expect("a folder for the call");
        let (metadata, index) = bytes.split_at(bytes.len() / 2);
        fs::write(call.join("metadata.json"), metadata).expect("a file");
        fs::write(session.join("index.jsonl"), index).expect("a file");
        for call in Root::open(root.path()).expect("it is there").calls() {
            let _anything = call.expect("a folder").metadata();
        }
    });
});
