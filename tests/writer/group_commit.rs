//! Commits that wait together share one sync.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use vexfs_replay::event::{Body, NodeRef};
use vexfs_replay::journal::{Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::replay::{ReplayOptions, verify};
use vexfs_replay::storage::MemoryFolder;

use crate::watched::{Call, WatchedFolder};

const COMMITTERS: u64 = 16;

/// How many have appended, and whoever waits for all of them to.
#[derive(Default)]
struct Appended {
    count: Mutex<Option<u64>>,
    all: Condvar,
}

impl Appended {
    fn begin(&self) {
        *self.count.lock().unwrap() = Some(0);
    }

    fn one_more(&self) {
        *self.count.lock().unwrap().as_mut().unwrap() += 1;
        self.all.notify_all();
    }

    /// Waits until all have, once there is anything to wait for.
    fn wait(&self) {
        let count = self.count.lock().unwrap();
        let missing = |count: &mut Option<u64>| count.is_some_and(|count| count < COMMITTERS);
        drop(self.all.wait_while(count, missing).unwrap());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a group commit needs several threads")]
fn commits_that_wait_together_share_one_sync() {
    let appended = Arc::new(Appended::default());
    let syncs = Arc::new(AtomicUsize::new(0));
    let (gate, count) = (Arc::clone(&appended), Arc::clone(&syncs));
    let folder = WatchedFolder::over(MemoryFolder::default(), move |call| {
        if call == Call::Sync {
            gate.wait();
            count.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    let writer = Writer::create(Arc::new(folder.clone()), WriterOptions::default()).unwrap();
    syncs.store(0, Ordering::SeqCst);
    appended.begin();
    thread::scope(|scope| {
        for node in 0..COMMITTERS {
            let (writer, appended) = (&writer, &appended);
            scope.spawn(move || {
                let event = NewEvent::new(node, Body::NodeDelete(NodeRef { node }));
                let lsn = writer.append(&event).unwrap().lsn;
                appended.one_more();
                writer.commit().unwrap();
                assert!(writer.durable_lsn() >= lsn, "a commit returned before its event was safe");
            });
        }
    });
    // One for those that had appended when it began, and one for all that came while it ran.
    let syncs = syncs.load(Ordering::SeqCst);
    assert!((1..=2).contains(&syncs), "{syncs} syncs for {COMMITTERS} commits");
    assert_eq!(writer.durable_lsn(), COMMITTERS);
    writer.close().unwrap();
    let journal = Journal::open(Arc::new(folder)).unwrap();
    let outcome = verify(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(outcome.findings.tally.events, COMMITTERS);
}
