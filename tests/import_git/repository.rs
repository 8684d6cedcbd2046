//! Makes repositories for tests: by `git fast-import`, with fixed names and times, and out of reach
//! of the user's configuration.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository in a folder of its own.
pub(super) struct Repository {
    _folder: Option<tempfile::TempDir>,
    pub(super) path: PathBuf,
}

impl Repository {
    /// A new one without commits. `options` are those of `git init`.
    pub(super) fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repository");
        let init = [&["init", "--quiet", "--initial-branch=main"], options].concat();
        let repository = Self { _folder: Some(folder), path };
        std::fs::create_dir(&repository.path).unwrap();
        repository.git(&init);
        repository
    }

    /// One that is there.
    pub(super) fn at(path: &Path) -> Self {
        Self { _folder: None, path: path.to_owned() }
    }

    pub(super) fn git(&self, arguments: &[&str]) -> Vec<u8> {
        self.git_with_input(arguments, b"")
    }

    pub(super) fn git_text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.git(arguments)).unwrap().trim_end().to_owned()
    }

    pub(super) fn git_with_input(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input).unwrap();
        file.rewind().unwrap();
        let output = isolated_git(&self.path, arguments, file);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {complaint}");
        output.stdout
    }

    /// Runs what a [`Script`] says.
    pub(super) fn run(&self, script: &Script) {
        self.git_with_input(&["fast-import", "--quiet", "--force"], &script.0);
    }

    /// The contents of blobs.
    pub(super) fn blobs(&self, ids: &[String]) -> Vec<Vec<u8>> {
        let output = self.git_with_input(&["cat-file", "--batch"], ids.join("\n").as_bytes());
        let mut rest = &output[..];
        let mut contents = Vec::new();
        for _ in ids {
            let line = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let header = str::from_utf8(&rest[..line]).unwrap();
            let length: usize = header.rsplit(' ').next().unwrap().parse().unwrap();
            contents.push(rest[line + 1..][..length].to_vec());
            rest = &rest[line + 1 + length + 1..];
        }
        contents
    }
}

fn isolated_git(path: &Path, arguments: &[&str], input: File) -> std::process::Output {
    let mut command = Command::new("git");
    command.arg("-C").arg(path).args(arguments).stdin(Stdio::from(input));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Author")
        .env("GIT_AUTHOR_EMAIL", "author@example.org")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_NAME", "Committer")
        .env("GIT_COMMITTER_EMAIL", "committer@example.org")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .output()
        .expect("these tests need git")
}

/// Commands for `git fast-import`.
#[derive(Default)]
pub(super) struct Script(Vec<u8>);

impl Script {
    /// A commit on `branch` under a mark, with what `subject` says. The parents are marks, or
    /// empty for those that the branch has.
    pub(super) fn commit(&mut self, branch: &str, mark: u32, subject: &[u8], parents: &[u32]) {
        self.commit_by("author@example.org".as_bytes(), branch, mark, subject, parents);
    }

    pub(super) fn commit_by(
        &mut self,
        email: &[u8],
        branch: &str,
        mark: u32,
        subject: &[u8],
        parents: &[u32],
    ) {
        let time = 1_700_000_000 + mark;
        self.text(&format!("commit refs/heads/{branch}\nmark :{mark}\nauthor A <"));
        self.0.extend_from_slice(email);
        self.text(&format!("> {time} +0000\ncommitter C <c@example.org> {time} +0000\n"));
        self.data(subject);
        for (position, parent) in parents.iter().enumerate() {
            let verb = if position == 0 { "from" } else { "merge" };
            self.text(&format!("{verb} :{parent}\n"));
        }
    }

    /// A branch begins without history.
    pub(super) fn reset(&mut self, branch: &str) {
        self.text(&format!("reset refs/heads/{branch}\n"));
    }

    pub(super) fn add(&mut self, mode: &str, path: &[u8], content: &[u8]) {
        self.text(&format!("M {mode} inline {}\n", quoted(path)));
        self.data(content);
    }

    pub(super) fn submodule(&mut self, path: &[u8], commit: &str) {
        self.text(&format!("M 160000 {commit} {}\n", quoted(path)));
    }

    pub(super) fn delete(&mut self, path: &[u8]) {
        self.text(&format!("D {}\n", quoted(path)));
    }

    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) {
        self.text(&format!("R {} {}\n", quoted(from), quoted(to)));
    }

    pub(super) fn delete_all(&mut self) {
        self.text("deleteall\n");
    }

    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn data(&mut self, data: &[u8]) {
        self.text(&format!("data {}\n", data.len()));
        self.0.extend_from_slice(data);
        self.0.push(b'\n');
    }
}

fn quoted(path: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in path {
        write!(text, "\\{byte:03o}").unwrap();
    }
    text + "\""
}
