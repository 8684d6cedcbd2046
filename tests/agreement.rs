//! Random journals, and three that must agree about each: the parallel replay, the serial one, and
//! a model that shares no code with them.
//!
//! `AGREEMENT_JOURNALS` says how many journals the main property looks at (2,000 where it is not
//! set; 100,000 is the full measure); the others look at more or fewer in proportion. A failure
//! shows the shortest script that leads to it, and what the journal says.

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
#[path = "agreement/laws.rs"]
mod laws;
#[cfg(test)]
#[path = "agreement/model.rs"]
mod model;
#[cfg(test)]
#[path = "agreement/plan.rs"]
mod plan;
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
