//! Storage that fails at every call in turn, and that nothing but looking is asked of it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use rustix::io::Errno;
use vexfs_replay::Error;
use vexfs_replay::journal::Validation;
use vexfs_replay::scan::{Finding, Gravity, Unreadable, Verdict, examine};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::failing::{Call, FailingFolder, How, Plan};
use crate::injury::{At, Injury, make};
use crate::tree::{Tree, options, paths};

fn examined(folder: &MemoryFolder, plan: Option<Plan>) -> (Result<Finding, Error>, FailingFolder) {
    let failing = FailingFolder::over(Arc::new(folder.clone()), plan);
    let folder: Arc<dyn Folder> = Arc::new(failing.clone());
    (examine(&folder, &options(Validation::Cryptographic).replay, &mut |_| {}), failing)
}

/// Closed, torn, and damaged.
fn subjects() -> [MemoryFolder; 3] {
    let at = At(0);
    [(true, Injury::Nothing), (false, Injury::Tear(at)), (true, Injury::Flip(vec![at]))]
        .map(|(is_closed, injury)| make(&[3_000; 9], is_closed, &injury).folder)
}

#[test]
fn nothing_is_changed_and_no_lock_is_taken() {
    for folder in subjects() {
        let unheard = [
            Call::Create,
            Call::Rename,
            Call::Remove,
            Call::SyncFolder,
            Call::Lock,
            Call::Write,
            Call::Sync,
        ];
        for call in unheard {
            let (nth, for_good, how, error) = (1, true, How::Nothing, Errno::IO);
            let plan = Plan { call, nth, for_good, how, error };
            let (finding, failing) = examined(&folder, Some(plan));
            assert!(finding.is_ok() && !failing.has_failed(), "{call:?}: {finding:?}");
        }
    }
}

#[test]
fn a_call_that_fails_is_told_as_that_and_never_as_a_verdict() {
    let mut failed = 0;
    for folder in subjects() {
        let (whole, _) = examined(&folder, None);
        let whole = whole.unwrap();
        for call in [Call::List, Call::Open, Call::Length, Call::NextData, Call::Read] {
            for how in [How::Nothing, How::Half, How::Short] {
                if how != How::Nothing && call != Call::Read {
                    continue;
                }
                for nth in 1.. {
                    let (for_good, error) = (false, Errno::IO);
                    let plan = Plan { call, nth, for_good, how, error };
                    let (finding, failing) = examined(&folder, Some(plan));
                    if !failing.has_failed() {
                        assert_eq!(finding.unwrap(), whole);
                        break;
                    }
                    failed += 1;
                    let finding = finding.unwrap_or_else(|error| Finding::of_error(&error));
                    if how == How::Short {
                        assert_eq!(finding, whole);
                        continue;
                    }
                    let Verdict::Unreadable { because, reason } = &finding.verdict else {
                        panic!("{plan:?}: {finding:?}")
                    };
                    assert_eq!((*because, &finding.counts), (Unreadable::Storage, &None));
                    assert!(reason.starts_with("could not"), "{reason}");
                }
            }
        }
    }
    println!("{failed} calls failed");
    assert!(failed > 100, "{failed}");
}

/// Folders one in the other, until no path that leads there from the root can be opened.
fn too_deep(tree: &Tree) -> String {
    let name = "n".repeat(250);
    let mut relative = String::from("deep");
    let mut folder = fs::File::open(tree.folder("deep")).unwrap();
    for _ in 0..17 {
        use rustix::fs::{Mode, OFlags, mkdirat, openat};
        mkdirat(&folder, &name, Mode::RWXU).unwrap();
        folder = openat(&folder, &name, OFlags::RDONLY, Mode::empty()).unwrap().into();
        relative.push('/');
        relative.push_str(&name);
        if tree.root().as_os_str().len() + relative.len() > 4_096 {
            return relative;
        }
    }
    panic!("{} bytes are not too many", relative.len())
}

#[test]
fn what_cannot_be_looked_at_is_a_row_and_ends_nothing() {
    let tree = Tree::new();
    let journal = make(&[3_000; 2], true, &Injury::Nothing).folder;
    tree.journal("a", &journal);
    tree.journal("z", &journal);
    let deep = too_deep(&tree);
    // A name that no journal's file can have, of one that has what a journal's file has.
    let nameless = tree.root().join(std::ffi::OsStr::from_bytes(b"name\xFF"));
    fs::write(nameless, journal.get("segment-0000000000.vexj").unwrap()).unwrap();
    let report =
        vexfs_replay::scan::scan(tree.root(), &options(Validation::Full), &mut |_| {}).unwrap();
    assert_eq!(paths(&report), ["a", &deep, "name\u{FFFD}", "z"]);
    let found: Vec<_> = report.journals.iter().map(|it| it.finding.verdict.gravity()).collect();
    let (clean, storage) = (Gravity::Clean, Gravity::Storage);
    assert_eq!(found, [clean, storage, storage, clean]);
    assert_eq!(report.gravest(), storage);
    assert_eq!(report.totals.unreadable, 2);
}
