//! Participants in other processes: two of `docs/participant.py`, which was written from the protocol's page alone,
//! and one in this process, brought to one cut. Each step of them is killed, and each decision of the coordinator.
//! Where there is no Python 3 these tests show as ignored, with the reason.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

#[path = "coordination_external/kills.rs"]
mod kills;
#[path = "support/log_model.rs"]
mod log_model;
#[path = "coordination_external/python.rs"]
mod python;
#[path = "coordination_external/scene.rs"]
mod scene;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let missing = python::find().err();
    let trials = kills::TESTS.map(|(name, test)| match &missing {
        None => Trial::test(name, move || {
            test();
            Ok(())
        }),
        Some(reason) => {
            Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true)
        }
    });
    libtest_mimic::run(&arguments, trials.into_iter().collect()).exit();
}
