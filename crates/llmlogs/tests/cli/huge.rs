//! A root with more calls than anybody reads, in little memory.

use std::fmt::Write as _;

use crate::tree::{Tree, call, private};

const CALLS: u64 = 100_000;

/// As much address space as the command may have, in KiB: the index alone has some 50 MB.
const SPACE: &str = "ulimit -v 300000 2>/dev/null; exec \"$0\" \"$@\"";

#[test]
#[cfg(unix)]
fn a_huge_index_is_read_as_it_comes() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let line = call("2025-10-27 04:02:10", 1_761_537_730.0).said("hello", "hi").line(&session, 1);
    let line = serde_json::to_string(&line).unwrap();
    let mut index = String::new();
    for n in 1..=CALLS {
        let id = format!("call_20251027_040210_{n:03}");
        writeln!(index, "{}", line.replace("call_20251027_040210_001", &id)).unwrap();
    }
    private(&session.join("index.jsonl"), index.as_bytes());
    let run = |args: &[&str]| {
        let told = tree.command(args);
        let mut limited = std::process::Command::new("sh");
        limited.current_dir(tree.folder());
        limited.args(["-c", SPACE]).arg(told.get_program()).args(told.get_args());
        for (name, value) in told.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        let output = limited.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["stats"]).contains("100,000"));
    let listed = run(&["ls", "--limit", "3"]);
    assert_eq!(listed.lines().count(), 1 + 3 + 1);
    assert!(listed.ends_with("… 99,997 more; --limit 0 shows all\n"), "{listed}");
    assert!(run(&[]).contains(&format!("call_20251027_040210_{CALLS}")));
    assert!(run(&["search", "hello", "--json"]).lines().count() > 0);
}
