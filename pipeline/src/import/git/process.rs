//! Runs git: always with the same settings, whatever the user's are, and never without looking at
//! how it ended.
//!
//! Kept of the user's configuration is what decides whether git may read the repository at all
//! (`safe.directory` and its like). Nothing here talks to the network: objects that a partial clone
//! left out are an error, not a download.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// Settings that could change what is read, and have no option of their own.
const SETTINGS: &[&str] = &[
    "core.useReplaceRefs=true",
    "core.quotePath=true",
    "core.attributesFile=/dev/null",
    "core.bigFileThreshold=512m",
    "diff.renameLimit=1000",
    "log.showSignature=false",
    "log.diffMerges=separate",
];

/// Variables of git that are kept: where it is installed, and where it may look for a repository.
const KEPT_VARIABLES: &[&str] =
    &["GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"];

/// How much of git's complaints is read, in bytes.
const COMPLAINT_BYTES_MAX: u64 = 64 * 1024;

/// A repository and the program that reads it.
#[derive(Debug)]
pub(super) struct Git {
    program: OsString,
    repository: PathBuf,
}

/// A git that runs. Dropped before its end, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    verb: String,
    complaints: Option<File>,
    ended: bool,
}

impl Git {
    pub(super) fn new(repository: &Path) -> Self {
        Self::with_program(OsStr::new("git"), repository)
    }

    /// As [`Self::new`], with another program in git's place.
    pub(super) fn with_program(program: &OsStr, repository: &Path) -> Self {
        Self { program: program.to_owned(), repository: repository.to_owned() }
    }

    /// The repository, for messages.
    pub(super) fn repository(&self) -> std::path::Display<'_> {
        self.repository.display()
    }

    /// Starts git with these arguments, of which the first is the verb.
    pub(super) fn start(&self, arguments: &[&OsStr], input: Stdio) -> Result<Running, Error> {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if is_unwanted(&name) {
                command.env_remove(&name);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(["--no-pager", "-C"])
            .arg(&self.repository);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let complaints = complaints_file();
        let errors = complaints.as_ref().and_then(|file| file.try_clone().ok());
        let child = command
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(errors.map_or_else(Stdio::null, Stdio::from))
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let verb = arguments.first().map(|verb| verb.to_string_lossy().into_owned());
        Ok(Running { child, verb: verb.unwrap_or_default(), complaints, ended: false })
    }

    /// Runs git to its end: what it printed, or what it complained of.
    pub(super) fn ask(&self, arguments: &[&OsStr]) -> Result<Result<String, String>, Error> {
        let mut running = self.start(arguments, Stdio::null())?;
        let mut answer = Vec::new();
        if let Some(mut output) = running.child.stdout.take() {
            output.read_to_end(&mut answer).map_err(|error| running.failed(&error.to_string()))?;
        }
        let status = running.wait()?;
        if status.success() {
            return Ok(Ok(String::from_utf8_lossy(&answer).trim_end().to_owned()));
        }
        Ok(Err(running.complaint()))
    }

    fn not_started(&self, error: &std::io::Error) -> Error {
        let program = self.program.to_string_lossy();
        Error::Import(if error.kind() == std::io::ErrorKind::NotFound {
            format!("the program \"{program}\" was not found; is git installed and in PATH?")
        } else {
            format!("the program \"{program}\" could not be started: {error}")
        })
    }
}

impl Running {
    /// Waits for git's end, which must be a good one. Its output must have been read by then, and
    /// its input be closed.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let status = self.wait()?;
        if status.success() { Ok(()) } else { Err(self.failed(&status.to_string())) }
    }

    /// The error that git's early end is: its own complaint where it made one, else `reason`.
    pub(super) fn failed(&mut self, reason: &str) -> Error {
        self.kill();
        let complaint = self.complaint();
        let reason = if complaint.is_empty() { reason } else { &complaint };
        Error::Import(format!("git {} failed: {reason}", self.verb))
    }

    /// The error to report when git's output made no sense: its own complaint where it made one,
    /// since then the output ended for that reason, else `error`.
    pub(super) fn explain(&mut self, error: Error) -> Error {
        self.kill();
        if self.complaint().is_empty() { error } else { self.failed("") }
    }

    /// Ends a git that is no longer listened to. One that has closed its output has said why by
    /// then, and one that has not might wait for ever.
    fn kill(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            // It may have ended by itself, and there is nobody to tell if it can't be killed.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn wait(&mut self) -> Result<ExitStatus, Error> {
        let status = self.child.wait().map_err(|error| {
            Error::Import(format!("git {} could not be waited for: {error}", self.verb))
        })?;
        self.ended = true;
        Ok(status)
    }

    /// What git complained of: its lines that begin as errors do, two at most, else its first line
    /// that is no warning.
    fn complaint(&mut self) -> String {
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.complaints {
            let read = file
                .rewind()
                .and_then(|()| file.by_ref().take(COMPLAINT_BYTES_MAX).read_to_end(&mut bytes));
            if read.is_err() {
                return String::new();
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let error =
            |line| str::strip_prefix(line, "fatal: ").or(str::strip_prefix(line, "error: "));
        let errors: Vec<&str> = text.lines().filter_map(error).take(2).collect();
        if errors.is_empty() {
            let other = text.lines().find(|line| !line.starts_with("warning: "));
            return other.unwrap_or_default().to_owned();
        }
        errors.join("; ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_unwanted(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy();
    name.starts_with("GIT_")
        && !name.starts_with("GIT_CONFIG")
        && !KEPT_VARIABLES.contains(&name.as_ref())
}

/// A file without a name for what git writes to its standard error. A pipe would need to be read
/// while the output is, or git could wait for it for ever. Where no file can be made, the
/// complaints are lost and the exit code stays.
fn complaints_file() -> Option<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("vexfs-replay-git-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path).ok()?;
    std::fs::remove_file(&path).ok()?;
    Some(file)
}
