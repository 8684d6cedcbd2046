//! What a coordination stands on: its decisions in a file, whatever a crash leaves of that; what entries come to;
//! and its times, by a clock that the test turns.

#[cfg(test)]
#[path = "coordination/clock.rs"]
mod clock;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "coordination/entries.rs"]
mod entries;
#[cfg(test)]
#[path = "coordination/file.rs"]
mod file;
#[cfg(test)]
#[path = "coordination/folding.rs"]
mod folding;
