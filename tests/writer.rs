//! What the writer does and when: which calls each durability policy makes, and that commits which
//! wait together share one sync. What survives a crash is for `crash_points` to show.

#[cfg(test)]
#[path = "writer/durability.rs"]
mod durability;
#[cfg(test)]
#[path = "writer/group_commit.rs"]
mod group_commit;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/watched.rs"]
mod watched;
