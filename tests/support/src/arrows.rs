//! Which folder of a package may use which: a check of its `crate::…` paths.

use std::fs;
use std::path::Path;

/// Asserts that no folder below `src` uses one of its own rank or of a higher one. `ranks` has the folders from bottom
/// to top.
pub fn assert_no_arrow_back(src: &Path, ranks: &[&[&str]]) {
    let mut back = Vec::new();
    for entry in fs::read_dir(src).expect("the source") {
        let path = entry.expect("an entry of the folder").path();
        let folder = path.file_stem().expect("a name").to_string_lossy().into_owned();
        check(&path, &folder, ranks, &mut back);
    }
    assert!(back.is_empty(), "{back:#?}");
}

fn check(path: &Path, folder: &str, ranks: &[&[&str]], back: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder of the source") {
            check(&entry.expect("an entry of the folder").path(), folder, ranks, back);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a file of the source");
        for (line, used) in used(&text) {
            if used != folder && rank(ranks, used) >= rank(ranks, folder) {
                back.push(format!("{}:{line}: {folder} uses {used}", path.display()));
            }
        }
    }
}

fn rank(ranks: &[&[&str]], folder: &str) -> usize {
    let found = ranks.iter().position(|rank| rank.contains(&folder));
    found.unwrap_or_else(|| panic!("{folder} has no place in the table of arrows"))
}

/// Returns the folders that `text` names after `crate::`, with their lines.
fn used(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines.flat_map(|(number, line)| {
        assert!(!line.contains("crate::{"), "line {}: one path a line, so that it is seen here", number + 1);
        line.split("crate::").skip(1).filter_map(move |rest| {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
            (end > 0).then(|| (number + 1, &rest[..end]))
        })
    })
}
