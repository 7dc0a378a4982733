//! Sessions that are packed and unpacked again, ended at every step, and with everything in them that can be wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use llmlogs_core::archive::{Packer, SessionReport, Skipped, Unpacker};
use llmlogs_core::compose::StoredBodies;
use llmlogs_core::format::{IndexEntry, Metadata, SessionInfo, Status, lock};
use llmlogs_core::read::{Call, ErrorKind, Root, Session, State};
use llmlogs_core::render::Language;
use proptest::prelude::*;

const DAY: &str = "20251027";
const ID: &str = "20251027_040000";

/// A root with one session, which is over.
struct Fixture {
    root: tempfile::TempDir,
}

/// The contents of a call's files, without `metadata.json`.
#[derive(Debug, Clone, Default)]
struct Bodies {
    input: Option<String>,
    output: Option<String>,
    input_text: Option<String>,
    output_text: Option<String>,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Fixture { root: tempfile::tempdir().unwrap() };
        fs::create_dir_all(fixture.session()).unwrap();
        let mut info = SessionInfo::default();
        info.session_id = ID.into();
        info.session_uid = "9f86d081884c7d659a2feaa0c55ad015".into();
        info.ended_at = Some("2025-10-27T05:00:00.000+00:00".into());
        fs::write(fixture.session().join("session.json"), serde_json::to_vec(&info).unwrap()).unwrap();
        fixture
    }

    /// Some calls as a recorder writes them: an answer, a failure in Chinese, and one without bodies.
    fn usual() -> Self {
        let fixture = Fixture::new();
        for number in 1..=3 {
            let mut metadata = metadata(number);
            let request = format!(
                "{{\n  \"model\": \"m\",\n  \"messages\": [\n    {{\n      \"role\": \"user\",\n      \"content\": \"{number}\"\n    }}\n  ]\n}}\n"
            );
            let mut bodies = Bodies { input: Some(request), ..Bodies::default() };
            match number {
                1 => {
                    bodies.output = Some(
                        "{\"choices\": [{\"message\": {\"role\": \"assistant\", \"content\": \"yes\"}}]}\n"
                            .into(),
                    );
                    render(&metadata, &mut bodies, Language::English);
                }
                2 => {
                    metadata.status = Status::Error;
                    metadata.response_info.error = true;
                    metadata.response_info.error_type = "TimeoutError".into();
                    bodies.output = Some("{\"error\": true, \"body\": null, \"partial\": null}\n".into());
                    render(&metadata, &mut bodies, Language::Chinese);
                }
                _ => bodies = Bodies::default(),
            }
            fixture.call(number, &metadata.to_file().unwrap(), &bodies);
            fixture.index(&metadata);
        }
        fixture
    }

    fn session(&self) -> PathBuf {
        self.root.path().join(DAY).join(format!("session_{ID}"))
    }

    fn call(&self, number: u64, metadata: &[u8], bodies: &Bodies) -> PathBuf {
        let dir = self.session().join(name(number));
        fs::create_dir_all(&dir).unwrap();
        let Bodies { input, output, input_text, output_text } = bodies;
        for (name, contents) in [
            ("input.json", input),
            ("output.json", output),
            ("input.txt", input_text),
            ("output.txt", output_text),
        ] {
            if let Some(contents) = contents {
                fs::write(dir.join(name), contents).unwrap();
            }
        }
        fs::write(dir.join("metadata.json"), metadata).unwrap();
        dir
    }

    fn index(&self, metadata: &Metadata) {
        let path = self.session().join("index.jsonl");
        let mut index = fs::read(&path).unwrap_or_default();
        index.extend(IndexEntry::from(metadata).to_line().unwrap());
        index.push(b'\n');
        fs::write(path, index).unwrap();
    }

    /// Every file of the session, by its path.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut pending = vec![self.session()];
        while let Some(dir) = pending.pop() {
            for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    pending.push(entry.path());
                } else {
                    let path = entry.path().strip_prefix(self.session()).unwrap().display().to_string();
                    files.insert(path, fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
        files
    }

    /// The names of what is in the session's folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.session()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a reader finds: by the id of each call, what `metadata.json`, `input.json` and `output.json` hold.
    fn read(&self) -> BTreeMap<String, [Option<Vec<u8>>; 3]> {
        let mut found = BTreeMap::new();
        let session = self.opened();
        for call in session.calls().unwrap() {
            assert_eq!(call.state(), State::Finished, "{}", call.id());
            let files = [call.raw_metadata().ok(), call.input().ok(), call.output().ok()];
            assert!(found.insert(call.id().to_owned(), files).is_none(), "{} twice", call.id());
        }
        for entries in [
            session.entries().map(|entry| entry.unwrap().call().id().to_owned()).collect::<Vec<_>>(),
            session.newest().map(|entry| entry.unwrap().call().id().to_owned()).collect(),
        ] {
            let mut sorted = entries.clone();
            sorted.sort();
            assert_eq!(sorted, found.keys().cloned().collect::<Vec<_>>());
        }
        found
    }

    fn opened(&self) -> Session {
        let root = Root::open(self.root.path()).unwrap();
        let day = root.days().unwrap().next().unwrap();
        day.sessions().unwrap().next().unwrap()
    }

    fn pack(&self) -> SessionReport {
        Packer::new().pack(&self.session(), &|| true).unwrap()
    }

    fn unpack(&self) -> SessionReport {
        Unpacker::new().unpack(&self.session(), &|| true).unwrap()
    }
}

fn name(number: u64) -> String {
    format!("call_20251027_0400{:02}_{number:03}", number % 60)
}

fn metadata(number: u64) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.schema_version = 1;
    metadata.call_id = name(number);
    metadata.session_id = ID.into();
    metadata.timestamp = 1_761_537_600.0 + number as f64;
    metadata.started_at = "2025-10-27T04:00:00.000+00:00".into();
    metadata.api_info.provider = "openai".into();
    metadata.api_info.model = "m".into();
    metadata.api_info.base_url = "https://api.openai.com".into();
    metadata.api_info.endpoint = "/v1/chat/completions".into();
    metadata.api_info.operation = "chat".into();
    metadata
}

fn render(metadata: &Metadata, bodies: &mut Bodies, language: Language) {
    let stored = StoredBodies::new(metadata, bodies.input.as_deref(), bodies.output.as_deref());
    (bodies.input_text, bodies.output_text) = (stored.input_text(), stored.output_text(language));
}

/// Returns what is to be asked so that the procedure ends at its `step`th step.
fn until(step: u32, taken: &Cell<u32>) -> impl Fn() -> bool {
    move || {
        taken.set(taken.get() + 1);
        taken.get() <= step
    }
}

#[test]
fn a_session_is_two_files_beside_its_index_and_comes_back_to_the_byte() {
    let fixture = Fixture::usual();
    let (files, read) = (fixture.files(), fixture.read());
    let report = fixture.pack();
    assert_eq!((report.calls, report.kept.len(), report.skipped), (3, 0, None));
    assert_eq!((report.before.inodes, report.after.inodes), (5 + 1 + 5 + 1 + 1 + 1, 2));
    assert_eq!(fixture.names(), ["bodies.parquet", "calls.parquet", "index.jsonl", "session.json"]);
    assert_eq!(fixture.read(), read);
    let call = Call::open(fixture.session().join(name(1))).unwrap();
    assert!(call.is_packed());
    assert_eq!(call.conversation().unwrap().answer(), "yes");
    assert_eq!(Packer::new().pack(&fixture.session(), &|| true).unwrap().calls, 0);

    assert_eq!(fixture.unpack().calls, 3);
    assert_eq!(fixture.files(), files);
    assert_eq!(fixture.unpack().calls, 0);
}

#[test]
fn wherever_packing_and_unpacking_end_nothing_is_lost_or_doubled_and_the_next_run_goes_on() {
    let fixture = Fixture::usual();
    let (files, read) = (fixture.files(), fixture.read());
    for (steps, is_packing) in [(0.., true), (0.., false)] {
        for step in steps {
            let taken = Cell::new(0);
            let go_on = until(step, &taken);
            let ended = if is_packing {
                Packer::new().pack(&fixture.session(), &go_on)
            } else {
                Unpacker::new().unpack(&fixture.session(), &go_on)
            };
            assert_eq!(fixture.read(), read, "step {step}");
            match ended {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{error}"),
            }
        }
    }
    assert_eq!(fixture.files(), files);
}

#[test]
fn calls_of_a_session_that_went_on_join_the_packed_ones() {
    let fixture = Fixture::usual();
    fixture.pack();
    let more = metadata(4);
    fixture.call(4, &more.to_file().unwrap(), &Bodies { input: Some("{}\n".into()), ..Bodies::default() });
    // Its index lacks it.
    let (files, read) = (fixture.files(), fixture.read());
    assert_eq!(read.len(), 4);
    let report = fixture.pack();
    assert_eq!(report.calls, 1);
    assert_eq!(fixture.read(), read);
    let index = fs::read_to_string(fixture.session().join("index.jsonl")).unwrap();
    assert!(index.lines().last().unwrap().contains(&name(4)));
    fixture.unpack();
    assert_eq!(
        fixture.files()[&format!("{}/input.json", name(4))],
        files[&format!("{}/input.json", name(4))]
    );
}

#[test]
fn a_folder_that_is_not_what_was_packed_is_what_counts() {
    let fixture = Fixture::usual();
    let before = fixture.files();
    fixture.pack();
    let mut other = metadata(1);
    other.api_info.model = "another".into();
    fixture.call(1, &other.to_file().unwrap(), &Bodies::default());
    let call = Call::open(fixture.session().join(name(1))).unwrap();
    assert_eq!(call.metadata().unwrap().api_info.model, "another");
    // Neither is lost by unpacking.
    let report = fixture.unpack();
    assert_eq!((report.calls, report.kept.len()), (2, 1));
    assert!(fixture.names().contains(&"bodies.parquet".to_owned()));
    assert_eq!(fixture.pack().calls, 1);
    assert_eq!(fixture.read()[&name(1)][0], Some(other.to_file().unwrap()));
    assert_eq!(fixture.read()[&name(2)][1].as_ref(), before.get(&format!("{}/input.json", name(2))));
}

#[test]
fn what_cannot_be_packed_stays_as_it_is_and_is_told() {
    let fixture = Fixture::usual();
    let whole = metadata(9).to_file().unwrap();
    let dir = |number| fixture.session().join(name(number));
    let json = Bodies { input: Some("{}\n".into()), ..Bodies::default() };
    fixture.call(4, b"{\"call_id\"", &json);
    fixture.call(5, &whole, &Bodies { output: Some("{\"torn".into()), ..json.clone() });
    fixture.call(6, &whole, &json);
    fs::write(dir(6).join("notes.md"), "mine").unwrap();
    fixture.call(7, &whole, &json);
    fs::remove_file(dir(7).join("metadata.json")).unwrap();
    fixture.call(8, &whole, &json);
    fs::write(dir(8).join("output.json"), [0xff, 0xfe]).unwrap();
    fixture.call(9, &whole, &json);
    fs::create_dir(dir(9).join("more")).unwrap();
    fixture.call(10, b"{\"timestamp\": 1.0}", &json);
    fs::write(fixture.session().join("mine.txt"), "mine").unwrap();
    let mut damaged = vec![4, 5, 6, 7, 8, 9, 10];
    #[cfg(unix)]
    {
        fixture.call(11, &whole, &Bodies::default());
        std::os::unix::fs::symlink("/etc/hostname", dir(11).join("input.json")).unwrap();
        std::os::unix::fs::symlink(dir(1), dir(12)).unwrap();
        damaged.push(11);
    }
    let before = fixture.files();
    let report = fixture.pack();
    assert_eq!(report.calls, 3);
    let mut kept: Vec<_> = report.kept.iter().map(|kept| kept.call.clone()).collect();
    kept.sort();
    let mut expected: Vec<_> = damaged.iter().map(|number| dir(*number)).collect();
    expected.sort();
    assert_eq!(kept, expected, "{:?}", report.kept);
    for (path, contents) in &before {
        if damaged.iter().any(|number| path.starts_with(&name(*number))) || path == "mine.txt" {
            assert_eq!(fixture.files().get(path), Some(contents), "{path}");
        }
    }
    fixture.unpack();
    let mut after = fixture.files();
    after.retain(|path, _| path != "index.jsonl");
    let mut before = before;
    before.retain(|path, _| path != "index.jsonl");
    assert_eq!(after, before);
}

#[test]
fn sessions_that_run_or_are_young_or_an_older_logger_s_are_left_alone() {
    let fixture = Fixture::usual();
    let before = fixture.files();
    let file = fs::File::open(fixture.session().join("session.json")).unwrap();
    lock::hold(&file);
    assert_eq!(fixture.pack().skipped, Some(Skipped::Running));
    drop(file);
    let ages = std::time::Duration::from_secs(20 * 365 * 86_400);
    let packer = Packer::new().older_than(ages);
    assert_eq!(packer.pack(&fixture.session(), &|| true).unwrap().skipped, Some(Skipped::Young));
    let dry = Packer::new().dry_run(true).pack(&fixture.session(), &|| true).unwrap();
    assert_eq!((dry.calls, dry.after.inodes), (3, 0));
    let session = fs::read(fixture.session().join("session.json")).unwrap();
    fs::remove_file(fixture.session().join("session.json")).unwrap();
    assert_eq!(fixture.pack().skipped, Some(Skipped::Older));
    fs::write(fixture.session().join("session.json"), session).unwrap();
    assert_eq!(fixture.files(), before);
    // An hour ago is long enough.
    let packer = Packer::new().older_than(std::time::Duration::from_secs(3600));
    assert_eq!(packer.pack(&fixture.session(), &|| true).unwrap().calls, 3);
}

#[test]
fn one_process_at_a_time_packs_a_session() {
    let fixture = Fixture::usual();
    let in_between = Cell::new(None);
    let go_on = || {
        if in_between.take().is_none() {
            in_between.set(Some((fixture.pack().skipped, fixture.unpack().skipped)));
        }
        true
    };
    let report = Packer::new().pack(&fixture.session(), &go_on).unwrap();
    assert_eq!(report.calls, 3);
    let (pack, _unpack) = in_between.take().unwrap();
    assert_eq!(pack, Some(Skipped::Busy));
}

#[test]
fn a_damaged_file_of_packed_calls_is_an_error_and_no_panic() {
    let fixture = Fixture::usual();
    fixture.pack();
    let path = fixture.session().join("bodies.parquet");
    let whole = fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(13) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        fs::write(&path, &damaged).unwrap();
        for number in 1..=3 {
            // Whatever it says, it says it.
            let call = Call::open(fixture.session().join(name(number)));
            let _read = call.and_then(|call| Ok((call.metadata()?, call.input()?, call.output()?)));
        }
        let _unpacked = Unpacker::new().unpack(&fixture.session(), &|| true);
        // Nothing of what was unpacked must change what the next round finds.
        for entry in fs::read_dir(fixture.session()).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = Call::open(fixture.session().join(name(1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.path().ends_with("bodies.parquet"), "{error}");
    assert_eq!(fixture.opened().entries().filter(Result::is_ok).count(), 3, "the index is read all the same");
}

/// JSON of any shape, as text.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\\PC{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(("(model|messages|content|role|choices|x)", inner), 0..4).prop_map(
                |members| {
                    let members: Vec<_> =
                        members.into_iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                    format!("{{{}}}", members.join(",\n"))
                }
            ),
        ]
    })
}

fn bodies() -> impl Strategy<Value = (Bodies, bool)> {
    let text = || prop::option::of("\\PC{0,40}");
    (prop::option::of(json()), prop::option::of(json()), text(), text(), any::<bool>()).prop_map(
        |(input, output, input_text, output_text, rendered)| {
            (Bodies { input, output, input_text, output_text }, rendered)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_calls_hold_comes_back_to_the_byte(
        calls in prop::collection::vec((bodies(), any::<bool>(), "\\PC{0,30}"), 1..6),
        ends_at in 0_u32..40,
    ) {
        let fixture = Fixture::new();
        for ((mut bodies, rendered), failed, text) in calls.clone() {
            let number = fixture.names().len() as u64;
            let mut metadata = metadata(number);
            metadata.context.user_message = text;
            metadata.response_info.error = failed;
            if rendered {
                render(&metadata, &mut bodies, Language::Chinese);
            }
            fixture.call(number, &metadata.to_file().unwrap(), &bodies);
            fixture.index(&metadata);
        }
        let (files, read) = (fixture.files(), fixture.read());
        let taken = Cell::new(0);
        let _ended = Packer::new().pack(&fixture.session(), &until(ends_at, &taken));
        prop_assert_eq!(&fixture.read(), &read);
        prop_assert_eq!(fixture.pack().kept.len(), 0);
        prop_assert_eq!(fixture.names().len(), 4);
        prop_assert_eq!(&fixture.read(), &read);
        fixture.unpack();
        prop_assert_eq!(fixture.files(), files);
    }
}
