//! The files of one call: as its folder has them, and as a row has them.

use std::io::{self, Read};

use bytes::Bytes;

use crate::compose::StoredBodies;
use crate::format::layout::{
    CALL_FILES, INPUT_FILE, INPUT_TEXT_FILE, METADATA_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE, unpacked_name,
};
use crate::format::{Metadata, lenient};
use crate::render::Language;
use crate::store::dir::Dir;

/// The files of a finished call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallFiles {
    pub(super) metadata: Bytes,
    pub(super) input: Option<Bytes>,
    pub(super) output: Option<Bytes>,
    pub(super) input_text: Option<Bytes>,
    pub(super) output_text: Option<Bytes>,
}

impl CallFiles {
    /// Returns whether the folder `name` in the folder of its session is that of a finished call.
    pub(super) fn are_finished(session: &Dir, name: &str) -> bool {
        session.open_dir(name).is_ok_and(|dir| dir.exists(METADATA_FILE))
    }

    /// Reads the folder `name` in the folder of its session.
    ///
    /// # Errors
    ///
    /// Why the call cannot be packed, as text: it is not finished, has anything but a call's files, or cannot be read.
    pub(super) fn read(session: &Dir, name: &str) -> Result<Self, String> {
        let unreadable = |error: io::Error| error.to_string();
        let dir = session.open_dir(name).map_err(unreadable)?;
        let entries = dir.entries().map_err(unreadable)?;
        if !entries.iter().any(|entry| entry.name == METADATA_FILE) {
            return Err("it is not finished".to_owned());
        }
        if let Some(other) = entries.iter().find(|entry| entry.is_dir || !CALL_FILES.contains(&&*entry.name))
        {
            return Err(format!("{:?} in it is no file of a call", other.name));
        }
        // Names that are no Unicode are not among the entries.
        if std::fs::read_dir(dir.path()).is_ok_and(|all| all.count() > entries.len()) {
            return Err("there is more in it than a call's files".to_owned());
        }
        let [input, input_text, output, output_text, metadata] = CALL_FILES.map(|name| {
            let is_there = entries.iter().any(|entry| entry.name == name);
            is_there.then(|| read(&dir, name).map_err(|error| format!("{name}: {error}"))).transpose()
        });
        let metadata = metadata?.ok_or("it is not finished")?;
        Ok(CallFiles {
            metadata,
            input: input?,
            output: output?,
            input_text: input_text?,
            output_text: output_text?,
        })
    }

    /// Writes the folder of the call `name` into the folder of its session, under the name that it has while it is being
    /// unpacked.
    pub(super) fn write(&self, session: &Dir, name: &str) -> io::Result<()> {
        let dir = session.create_dir(&unpacked_name(name))?;
        for (name, contents) in self.each() {
            // On Unix the whole file system is synced when all calls are written.
            dir.write(name, contents, cfg!(not(unix)))?;
        }
        Ok(())
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &Bytes)> {
        let contents =
            [&self.input, &self.input_text, &self.output, &self.output_text].map(Option::as_ref).into_iter();
        CALL_FILES
            .into_iter()
            .zip(contents.chain([Some(&self.metadata)]))
            .filter_map(|(name, file)| Some((name, file?)))
    }

    /// Returns how many bytes the files have, and how many there are.
    pub(super) fn weight(&self) -> (u64, u64) {
        self.each().fold((0, 0), |(bytes, files), (_, file)| (bytes + file.len() as u64, files + 1))
    }
}

fn read(dir: &Dir, name: &str) -> io::Result<Bytes> {
    let mut file = dir.read_file(name)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)?;
    Ok(contents.into())
}

/// What a row has of `input.txt` or `output.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextFile {
    /// There is no such file.
    Missing,
    /// It is what the other files give.
    Rendered(Language),
    /// It is something else.
    Stored(Bytes),
}

/// A row of `bodies.parquet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodiesRow {
    pub(super) call_uid: String,
    pub(super) call_id: String,
    /// In microseconds since 1970.
    pub(super) start_time: i64,
    pub(super) metadata: Bytes,
    pub(super) input: Option<Bytes>,
    pub(super) output: Option<Bytes>,
    pub(super) input_text: TextFile,
    pub(super) output_text: TextFile,
}

impl BodiesRow {
    /// Returns the row of a call, and its metadata.
    ///
    /// # Errors
    ///
    /// Why the call cannot be packed, as text: a file is damaged, or an older logger's.
    pub(super) fn new(call_uid: String, call_id: &str, files: CallFiles) -> Result<(Self, Metadata), String> {
        let metadata =
            lenient::metadata(&files.metadata).map_err(|error| format!("{METADATA_FILE}: {error}"))?;
        if metadata.schema_version == 0 && metadata.started_at.is_empty() {
            return Err("an older logger wrote it".to_owned());
        }
        utf8(METADATA_FILE, Some(&files.metadata))?;
        let input = utf8(INPUT_FILE, files.input.as_ref())?;
        let output = utf8(OUTPUT_FILE, files.output.as_ref())?;
        utf8(INPUT_TEXT_FILE, files.input_text.as_ref())?;
        utf8(OUTPUT_TEXT_FILE, files.output_text.as_ref())?;
        let stored = StoredBodies::new(&metadata, input, output);
        for (name, file, is_json) in
            [(INPUT_FILE, input, stored.has_request()), (OUTPUT_FILE, output, stored.has_response())]
        {
            if file.is_some() && !is_json {
                return Err(format!("{name} is no JSON"));
            }
        }
        let input_text = text_file(files.input_text, &|_| stored.input_text());
        let output_text = text_file(files.output_text, &|language| stored.output_text(language));
        let row = BodiesRow {
            call_uid,
            call_id: call_id.to_owned(),
            start_time: micros(&metadata),
            input_text,
            output_text,
            metadata: files.metadata,
            input: files.input,
            output: files.output,
        };
        Ok((row, metadata))
    }

    /// Returns a row that was read from a file.
    pub(super) fn packed(
        call_uid: String,
        call_id: String,
        metadata: Bytes,
        input: Option<Bytes>,
        output: Option<Bytes>,
        input_text: TextFile,
        output_text: TextFile,
    ) -> io::Result<Self> {
        let start_time = micros(&parsed(&metadata)?);
        Ok(BodiesRow { call_uid, call_id, start_time, metadata, input, output, input_text, output_text })
    }

    /// Returns the row's metadata.
    pub(super) fn parsed_metadata(&self) -> io::Result<Metadata> {
        parsed(&self.metadata)
    }

    /// Returns the call's files, with the texts made anew.
    pub(super) fn files(&self) -> io::Result<CallFiles> {
        let metadata = self.parsed_metadata()?;
        let text = |file: Option<&Bytes>| file.map(|file| String::from_utf8_lossy(file).into_owned());
        let (input, output) = (text(self.input.as_ref()), text(self.output.as_ref()));
        let stored = StoredBodies::new(&metadata, input.as_deref(), output.as_deref());
        let file = |text: &TextFile, rendered: &dyn Fn(Language) -> Option<String>| match text {
            TextFile::Missing => None,
            TextFile::Stored(text) => Some(text.clone()),
            TextFile::Rendered(language) => rendered(*language).map(|text| text.into_bytes().into()),
        };
        Ok(CallFiles {
            input_text: file(&self.input_text, &|_| stored.input_text()),
            output_text: file(&self.output_text, &|language| stored.output_text(language)),
            metadata: self.metadata.clone(),
            input: self.input.clone(),
            output: self.output.clone(),
        })
    }
}

/// Returns what a row needs of a text file; `render` makes it of the other files.
fn text_file(file: Option<Bytes>, render: &dyn Fn(Language) -> Option<String>) -> TextFile {
    let Some(file) = file else { return TextFile::Missing };
    let is_same = |language: &Language| render(*language).is_some_and(|text| text.as_bytes() == file);
    let language = [Language::English, Language::Chinese].into_iter().find(is_same);
    language.map_or(TextFile::Stored(file), TextFile::Rendered)
}

fn parsed(metadata: &[u8]) -> io::Result<Metadata> {
    lenient::metadata(metadata).map_err(io::Error::from)
}

/// Returns the start of a call in microseconds since 1970.
fn micros(metadata: &Metadata) -> i64 {
    (metadata.timestamp * 1000.0).round() as i64 * 1000
}

fn utf8<'f>(name: &str, file: Option<&'f Bytes>) -> Result<Option<&'f str>, String> {
    file.map(|file| std::str::from_utf8(file).map_err(|_| format!("{name} is not in UTF-8"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a call with this `output.json`, and with the texts that `render` makes in this language.
    fn files(output: &str, language: Language) -> CallFiles {
        let mut metadata = Metadata { schema_version: 1, ..Metadata::default() };
        metadata.response_info.error = output.contains("error");
        let input = r#"{"messages": [{"role": "user", "content": "hi"}]}"#;
        let stored = StoredBodies::new(&metadata, Some(input), Some(output));
        let text = |text: Option<String>| text.map(|text| text.into_bytes().into());
        CallFiles {
            input_text: text(stored.input_text()),
            output_text: text(stored.output_text(language)),
            metadata: metadata.to_file().unwrap().into(),
            input: Some(input.to_owned().into_bytes().into()),
            output: Some(output.to_owned().into_bytes().into()),
        }
    }

    #[test]
    fn texts_that_the_bodies_give_take_no_room_and_others_are_kept() {
        for (output, language, expected) in [
            (r#"{"choices": [{"message": {"content": "yes"}}]}"#, Language::English, Language::English),
            (r#"{"error": true, "partial": null}"#, Language::Chinese, Language::Chinese),
        ] {
            let mut files = files(output, language);
            let (row, _) = BodiesRow::new(String::new(), "call_1", files.clone()).unwrap();
            assert_eq!(row.input_text, TextFile::Rendered(Language::English));
            assert_eq!(row.output_text, TextFile::Rendered(expected));
            assert_eq!(row.files().unwrap(), files);

            files.input_text = Some(Bytes::from_static(b"of an older renderer"));
            files.output_text = None;
            let (row, _) = BodiesRow::new(String::new(), "call_1", files.clone()).unwrap();
            assert_eq!(row.input_text, TextFile::Stored(Bytes::from_static(b"of an older renderer")));
            assert_eq!(row.output_text, TextFile::Missing);
            assert_eq!(row.files().unwrap(), files);
        }
    }
}
