//! The recovery manager: each strategy does what it is for and what no other one does, falls back where
//! it must, loses nothing that may not be lost, and goes on where a killed one was.
//!
//! | what | held by |
//! |---|---|
//! | each strategy alone gives the right result | `full`, `partial`, `incremental`, `emergency`, `rollback`, `coordinated` |
//! | no way that loses data is tried unless that is allowed, whatever the damage | `chains` |
//! | what a plan says of the way that it chooses is what recovery does | `foretold` |
//! | storage that fails for a while; time-outs and cancelling | `passing` |
//! | checkpoints that storage can't read | `unreadable` |
//! | a kill and a crash at every operation on records and checkpoints | `crashes` |
//! | looking has no side effects, is cheap, and tells each ending | `surveys` |
//! | what is remembered of earlier recoveries, and what goes | `history` |
//!
//! What is lost, what depended on it and what the state must be is computed by `story`, which knows what
//! was written and shares no code with what is tested.

#[cfg(test)]
#[path = "recovery/chains.rs"]
mod chains;
#[cfg(test)]
#[path = "recovery/coordinated.rs"]
mod coordinated;
#[cfg(test)]
#[path = "recovery/crashes.rs"]
mod crashes;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "recovery/emergency.rs"]
mod emergency;
#[cfg(test)]
#[path = "recovery/foretold.rs"]
mod foretold;
#[cfg(test)]
#[path = "recovery/full.rs"]
mod full;
#[cfg(test)]
#[path = "recovery/history.rs"]
mod history;
#[cfg(test)]
#[path = "recovery/in_turn.rs"]
mod in_turn;
#[cfg(test)]
#[path = "recovery/incremental.rs"]
mod incremental;
#[cfg(test)]
#[path = "recovery/partial.rs"]
mod partial;
#[cfg(test)]
#[path = "recovery/passing.rs"]
mod passing;
#[cfg(test)]
#[path = "recovery/rollback.rs"]
mod rollback;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "recovery/spy.rs"]
mod spy;
#[cfg(test)]
#[path = "recovery/story.rs"]
mod story;
#[cfg(test)]
#[path = "recovery/surveys.rs"]
mod surveys;
#[cfg(test)]
#[path = "recovery/unreadable.rs"]
mod unreadable;
#[cfg(test)]
#[path = "recovery/world.rs"]
mod world;
