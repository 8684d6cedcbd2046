//! What an async program has of a replay. Only with the feature `tokio`.

#[cfg(test)]
#[path = "control/updates.rs"]
mod updates;
