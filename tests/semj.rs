//! Import and export of the kernel's semantic journal: nothing is lost on the way there and back, whatever an
//! event holds, and nothing that isn't sound is taken in. The kernel's side is read and written here by code
//! that was made of `docs/semj.md` and shares nothing with the library's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

#[path = "semj/dice.rs"]
mod dice;
#[path = "semj/events.rs"]
mod events;
#[path = "semj/kernel.rs"]
mod kernel;
#[path = "semj/place.rs"]
mod place;

#[path = "semj/command.rs"]
mod command;
#[path = "semj/damage.rs"]
mod damage;
#[path = "semj/forms.rs"]
mod forms;
#[path = "semj/golden.rs"]
mod golden;
#[path = "semj/round_trip.rs"]
mod round_trip;
#[path = "semj/storage.rs"]
mod storage;

#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/failing.rs"]
mod failing;
