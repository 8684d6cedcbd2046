//! Replays that are steered and watched: paused, cancelled and timed, alone and several at once that
//! share workers and memory.

#[cfg(test)]
#[path = "control/journals.rs"]
mod journals;
#[cfg(test)]
#[path = "control/memory.rs"]
mod memory;
#[cfg(test)]
#[path = "control/pausing.rs"]
mod pausing;
#[cfg(test)]
#[path = "control/progress.rs"]
mod progress;
#[cfg(test)]
#[path = "control/sharing.rs"]
mod sharing;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/watched.rs"]
mod watched;
