//! How one call is named, and what is said of names that lead nowhere.

use crate::tree::Tree;

fn path(tree: &Tree, call: &str) -> String {
    let out = tree.out(&["show", "--path", call]);
    out.trim_end().rsplit('/').next().unwrap().to_owned()
}

#[test]
fn ids_ends_of_ids_folders_and_places_lead_to_calls() {
    let tree = Tree::usual();
    let wanted = "call_20251027_040220_002";
    for address in [
        wanted,
        "20251027_040220_002",
        "040220_002",
        "~7",
        "20251027_040210/040220_002",
        "session_20251027_040210/call_20251027_040220_002",
        "20251027/session_20251027_040210/call_20251027_040220_002",
        "llmlogs/apiCall/20251027/session_20251027_040210/call_20251027_040220_002/",
        "llmlogs/apiCall/20251027/session_20251027_040210/call_20251027_040220_002/input.json",
    ] {
        assert_eq!(path(&tree, address), wanted, "{address}");
    }
    assert_eq!(path(&tree, "~"), path(&tree, "~1"));
    assert_eq!(path(&tree, "~1"), "call_20251027_050300_004");
}

#[test]
fn a_place_had_no_spelling_that_every_shell_leaves_alone() {
    let tree = Tree::usual();
    for (plain, tilde) in [("@", "~"), ("@1", "~1"), ("@7", "~7")] {
        assert_eq!(path(&tree, plain), path(&tree, tilde));
    }
    assert_eq!(tree.run(&["show", "@99"]).code, 1);
    let ran = tree.run(&["show", "@0"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("@1 for the latest call"), "{}", ran.err);
}

#[test]
fn an_end_of_several_ids_is_refused_with_what_it_could_be() {
    let ran = Tree::usual().run(&["show", "001"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    insta::assert_snapshot!(ran.err);
}

#[test]
fn a_slip_of_the_finger_is_answered_with_the_near_one() {
    let tree = Tree::usual();
    let ran = tree.run(&["show", "040202_002"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Did you mean call_20251027_040220_002?"), "{}", ran.err);
    let ran = tree.run(&["shwo"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("'show'"), "{}", ran.err);
    assert_eq!(tree.run(&["show", "~99"]).code, 1);
    assert_eq!(tree.run(&["show", "~0"]).code, 2);
    assert_eq!(tree.run(&["show", ""]).code, 2);
}

#[test]
fn the_root_is_looked_for_here_and_above() {
    let tree = Tree::usual();
    let below = tree.folder().join("src/deep");
    std::fs::create_dir_all(&below).unwrap();
    let ran = tree.command(&["ls", "-n1"]).current_dir(&below).output().unwrap();
    assert!(ran.status.success());
    let ran = tree.command(&["ls", "-n1"]).current_dir(tree.root().join("20251027")).output().unwrap();
    assert!(ran.status.success());
    let elsewhere = tempfile::tempdir().unwrap();
    let ran = tree.command(&["ls"]).current_dir(elsewhere.path()).output().unwrap();
    assert_eq!(ran.status.code(), Some(3));
    let ran = tree
        .command(&["ls"])
        .current_dir(elsewhere.path())
        .env("LLMLOGS_ROOT", tree.root())
        .output()
        .unwrap();
    assert!(ran.status.success());
    let missing = tree.run(&["ls", "--root", "nowhere"]);
    assert_eq!(missing.code, 3);
    assert!(missing.err.contains("nowhere") && missing.err.contains("LLMLOGS_ROOT"), "{}", missing.err);
}
