//! Scans of many journals: each verdict is what was done to the journal, nothing is changed, nothing that
//! is no journal is taken for one, and whatever fails ends no scan.
//!
//! The oracle knows the journals as they were written and what was done to them; it reads none.
//!
//! `SCANNED_TREES` says how many trees the main property looks at: 150 where it is not set.

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "scan/failures.rs"]
mod failures;
#[cfg(test)]
#[path = "scan/finding.rs"]
mod finding;
#[cfg(test)]
#[path = "scan/injury.rs"]
mod injury;
#[cfg(test)]
#[path = "scan/living.rs"]
mod living;
#[cfg(test)]
#[path = "scan/progress.rs"]
mod progress;
#[cfg(test)]
#[path = "scan/random.rs"]
mod random;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "scan/tree.rs"]
mod tree;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/watched.rs"]
mod watched;
