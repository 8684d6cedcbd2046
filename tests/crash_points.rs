//! A crash after every I/O operation of a writer, with every fate of what was not synced: what was
//! acknowledged is there, what is there was written, and a crash alone is never called damage.

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "crash_points/lives.rs"]
mod lives;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[path = "crash_points/workloads.rs"]
mod workloads;
