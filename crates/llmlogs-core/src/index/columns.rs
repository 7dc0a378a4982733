//! Lines of an index without their texts, 80 bytes each.
//!
//! Names are numbers of a table. A line that does not fit (an odd id, a number that is too large) is kept whole beside the
//! others. Rows are in blocks that a copy shares until one of them is changed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::format::Status;
use crate::format::call_id::CallId;
use crate::query::mask;
use crate::read::line::{IndexLine, RawStr};

/// How many rows a block has.
const BLOCK: usize = 1 << 12;

/// Where a row's whole line is, if it is not in the index but made from `metadata.json`.
const FOLDER: u64 = (1 << 48) - 1;

/// There is no such number.
const NONE: u32 = u32::MAX;

/// There is no HTTP status.
const NO_STATUS: u16 = u16::MAX;

/// The whole line is kept.
const WHOLE: u8 = 0x80;

#[derive(Debug, Clone, Copy)]
struct Row {
    timestamp: f64,
    cost: f64,
    /// Of the call's name.
    stamp: u32,
    number: u32,
    latency_ms: u32,
    first_token_ms: u32,
    prompt: u32,
    completion: u32,
    total: u32,
    cached: u32,
    reasoning: u32,
    /// Parts of the offset of its line: 48 bits.
    offset: [u16; 3],
    model: u16,
    provider: u16,
    error_type: u16,
    error_code: u16,
    /// The error message without what differs from one time to the next.
    cause: u16,
    finish_reason: u16,
    currency: u16,
    /// The list of tools as it stands in the line.
    tools: u16,
    http_status: u16,
    retries: u16,
    status: u8,
}

const _: () = assert!(size_of::<Row>() <= 80);

impl Row {
    fn id(&self) -> CallId {
        CallId::new(self.stamp, self.number.into())
    }
}

/// What few calls have.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Retries {
    attempts: u64,
    waited_ms: u64,
    fallback_model: u16,
}

/// The rows of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    blocks: Vec<Arc<Vec<Row>>>,
    tables: Arc<Tables>,
}

#[derive(Debug, Clone)]
struct Tables {
    names: Vec<Arc<[u8]>>,
    places: HashMap<Arc<[u8]>, u16>,
    retries: Vec<Retries>,
    whole: HashMap<u32, Arc<[u8]>>,
}

impl Default for Tables {
    /// The name with number 0 is empty, and so are the retries.
    fn default() -> Self {
        let empty: Arc<[u8]> = Arc::from(&b""[..]);
        Tables {
            names: vec![empty.clone()],
            places: HashMap::from([(empty, 0)]),
            retries: vec![Retries::default()],
            whole: HashMap::new(),
        }
    }
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        match self.blocks.split_last() {
            Some((last, full)) => full.len() * BLOCK + last.len(),
            None => 0,
        }
    }

    /// Adds a line that is at `offset` in the index; `None`: one that was made from `metadata.json`.
    pub(super) fn push(&mut self, line: &IndexLine<'_>, offset: Option<u64>) {
        let place = self.len();
        let row = self.pack(place, line, offset);
        if place.is_multiple_of(BLOCK) {
            self.blocks.push(Arc::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block).push(row);
        }
    }

    /// Puts another line in the place of one.
    pub(super) fn set(&mut self, place: usize, line: &IndexLine<'_>, offset: Option<u64>) {
        if self.tables.whole.contains_key(&(place as u32)) {
            Arc::make_mut(&mut self.tables).whole.remove(&(place as u32));
        }
        let row = self.pack(place, line, offset);
        if let Some(block) = self.blocks.get_mut(place / BLOCK) {
            Arc::make_mut(block)[place % BLOCK] = row;
        }
    }

    /// Gives back room that is not needed; more lines may follow.
    pub(super) fn shrink(&mut self) {
        if let Some(block) = self.blocks.last_mut().and_then(Arc::get_mut) {
            block.shrink_to_fit();
        }
        self.blocks.shrink_to_fit();
    }

    fn row(&self, place: usize) -> &Row {
        &self.blocks[place / BLOCK][place % BLOCK]
    }

    pub(super) fn id(&self, place: usize) -> CallId {
        let row = self.row(place);
        if row.status & WHOLE != 0 {
            return CallId::of(self.line(place, &mut Vec::new()).call_id.0);
        }
        row.id()
    }

    pub(super) fn timestamp(&self, place: usize) -> f64 {
        self.row(place).timestamp
    }

    /// Returns whether the call failed.
    pub(super) fn is_error(&self, place: usize) -> bool {
        let row = self.row(place);
        if row.status & WHOLE != 0 {
            return self.line(place, &mut Vec::new()).status == Status::Error;
        }
        row.status == 1
    }

    /// Returns where the row's line is in the index; `None` for one that was made from `metadata.json`.
    pub(super) fn offset(&self, place: usize) -> Option<u64> {
        let [low, middle, high] = self.row(place).offset.map(u64::from);
        Some(low | middle << 16 | high << 32).filter(|offset| *offset != FOLDER)
    }

    /// Returns a row as a line without user message, trace and context, with the error message that counts as one with
    /// others of its kind. `id` is written to.
    pub(super) fn line<'c>(&'c self, place: usize, id: &'c mut Vec<u8>) -> IndexLine<'c> {
        let row = self.row(place);
        let Tables { names, retries, whole, .. } = &*self.tables;
        if row.status & WHOLE != 0 {
            let json = whole.get(&(place as u32)).map_or(&b""[..], |json| json);
            return IndexLine::parse(json).unwrap_or_default();
        }
        id.clear();
        row.id().write_name(id);
        let name = |number: u16| RawStr(&names[usize::from(number)]);
        let retried = retries[usize::from(row.retries)];
        IndexLine {
            call_id: RawStr(id),
            timestamp: row.timestamp,
            status: match row.status {
                1 => Status::Error,
                2 => Status::Cancelled,
                _ => Status::Ok,
            },
            provider: name(row.provider),
            model: name(row.model),
            http_status: Some(row.http_status).filter(|status| *status != NO_STATUS).map(u64::from),
            error_type: name(row.error_type),
            error_code: name(row.error_code),
            error_message: name(row.cause),
            finish_reason: name(row.finish_reason),
            prompt_tokens: row.prompt.into(),
            completion_tokens: row.completion.into(),
            total_tokens: row.total.into(),
            cached_tokens: row.cached.into(),
            reasoning_tokens: row.reasoning.into(),
            latency_ms: row.latency_ms.into(),
            time_to_first_token_ms: Some(row.first_token_ms).filter(|ms| *ms != NONE).map(u64::from),
            total_cost: row.cost,
            currency: name(row.currency),
            attempts: retried.attempts,
            waited_ms: retried.waited_ms,
            fallback_model: name(retried.fallback_model),
            tools: &names[usize::from(row.tools)],
            ..IndexLine::default()
        }
    }

    fn pack(&mut self, place: usize, line: &IndexLine<'_>, offset: Option<u64>) -> Row {
        let offset = offset.unwrap_or(FOLDER);
        let mut row = Row {
            timestamp: line.timestamp,
            cost: line.total_cost,
            stamp: 0,
            number: 0,
            latency_ms: 0,
            first_token_ms: 0,
            prompt: 0,
            completion: 0,
            total: 0,
            cached: 0,
            reasoning: 0,
            offset: [offset as u16, (offset >> 16) as u16, (offset >> 32) as u16],
            model: 0,
            provider: 0,
            error_type: 0,
            error_code: 0,
            cause: 0,
            finish_reason: 0,
            currency: 0,
            tools: 0,
            http_status: 0,
            retries: 0,
            status: match line.status {
                Status::Ok => 0,
                Status::Error => 1,
                Status::Cancelled => 2,
            },
        };
        if self.fit(&mut row, line).is_none() {
            row.status = WHOLE;
            Arc::make_mut(&mut self.tables).whole.insert(place as u32, line.json.into());
        }
        row
    }

    /// Fills a row; `None` if the line does not fit.
    fn fit(&mut self, row: &mut Row, line: &IndexLine<'_>) -> Option<()> {
        let small = |number: u64| u32::try_from(number).ok().filter(|number| *number != NONE);
        let id = CallId::of(line.call_id.0);
        if !id.is_named(line.call_id.0) {
            return None;
        }
        row.stamp = id.stamp_nonzero()?.get();
        row.number = small(id.number)?;
        row.latency_ms = small(line.latency_ms)?;
        row.first_token_ms = line.time_to_first_token_ms.map_or(Some(NONE), small)?;
        row.prompt = small(line.prompt_tokens)?;
        row.completion = small(line.completion_tokens)?;
        row.total = small(line.total_tokens)?;
        row.cached = small(line.cached_tokens)?;
        row.reasoning = small(line.reasoning_tokens)?;
        let status = |number: u64| u16::try_from(number).ok().filter(|number| *number != NO_STATUS);
        row.http_status = line.http_status.map_or(Some(NO_STATUS), status)?;
        row.model = self.name(line.model.0)?;
        row.provider = self.name(line.provider.0)?;
        row.error_type = self.name(line.error_type.0)?;
        row.error_code = self.name(line.error_code.0)?;
        row.finish_reason = self.name(line.finish_reason.0)?;
        row.currency = self.name(line.currency.0)?;
        row.tools = self.name(line.tools)?;
        if !line.error_message.is_empty() {
            row.cause = self.cause(line.error_message)?;
        }
        if line.attempts != 0 || line.waited_ms != 0 || !line.fallback_model.is_empty() {
            let fallback_model = self.name(line.fallback_model.0)?;
            let retries = Retries { attempts: line.attempts, waited_ms: line.waited_ms, fallback_model };
            row.retries = self.retries(retries)?;
        }
        Some(())
    }

    fn name(&mut self, name: &[u8]) -> Option<u16> {
        if let Some(place) = self.tables.places.get(name) {
            return Some(*place);
        }
        let place = u16::try_from(self.tables.names.len()).ok()?;
        let tables = Arc::make_mut(&mut self.tables);
        let name: Arc<[u8]> = name.into();
        tables.names.push(name.clone());
        tables.places.insert(name, place);
        Some(place)
    }

    fn retries(&mut self, retries: Retries) -> Option<u16> {
        if self.tables.retries.last() == Some(&retries) {
            return u16::try_from(self.tables.retries.len() - 1).ok();
        }
        let place = u16::try_from(self.tables.retries.len()).ok()?;
        Arc::make_mut(&mut self.tables).retries.push(retries);
        Some(place)
    }

    /// Returns the number of a message as it is counted; `None` if counting it once more would change it.
    fn cause(&mut self, message: RawStr<'_>) -> Option<u16> {
        let masked = mask(&message.text());
        if mask(&masked) != masked {
            return None;
        }
        let quoted = serde_json::to_vec(&masked).ok()?;
        self.name(quoted.get(1..quoted.len() - 1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &[u8]) -> (Columns, String) {
        let mut columns = Columns::default();
        columns.push(&IndexLine::parse(text).unwrap(), Some(7));
        let mut id = Vec::new();
        let entry = columns.line(0, &mut id).to_entry();
        let text = serde_json::to_string(&entry).unwrap();
        (columns, text)
    }

    #[test]
    fn a_line_comes_back_without_its_texts() {
        let text = br#"{"call_id":"call_20251027_040210_001","timestamp":1761537730.123,"status":"error","provider":"p\u00e9","model":"m","operation":"","http_status":429,"error_type":"T","error_code":"c","error_message":"in 20 \"ms\"","finish_reason":"f","prompt_tokens":1,"completion_tokens":2,"total_tokens":4,"cached_tokens":5,"reasoning_tokens":6,"latency_ms":7,"time_to_first_token_ms":0,"total_cost":0.1,"currency":"USD","attempts":3,"waited_ms":9,"fallback_model":"o","tool_names":["a","b"],"user_message":"","trace":"","span_ids":[],"context":{},"context_complete":false,"prompt_differs":null}"#;
        let whole = IndexLine::parse(text).unwrap().to_entry();
        let (columns, read) = read_back(text);
        assert!(columns.tables.whole.is_empty());
        assert_eq!(columns.offset(0), Some(7));
        let expected = serde_json::to_string(&whole).unwrap().replace("in 20 ", "in <n> ");
        assert_eq!(read, expected);
    }

    #[test]
    fn a_line_that_does_not_fit_is_kept_whole() {
        for odd in [
            r#""call_id":"call_odd""#,
            r#""call_id":"call_20251027_040210_1""#,
            r#""call_id":"20251027_040210_001""#,
            r#""call_id":"call_20251027_040210_001","latency_ms":1e300"#,
            r#""call_id":"call_20251027_040210_001","time_to_first_token_ms":4294967295"#,
            r#""call_id":"call_20251027_040210_001","http_status":65535"#,
        ] {
            let text = format!("{{{odd},\"user_message\":\"u\"}}");
            let (columns, read) = read_back(text.as_bytes());
            assert_eq!(columns.tables.whole.len(), 1, "{odd}");
            let whole = IndexLine::parse(text.as_bytes()).unwrap().to_entry();
            assert_eq!(read, serde_json::to_string(&whole).unwrap());
        }
    }
}
