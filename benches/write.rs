//! Calls from their close to their finished folders, index included, beside a bare loop of the system calls without
//! which no such folders can be: what the disk and the kernel take, whoever writes.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use tracing_llmlogs::LlmCall;

/// How many calls are written before they are waited for: a tenth on disks, which take a second for 2,000.
fn calls(place: &str) -> u32 {
    if place == "tmpfs" { 2000 } else { 200 }
}

/// The sizes of a call's five files and of its line in the index.
#[derive(Debug)]
struct Sizes {
    files: Vec<(String, usize)>,
    line: usize,
}

impl Sizes {
    fn of_a_call() -> Sizes {
        let recorder = support::recorder(&support::fast_place());
        make_calls(&recorder, 1);
        let session = recorder.guard.session_dir();
        let call = folders(&session).into_iter().next().unwrap();
        let files = fs::read_dir(call).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len() as usize)
        });
        let line = fs::metadata(session.join("index.jsonl")).unwrap().len() as usize;
        Sizes { files: files.collect(), line }
    }
}

fn folders(below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

fn make_calls(recorder: &support::Recorder, count: u32) {
    let (request, response) = (support::raw(support::request()), support::raw(support::response()));
    tracing::dispatcher::with_default(&recorder.dispatch, || {
        for _ in 0..count {
            LlmCall::builder("openai", "gpt-4o").request(&request).start().finish(&response);
        }
    });
    recorder.flush();
}

/// The same folders and the same bytes, relative to open folders as the recorder does it.
#[cfg(unix)]
mod floor {
    use rustix::fd::OwnedFd;
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, renameat};
    use rustix::io::write;

    use super::{Path, Sizes};

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    const NEW: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::CLOEXEC);
    const APPEND: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::APPEND).union(OFlags::CLOEXEC);

    pub struct Floor<'s> {
        session: OwnedFd,
        index: OwnedFd,
        sizes: &'s Sizes,
        bytes: Vec<u8>,
        calls: u64,
    }

    impl<'s> Floor<'s> {
        pub fn new(root: &Path, sizes: &'s Sizes) -> Self {
            let session = openat(CWD, root, FOLDER, Mode::empty()).unwrap();
            let index = openat(&session, "index.jsonl", APPEND, Mode::RUSR | Mode::WUSR).unwrap();
            let longest = sizes.files.iter().map(|(_, size)| *size).max().unwrap_or(0);
            Floor { session, index, sizes, bytes: vec![b'x'; longest.max(sizes.line)], calls: 0 }
        }

        pub fn call(&mut self) {
            self.calls += 1;
            let name = format!("call_20251027_040210_{:03}", self.calls);
            mkdirat(&self.session, &*name, Mode::RWXU).unwrap();
            let folder = openat(&self.session, &*name, FOLDER, Mode::empty()).unwrap();
            for (name, size) in &self.sizes.files {
                let whole_or_not_at_all = name == "metadata.json";
                let first = if whole_or_not_at_all { "metadata.json.tmp" } else { name };
                let file = openat(&folder, first, NEW, Mode::RUSR | Mode::WUSR).unwrap();
                assert_eq!(write(&file, &self.bytes[..*size]).unwrap(), *size);
                drop(file);
                if whole_or_not_at_all {
                    renameat(&folder, first, &folder, &**name).unwrap();
                }
            }
            write(&self.index, &self.bytes[..self.sizes.line]).unwrap();
        }
    }
}

fn bench(criterion: &mut Criterion) {
    let sizes = Sizes::of_a_call();
    println!("a call is {sizes:?}");
    for (name, place) in support::places() {
        let calls = calls(name);
        let mut group = criterion.benchmark_group("write");
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(calls.into()));
        #[cfg(unix)]
        group.bench_function(BenchmarkId::new("system_calls", name), |b| {
            let root = tempfile::tempdir_in(&place).unwrap();
            let mut floor = floor::Floor::new(root.path(), &sizes);
            b.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations * u64::from(calls) {
                    floor.call();
                }
                start.elapsed()
            });
        });
        group.bench_function(BenchmarkId::new("llmlogs", name), |b| {
            let recorder = support::recorder(&place);
            b.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    make_calls(&recorder, calls);
                }
                start.elapsed()
            });
        });
        group.finish();
        let (floor, ours) = (format!("system_calls/{name}"), format!("llmlogs/{name}"));
        support::ratios("write", &floor, &[&ours], calls);
    }
}

criterion_group!(name = benches; config = support::criterion(); targets = bench);
criterion_main!(benches);
