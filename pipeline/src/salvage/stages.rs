//! One progress out of those of several passes that follow each other.

use crate::replay::{Meter, Progress};

/// How many passes a salvage makes.
const PASSES: u64 = 4;

/// The progress of passes that are about equally long.
pub(super) struct Stages<'p> {
    pass_bytes: u64,
    begun: u64,
    meter: Meter,
    told: &'p mut dyn FnMut(&Progress),
}

impl<'p> Stages<'p> {
    pub(super) fn new(pass_bytes: u64, told: &'p mut dyn FnMut(&Progress)) -> Self {
        Self { pass_bytes, begun: 0, meter: Meter::start(), told }
    }

    /// Takes the progress of the next pass.
    pub(super) fn next(&mut self) -> impl FnMut(&Progress) {
        let before = self.begun.saturating_mul(self.pass_bytes);
        self.begun += 1;
        move |now| {
            let bytes = before.saturating_add(now.bytes.min(self.pass_bytes));
            let total_bytes = PASSES.saturating_mul(self.pass_bytes);
            let mut all = Progress { bytes, total_bytes, ..*now };
            self.meter.measure((0, 0), &mut all);
            (self.told)(&all);
        }
    }
}
