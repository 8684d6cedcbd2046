//! Turns a git repository's first-parent history into a journal.
//!
//! Each commit becomes one transaction, at its committer's time:
//!
//! - The commit is a graph node, numbered by the first eight bytes of its id (big-endian), with the
//!   whole id as its data; see [`NODE_COMMIT`]. From it an edge leads to each of its parents. A
//!   parent off the chain gets a node of its own kind, [`NODE_SIDE_PARENT`], once.
//! - Its author is an agent who takes a decision: the e-mail is the agent's name, the subject line
//!   the text, the commit's node the subject. E-mail and subject are cut off at 8 KiB.
//! - Its changes against its first parent are events of files and directories. The root directory
//!   is inode [`ROOT_INODE`] and is there from the start; the others count up. Directories come
//!   with the first file in them and go with the last one. Modes are git's, and the content is
//!   named by git's object id. A submodule is a file of mode 160000 whose content is the id of the
//!   commit in it, of length 0. A symbolic link carries its target where that is of at most 64 KiB;
//!   one that is pointed elsewhere is another link, as it is in a file system.
//! - A file that is text (by git's rule: no NUL in its first 8,000 bytes) and of at most 1 MiB has
//!   a vector with the number of its inode; see [`embed`].
//!
//! In a shallow clone the history begins where the clone does: the oldest commit there has no
//! parents, and brings its whole tree. [`GitOutcome::shallow`] says so.
//!
//! # Why `git log` and `git cat-file`
//!
//! `git fast-export` looks made for this, but asked for the first-parent chain it leaves out every
//! parent off the chain; it prints each blob whole, even one of gigabytes, or with `--no-data` not
//! even its length; and it quotes names. `git log --raw -z` prints exactly the chain, with all
//! parents, one comparison of trees a commit, in records whose fields are counted and never quoted;
//! and `git cat-file` gives lengths before contents. Both are watched: git can die in mid-stream and
//! leave what looks like a whole one, so the last commit that was read waits for a good exit code,
//! and the number of commits is compared with that of `git rev-list`.
//!
//! Which of several similar files counts as renamed is git's judgement, and may differ between its
//! versions; the tree after each commit doesn't. git 2.36 is needed.

mod blobs;
mod graph;
mod log;
mod mode;
mod object;
mod plan;
mod process;
mod tree;
mod vector;

use std::ffi::OsStr;
use std::io::BufReader;
use std::path::Path;
use std::process::{ChildStdout, Stdio};

use blobs::{Blobs, Content};
pub use graph::{EDGE_FIRST_PARENT, EDGE_OTHER_PARENT, NODE_COMMIT, NODE_SIDE_PARENT};
use log::{Commit, LogReader};
use object::ObjectId;
use process::{Git, Running};
pub use tree::ROOT_INODE;
use tree::Tree;
pub use vector::{DIMENSIONS, MODEL, embed, encode, is_text};

use crate::error::Error;
use crate::event::Body;
use crate::journal::{NewEvent, Transaction, Writer};

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GitProgress {
    /// How many commits are in the journal.
    pub commits: u64,
    /// How many there will be.
    pub commits_total: u64,
}

/// What an import has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitOutcome {
    /// How many commits, and so transactions.
    pub commits: u64,
    /// How many events, those that begin and end transactions included.
    pub events: u64,
    /// How many changes of files the commits had.
    pub changes: u64,
    /// How many files, links and submodules there are after the last commit.
    pub files: u64,
    /// The id of the last commit, in hexadecimal digits.
    pub head: String,
    /// The history goes back further than the repository does, which is a shallow clone.
    pub shallow: bool,
}

/// Takes events, one after the other.
trait Sink {
    fn put(&mut self, body: Body<'_>) -> Result<(), Error>;
}

/// Appends the first-parent history of `revision` in the repository at `repository` to a journal,
/// oldest commit first, and makes it as durable as the writer's policy says. The journal should
/// have no events yet, since inodes and edges are numbered from the start.
///
/// # Errors
/// [`Error::Import`] when git, the repository or the revision isn't there, when git fails, and when
/// what it says contradicts itself; else as [`Writer::append`]. The journal has then the commits up
/// to some point of the history, each whole.
pub fn import_git(
    repository: &Path,
    revision: &str,
    writer: &Writer,
    progress: &mut dyn FnMut(&GitProgress),
) -> Result<GitOutcome, Error> {
    import(&Git::new(repository), revision, writer, progress)
}

/// The id of the commit that `revision` names: to be asked before a journal is begun, so that none
/// is left behind with nothing in it.
///
/// # Errors
/// [`Error::Import`] when git, the repository or the revision isn't there.
pub fn find_git_commit(repository: &Path, revision: &str) -> Result<String, Error> {
    History::find_head(&Git::new(repository), revision).map(|(head, _)| head)
}

fn import(
    git: &Git,
    revision: &str,
    writer: &Writer,
    progress: &mut dyn FnMut(&GitProgress),
) -> Result<GitOutcome, Error> {
    let History { head, commits: commits_total, shallow } = History::find(git, revision)?;
    let mut log = Log::start(git, &head)?;
    let mut blobs = Blobs::start(git)?;
    let mut importer = Importer::new(writer);
    let (mut commit, mut contents) = (Commit::new(), Vec::new());
    while log.next(&mut commit)? {
        blobs.describe(&commit, &mut contents)?;
        importer.add(&commit, &contents)?;
        progress(&GitProgress { commits: importer.commits, commits_total });
    }
    blobs.finish()?;
    if importer.commits != commits_total {
        let found = importer.commits;
        let reason = format!("git log gave {found} commits where there are {commits_total}");
        return Err(Error::Import(reason));
    }
    writer.commit()?;
    let Importer { commits, events, changes, tree, .. } = importer;
    Ok(GitOutcome { commits, events, changes, files: tree.files(), head, shallow })
}

/// What is to be imported.
#[derive(Debug)]
struct History {
    /// The id of the last commit. Asked for once: a branch may move meanwhile.
    head: String,
    commits: u64,
    shallow: bool,
}

impl History {
    fn find(git: &Git, revision: &str) -> Result<Self, Error> {
        let place = git.repository();
        let (head, shallow) = Self::find_head(git, revision)?;
        let count = ["rev-list", "--count", "--first-parent", &head].map(OsStr::new);
        let commits = git.ask(&count)?.map_err(|complaint| {
            Error::Import(format!("the history of {head} in {place} can't be read: {complaint}"))
        })?;
        let commits = commits.parse().map_err(|_| {
            Error::Import(format!("git rev-list gave \"{commits}\" for a number of commits"))
        })?;
        Ok(Self { head, commits, shallow })
    }

    /// The id of the commit, and whether the repository is a shallow clone.
    fn find_head(git: &Git, revision: &str) -> Result<(String, bool), Error> {
        let place = git.repository();
        let is_shallow = ["rev-parse", "--is-shallow-repository"].map(OsStr::new);
        let shallow = git.ask(&is_shallow)?.map_err(|complaint| {
            Error::Import(format!("{place} can't be read as a git repository: {complaint}"))
        })?;
        let name = format!("{revision}^{{commit}}");
        let resolve = ["rev-parse", "--verify", "--end-of-options", &name].map(OsStr::new);
        // What excludes a commit resolves, too: to an id with a caret.
        let head = git.ask(&resolve)?.ok().filter(|id| ObjectId::from_hex(id.as_bytes()).is_some());
        match head {
            Some(head) => Ok((head, shallow == "true")),
            None => Err(Self::not_found(git, revision)?),
        }
    }

    /// Why a revision is no commit.
    fn not_found(git: &Git, revision: &str) -> Result<Error, Error> {
        let place = git.repository();
        let resolve = ["rev-parse", "--verify", "--end-of-options", revision].map(OsStr::new);
        if let Some(object) = git.ask(&resolve)?.ok().filter(|id| !id.starts_with('^')) {
            let reason = "which is no commit that can be read";
            return Ok(Error::Import(format!("\"{revision}\" is {object} in {place}, {reason}")));
        }
        let branch = git.ask(&["symbolic-ref", "--quiet", "HEAD"].map(OsStr::new))?;
        Ok(Error::Import(match branch {
            Ok(branch) if revision == "HEAD" || revision == "@" => {
                format!("the branch {branch} of {place} has no commits yet")
            }
            _ => format!("\"{revision}\" names no commit in {place}"),
        }))
    }
}

/// A running `git log`.
#[derive(Debug)]
struct Log {
    git: Running,
    reader: LogReader<BufReader<ChildStdout>>,
}

impl Log {
    fn start(git: &Git, head: &str) -> Result<Self, Error> {
        #[rustfmt::skip]
        let arguments = [
            "log", "--first-parent", "--reverse", "--diff-merges=first-parent", "--root",
            "--raw", "-z", "--no-abbrev", "--find-renames=50%", "-l1000",
            // What the user's configuration could ask for.
            "--no-ext-diff", "--no-textconv", "--no-color", "--no-notes", "--no-show-signature",
            "--no-relative", "-O/dev/null", "--ignore-submodules=none", "--no-mailmap",
            "--encoding=UTF-8", log::FORMAT, head, "--",
        ];
        let mut git = git.start(&arguments.map(OsStr::new), Stdio::null())?;
        let Some(output) = git.child.stdout.take() else {
            return Err(git.failed("it has no output"));
        };
        let reader = LogReader::new(BufReader::with_capacity(64 * 1024, output));
        Ok(Self { git, reader })
    }

    /// Reads the next commit. The last one is given only when git has ended well: where git dies
    /// between two changes, the stream looks whole and the commit is not.
    fn next(&mut self, commit: &mut Commit) -> Result<bool, Error> {
        let read = self.reader.next(commit);
        let found = read.map_err(|error| self.git.explain(error))?;
        if self.reader.at_end()? {
            self.git.finish()?;
        }
        Ok(found)
    }
}

/// Writes commits into a journal.
#[derive(Debug)]
struct Importer<'w> {
    writer: &'w Writer,
    tree: Tree,
    graph: graph::Graph,
    commits: u64,
    events: u64,
    changes: u64,
}

impl<'w> Importer<'w> {
    fn new(writer: &'w Writer) -> Self {
        let (tree, graph) = (Tree::new(), graph::Graph::default());
        Self { writer, tree, graph, commits: 0, events: 0, changes: 0 }
    }

    fn add(&mut self, commit: &Commit, contents: &[Content]) -> Result<(), Error> {
        let timestamp_ns = commit.time_ns;
        let transaction = self.writer.begin(timestamp_ns, 0)?;
        let mut sink = TransactionSink { transaction, timestamp_ns, events: 0 };
        let added = self.graph.add(commit, &mut sink);
        let added = added.and_then(|()| plan::apply(&mut self.tree, commit, contents, &mut sink));
        if let Err(error) = added {
            // The first error is the one to report; a transaction without an end is left out, too.
            let _ = sink.transaction.abort(timestamp_ns);
            return Err(error);
        }
        sink.transaction.commit(timestamp_ns)?;
        self.commits += 1;
        self.changes += commit.changes.len() as u64;
        self.events += sink.events + 2;
        Ok(())
    }
}

/// Appends to a transaction.
#[derive(Debug)]
struct TransactionSink<'w> {
    transaction: Transaction<'w>,
    timestamp_ns: u64,
    events: u64,
}

impl Sink for TransactionSink<'_> {
    fn put(&mut self, body: Body<'_>) -> Result<(), Error> {
        self.transaction.append(&NewEvent::new(self.timestamp_ns, body))?;
        self.events += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
