//! Which calls each durability policy makes.

use std::sync::{Arc, Mutex};

use vexfs_replay::event::{Body, NodeRef};
use vexfs_replay::journal::{Durability, NewEvent, Writer, WriterOptions};
use vexfs_replay::storage::MemoryFolder;

use crate::watched::{Call, WatchedFolder};

/// How often files were written and synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calls {
    writes: usize,
    syncs: usize,
}

/// What the policies have in common: nothing in an append but the last of a full block, all durable
/// at the end.
struct Policy {
    durability: Durability,
    /// The calls of one append, and the LSN that is durable after it.
    append: (Calls, u64),
    /// The same of a commit after it, and of one more commit.
    commit: (Calls, u64),
    again: (Calls, u64),
    /// The calls of the closing.
    close: Calls,
}

fn calls(writes: usize, syncs: usize) -> Calls {
    Calls { writes, syncs }
}

impl Policy {
    fn check(&self) {
        let made = Arc::new(Mutex::new(Calls::default()));
        let count = Arc::clone(&made);
        let folder = WatchedFolder::over(MemoryFolder::default(), move |call| {
            let mut made = count.lock().unwrap();
            made.writes += usize::from(call == Call::Write);
            made.syncs += usize::from(call == Call::Sync);
            Ok(())
        });
        let take_calls = || std::mem::take(&mut *made.lock().unwrap());
        let options = WriterOptions { durability: self.durability, ..WriterOptions::default() };
        let writer = Writer::create(Arc::new(folder), options).unwrap();
        assert_eq!(take_calls(), calls(1, 1), "the header is durable before anything else");
        let event = NewEvent::new(1, Body::NodeDelete(NodeRef { node: 1 }));
        writer.append(&event).unwrap();
        let now = || (take_calls(), writer.durable_lsn());
        assert_eq!(now(), self.append, "an append under {:?}", self.durability);
        writer.commit().unwrap();
        assert_eq!(now(), self.commit, "a commit under {:?}", self.durability);
        writer.commit().unwrap();
        assert_eq!(now(), self.again, "one more commit under {:?}", self.durability);
        writer.close().unwrap();
        assert_eq!(take_calls(), self.close, "closing under {:?}", self.durability);
    }
}

#[test]
fn without_durability_nothing_is_written_before_a_block_is_full() {
    let nothing = (calls(0, 0), 0);
    let (append, commit, again, close) = (nothing, nothing, nothing, calls(2, 2));
    Policy { durability: Durability::None, append, commit, again, close }.check();
}

#[test]
fn with_metadata_only_a_commit_writes_and_does_not_sync() {
    let nothing = (calls(0, 0), 0);
    let (append, commit, again, close) = (nothing, (calls(1, 0), 0), nothing, calls(1, 2));
    Policy { durability: Durability::MetadataOnly, append, commit, again, close }.check();
}

#[test]
fn with_data_and_metadata_a_commit_syncs_once() {
    let (append, commit) = ((calls(0, 0), 0), (calls(1, 1), 1));
    let (again, close) = ((calls(0, 0), 1), calls(1, 1));
    Policy { durability: Durability::DataAndMetadata, append, commit, again, close }.check();
}

#[test]
fn with_strict_durability_every_append_syncs() {
    let (append, done) = ((calls(1, 1), 1), (calls(0, 0), 1));
    let (commit, again, close) = (done, done, calls(1, 1));
    Policy { durability: Durability::Strict, append, commit, again, close }.check();
}
