//! A compact set of call ids, for indexes with millions of lines.

use std::collections::HashSet;
use std::path::Path;

use crate::format::call_id::CallId;
use crate::format::layout::INPUT_FILE;

use super::{files, session_file};

/// How far call numbers may be ahead of the count of calls before they are stored individually.
const SLACK: usize = 1 << 20;

/// A set of call ids that takes four bytes for most of them.
#[derive(Debug, Default)]
pub(crate) struct CallSet {
    /// By number: the time stamp of the name with that number.
    by_number: Vec<Option<std::num::NonZeroU32>>,
    /// Names without a number, with the number of another name, or with an implausibly large one.
    others: HashSet<CallId>,
    count: usize,
    lowest: u64,
    last: CallId,
    last_id: Vec<u8>,
}

impl CallSet {
    /// Adds a call; returns `false` if the set had it already.
    pub(crate) fn insert(&mut self, id: &[u8]) -> bool {
        let name = CallId::of(id);
        let Some(stamp) = name.stamp_nonzero() else { return self.insert_other(name) };
        let number = name.number as usize;
        if number >= self.by_number.len() {
            if number > 4 * self.count + SLACK {
                return self.insert_other(name);
            }
            self.by_number.resize((number + 1).next_power_of_two(), None);
        }
        match self.by_number[number] {
            None => self.by_number[number] = Some(stamp),
            Some(same) if same == stamp => return false,
            Some(_) => return self.insert_other(name),
        }
        self.count += 1;
        if self.count == 1 || name.number < self.lowest {
            self.lowest = name.number;
        }
        if name.number > self.last.number {
            self.last = name;
            self.last_id.clear();
            self.last_id.extend_from_slice(id);
        }
        true
    }

    fn insert_other(&mut self, name: CallId) -> bool {
        self.others.insert(name)
    }

    /// Returns the number of calls in the set.
    pub(crate) fn count(&self) -> usize {
        self.count + self.others.len()
    }

    /// Returns whether the call is in the set.
    pub(crate) fn contains(&self, id: &[u8]) -> bool {
        let name = CallId::of(id);
        let by_number = self.by_number.get(name.number as usize).copied().flatten();
        (by_number.is_some() && by_number == name.stamp_nonzero()) || self.others.contains(&name)
    }

    /// Returns whether the set certainly contains every call in the folder `dir`: their numbers run from 1 without
    /// a gap, and no later call has started.
    pub(crate) fn is_complete_for(&self, dir: &Path) -> bool {
        self.others.is_empty()
            && self.lowest == 1
            && self.count as u64 == self.last.number
            && is_last_call(dir, &self.last_id)
    }
}

/// Returns whether the call `id` is certainly the last one that started in the session's folder `dir`.
pub(super) fn is_last_call(dir: &Path, id: &[u8]) -> bool {
    let Ok(last) = std::str::from_utf8(id) else { return false };
    let name = CallId::of(id);
    if let Ok(info) = session_file::info(dir)
        && info.ended_at.is_some()
        && info.counters.lost == 0
        && info.counters.calls == name.number
    {
        return true;
    }
    // The tree of a program that does not run may be a copy, whose modification times mean nothing.
    if !session_file::is_running(dir) {
        return false;
    }
    // A folder is modified when another folder is created in it, and a call's request is written right after its
    // folder is created.
    let modified = |path: &Path| std::fs::symlink_metadata(path)?.modified();
    match (modified(dir), modified(&dir.join(last).join(INPUT_FILE))) {
        (Ok(folder), Ok(request)) if folder < request => true,
        // Within one tick of the file system's clock another call may have started.
        (Ok(folder), Ok(request)) if folder == request => {
            !name.successors().any(|next| files::is_folder(&dir.join(next)))
        }
        _ => false,
    }
}
