//! `scan`: every exit code and their order, and what is printed where.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use vexfs_replay::journal::layout::{PAGE_BYTES, SegmentHeader};
use vexfs_replay::journal::{Writer, WriterOptions, segment};
use vexfs_replay::storage::DiskFolder;

use crate::interruption::{TRIES_MAX, interrupt, wait_until_open};
use crate::program::{Made, Ran, program, run, run_json, succeed, text_of};

/// A folder of journals.
struct Many(TempDir);

impl Many {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Moves a journal there; gives where its first segment is now.
    fn add(&self, name: &str, made: &Made) -> PathBuf {
        let place = self.path().join(name);
        fs::rename(made.path(), &place).unwrap();
        place.join(segment::file_name(0))
    }

    /// A journal of a later format, or one without any sound header.
    fn add_with(&self, name: &str, change: impl FnOnce(&mut SegmentHeader)) {
        let first = self.add(name, &Made::usual());
        let mut content = fs::read(&first).unwrap();
        let (mut header, _) = segment::decode_header(&content[..PAGE_BYTES]).unwrap();
        change(&mut header);
        let page = segment::encode_header(&header);
        content[..page.len()].copy_from_slice(&page);
        fs::write(first, content).unwrap();
    }

    /// Something that is a journal by its content, and can't be opened as one by its name.
    fn add_nameless(&self) {
        let first = self.add("moved", &Made::usual());
        let name = std::ffi::OsStr::from_bytes(b"nameless\xFF");
        fs::rename(&first, self.path().join(name)).unwrap();
        fs::remove_dir_all(first.parent().unwrap()).unwrap();
    }

    fn scan(&self, options: &[&str]) -> (Ran, Value) {
        run_json(&[&["scan", text_of(self.path())], options].concat())
    }

    /// Scans it, and checks the exit code and the verdict of each journal.
    fn check(&self, code: i32, verdicts: &[(&str, &str)]) -> Value {
        let (ran, result) = self.scan(&[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{ran:?}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = result["journals"].as_array().unwrap().iter();
        let found: Vec<_> = found.map(|it| (text(&it["path"]), text(&it["verdict"]))).collect();
        let wanted: Vec<_> = verdicts.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(found, wanted);
        let people = run(&["scan", text_of(self.path())]);
        assert_eq!((people.code, people.stderr.as_str()), (Some(code), ""), "{people:?}");
        for (path, _) in verdicts.iter().filter(|it| it.0.is_ascii()) {
            assert!(people.stdout.contains(path), "{people:?}");
        }
        result
    }
}

#[test]
fn the_exit_code_is_that_of_the_gravest_verdict() {
    let many = Many::new();
    many.add("a", &Made::usual());
    let mut verdicts = vec![("a", "clean")];
    let result = many.check(0, &verdicts);
    assert_eq!((&result["complete"], &result["found"]), (&true.into(), &1.into()));
    assert_eq!(result["journals"][0]["head_lsn"], 1_000);
    assert_eq!(result["totals"]["events"], 1_000);

    many.add("b", &Made::usual().torn());
    verdicts.push(("b", "torn_tail"));
    many.check(3, &verdicts);

    many.add_with("c", |header| header.major = 3);
    verdicts.push(("c", "unknown_format"));
    many.check(4, &verdicts);

    many.add("d", &Made::usual().flipped());
    verdicts.push(("d", "damaged"));
    let result = many.check(4, &verdicts);
    assert_eq!(result["journals"][3]["ranges"], 1);

    many.add_with("e", |header| header.magic = 0);
    verdicts.push(("e", "unreadable"));
    let result = many.check(4, &verdicts);
    assert_eq!(result["journals"][4]["because"], "journal");

    many.add_nameless();
    verdicts.push(("nameless\u{FFFD}", "unreadable"));
    let result = many.check(8, &verdicts);
    assert_eq!(result["journals"][5]["because"], "storage");
    let totals = &result["totals"];
    for (field, count) in [("journals", 6), ("clean", 1), ("unreadable", 2), ("ranges", 1)] {
        assert_eq!(totals[field], count, "{field}");
    }
}

#[test]
fn each_code_stands_for_itself_too() {
    let torn = Many::new();
    torn.add("a", &Made::usual().torn());
    torn.check(3, &[("a", "torn_tail")]);
    let damaged = Many::new();
    damaged.add("a", &Made::usual().flipped());
    damaged.check(4, &[("a", "damaged")]);
    let later = Many::new();
    later.add_with("a", |header| header.required_features = 1);
    later.check(4, &[("a", "unknown_format")]);
    let headless = Many::new();
    headless.add_with("a", |header| header.magic = 0);
    headless.check(4, &[("a", "unreadable")]);
    let nameless = Many::new();
    nameless.add_nameless();
    nameless.check(8, &[("nameless\u{FFFD}", "unreadable")]);
}

#[test]
fn a_living_writer_is_told_and_no_fault() {
    let many = Many::new();
    let place = many.path().join("a");
    let folder = Arc::new(DiskFolder::create(&place).unwrap());
    let writer = Writer::create(folder, WriterOptions::default()).unwrap();
    let result = many.check(0, &[("a", "locked")]);
    let holder = result["journals"][0]["holder"].as_str().unwrap();
    assert_eq!(holder, format!("process {}", std::process::id()));
    writer.close().unwrap();
    many.check(0, &[("a", "clean")]);
}

#[test]
fn no_journal_at_all_is_2_and_no_folder_is_8() {
    let many = Many::new();
    fs::write(many.path().join("text"), "no journal").unwrap();
    let (ran, result) = many.scan(&[]);
    let told = format!("there is no journal at or under {}", text_of(many.path()));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(result["error"]["message"].as_str().unwrap().starts_with(&told), "{result}");
    assert!(ran.stderr.contains(&told) && ran.stderr.lines().count() == 1, "{ran:?}");
    let ran = run(&["scan", text_of(&many.path().join("nowhere"))]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(8), ""), "{ran:?}");
}

#[test]
fn verify_and_scan_say_the_same_of_a_journal() {
    let many = Many::new();
    many.add("a", &Made::usual());
    many.add("b", &Made::usual().flipped());
    for mode in ["none", "basic", "full", "cryptographic"] {
        let (_, scanned) = many.scan(&["--validation", mode, "--threads", "1"]);
        assert_eq!(scanned["validation"], mode);
        for journal in scanned["journals"].as_array().unwrap() {
            let place = many.path().join(journal["path"].as_str().unwrap());
            let (ran, verified) = run_json(&["verify", text_of(&place), "--validation", mode]);
            let is_clean = journal["verdict"] == "clean";
            assert_eq!(ran.code, Some(if is_clean { 0 } else { 4 }), "{mode}: {journal}");
            let head =
                [&journal["head_lsn"].to_string(), ":", journal["head_digest"].as_str().unwrap()];
            assert_eq!(verified["head"], head.concat());
            for field in ["events", "blocks", "bytes"] {
                assert_eq!(verified[field], journal[field], "{mode} {field}");
            }
            let ranges = verified["damages"].as_array().unwrap().len();
            assert_eq!(journal["ranges"].as_u64().unwrap_or(0), ranges as u64, "{mode}");
        }
    }
}

#[test]
fn progress_covers_all_journals() {
    let many = Many::new();
    many.add("a", &Made::by(&["--recipe", "100k"]));
    many.add("b", &Made::by(&["--recipe", "100k"]));
    let ran = run(&["scan", text_of(many.path()), "--json", "--progress", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = ran.stderr.lines().map(|line| serde_json::from_str(line).expect(line));
    let told: Vec<Value> = lines.collect();
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    let files = result["journals"].as_array().unwrap().iter();
    let all: u64 = files.map(|it| it["file_bytes"].as_u64().unwrap()).sum();
    assert!(told.iter().all(|now| now["total_bytes"] == all), "{told:?}");
    let last = told.last().unwrap();
    assert_eq!((&last["bytes"], &last["events"]), (&all.into(), &200_000.into()));
    assert!(result["bytes_per_second"].as_f64().unwrap() > 0.0);
    let quiet = succeed(&["scan", text_of(many.path())]);
    assert_eq!(quiet["totals"], result["totals"]);
    let people = run(&["scan", text_of(many.path())]);
    assert!(people.stdout.contains(" MB/s") && people.stdout.contains("2: 2 clean"), "{people:?}");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "open files are looked for in /proc")]
fn an_interrupt_is_130_and_leaves_the_report_of_what_was_done() {
    let many = Many::new();
    many.add("a", &Made::usual());
    let second = many.add("b", &Made::by(&["--recipe", "100k"])).canonicalize().unwrap();
    many.add("c", &Made::usual());
    for as_json in [true, false] {
        let arguments = ["scan", text_of(many.path()), "--threads", "1", "--json"];
        let arguments = &arguments[..if as_json { 5 } else { 4 }];
        let interrupted = (0..TRIES_MAX).find_map(|_| {
            let mut child = program(arguments).spawn().unwrap();
            if wait_until_open(&mut child, &second) {
                interrupt(&child);
            }
            let output = child.wait_with_output().unwrap();
            // On a busy machine the scan may have been through when the interrupt came.
            (output.status.code() != Some(0)).then_some(output)
        });
        let output = interrupted.expect("one of the interrupts comes in time");
        assert_eq!((output.status.code(), output.stderr), (Some(130), Vec::new()));
        let text = String::from_utf8(output.stdout).unwrap();
        if as_json {
            let result: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&result["exit_code"], &result["complete"]), (&130.into(), &false.into()));
            assert_eq!(result["found"], 3);
            let done = result["journals"].as_array().unwrap();
            assert!((1..3).contains(&done.len()), "{result}");
            assert_eq!((&done[0]["path"], &done[0]["verdict"]), (&"a".into(), &"clean".into()));
        } else {
            assert!(text.lines().any(|line| line.starts_with("incomplete")), "{text}");
        }
    }
}
