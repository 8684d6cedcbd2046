//! Every bit of a small journal flipped, one at a time, and every length that the files of twenty may be
//! cut to: none goes unnoticed, nothing panics, and what is kept is what was written.

#[cfg(test)]
#[path = "bit_flips/flips.rs"]
mod flips;
#[cfg(test)]
#[path = "bit_flips/journals.rs"]
mod journals;
#[cfg(test)]
#[path = "support/keep_memory.rs"]
mod keep_memory;
#[cfg(test)]
#[path = "bit_flips/lengths.rs"]
mod lengths;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
