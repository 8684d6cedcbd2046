//! Runs the program, and journals on disk to run it on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vexfs_replay::journal::{Journal, layout::PAGE_BYTES};

/// The passes over a journal that every exit code is held for: verb, and what it is followed by.
pub(crate) const PASSES: [&[&str]; 6] = [
    &["verify"],
    &["replay"],
    &["state", "digest"],
    &["state", "count"],
    &["state", "list"],
    &["state", "ls-tree"],
];

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program with these arguments, not started yet.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs-replay-pipe"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end, away from any terminal.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    let output = program(arguments).output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs it with `--json`, and checks that stdout is one object which tells the verb and the code.
pub(crate) fn run_json(arguments: &[&str]) -> (Ran, Value) {
    let ran = run(&[arguments, &["--json"]].concat());
    let result: Value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    assert_eq!(result["schema"], 1, "{ran:?}");
    assert_eq!(result["command"], arguments[0], "{ran:?}");
    assert_eq!(result["exit_code"].as_i64(), ran.code.map(i64::from), "{ran:?}");
    (ran, result)
}

/// Checks that it succeeds and has nothing to complain about; gives its result.
pub(crate) fn succeed(arguments: &[&str]) -> Value {
    let (ran, result) = run_json(arguments);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    result
}

/// A journal in a folder of its own.
pub(crate) struct Made {
    pub(crate) folder: TempDir,
    /// The LSN and digest with which it ended when it was made.
    pub(crate) head: String,
}

impl Made {
    /// A generated one, with these options.
    pub(crate) fn by(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let made = succeed(&[&["generate", text_of(&path)], options].concat());
        let head = made["head"].as_str().unwrap().to_owned();
        Self { folder, head }
    }

    /// The usual one: a thousand events in four blocks.
    pub(crate) fn usual() -> Self {
        Self::by(&["--recipe", "1k"])
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// The verb, with what follows it, on this journal.
    pub(crate) fn run(&self, pass: &[&str], options: &[&str]) -> (Ran, Value) {
        run_json(&[pass, &[text_of(&self.path())], options].concat())
    }

    /// As [`Self::run`], where it must succeed.
    pub(crate) fn succeed(&self, pass: &[&str], options: &[&str]) -> Value {
        succeed(&[pass, &[text_of(&self.path())], options].concat())
    }

    /// The files of the segments.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let opened = Journal::open_path(&self.path()).unwrap();
        opened.segments.iter().map(|segment| segment.path.clone()).collect()
    }

    /// Cuts the newest segment off in the middle of its last block, as a crash would.
    pub(crate) fn torn(self) -> Self {
        let newest = self.segments().pop().unwrap();
        let file = fs::OpenOptions::new().write(true).open(&newest).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - PAGE_BYTES as u64 - 512).unwrap();
        self
    }

    /// Flips a bit in the second block.
    pub(crate) fn flipped(self) -> Self {
        let segment = self.segments().remove(0);
        let mut content = fs::read(&segment).unwrap();
        let second = PAGE_BYTES + vexfs_replay::journal::WriterOptions::default().block_bytes;
        assert!(content[second..].starts_with(b"VXBK"));
        content[second + 1_000] ^= 1;
        fs::write(&segment, content).unwrap();
        self
    }
}

/// A path as an argument.
pub(crate) fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}
