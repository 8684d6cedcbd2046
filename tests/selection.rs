//! Selective replays and replays that stop early, over random journals: the parallel replay, which
//! steps over blocks; the serial one, which reads them all; and a plain loop over the events.
//!
//! The loop reads every block of the journal, keeps the events of open transactions in lists of its
//! own, and asks in its own words whether an event is selected. It shares with the library how an
//! event is laid out and what it does to a record.
//!
//! `SELECTION_JOURNALS` says how many journals the main property looks at: 400 where it is not set.
//! The others look at more or fewer in proportion.

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/act.rs"]
mod act;
#[cfg(test)]
#[path = "selection/damaged.rs"]
mod damaged;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "selection/inspected.rs"]
mod inspected;
#[cfg(test)]
#[path = "selection/journals.rs"]
mod journals;
#[cfg(test)]
#[path = "selection/laws.rs"]
mod laws;
#[cfg(test)]
#[path = "selection/paths.rs"]
mod paths;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/plan.rs"]
mod plan;
#[cfg(test)]
#[path = "selection/plans.rs"]
mod plans;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/script.rs"]
mod script;
#[cfg(test)]
#[path = "selection/selections.rs"]
mod selections;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "selection/stops.rs"]
mod stops;
#[cfg(test)]
#[path = "selection/trees.rs"]
mod trees;
