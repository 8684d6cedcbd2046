//! States in a durable store: the same as in memory, whatever was in the cache when, however often a
//! replay was killed, and the old one until the new one is proven.

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/act.rs"]
mod act;
#[cfg(test)]
#[path = "store/agreement.rs"]
mod agreement;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/check.rs"]
mod check;
#[cfg(test)]
#[path = "support/keep_memory.rs"]
mod keep_memory;
#[cfg(test)]
#[path = "store/kills.rs"]
mod kills;
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
#[path = "store/policies.rs"]
mod policies;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "command_line/program.rs"]
mod program;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "agreement/records.rs"]
mod records;
#[cfg(test)]
#[path = "store/schema.rs"]
mod schema;
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
#[path = "store/verbs.rs"]
mod verbs;
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
