//! A history for git: what `git fast-import` makes a repository of.
//!
//! The commits have a main line with side branches of one commit that are merged; files of text, some of
//! bytes, and symbolic links; changes, renames, removals and changes of mode. No two files ever have the
//! same content and what is renamed isn't changed, so that no version of git has a choice in what it takes
//! for renamed.
//!
//! Absent on purpose: git. Who imports the stream is for the caller to decide.

use std::io::{self, Write};

use serde::Serialize;

use crate::file::{File, Kind};
use crate::random::Source;

/// The time of the first commit, in seconds since 1970-01-01 UTC: the start of 2025.
const FIRST_TIME: u64 = 1_735_689_600;
/// From one commit to the next, in seconds.
const TIME_STEP: u64 = 600;
/// Each so many commits is a merge.
const MERGE_EVERY: u64 = 8;
/// How many authors there are.
const AUTHORS: u64 = 12;

/// What a history is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// Its name.
    pub name: String,
    /// How many commits the main line has.
    pub commits: u64,
    /// How many files there may be at once.
    pub files_max: u64,
    /// How many files a commit changes, on the mean.
    pub mean_changes: u64,
}

impl History {
    /// The name of the usual one.
    pub const NAME: &str = "git-history";

    /// The usual one: 2,000 commits of up to 1,000 files.
    #[must_use]
    pub fn usual() -> Self {
        let name = Self::NAME.to_owned();
        Self { name, commits: 2_000, files_max: 1_000, mean_changes: 6 }
    }

    /// Writes the stream that makes it, on a branch `main`. The same history and seed give the same
    /// bytes, and so the same ids of commits.
    ///
    /// # Errors
    /// As writing to `out`.
    pub fn write(&self, seed: u64, out: &mut dyn Write) -> io::Result<()> {
        let source = Source::new(seed);
        let mut script =
            Script { history: self, source, files: Vec::new(), names: 0, mark: 0, out };
        let mut main = Vec::new();
        for number in 0..self.commits {
            script.add(number, &mut main)?;
        }
        writeln!(script.out, "done")
    }
}

struct Script<'a> {
    history: &'a History,
    source: Source,
    /// Those that are there, and the number of the last commit that touched each.
    files: Vec<(File, u64)>,
    /// How many names were ever given.
    names: u64,
    /// The last mark that was given.
    mark: u64,
    out: &'a mut dyn Write,
}

impl Script<'_> {
    /// A commit on the main line, whose marks so far are `main`.
    fn add(&mut self, number: u64, main: &mut Vec<u64>) -> io::Result<()> {
        let (first, fork) = (main.last().copied(), main.iter().rev().nth(1).copied());
        match (first, fork) {
            (Some(first), Some(fork)) if number.is_multiple_of(MERGE_EVERY) => {
                // The tree of a merge is that of its first parent, and what the side branch brought.
                let file = self.new_file();
                let side = self.begin(number, "side", &[fork])?;
                self.put(&file)?;
                main.push(self.begin(number, "main", &[first, side])?);
                self.put(&file)?;
                self.files.push((file, number));
            }
            _ => {
                main.push(self.begin(number, "main", first.as_slice())?);
                for _ in 0..=self.source.below(2 * self.history.mean_changes - 1) {
                    self.change(number)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, number: u64, branch: &str, parents: &[u64]) -> io::Result<u64> {
        self.mark += 1;
        let (mark, time) = (self.mark, FIRST_TIME + number * TIME_STEP);
        let who = self.source.below(AUTHORS);
        writeln!(self.out, "commit refs/heads/{branch}\nmark :{mark}")?;
        writeln!(self.out, "author Author {who} <author-{who}@example.org> {time} +0000")?;
        writeln!(self.out, "committer Committer <committer@example.org> {time} +0000")?;
        self.data(format!("Step {number} of {branch}: {:016x}", self.mark * 31).as_bytes())?;
        for (at, parent) in parents.iter().enumerate() {
            writeln!(self.out, "{} :{parent}", if at == 0 { "from" } else { "merge" })?;
        }
        Ok(mark)
    }

    /// One change of a file that the commit hasn't touched; nothing where the one drawn was.
    fn change(&mut self, number: u64) -> io::Result<()> {
        let files = self.files.len() as u64;
        let chance = self.source.below(100);
        if files < self.history.files_max && (files == 0 || chance < 30) {
            let file = self.new_file();
            self.files.push((file, number));
            return self.put(&file);
        }
        let at = usize::try_from(self.source.below(files)).unwrap_or(0);
        match self.files.get(at).copied() {
            Some((file, touched)) if touched < number => self.alter(at, file, number, chance),
            _ => Ok(()),
        }
    }

    fn alter(&mut self, at: usize, mut file: File, number: u64, chance: u64) -> io::Result<()> {
        let old = file.path();
        match chance {
            90.. => {
                self.files.swap_remove(at);
                return writeln!(self.out, "D {old}");
            }
            80..90 => {
                file.name = self.new_name();
                writeln!(self.out, "R {old} {}", file.path())?;
            }
            // Of a link there is one mode alone.
            75..80 if file.kind() != Kind::Link => {
                file.executable = !file.executable;
                self.put(&file)?;
            }
            _ => {
                file.version += 1;
                self.put(&file)?;
            }
        }
        self.files[at] = (file, number);
        Ok(())
    }

    fn new_name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    fn new_file(&mut self) -> File {
        let name = self.new_name();
        File { number: name, name, version: 0, executable: false }
    }

    fn put(&mut self, file: &File) -> io::Result<()> {
        writeln!(self.out, "M {} inline {}", file.mode(), file.path())?;
        self.data(&file.content())
    }

    fn data(&mut self, data: &[u8]) -> io::Result<()> {
        writeln!(self.out, "data {}", data.len())?;
        self.out.write_all(data)?;
        writeln!(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(history: &History, seed: u64) -> Vec<u8> {
        let mut stream = Vec::new();
        history.write(seed, &mut stream).unwrap();
        stream
    }

    #[test]
    fn a_seed_fixes_every_byte_and_all_kinds_of_changes_occur() {
        let history = History { commits: 300, ..History::usual() };
        let stream_of_1 = stream(&history, 1);
        assert!(stream_of_1 == stream(&history, 1) && stream_of_1 != stream(&history, 2));
        let text = String::from_utf8_lossy(&stream_of_1);
        let starts = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(starts("commit refs/heads/main"), 300);
        assert_eq!(starts("commit refs/heads/side"), starts("merge :"));
        assert!(starts("merge :") > 30);
        for start in ["D ", "R ", "M 120000 ", "M 100755 ", "M 100644 "] {
            assert!(starts(start) > 3, "{start:?}");
        }
    }
}
