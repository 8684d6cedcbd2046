//! The law of checkpoints: a replay that was ended anywhere and goes on from what it left comes to
//! the same state and finds the same as one that was never ended, and has no checkpoints.
//!
//! | what ends it | held by |
//! |---|---|
//! | a crash at any operation on the checkpoints | `crashes` |
//! | a stop, a cancel; the journal grows in between | `stages`, `torn` |
//! | a kill of the real process at any moment | `process` |
//!
//! | what is wrong with what it left | held by |
//! |---|---|
//! | any byte, any length; hostile lengths | `bytes` |
//! | it is of another journal, of a longer one, of another past | `misfits` |
//! | files that build on each other are missing | `pruning` |

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/act.rs"]
mod act;
#[cfg(test)]
#[path = "exact_resume/bytes.rs"]
mod bytes;
#[cfg(test)]
#[path = "exact_resume/came.rs"]
mod came;
#[cfg(test)]
#[path = "exact_resume/chain.rs"]
mod chain;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/check.rs"]
mod check;
#[cfg(test)]
#[path = "exact_resume/craft.rs"]
mod craft;
#[cfg(test)]
#[path = "exact_resume/crashes.rs"]
mod crashes;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "support/keep_memory.rs"]
mod keep_memory;
#[cfg(test)]
#[path = "exact_resume/misfits.rs"]
mod misfits;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/model.rs"]
mod model;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/plan.rs"]
mod plan;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/play.rs"]
mod play;
#[cfg(test)]
#[path = "exact_resume/process.rs"]
mod process;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "command_line/program.rs"]
mod program;
#[cfg(test)]
#[path = "exact_resume/pruning.rs"]
mod pruning;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/records.rs"]
mod records;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/script.rs"]
mod script;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "exact_resume/stages.rs"]
mod stages;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/story.rs"]
mod story;
#[cfg(test)]
#[path = "exact_resume/torn.rs"]
mod torn;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/world.rs"]
mod world;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/world_graph.rs"]
mod world_graph;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/world_names.rs"]
mod world_names;
