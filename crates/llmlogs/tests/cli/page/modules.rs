//! The page's scripts, as far as they need no browser: `tests/modules` in Node, where there is one.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn scripts_do_what_their_tests_say() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for from in ["src/page/assets", "tests/modules"] {
        let files = fs::read_dir(package.join(from)).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "js")) {
            fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let Ok(ran) = Command::new("node").arg("--test").current_dir(folder.path()).output() else {
        return eprintln!("not tested: there is no node");
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!said.contains("tests 0"), "{said}");
}
