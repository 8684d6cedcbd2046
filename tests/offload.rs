//! Blocks hashed elsewhere than on the workers: whatever an accelerator does, says or fails to do, the
//! result is that of the workers alone.

#[cfg(test)]
#[path = "offload/accelerators.rs"]
mod accelerators;
#[cfg(all(test, feature = "gpu"))]
#[path = "offload/gpu.rs"]
mod gpu;
#[cfg(test)]
#[path = "offload/results.rs"]
mod results;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
