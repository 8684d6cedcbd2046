//! Makes journals out of what other programs recorded. One module per foreign format; each reads
//! its source to the end or fails, and what it has written by then is whole transactions, or nothing.

pub mod git;
mod semj;

pub use git::{GitOutcome, GitProgress, find_git_commit, import_git};
pub use semj::{SemjImportOptions, SemjImported, check_semj_header, import_semj};
