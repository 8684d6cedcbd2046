//! The ways to participants: threads, sockets with hostile peers, the joining side, and the file of an epoch.

#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "coordination_transports/fence.rs"]
mod fence;
#[cfg(test)]
#[path = "coordination_transports/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "coordination_transports/joining.rs"]
mod joining;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/log_model.rs"]
mod log_model;
#[cfg(test)]
#[path = "coordination_transports/peer.rs"]
mod peer;
#[cfg(test)]
#[path = "coordination_transports/place.rs"]
mod place;
#[cfg(test)]
#[path = "coordination_transports/threads.rs"]
mod threads;
