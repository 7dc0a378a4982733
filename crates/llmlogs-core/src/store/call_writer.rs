//! The steps of writing a call, which can be resumed after a failure.
//!
//! No queue, thread or clock: whoever has a session and the contents of a call's files can write it.

use std::io;

use super::dir::Dir;
use super::session::{CallDir, Opened, Session};
use crate::format::Status;
use crate::format::layout::{
    INPUT_FILE, INPUT_TEXT_FILE, MEDIA_DIR, METADATA_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE,
};
use crate::format::time::LocalTime;

/// A medium that is kept beside the calls of a session, once.
#[derive(Debug, Clone, Copy)]
pub struct MediaFile<'c> {
    /// Its file's name, which tells it from every other one.
    pub name: &'c str,
    /// Its contents.
    pub bytes: &'c [u8],
}

/// The contents of a call's files about its request.
#[derive(Debug)]
pub struct RequestFiles<'c> {
    /// `input.json`
    pub json: &'c [u8],
    /// `input.txt`; `None` where text files are not written.
    pub text: Option<&'c str>,
    /// Media to keep.
    pub media: Vec<MediaFile<'c>>,
}

/// The contents of a call's files about its response.
#[derive(Debug)]
pub struct ResponseFiles<'c> {
    /// `output.json`
    pub json: &'c [u8],
    /// `output.txt`; `None` where text files are not written.
    pub text: Option<&'c str>,
    /// Media to keep.
    pub media: Vec<MediaFile<'c>>,
}

/// The contents of a finished call's files.
#[derive(Debug)]
pub struct CallFiles<'c> {
    /// `None` where they are on disk already, or bodies are not kept.
    pub request: Option<RequestFiles<'c>>,
    /// `None` where bodies are not kept.
    pub response: Option<ResponseFiles<'c>>,
    /// `metadata.json`
    pub metadata: Vec<u8>,
    /// The call's line in the index, without the newline at its end.
    pub index_line: Vec<u8>,
    /// How the call ended.
    pub status: Status,
    /// Whether the call is written without its bodies because memory or disk ran short.
    pub degraded: bool,
}

/// How far the writing of a call has come.
#[derive(Debug)]
enum Progress {
    /// Its directory has been created.
    Created,
    /// The files about the request are in it.
    RequestWritten,
    /// All files are in it, `metadata.json` last; the line in the index, newline included, is missing.
    FilesWritten { index_line: Vec<u8>, status: Status, degraded: bool },
    /// The call is written and counted.
    Done,
}

/// A call that is being written.
#[derive(Debug)]
pub struct CallWriter {
    dir: CallDir,
    progress: Progress,
}

/// Why a call could not be written to its end.
#[derive(Debug)]
pub enum WriteError {
    /// A step failed; another try begins with it.
    Failed(io::Error),
    /// Something else has the name of the call's directory: the call must be written into another one, by another
    /// writer.
    Obstructed(io::Error),
}

impl WriteError {
    /// Returns the error of the operating system.
    #[must_use]
    pub fn into_inner(self) -> io::Error {
        match self {
            WriteError::Failed(error) | WriteError::Obstructed(error) => error,
        }
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        WriteError::Failed(error)
    }
}

impl CallWriter {
    /// Creates the directory of the session's next call, which started at `started`.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn create(session: &mut Session, started: &LocalTime) -> io::Result<Self> {
        let dir = session.begin_call(started)?;
        Ok(CallWriter { dir, progress: Progress::Created })
    }

    /// Returns the call's id, which is the name of its directory.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.dir.name()
    }

    /// Returns whether the files about the request are still to be written, as far as is known: the directory may
    /// have vanished in the meantime.
    #[must_use]
    pub fn needs_request(&self) -> bool {
        matches!(self.progress, Progress::Created)
    }

    /// Writes the files about the request while the call is in flight. Without effect where they are on disk already.
    ///
    /// # Errors
    ///
    /// If one of them cannot be written.
    pub fn write_request(&mut self, session: &mut Session, files: &RequestFiles<'_>) -> io::Result<()> {
        let dir = match session.open_call(&self.dir)? {
            Opened::Existing(dir) => dir,
            Opened::Recreated(dir) => {
                self.progress = Progress::Created;
                dir
            }
            Opened::Obstructed(error) => return Err(error),
        };
        if self.needs_request() {
            self.write_request_files(session, &dir, files)?;
        }
        session.keep_open(&self.dir, dir);
        Ok(())
    }

    /// Writes what is still to be written of a finished call: its files, `metadata.json` last, then its line in the
    /// index; then the call counts as written.
    ///
    /// `compose` returns the contents of the files, given the call's id and whether those about the request are
    /// missing. It is not called where only the index lacks the call.
    ///
    /// # Errors
    ///
    /// If a step fails. The next try resumes with that step.
    pub fn write<'c>(
        &mut self,
        session: &mut Session,
        compose: impl FnOnce(&str, bool) -> io::Result<CallFiles<'c>>,
    ) -> Result<(), WriteError> {
        if matches!(self.progress, Progress::Created | Progress::RequestWritten) {
            let dir = match session.open_call(&self.dir)? {
                Opened::Existing(dir) => dir,
                Opened::Recreated(dir) => {
                    self.progress = Progress::Created;
                    dir
                }
                Opened::Obstructed(_by) => {
                    session.end_call(&self.dir);
                    return Err(WriteError::Obstructed(io::ErrorKind::AlreadyExists.into()));
                }
            };
            let files = compose(self.dir.name(), self.needs_request())?;
            self.write_files(session, &dir, files)?;
        }
        if let Progress::FilesWritten { index_line, status, degraded } = &self.progress {
            session.append_index(&self.dir, index_line)?;
            let (status, degraded) = (*status, *degraded);
            self.count(session, status, degraded);
        }
        Ok(())
    }

    /// Gives up writing the call; returns whether it counts as written all the same, because only its line in the
    /// index is missing: readers find it by its directory.
    pub fn abandon(mut self, session: &mut Session) -> bool {
        match self.progress {
            Progress::Created | Progress::RequestWritten => {
                session.end_call(&self.dir);
                false
            }
            Progress::FilesWritten { status, degraded, .. } => {
                self.count(session, status, degraded);
                true
            }
            Progress::Done => true,
        }
    }

    fn count(&mut self, session: &mut Session, status: Status, degraded: bool) {
        session.end_call(&self.dir);
        session.counters().call_written(status, degraded);
        self.progress = Progress::Done;
        #[cfg(test)]
        if let Ok(dir) = session.dir_of(&self.dir) {
            use super::dir::journal::{self, Step};
            journal::note(Step::Counted(dir.path().join(self.dir.name())));
        }
    }

    fn write_files(&mut self, session: &mut Session, dir: &Dir, files: CallFiles<'_>) -> io::Result<()> {
        let sync = session.syncs();
        if let Some(request) = files.request.filter(|_| self.needs_request()) {
            self.write_request_files(session, dir, &request)?;
        }
        if let Some(response) = files.response {
            self.keep_media(session, &response.media)?;
            dir.write(OUTPUT_FILE, response.json, sync)?;
            if let Some(text) = response.text {
                dir.write(OUTPUT_TEXT_FILE, text.as_bytes(), sync)?;
            }
        }
        dir.write_into_place(METADATA_FILE, &files.metadata, sync, |_| ())?;
        if sync {
            dir.sync()?;
        }
        let CallFiles { mut index_line, status, degraded, .. } = files;
        index_line.push(b'\n');
        self.progress = Progress::FilesWritten { index_line, status, degraded };
        Ok(())
    }

    fn write_request_files(
        &mut self,
        session: &mut Session,
        dir: &Dir,
        files: &RequestFiles<'_>,
    ) -> io::Result<()> {
        dir.write(INPUT_FILE, files.json, session.syncs())?;
        if let Some(text) = files.text {
            dir.write(INPUT_TEXT_FILE, text.as_bytes(), session.syncs())?;
        }
        self.keep_media(session, &files.media)?;
        self.progress = Progress::RequestWritten;
        Ok(())
    }

    /// Puts media beside the call's directory, each once a session.
    fn keep_media(&self, session: &mut Session, media: &[MediaFile<'_>]) -> io::Result<()> {
        if media.is_empty() {
            return Ok(());
        }
        let sync = session.syncs();
        let dir = session.dir_of(&self.dir)?.open_or_create_dir(MEDIA_DIR)?;
        for medium in media {
            if !dir.exists(medium.name) {
                dir.write_into_place(medium.name, medium.bytes, sync, |_| ())?;
            }
        }
        if sync { dir.sync() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::*;

    const MEDIUM: MediaFile<'_> = MediaFile { name: "ab.png", bytes: b"medium" };

    fn session(root: &Path, sync: bool) -> Session {
        Session::create(root, SystemTime::now(), sync, Arc::default()).unwrap()
    }

    fn files(call_id: &str, with_request: bool) -> CallFiles<'static> {
        CallFiles {
            request: with_request.then(|| RequestFiles {
                json: b"{}\n",
                text: Some("request"),
                media: vec![MEDIUM],
            }),
            response: Some(ResponseFiles { json: b"[]\n", text: Some("response"), media: vec![MEDIUM] }),
            metadata: format!("{{\"call_id\": \"{call_id}\"}}\n").into(),
            index_line: format!("{{\"call_id\":\"{call_id}\"}}").into(),
            status: Status::Error,
            degraded: false,
        }
    }

    fn write_one(session: &mut Session, started: SystemTime) {
        let mut writer = CallWriter::create(session, &LocalTime::of(started)).unwrap();
        writer.write(session, |id, with_request| Ok(files(id, with_request))).unwrap();
    }

    #[test]
    fn a_write_that_failed_resumes_where_it_failed() {
        let root = tempfile::tempdir().unwrap();
        let mut session = session(root.path(), false);
        let path = session.path();
        let mut writer = CallWriter::create(&mut session, &LocalTime::of(SystemTime::now())).unwrap();
        let call = path.join(writer.call_id());
        let request = files("", true).request.unwrap();
        writer.write_request(&mut session, &request).unwrap();
        assert!(!writer.needs_request());
        assert!(call.join("input.txt").exists() && path.join("media/ab.png").exists());

        // Something has the name of output.txt.
        fs::create_dir(call.join("output.txt")).unwrap();
        let failed = writer.write(&mut session, |id, with_request| Ok(files(id, with_request)));
        assert!(matches!(failed, Err(WriteError::Failed(_))), "{failed:?}");
        assert!(!call.join("metadata.json").exists());
        fs::remove_dir(call.join("output.txt")).unwrap();

        // The index cannot be written.
        fs::create_dir(path.join("index.jsonl")).unwrap();
        writer.write(&mut session, |id, with_request| Ok(files(id, with_request))).unwrap_err();
        assert!(call.join("metadata.json").exists());
        assert_eq!(session.counters().now().calls, 0);
        fs::remove_dir(path.join("index.jsonl")).unwrap();

        writer.write(&mut session, |_, _| unreachable!("all files are written")).unwrap();
        let line = format!("{{\"call_id\":\"{}\"}}\n", writer.call_id());
        assert_eq!(fs::read_to_string(path.join("index.jsonl")).unwrap(), line);
        writer.write(&mut session, |_, _| unreachable!("the call is done")).unwrap();
        let counters = session.counters().now();
        assert_eq!((counters.calls, counters.errors), (1, 1), "a call is counted once");
    }

    #[test]
    fn an_abandoned_call_counts_as_written_if_only_its_index_line_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let mut session = session(root.path(), false);
        let now = LocalTime::of(SystemTime::now());
        let unwritten = CallWriter::create(&mut session, &now).unwrap();
        let mut unlisted = CallWriter::create(&mut session, &now).unwrap();
        fs::create_dir(session.path().join("index.jsonl")).unwrap();
        unlisted.write(&mut session, |id, with_request| Ok(files(id, with_request))).unwrap_err();
        assert!(!unwritten.abandon(&mut session));
        assert!(unlisted.abandon(&mut session));
        assert_eq!(session.counters().now().calls, 1);
    }

    #[test]
    fn a_directory_that_vanished_gets_its_request_again_and_one_that_is_taken_is_obstructed() {
        let root = tempfile::tempdir().unwrap();
        let mut session = session(root.path(), false);
        let now = LocalTime::of(SystemTime::now());
        let mut vanished = CallWriter::create(&mut session, &now).unwrap();
        vanished.write_request(&mut session, &files("", true).request.unwrap()).unwrap();
        let mut taken = CallWriter::create(&mut session, &now).unwrap();
        let path = session.path();
        session.reset();
        fs::remove_dir_all(path.join(vanished.call_id())).unwrap();
        vanished.write(&mut session, |id, with_request| Ok(files(id, with_request))).unwrap();
        assert!(path.join(vanished.call_id()).join("input.json").exists());

        fs::remove_dir(path.join(taken.call_id())).unwrap();
        fs::write(path.join(taken.call_id()), "").unwrap();
        let written = taken.write(&mut session, |id, with_request| Ok(files(id, with_request)));
        assert!(matches!(written, Err(WriteError::Obstructed(_))), "{written:?}");
    }

    #[test]
    #[cfg(unix)]
    fn a_call_that_counts_as_written_survives_a_power_failure() {
        use super::super::dir::journal::{ForgetfulDisk, Step, steps};
        let above = tempfile::tempdir().unwrap();
        let root = above.path().join("logs/apiCall");
        let mut session = session(&root, true);
        for _ in 0..3 {
            write_one(&mut session, SystemTime::now());
        }
        write_one(&mut session, SystemTime::now() + Duration::from_secs(86_400));
        session.end().unwrap();
        let mut disk = ForgetfulDisk::default();
        let mut counted = 0;
        for step in steps(&root) {
            disk.apply(&step);
            if let Step::Counted(call) = step {
                counted += 1;
                assert_eq!(disk.at_risk(&call), Vec::<&Path>::new());
                assert_eq!(disk.at_risk(call.parent().unwrap()), Vec::<&Path>::new());
            }
        }
        assert_eq!(counted, 4);
    }

    #[test]
    #[cfg(unix)]
    fn without_sync_a_power_failure_may_cost_calls() {
        use super::super::dir::journal::{ForgetfulDisk, Step, steps};
        let root = tempfile::tempdir().unwrap();
        let mut session = session(root.path(), false);
        write_one(&mut session, SystemTime::now());
        session.end().unwrap();
        let mut disk = ForgetfulDisk::default();
        let steps = steps(root.path());
        let counted = steps.iter().find_map(|step| {
            disk.apply(step);
            if let Step::Counted(call) = step { Some(call) } else { None }
        });
        assert!(!disk.at_risk(counted.unwrap()).is_empty());
    }
}
