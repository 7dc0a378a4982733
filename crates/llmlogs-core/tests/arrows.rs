//! Which folder may use which, as CONTRIBUTING has it: an arrow back fails here.

use std::fs;
use std::path::Path;

/// From bottom to top; folders of one rank do not use each other.
const RANKS: [&[&str]; 11] = [
    &["json", "semconv"],
    &["format", "capture"],
    &["redact"],
    &["api"],
    &["price"],
    &["render"],
    &["store"],
    &["compose"],
    &["read"],
    &["query"],
    &["lib"],
];

fn rank(room: &str) -> usize {
    let place = RANKS.iter().position(|rank| rank.contains(&room));
    place.unwrap_or_else(|| panic!("{room} has no place in the table of arrows"))
}

/// The folders that `text` names after `crate::`, at their lines.
fn used(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines.flat_map(|(number, line)| {
        line.split("crate::").skip(1).filter_map(move |rest| {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
            (end > 0).then(|| (number + 1, &rest[..end]))
        })
    })
}

fn check(path: &Path, room: &str, back: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder of the source") {
            check(&entry.expect("an entry of the folder").path(), room, back);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a file of the source");
        for (line, used) in used(&text) {
            if used != room && rank(used) >= rank(room) {
                back.push(format!("{}:{line}: {room} uses {used}", path.display()));
            }
        }
    }
}

#[test]
fn no_arrow_goes_back() {
    let mut back = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("the source") {
        let path = entry.expect("an entry of the folder").path();
        let room = path.file_stem().expect("a name").to_string_lossy().into_owned();
        check(&path, &room, &mut back);
    }
    assert!(back.is_empty(), "{back:#?}");
}
