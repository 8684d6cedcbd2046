//! Salvage: what is kept of damaged journals is all that stands and nothing else, it is valid, and the
//! manifest says just what became of the rest; whatever fails on the way, and wherever it is cut off.
//!
//! `oracle` is the judge: it knows the events as the tests tell them to the writer, and which bytes
//! were damaged; it reads no damaged journal, and has its own transactions, records and digest.
//!
//! The main property looks at 2,000 journals, and at more or fewer where `AGREEMENT_JOURNALS` says so; see
//! `agreement`.

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/act.rs"]
mod act;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/check.rs"]
mod check;
#[cfg(test)]
#[path = "salvage/chosen.rs"]
mod chosen;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "salvage/cut_off.rs"]
mod cut_off;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "salvage/folders.rs"]
mod folders;
#[cfg(test)]
#[path = "salvage/harm.rs"]
mod harm;
#[cfg(test)]
#[path = "support/keep_memory.rs"]
mod keep_memory;
#[cfg(test)]
#[path = "salvage/living.rs"]
mod living;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/model.rs"]
mod model;
#[cfg(test)]
#[path = "salvage/oracle.rs"]
mod oracle;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/plan.rs"]
mod plan;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/play.rs"]
mod play;
#[cfg(test)]
#[path = "salvage/random.rs"]
mod random;
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
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/story.rs"]
mod story;
#[cfg(test)]
#[path = "salvage/told.rs"]
mod told;
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
