//! The git importer against git itself: whatever a history holds, the journal made of it gives the
//! tree of every commit, and the graph of them all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::path::Path;

use vexfs_replay::event::EventType;
use vexfs_replay::{Error, event};

#[path = "import_git/check.rs"]
mod check;
#[path = "import_git/model.rs"]
mod model;
#[path = "import_git/random.rs"]
mod random;
#[path = "import_git/repository.rs"]
mod repository;

use check::{check, count, import};
use random::Random;
use repository::{Repository, Script};

const FILE: &str = "100644";
const PROGRAM: &str = "100755";
const LINK: &str = "120000";

fn text(seed: u32) -> Vec<u8> {
    (0..20).map(|line| format!("line {line} of {seed}\n")).collect::<String>().into_bytes()
}

/// Every kind of change that git knows, and the odd things among them. `id` makes the id of a
/// commit in a submodule.
fn nasty_history(id: &dyn Fn(u32) -> String) -> Script {
    let mut script = Script::default();
    let mut mark = 0;
    let mut commit = |script: &mut Script, subject: &[u8]| {
        mark += 1;
        script.commit("main", mark, subject, &[]);
    };
    commit(&mut script, b"root commit with files");
    script.add(FILE, b"a", &text(1));
    script.add(FILE, b"b", &text(2));
    script.add(PROGRAM, b"bin/run", &text(3));
    script.add(LINK, b"link", b"bin/run");
    script.submodule(b"sub", &id(1));
    script.add(FILE, b"deep/er/and/deeper/file", &text(4));
    script.add(FILE, b"empty", b"");
    script.add(FILE, b"binary", b"\0\x01\x02");
    script.add(FILE, b"huge", &b"word ".repeat(300_000));

    commit(&mut script, b"odd names");
    let long = b"x".repeat(3_000);
    let odd: [&[u8]; 12] = [
        b" lead",
        b"trail ",
        b"new\nline",
        b"tab\t",
        b"quo\"te",
        b"back\\slash",
        b"\xff\xfe\x80",
        b":000000 100644",
        b"C",
        b"\n",
        b"-dash",
        &long,
    ];
    for name in odd {
        script.add(FILE, name, name);
        script.add(FILE, &[b"dir ", name, b"/", name].concat(), b"content\n");
    }
    script.add(LINK, b"odd link", b"\xff\n ");
    script.add(FILE, b".vexfs-rename-0", b"taken\n");

    commit(&mut script, b"");
    commit(&mut script, b"empty commit\nwith a second line\n\nand a body");

    commit(
        &mut script,
        b"content, mode, both; text to binary and back; shorter; link pointed elsewhere",
    );
    script.add(FILE, b"a", &text(5));
    script.add(PROGRAM, b"b", &text(2));
    script.add(FILE, b"bin/run", b"short\n");
    script.add(FILE, b"binary", b"text now\n");
    script.add(FILE, b"empty", b"\0");
    script.add(FILE, b"huge", b"small\n");
    script.add(LINK, b"link", b"elsewhere/and/longer");
    script.submodule(b"sub", &id(2));

    commit(&mut script, b"every type becomes another");
    script.add(LINK, b"a", &text(5));
    script.add(FILE, b"link", b"elsewhere/and/longer");
    script.delete(b"sub");
    script.add(FILE, b"sub/file", b"a directory now\n");
    script.submodule(b"binary", &id(3));
    script.delete(b"bin");
    script.add(FILE, b"bin", b"a file where a directory was\n");
    script.delete(b"empty");
    script.submodule(b"empty/sub", &id(4));

    commit(&mut script, b"and back");
    script.add(FILE, b"a", &text(5));
    script.add(LINK, b"link", b"elsewhere");
    script.delete(b"sub");
    script.submodule(b"sub", &id(2));
    script.add(PROGRAM, b"binary", b"\0\0");
    script.delete(b"bin");
    script.add(FILE, b"bin/run", &text(6));
    script.delete(b"empty");
    script.add(FILE, b"empty", b"");

    commit(&mut script, b"renames: plain, with content, with mode, to another directory");
    script.rename(b"a", b"a2");
    script.rename(b"b", b"somewhere/else/b");
    script.add(PROGRAM, b"somewhere/else/b", &[&text(2)[..], b"one more line\n"].concat());
    script.rename(b"bin/run", b"run");
    script.add(PROGRAM, b"run", &text(6));
    script.rename(b"link", b"links/link");
    script.rename(b"sub", b"subs/sub");

    commit(&mut script, b"swap, and a chain");
    script.add(FILE, b"one", &text(11));
    script.add(FILE, b"two", &text(12));
    script.add(FILE, b"three", &text(13));
    commit(&mut script, b"swap");
    script.rename(b"one", b"x");
    script.rename(b"two", b"one");
    script.rename(b"x", b"two");
    commit(&mut script, b"chain");
    script.rename(b"three", b"four");
    script.rename(b"two", b"three");
    script.rename(b"one", b"two");

    commit(&mut script, b"a file moves below its own name");
    script.rename(b"four", b"x");
    script.rename(b"x", b"four/five/six");
    commit(&mut script, b"and out again, in the directory's place");
    script.rename(b"four/five/six", b"x");
    script.delete(b"four");
    script.rename(b"x", b"four");
    commit(&mut script, b"into a directory that was a file");
    script.delete(b"two");
    script.rename(b"three", b"two/three");
    commit(&mut script, b"a whole directory moves");
    script.rename(b"deep", b"deeper");

    commit(&mut script, b"everything goes");
    script.delete_all();
    commit(&mut script, b"and some comes back");
    script.add(FILE, b"a", &text(1));
    script.add(FILE, b"deep/er/file", &text(4));
    script
}

fn assert_every_kind(model: &model::Model) {
    use EventType::*;
    let all = [
        FileCreate,
        FileDelete,
        FileWrite,
        FileRename,
        FileChmod,
        FileTruncate,
        DirectoryCreate,
        DirectoryDelete,
        SymlinkCreate,
        NodeCreate,
        EdgeCreate,
        VectorCreate,
        VectorDelete,
        VectorUpdate,
        AgentDecision,
    ];
    for event_type in all {
        assert!(count(model, event_type) > 0, "no {}", event_type.name());
    }
}

#[test]
fn every_kind_of_change_comes_out_right() {
    let repository = Repository::new(&[]);
    repository.run(&nasty_history(&|number| format!("{number:040x}")));
    let (outcome, model) = check(&repository, 1);
    assert!(!outcome.shallow);
    assert_every_kind(&model);
}

#[test]
fn a_sha256_repository_comes_out_right() {
    let repository = Repository::new(&["--bare", "--object-format=sha256"]);
    repository.run(&nasty_history(&|number| format!("{number:064x}")));
    let (outcome, model) = check(&repository, 1);
    assert_eq!(outcome.head.len(), 64);
    assert_every_kind(&model);
    let inode = model.inodes.values().find(|inode| inode.content_kind != 0).unwrap();
    assert_eq!(inode.content_kind, event::content_kind::GIT_SHA256);
}

/// Merges of all kinds: with differences from the first parent or without, of several roots, of a
/// commit that is on the chain anyway, of the same side commit twice.
#[test]
fn merges_and_several_roots_come_out_right() {
    let repository = Repository::new(&[]);
    let mut script = Script::default();
    script.commit("main", 1, b"root", &[]);
    script.add(FILE, b"a", &text(1));
    script.commit("main", 2, b"second", &[1]);
    script.add(FILE, b"b", &text(2));
    script.commit("side", 3, b"side", &[1]);
    script.add(FILE, b"side/file", &text(3));
    script.reset("other");
    script.commit("other", 4, b"another root", &[]);
    script.add(FILE, b"a", b"another a\n");
    script.commit("main", 5, b"merge both", &[2, 3, 4]);
    script.add(FILE, b"side/file", &text(3));
    script.commit("main", 6, b"merge, and keep ours", &[5, 4]);
    script.commit("main", 7, b"merge what is on the chain", &[6, 2]);
    script.rename(b"a", b"c");
    repository.run(&script);
    let (outcome, model) = check(&repository, 1);
    assert_eq!((outcome.commits, model.nodes.len(), model.edges.len()), (5, 7, 8));
}

/// Commits made by hand, which the usual commands don't make: no subject, names and texts in no
/// encoding or another one, times before 1970 and after all time, an e-mail as long as a page.
#[test]
fn odd_commits_come_out_right() {
    let repository = Repository::new(&[]);
    let tree = String::from_utf8(repository.git_with_input(&["mktree"], b"")).unwrap();
    let long = "m".repeat(9_000);
    let bodies: [(&str, &[u8]); 5] = [
        ("author A <a> 5 +0000\ncommitter C <c> -100 +0000", b"before 1970"),
        (
            "author A <a> 5 +0000\ncommitter C <c> 99999999999999999999 +0000",
            b"\xff\xfe in no encoding",
        ),
        (
            "author A <> 5 +0000\ncommitter C <c> 5 +0000\nencoding ISO-8859-1",
            b"caf\xe9 \x01\n\nbody",
        ),
        ("author nobody\ncommitter nobody", b""),
        ("author A <a\"b c> 5 +0000\ncommitter C <c> 7 +0000", long.as_bytes()),
    ];
    let mut parent = String::new();
    for (header, message) in bodies {
        let header = format!("tree {}\n{parent}{header}\n\n", tree.trim());
        let commit = [header.as_bytes(), message].concat();
        let hash = ["hash-object", "-w", "-t", "commit", "--literally", "--stdin"];
        let id = String::from_utf8(repository.git_with_input(&hash, &commit)).unwrap();
        repository.git(&["update-ref", "refs/heads/main", id.trim()]);
        parent = format!("parent {}\n", id.trim());
    }
    let (outcome, model) = check(&repository, 1);
    assert_eq!((outcome.commits, outcome.files), (5, 0));
    assert_eq!(model.decisions[2].2, "caf\u{e9} \u{1}".as_bytes());
    let (_, folder) = import(&repository.path, "HEAD").unwrap();
    let mut times = Vec::new();
    check::for_each_event(&folder, |event, body| {
        if matches!(body, event::Body::TransactionBegin(_)) {
            times.push(event.header.timestamp_ns);
        }
    });
    assert_eq!((times[0], times[2], times[3], times[4]), (0, 5_000_000_000, 0, 7_000_000_000));
}

#[test]
fn random_histories_come_out_right() {
    let (mut renames, mut updates) = (0, 0);
    for seed in 0..16 {
        let repository = Repository::new(&["--bare"]);
        repository.run(&random::history(&mut Random(seed), 40));
        let (_, model) = check(&repository, 1);
        renames += count(&model, EventType::FileRename);
        updates += count(&model, EventType::VectorUpdate);
    }
    assert!(renames > 50 && updates > 50, "{renames} renames, {updates} changed vectors");
}

/// The user's settings, which change what `git log` shows to the user, change nothing here.
#[test]
fn settings_change_nothing() {
    let repository = Repository::new(&[]);
    repository.run(&nasty_history(&|number| format!("{number:040x}")));
    let (outcome, plain) = import(&repository.path, "HEAD").unwrap();
    let order = repository.path.join("order");
    std::fs::write(&order, "*z\n*a\n").unwrap();
    let settings = [
        ("diff.renames", "copies"),
        ("diff.orderFile", order.to_str().unwrap()),
        ("diff.relative", "true"),
        ("diff.ignoreSubmodules", "all"),
        ("diff.submodule", "log"),
        ("diff.external", "false"),
        ("diff.renameLimit", "1"),
        ("diff.noPrefix", "true"),
        ("log.showRoot", "false"),
        ("log.diffMerges", "off"),
        ("log.follow", "true"),
        ("log.decorate", "full"),
        ("log.abbrevCommit", "true"),
        ("log.showSignature", "true"),
        ("log.mailmap", "true"),
        ("log.date", "relative"),
        ("format.pretty", "oneline"),
        ("color.ui", "always"),
        ("core.abbrev", "4"),
        ("core.quotePath", "false"),
        ("core.bigFileThreshold", "1"),
        ("i18n.logOutputEncoding", "UTF-16"),
        ("pager.log", "true"),
        ("core.pager", "cat -n"),
    ];
    for (name, value) in settings {
        repository.git(&["config", name, value]);
    }
    let inside = repository.path.join("inside");
    std::fs::create_dir(&inside).unwrap();
    for path in [&repository.path, &inside] {
        let (again, changed) = import(path, "HEAD").unwrap();
        assert_eq!(again, outcome);
        let segment = |folder: &vexfs_replay::storage::MemoryFolder| {
            use vexfs_replay::storage::Folder as _;
            folder.list().unwrap().iter().map(|name| folder.get(name).unwrap()).collect::<Vec<_>>()
        };
        assert!(segment(&plain) == segment(&changed), "another journal");
    }
}

#[test]
fn a_shallow_clone_begins_with_a_whole_tree() {
    let origin = Repository::new(&[]);
    origin.run(&nasty_history(&|number| format!("{number:040x}")));
    let clone = Repository::new(&[]);
    let url = format!("file://{}", origin.path.display());
    clone.git(&["fetch", "--quiet", "--depth=6", &url, "main"]);
    clone.git(&["update-ref", "refs/heads/main", "FETCH_HEAD"]);
    let (outcome, model) = check(&clone, 1);
    assert!(outcome.shallow);
    assert_eq!((outcome.commits, model.nodes.len(), model.edges.len()), (6, 6, 5));
}

/// Replacements are honoured throughout, as git itself does.
#[test]
fn a_replaced_commit_is_what_replaces_it() {
    let repository = Repository::new(&[]);
    repository.run(&nasty_history(&|number| format!("{number:040x}")));
    repository.git(&["replace", "HEAD~3", "HEAD~8"]);
    check(&repository, 1);
}

#[test]
fn what_cannot_be_imported_is_told() {
    let repository = Repository::new(&[]);
    let refused = |path: &Path, revision: &str| match import(path, revision) {
        Err(Error::Import(reason)) => reason,
        other => panic!("{:?}", other.map(|(outcome, _)| outcome)),
    };
    let empty = refused(&repository.path, "HEAD");
    assert!(empty.contains("refs/heads/main") && empty.contains("no commits yet"), "{empty}");
    repository.run(&nasty_history(&|number| format!("{number:040x}")));
    for revision in ["nowhere", "--all", "-1", "", "HEAD~500", "main..main~1", "^main", "a b"] {
        let reason = refused(&repository.path, revision);
        assert!(reason.contains("names no commit"), "{reason}");
    }
    let tree = refused(&repository.path, "main^{tree}");
    assert!(tree.contains("which is no commit"), "{tree}");
    let folder = tempfile::tempdir().unwrap();
    let none = refused(folder.path(), "HEAD");
    assert!(none.contains("not a git repository"), "{none}");
    let missing = refused(&folder.path().join("nowhere"), "HEAD");
    assert!(missing.contains("No such file or directory"), "{missing}");
}

/// A repository that lost an object is not imported as if it had not.
#[test]
fn a_missing_object_is_an_error() {
    for object in ["main:a", "main:deep", "main~4^{tree}", "main~5"] {
        let repository = Repository::new(&[]);
        repository.run(&nasty_history(&|number| format!("{number:040x}")));
        let id = repository.git_text(&["rev-parse", object]);
        explode(&repository);
        let path = repository.path.join(".git/objects").join(&id[..2]).join(&id[2..]);
        std::fs::remove_file(path).unwrap();
        match import(&repository.path, "main") {
            Err(Error::Import(reason)) => assert!(reason.contains(&id), "{object}: {reason}"),
            other => panic!("{object}: {:?}", other.map(|(outcome, _)| outcome)),
        }
    }
}

/// Makes each object a file of its own.
fn explode(repository: &Repository) {
    let packs = repository.path.join(".git/objects/pack");
    let aside = repository.path.join("packs");
    std::fs::rename(&packs, &aside).unwrap();
    for entry in std::fs::read_dir(&aside).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            let pack = std::fs::read(&path).unwrap();
            repository.git_with_input(&["unpack-objects", "-q"], &pack);
        }
    }
}

/// The history of this project itself, where it is there.
#[test]
fn the_own_history_comes_out_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if !root.join(".git").exists() {
        eprintln!("skipped: {} is no git checkout", root.display());
        return;
    }
    let repository = Repository::at(root);
    let commits: usize = repository.git_text(&["rev-list", "--count", "HEAD"]).parse().unwrap();
    check(&repository, commits.div_ceil(100));
}
