//! What a terminal gets, and what a pipe gets.

use std::process::{Command, Stdio};

use crate::tree::{Tree, call};

#[test]
fn a_pipe_gets_no_colours_unless_asked() {
    let tree = Tree::usual();
    for args in [&[][..], &["ls"], &["show", "050200_003"], &["stats"], &["failures"], &["search", "story"]] {
        assert!(!tree.out(args).contains('\x1b'), "{args:?}");
    }
    assert!(tree.out(&["ls", "--color", "always"]).contains("\x1b[32mok\x1b[0m"));
}

#[test]
fn recorded_escapes_are_shown_and_not_passed_on() {
    let tree = Tree::usual();
    for args in
        [&["ls"][..], &["show", "050200_003"], &["search", "story"], &["ls", "--tree"], &["diff", "~2", "~3"]]
    {
        let out = tree.out(args);
        assert!(out.contains("␛[31mred"), "{args:?}: {out}");
    }
    let colored = tree.out(&["show", "050200_003", "--color", "always"]);
    assert!(!colored.contains("\x1b[31mred"));
}

/// Puts what terminals act upon behind every string, and into every key of the context.
fn poison(value: &mut serde_json::Value) {
    use serde_json::Value;
    const HOSTILE: &str = "\u{1b}[2J\u{1b}]8;;http://x\u{7}\u{9b}31m\u{202e}\u{7f}\r\u{8}";
    match value {
        Value::String(text) => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(poison),
        Value::Object(members) => {
            for (key, value) in members.iter_mut() {
                if !matches!(
                    key.as_str(),
                    "call_id" | "session_id" | "status" | "state" | "id" | "type" | "role"
                ) {
                    poison(value);
                }
            }
            if let Some(Value::Object(context)) = members.get_mut("context") {
                context.insert(format!("key{HOSTILE}"), HOSTILE.into());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn no_text_of_a_record_does_anything_to_a_terminal() {
    let tree = Tree::usual();
    for day in ["20251026", "20251027"] {
        for session in std::fs::read_dir(tree.root().join(day)).unwrap().map(|entry| entry.unwrap().path()) {
            let lines = std::fs::read_to_string(session.join("index.jsonl")).unwrap();
            let poisoned = lines.lines().map(|line| {
                let mut line = serde_json::from_str(line).unwrap();
                poison(&mut line);
                format!("{line}\n")
            });
            crate::tree::private(&session.join("index.jsonl"), poisoned.collect::<String>().as_bytes());
            for call in std::fs::read_dir(&session)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_dir())
            {
                for file in ["metadata.json", "input.json", "output.json"].map(|name| call.join(name)) {
                    let Ok(text) = std::fs::read_to_string(&file) else { continue };
                    let mut value = serde_json::from_str(&text).unwrap();
                    poison(&mut value);
                    crate::tree::write(&file, &value);
                }
            }
        }
    }
    for args in [
        &[][..],
        &["ls"],
        &["ls", "--tree"],
        &["ls", "--context", "phase=P*"],
        &["show", "040210_001"],
        &["show", "040220_002"],
        &["show", "040300_003"],
        &["show", "050200_003"],
        &["search", "--in", "all", "a"],
        &["stats"],
        &["stats", "--by", "phase"],
        &["stats", "--by", "provider"],
        &["failures"],
        &["tail"],
        &["diff", "040210_001", "040220_002"],
        &["diff", "040300_003", "050200_003"],
    ] {
        let ran = tree.run(args);
        for text in [&ran.out, &ran.err] {
            let hostile = |c: char| c != '\n' && c != '\t' && llmlogs_core::render::is_hostile(c);
            assert!(!text.contains(hostile), "{args:?}: {text:?}");
        }
        assert!(ran.code == 0 && ran.out.len() > 100, "{args:?}: {ran:?}");
    }
}

#[test]
fn reasoning_looked_like_the_answer_in_a_pipe() {
    let tree = Tree::usual();
    let stored = tree.root().join("20251027/session_20251027_040210/call_20251027_040220_002");
    let body = r#"{"choices": [{"message": {"role": "assistant", "reasoning_content": "Hm,\n\nwell.", "content": "Yes."}}]}"#;
    crate::tree::private(&stored.join("output.json"), body.as_bytes());
    let out = tree.out(&["show", "040220_002"]);
    assert!(out.ends_with("\n  reasoning:\n    Hm,\n\n    well.\n  Yes.\n"), "{out}");
    assert!(tree.out(&["show", "040220_002", "--color", "always"]).contains("reasoning:"));
}

#[test]
fn show_hid_the_request_id_of_a_failure() {
    let tree = Tree::usual();
    let stored = tree.root().join("20251027/session_20251027_040210/call_20251027_040300_003");
    let metadata = std::fs::read_to_string(stored.join("metadata.json")).unwrap();
    let mut metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    metadata["response_info"]["request_id"] = "req_7\u{1b}[2J".into();
    crate::tree::write(&stored.join("metadata.json"), &metadata);
    let out = tree.out(&["show", "040300_003"]);
    assert!(out.contains("\nrequest id  req_7␛[2J\n"), "{out}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let tree = Tree::usual();
    for args in [&["ls", "--limit", "0"][..], &["show"], &["stats"], &["man"], &["export", "jsonl"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_llmlogs"))
            .current_dir(tree.folder())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{args:?}: {}", ended.status);
    }
}

#[test]
fn times_are_local_or_utc() {
    let tree = Tree::usual();
    let tokyo = tree.command(&["ls", "-n1", "--session", "040210"]).env("TZ", "Asia/Tokyo").output().unwrap();
    assert!(String::from_utf8(tokyo.stdout).unwrap().contains("2025-10-27 13:03:05"));
    let utc = tree
        .command(&["ls", "-n1", "--session", "040210", "--utc"])
        .env("TZ", "Asia/Tokyo")
        .output()
        .unwrap();
    assert!(String::from_utf8(utc.stdout).unwrap().contains("2025-10-27 04:03:05Z"));
}

#[test]
fn a_call_that_has_not_ended_had_its_whole_prompt_in_one_line() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    tree.begun(&session, "call_20251027_040210_001", &"é".repeat(100_000));
    for args in [&["ls"][..], &["ls", "--tree"], &["tail"]] {
        assert_eq!(tree.out(args).chars().filter(|c| *c == 'é').count(), 200, "{args:?}");
    }
}

#[test]
fn ls_hid_how_many_more_there_are() {
    let tree = Tree::usual();
    let out = tree.out(&["ls", "-n", "3"]);
    assert!(out.ends_with("\n… 6 more; --limit 0 shows all\n"), "{out}");
    let out = tree.out(&["ls", "-n", "1", "--status", "ok", "--tree"]);
    assert!(out.ends_with("\n… 3 more; --limit 0 shows all\n"), "{out}");
    for whole in [&["ls", "-n", "9"][..], &["ls"], &["ls", "--limit", "0"]] {
        assert!(!tree.out(whole).contains("more"), "{whole:?}");
    }
    assert_eq!(tree.json(&["ls", "-n", "3", "--json"]).len(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn the_model_was_left_out_on_a_terminal_that_lacks_a_few_columns() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let long = call("2025-10-27 04:02:10", 1_761_537_730.0)
        .model("claude-sonnet-4-5-20250929")
        .said("Which port does the server use when nothing is configured?", "")
        .tool("read_configuration_file", "{}");
    tree.call(&session, 1, &long);
    tree.call(&session, 2, &long.failed("InvalidResponseError", "", "no", Some(200)));
    for columns in [40, 60, 80, 100, 120, 200] {
        let Some(out) = on_terminal(&tree, columns, "ls") else { return };
        for line in out.lines().map(str::trim_end) {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= columns, "{columns}: {out}");
        }
        assert!(out.contains("MODEL") && out.contains("claude-sonnet"), "{columns}: {out}");
        assert_eq!(out.contains("TOOLS"), columns >= 130, "{columns}: {out}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_call_in_a_tree_ran_over_the_edge_of_a_narrow_terminal() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let long = call("2025-10-27 04:02:10", 1_761_537_730.0)
        .model("claude-sonnet-4-5-20250929")
        .said("Which port does the server use when nothing is configured?", "")
        .tool("read_configuration_file", "{}")
        .span("agent", "0000000000000001", "2025-10-27T04:02:09.000+00:00");
    tree.call(&session, 1, &long);
    for columns in [60, 80, 100, 110, 120, 200] {
        let Some(out) = on_terminal(&tree, columns, "ls --tree") else { return };
        let line = out.lines().map(str::trim_end).find(|line| line.contains("040210_001")).unwrap();
        assert!(unicode_width::UnicodeWidthStr::width(line) <= columns, "{columns}: {out}");
        assert!(
            line.contains("claude-sonnet") && line.contains("CNY") == (columns >= 100),
            "{columns}: {out}"
        );
        assert_eq!(line.ends_with("configured?"), columns == 200, "{columns}: {out}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_passed_escapes_on_to_a_terminal() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let hostile = "a\u{1b}[2J\u{9b}31m\u{7f}b";
    tree.call(&session, 1, &call("2025-10-27 04:02:10", 1_761_537_730.0).said(hostile, hostile));
    for (format, shown) in
        [("csv", "a␛[2J\u{fffd}31m␡b"), ("curl", "31m"), ("jsonl", "a\\u001b[2J\\u009b31m\\u007fb")]
    {
        let Some(out) = on_terminal(&tree, 80, &format!("export {format}")) else { return };
        assert!(out.contains(shown) && !out.contains(['\u{1b}', '\u{9b}', '\u{7f}']), "{format}: {out:?}");
    }
    assert!(tree.out(&["export", "csv"]).contains(hostile));
}

#[cfg(target_os = "linux")]
#[test]
fn stats_ran_over_the_edge_of_a_narrow_terminal() {
    let tree = Tree::usual();
    for columns in [60, 80] {
        let Some(out) = on_terminal(&tree, columns, "stats --by session") else { return };
        let table: Vec<_> =
            out.lines().map(str::trim_end).skip_while(|line| !line.starts_with("SESSION")).collect();
        assert!(table[0].contains("FAILED") && table[0].ends_with("COST"), "{columns}: {out}");
        assert!(
            table[1].starts_with("20251027_050000  ") && table[1].ends_with("0.00163 CNY"),
            "{columns}: {out}"
        );
        assert!(table.iter().all(|line| line.chars().count() <= columns), "{columns}: {out}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn failures_ran_over_the_edge_of_a_narrow_terminal() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let ended = |kind, code| call("2025-10-27 04:02:10", 1_761_537_730.0).failed(kind, code, "no", Some(401));
    tree.call(&session, 1, &ended("AuthenticationError", "invalid_api_key"));
    for columns in [60, 80] {
        let Some(out) = on_terminal(&tree, columns, "failures") else { return };
        let row = out.lines().map(str::trim_end).find(|line| line.starts_with("Authenticat")).unwrap();
        assert!(row.chars().count() <= columns && row.contains("10-27 04:02:10"), "{columns}: {out}");
    }
}

/// Returns what a command prints on a terminal of this width; `None` where `script` cannot make one.
#[cfg(target_os = "linux")]
fn on_terminal(tree: &Tree, columns: usize, args: &str) -> Option<String> {
    let command = format!("COLUMNS={columns} {} {args} --no-pager", env!("CARGO_BIN_EXE_llmlogs"));
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(tree.folder()).stdin(Stdio::null());
    script.env("TERM", "xterm").env("NO_COLOR", "1").env("TZ", "UTC").env_remove("COLUMNS");
    Some(String::from_utf8(script.output().ok()?.stdout).unwrap())
}

/// A real terminal, where `script` can make one.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_and_cut_lines() {
    let tree = Tree::usual();
    let run = |extra: &[(&str, &str)]| {
        let command = format!("COLUMNS=80 {} ls --no-pager", env!("CARGO_BIN_EXE_llmlogs"));
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(tree.folder()).stdin(Stdio::null());
        script
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env_remove("NO_COLOR")
            .env_remove("COLUMNS")
            .env_remove("CI");
        script.envs(extra.iter().copied());
        script.output().ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let Some(out) = run(&[]) else { return };
    assert!(out.contains("\x1b[31mRateLimitError"), "{out:?}");
    for line in out.lines() {
        assert!(unstyled(line).trim_end().chars().count() <= 80, "{line:?}");
    }
    assert!(!run(&[("NO_COLOR", "1")]).unwrap().contains('\x1b'));
}

#[cfg(target_os = "linux")]
fn unstyled(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[test]
fn the_lines_of_help_were_broken_twice() {
    let commands = [
        "ls", "show", "search", "stats", "failures", "diff", "tail", "alerts", "watch", "serve", "export",
        "prune", "doctor",
    ];
    let tree = Tree::empty();
    for command in commands.map(Some).into_iter().chain([None]) {
        let args: Vec<_> = command.into_iter().chain(["--help"]).collect();
        let notes = |columns: usize| -> Vec<String> {
            let output = tree.command(&args).env("COLUMNS", columns.to_string()).output().unwrap();
            let help = String::from_utf8(output.stdout).unwrap();
            let (_, notes) = help.split_once("\nExamples:\n").unwrap();
            notes.lines().map(str::to_owned).collect()
        };
        let aligned = |columns| -> Vec<String> {
            notes(columns).into_iter().filter(|line| line.starts_with(' ')).collect()
        };
        assert_eq!(aligned(80), aligned(100), "{command:?}");
        for columns in [80, 100] {
            for pair in notes(columns).windows(2) {
                let [line, next] = pair else { continue };
                let is_paragraph = |line: &str| !line.is_empty() && !line.starts_with(' ');
                if is_paragraph(next) && is_paragraph(line) && !line.ends_with(['.', ':', ')']) {
                    let word = next.split(' ').next().unwrap().chars().count();
                    assert!(
                        line.chars().count() + 1 + word > columns,
                        "{command:?} {columns}: {line}\n{next}"
                    );
                }
            }
        }
    }
}
