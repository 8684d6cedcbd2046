//! The real program, killed at any moment of a replay into a store and started again.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::Rng as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{program, run, succeed, text_of};

/// How often the program is killed.
const KILLS: usize = 30;

struct Case<'c> {
    journal: &'c str,
    store: &'c str,
}

impl Case<'_> {
    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        // Every epoch ends with a write.
        let all = ["replay", self.journal, "--store", self.store, "--store-cache", "1"];
        [&all, more].concat()
    }

    /// Runs the program and kills it after so long. True when it had ended by itself before.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is tested is that the moment doesn't matter"
    )]
    fn kill_after(&self, delay: Duration) -> bool {
        let mut child = program(&self.arguments(&[])).spawn().unwrap();
        thread::sleep(delay);
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!ended || output.status.success(), "{output:?}");
        ended
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", ".partial", ".partial-wal", ".partial-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.store));
        }
    }

    /// A store that is there can be read, and holds the state of a cut.
    fn look(&self) {
        if Path::new(self.store).exists() {
            let told = succeed(&["state", "count", self.store]);
            assert_eq!(told["store"]["moment"], "cut");
        }
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_state() {
    let folder = tempdir().unwrap();
    let [journal, store] = ["journal", "store"].map(|name| folder.path().join(name));
    let case = Case { journal: text_of(&journal), store: text_of(&store) };
    succeed(&["generate", case.journal, "--events", "60000", "--recipe", "100k"]);
    let expected = succeed(&["replay", case.journal]);
    let started = Instant::now();
    assert_digest(&expected, &succeed(&case.arguments(&[])));
    let whole = started.elapsed();
    let mut random = TestRunner::new(Config::default()).new_rng();
    let (mut kills, mut resumed) = (0, 0);
    while kills < KILLS {
        case.remove();
        // Every second time it starts from a store that others see already.
        if kills % 2 == 0 {
            succeed(&case.arguments(&["--until-lsn", "20000"]));
        }
        for _ in 0..3 {
            let part = f64::from(random.next_u32()) / f64::from(u32::MAX);
            if case.kill_after(whole.mul_f64(part)) {
                break;
            }
            kills += 1;
            case.look();
        }
        let finished = succeed(&case.arguments(&[]));
        let from = finished["started_from"]["watermark"].as_u64();
        resumed += usize::from(from.is_some_and(|lsn| lsn != 20_000));
        assert_digest(&expected, &finished);
        let digest = &succeed(&["state", "digest", case.store])["state_digest"];
        assert_eq!(digest, &expected["state_digest"]);
        assert!(!Path::new(&format!("{}.partial", case.store)).exists());
    }
    assert!(resumed > 0, "nothing was left to go on from");
    let again = run(&case.arguments(&[]));
    assert_eq!(again.code, Some(0), "{again:?}");
}

/// A writer that is killed while it writes to the file itself leaves a rollback journal beside it.
#[test]
fn what_a_killed_writer_left_half_written_is_undone_by_who_reads() {
    let folder = tempdir().unwrap();
    let [journal, whole, half] = ["journal", "whole", "half"].map(|name| folder.path().join(name));
    succeed(&["generate", text_of(&journal), "--events", "60000", "--recipe", "100k"]);
    succeed(&["replay", text_of(&journal), "--store", text_of(&whole)]);
    let told = |store: &Path| succeed(&["state", "count", text_of(store)])["counts"].clone();
    let expected = told(&whole);

    let writer = rusqlite::Connection::open(&whole).unwrap();
    // So small a cache goes to the file before there is a commit.
    writer.pragma_update(None, "cache_size", 10).unwrap();
    let begun = writer.unchecked_transaction().unwrap();
    begun.execute("UPDATE held SET lsn = 0", []).unwrap();
    begun.execute("UPDATE records SET value = zeroblob(length(value))", []).unwrap();
    for suffix in ["", "-journal"] {
        let [from, to] = [&whole, &half].map(|it| format!("{}{suffix}", text_of(it)));
        assert!(std::fs::copy(from, to).unwrap() > 0);
    }
    drop(begun);
    let [whole_bytes, half_bytes] = [&whole, &half].map(|it| std::fs::read(it).unwrap());
    assert!(whole_bytes != half_bytes, "nothing was written to the file before the commit");
    assert_eq!(told(&half), expected);
    assert_eq!(told(&whole), expected);
}

fn assert_digest(expected: &Value, found: &Value) {
    for field in ["state_digest", "events", "blocks", "transactions", "records", "head"] {
        assert_eq!(expected[field], found[field], "{field}");
    }
}
