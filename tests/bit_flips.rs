//! Every bit of a small journal flipped, one at a time, and every length that it may be cut to: none
//! goes unnoticed, nothing panics, and what is kept is what was written.

#[cfg(test)]
#[path = "bit_flips/flips.rs"]
mod flips;
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
