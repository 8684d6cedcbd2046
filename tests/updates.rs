//! What an async program has of a replay, and of a coordination. Only with the feature `tokio`.

#[cfg(test)]
#[path = "control/coordination_updates.rs"]
mod coordination_updates;
#[cfg(test)]
#[path = "control/updates.rs"]
mod updates;
