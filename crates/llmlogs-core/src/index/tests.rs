//! Whatever happens to the files, the answers are those of a reader that begins anew.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::query::Filter;
use crate::read::{Event, Root};

use super::{Follower, Snapshot};

/// Numbers that look like chance, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }
}

struct Tree {
    root: tempfile::TempDir,
    chance: Chance,
    /// Of each session, what holds it as running, and the number of its last call.
    sessions: BTreeMap<PathBuf, (Option<File>, u64)>,
}

const DAYS: [&str; 3] = ["20251026", "20251027", "20251028"];

impl Tree {
    fn new(seed: u64) -> Self {
        Tree { root: tempfile::tempdir().unwrap(), chance: Chance(seed), sessions: BTreeMap::new() }
    }

    fn session(&mut self) -> PathBuf {
        let (day, hour) = (self.chance.of(&DAYS), self.chance.below(3));
        let dir = self.root.path().join("root").join(day).join(format!("session_{day}_0{hour}0000"));
        if !dir.exists() {
            fs::create_dir_all(&dir).unwrap();
            let alive = match self.chance.below(4) {
                // The older logger's.
                0 => None,
                1 => {
                    fs::write(dir.join("session.json"), "{}").unwrap();
                    None
                }
                _ => {
                    fs::write(dir.join("session.json"), "{}").unwrap();
                    let file = File::open(dir.join("session.json")).unwrap();
                    file.lock().unwrap();
                    Some(file)
                }
            };
            self.sessions.insert(dir.clone(), (alive, 0));
        }
        dir
    }

    fn next_id(&mut self, session: &Path) -> String {
        let (_, last) = self.sessions.get_mut(session).unwrap();
        *last += 1;
        let day = session.parent().unwrap().file_name().unwrap().to_str().unwrap();
        if self.chance.below(20) == 0 {
            return format!("call_odd_{last}");
        }
        format!("call_{day}_00{:02}{:02}_{last:03}", last.div_euclid(60), last.rem_euclid(60))
    }

    fn any_call(&mut self, session: &Path) -> Option<PathBuf> {
        let mut calls: Vec<PathBuf> =
            fs::read_dir(session).unwrap().map(|entry| entry.unwrap().path()).collect();
        calls.retain(|path| path.is_dir());
        calls.sort();
        if calls.is_empty() { None } else { Some(self.chance.of(&calls)) }
    }

    fn line(&mut self, id: &str, start: f64) -> String {
        let status = self.chance.of(&["ok", "ok", "error", "cancelled"]);
        let (kind, message) = match status {
            "error" => (
                self.chance.of(&["RateLimitError", "TimeoutError"]),
                format!("in {} \\\"ms\\\"", self.chance.below(99)),
            ),
            _ => ("", String::new()),
        };
        let tokens = self.chance.below(2000);
        let latency = self.chance.of(&["15", "2500", "90000", "1e300"]);
        let tools = self.chance.of(&["", "\"a\"", "\"a\",\"b\\n\"", "\"a\",\"a\""]);
        let model = self.chance.of(&["gpt-4o", "m\\u00e9", ""]);
        let (attempts, first) = (self.chance.of(&[0, 0, 3]), self.chance.of(&["null", "0", "70"]));
        let reason = self.chance.of(&["stop", "length", ""]);
        let text = self.chance.of(&["hello there", "rate limit", ""]);
        format!(
            "{{\"call_id\":\"{id}\",\"timestamp\":{start},\"status\":\"{status}\",\"provider\":\"p\",\"model\":\"{model}\",\"http_status\":200,\"error_type\":\"{kind}\",\"error_message\":\"{message}\",\"finish_reason\":\"{reason}\",\"prompt_tokens\":{tokens},\"completion_tokens\":7,\"total_tokens\":{tokens},\"latency_ms\":{latency},\"time_to_first_token_ms\":{first},\"total_cost\":0.{tokens},\"currency\":\"USD\",\"attempts\":{attempts},\"waited_ms\":{attempts},\"tool_names\":[{tools}],\"user_message\":\"{text}\",\"context\":{{\"tenant\":\"{kind}\"}},\"context_complete\":true}}\n"
        )
    }

    /// As its name has it; a name without a time is the oldest of its day.
    fn start_of(session: &Path, id: &str) -> f64 {
        let start = crate::format::call_id::CallId::of(id.as_bytes()).timestamp();
        if start > 0.0 {
            return start;
        }
        let day = session.parent().unwrap().file_name().unwrap().to_str().unwrap();
        crate::format::call_id::CallId::of(format!("call_{day}_000000_001").as_bytes()).timestamp()
    }

    fn append(&self, session: &Path, text: &str) {
        let mut index =
            OpenOptions::new().create(true).append(true).open(session.join("index.jsonl")).unwrap();
        index.write_all(text.as_bytes()).unwrap();
    }

    fn finish(&mut self, call: &Path) {
        let id = call.file_name().unwrap().to_str().unwrap().to_owned();
        let session = call.parent().unwrap().to_owned();
        let metadata = serde_json::json!({
            "call_id": id, "timestamp": Self::start_of(&session, &id), "schema_version": 1, "status": "ok",
            "api_info": {"model": "gpt-4o", "provider": "p"}, "performance": {"latency_ms": 12},
            "context": {"user_message": "hello from a folder"},
        });
        fs::write(call.join("metadata.json"), metadata.to_string()).unwrap();
    }

    fn step(&mut self) {
        let session = self.session();
        match self.chance.below(26) {
            // A call begins.
            0..=4 => {
                let id = self.next_id(&session);
                fs::create_dir(session.join(&id)).unwrap();
                if self.chance.below(2) == 0 {
                    fs::write(session.join(&id).join("input.json"), "{}").unwrap();
                }
            }
            // One ends, with a line or without, or is written once more.
            5..=7 => {
                if let Some(call) = self.any_call(&session) {
                    self.finish(&call);
                }
            }
            8..=11 => {
                if let Some(call) = self.any_call(&session) {
                    self.finish(&call);
                    let id = call.file_name().unwrap().to_str().unwrap().to_owned();
                    let line = self.line(&id, Self::start_of(&session, &id));
                    self.append(&session, &line);
                }
            }
            // One that has a line alone.
            12..=15 => {
                let id = self.next_id(&session);
                let line = self.line(&id, Self::start_of(&session, &id));
                self.append(&session, &line);
            }
            // Half a line, which goes on later, or is damaged by the next one.
            16 => self.append(&session, "{\"call_id\":"),
            17 => self.append(&session, "\n"),
            // Retention, and rm -rf.
            18 => {
                if let Some(call) = self.any_call(&session) {
                    fs::remove_dir_all(call).unwrap();
                }
            }
            19 => {
                fs::remove_dir_all(&session).unwrap();
                self.sessions.remove(&session);
            }
            20 => {
                let what = self.chance.below(6);
                let day = session.parent().unwrap().to_owned();
                let gone = if what == 0 { self.root.path().join("root") } else { day };
                if what < 3 {
                    fs::remove_dir_all(&gone).unwrap();
                    self.sessions.retain(|dir, _| !dir.starts_with(&gone));
                }
            }
            // The index is replaced, as a repair does it, is shorter, or is gone.
            21 => {
                let path = session.join("index.jsonl");
                let kept = fs::read_to_string(&path).unwrap_or_default();
                let kept: Vec<&str> = kept.lines().filter(|_| self.chance.below(3) > 0).collect();
                fs::write(
                    session.join("index.tmp"),
                    kept.iter().map(|line| format!("{line}\n")).collect::<String>(),
                )
                .unwrap();
                fs::rename(session.join("index.tmp"), path).unwrap();
            }
            22 => {
                if let Ok(file) = OpenOptions::new().write(true).open(session.join("index.jsonl")) {
                    let length = file.metadata().unwrap().len();
                    file.set_len(self.chance.below(length + 1)).unwrap();
                }
            }
            // It is packed, or folders come back.
            #[cfg(feature = "pack")]
            23 => drop(crate::archive::Packer::new().pack(&session, &|| true).unwrap()),
            #[cfg(feature = "pack")]
            24 => drop(crate::archive::Unpacker::new().unpack(&session, &|| true).unwrap()),
            // The program ends.
            _ => self.sessions.get_mut(&session).unwrap().0 = None,
        }
    }
}

/// What answers say, as text.
fn by_reader(root: &Path, query: &str) -> Vec<String> {
    let Ok(root) = Root::open(root) else { return vec!["no root".to_owned()] };
    let filter = Filter::parse(query).unwrap();
    let mut said = Vec::new();
    for entry in root.query(filter.clone()) {
        said.push(match entry {
            Ok(entry) => shown(&entry),
            Err(error) => format!("! {error}"),
        });
    }
    // A list says at its end what cannot be read.
    said.sort_by_key(|line| line.starts_with('!'));
    let totals = root.totals(&filter).unwrap();
    said.push(serde_json::to_string(&totals).unwrap());
    let mut failures = root.failures(&filter).unwrap();
    let examples = failures.by_type.iter_mut().map(|kind| &mut kind.count);
    // Of calls that started at the same time any may be the example.
    examples
        .chain(failures.causes.iter_mut().map(|cause| &mut cause.count))
        .for_each(|count| count.example = PathBuf::new());
    said.push(serde_json::to_string(&failures).unwrap());
    said.push(format!("{:?}", root.facets(&filter).unwrap().status));
    said.push(format!("{:?}", root.series(&filter, 7).unwrap().buckets));
    said
}

fn shown(entry: &crate::read::Entry) -> String {
    let json = String::from_utf8_lossy(entry.as_json()).into_owned();
    format!("{} {} {json}", entry.call().dir().display(), entry.call().state().as_str())
}

fn by_snapshot(snapshot: &Snapshot, root: &Path, query: &str) -> Vec<String> {
    if !root.exists() {
        return vec![if snapshot.count() == 0 {
            "no root".to_owned()
        } else {
            "calls without a root".to_owned()
        }];
    }
    let filter = Filter::parse(query).unwrap();
    let list = snapshot.list(&filter, 0, usize::MAX);
    assert_eq!(list.total, list.calls.len());
    for (place, entry) in list.calls.iter().enumerate() {
        let page = snapshot.list(&filter, place, 1);
        assert_eq!(page.calls.iter().map(shown).collect::<Vec<_>>(), [shown(entry)], "{place}");
        let neighbours = snapshot.neighbours(&filter, entry.call().dir()).unwrap();
        let dir = |place: Option<usize>| Some(list.calls.get(place?)?.call().dir().to_owned());
        assert_eq!(neighbours.position, Some(place + 1));
        assert_eq!((neighbours.newer, neighbours.older), (dir(place.checked_sub(1)), dir(Some(place + 1))));
    }
    let mut said: Vec<String> = list.calls.iter().map(shown).collect();
    said.extend(list.unreadable.iter().map(|error| format!("! {error}")));
    said.push(serde_json::to_string(&snapshot.totals(&filter)).unwrap());
    let mut failures = snapshot.failures(&filter);
    let examples = failures.by_type.iter_mut().map(|kind| &mut kind.count);
    examples
        .chain(failures.causes.iter_mut().map(|cause| &mut cause.count))
        .for_each(|count| count.example = PathBuf::new());
    said.push(serde_json::to_string(&failures).unwrap());
    said.push(format!("{:?}", snapshot.facets(&filter).status));
    said.push(format!("{:?}", snapshot.series(&filter, 7).buckets));
    said
}

const QUERIES: [&str; 7] = [
    "",
    "status:error",
    "model:gpt* latency:<80s",
    "text:rate",
    "body:\"O THERE\" model:gpt*",
    "context:tenant=RateLimit* tool:a",
    "date:20251027 status:in-flight,interrupted,ok",
];

/// Polls until the answers are those of a reader; within one tick of the file system's clock they may differ.
fn settle(follower: &mut Follower, root: &Path, what: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for attempt in 0.. {
        let polled = follower.poll(Duration::from_secs(60)).unwrap();
        events.extend(polled.events.into_iter().map(|(event, _)| event));
        let snapshot = follower.snapshot();
        let differs =
            QUERIES.iter().find(|query| by_snapshot(&snapshot, root, query) != by_reader(root, query));
        let Some(query) = differs else { return events };
        if attempt == 40 {
            assert_eq!(by_snapshot(&snapshot, root, query), by_reader(root, query), "{what}, {query}");
        }
        std::thread::sleep(Duration::from_millis(5 * attempt));
    }
    unreachable!()
}

#[test]
fn whatever_happens_to_the_files_answers_are_those_of_a_reader() {
    for seed in 1..=3 {
        let mut tree = Tree::new(seed);
        let root = tree.root.path().join("root");
        for _ in 0..tree.chance.below(30) {
            tree.step();
        }
        let mut follower = Follower::new(&root);
        settle(&mut follower, &root, &format!("seed {seed}, at the start"));
        for step in 0..25 {
            for _ in 0..=tree.chance.below(4) {
                tree.step();
            }
            settle(&mut follower, &root, &format!("seed {seed}, step {step}"));
        }
    }
}

#[test]
fn a_search_of_bodies_ends_when_nobody_waits_for_it() {
    let root = tempfile::tempdir().unwrap();
    let session = root.path().join("20251027/session_20251027_000000");
    for number in 1..=3 {
        let call = session.join(format!("call_20251027_00000{number}_00{number}"));
        fs::create_dir_all(&call).unwrap();
        fs::write(
            call.join("input.json"),
            r#"{"messages":[{"content":"the oldest message"},{"content":"x"}]}"#,
        )
        .unwrap();
    }
    let mut follower = Follower::new(root.path());
    follower.poll(Duration::from_secs(60)).unwrap();
    let filter = Filter::parse("body:\"oldest message\"").unwrap();
    let gone = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let snapshot = follower.snapshot().while_waited_for(gone.clone());
    assert_eq!(snapshot.list(&filter, 0, 10).total, 3);
    gone.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(snapshot.list(&filter, 0, 10).total, 0);
}
