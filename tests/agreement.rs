//! Random journals, and three that must agree about each: the parallel replay, the serial one, and
//! a model that shares no code with them.
//!
//! The model knows the events as the tests tell them to the writer, so it reads no journal; it has
//! its own transactions, its own records and their bytes, and its own digest.
//!
//! | law of replay | held by |
//! |---|---|
//! | 1, keys and effects; 3, determinism | `parallel_serial_and_model_agree` |
//! | 2, order | `law_2_*`: contradictions, long transactions, those that never commit |
//! | 3, determinism | `law_3_*`: other blocks and segments |
//! | 4, consistent cut | `law_4_*`: up to an LSN |
//! | 5, verify before trust | `law_5_*`: contradictions, a bad block, a torn tail |
//! | 6, hostile input | `law_6_*`: any bytes; bit by bit: `bit_flips` |
//!
//! The main property looks at 100,000 journals, and at 5,000 without optimization; `AGREEMENT_JOURNALS` says how
//! many where it is set, and the others look at more or fewer in proportion. The main one replays each journal
//! serially and on 1, 2, 3, 4 or 8 threads, in one of the validation modes, all of them in turn; the others in
//! every way. A failure shows the shortest script that leads to it, and what the journal says.

#[cfg(test)]
#[path = "agreement/act.rs"]
mod act;
#[cfg(test)]
#[path = "agreement/check.rs"]
mod check;
#[cfg(test)]
#[path = "agreement/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "support/keep_memory.rs"]
mod keep_memory;
#[cfg(test)]
#[path = "agreement/laws.rs"]
mod laws;
#[cfg(test)]
#[path = "agreement/model.rs"]
mod model;
#[cfg(test)]
#[path = "agreement/plan.rs"]
mod plan;
#[cfg(test)]
#[path = "agreement/play.rs"]
mod play;
#[cfg(test)]
#[path = "agreement/policies.rs"]
mod policies;
#[cfg(test)]
#[path = "agreement/records.rs"]
mod records;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[path = "agreement/script.rs"]
mod script;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "agreement/story.rs"]
mod story;
#[cfg(test)]
#[path = "agreement/world.rs"]
mod world;
#[cfg(test)]
#[path = "agreement/world_graph.rs"]
mod world_graph;
#[cfg(test)]
#[path = "agreement/world_names.rs"]
mod world_names;
