//! Failures on demand, for tests: each happens where a driver would have one.

use std::panic::resume_unwind;

use super::device::Device;
use crate::Digest;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Fault {
    /// The device goes before its staging buffer is filled.
    LostBeforeFilling,
    /// The device goes before the submission.
    LostBeforeSubmitting,
    /// The device goes while it has the submission.
    LostAfterSubmitting,
    /// A buffer is asked for that is larger than the memory.
    OutOfMemory,
    /// A command is not valid.
    Refused,
    /// wgpu panics, as it does when a device is lost while it is waited for.
    Panic,
    /// The device gives digests of something else.
    Wrong,
}

/// Where the host is with a submission.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Filling,
    Submitting,
    Submitted,
}

/// A fault to come.
pub(super) struct Break {
    fault: Fault,
    submissions_left: u64,
    collections_left: u64,
}

impl Break {
    pub(super) fn new(fault: Fault, submission: u64) -> Self {
        Self { fault, submissions_left: submission, collections_left: submission }
    }

    /// Fails, if it is time to.
    pub(super) fn step(&mut self, step: Step, device: &Device) {
        if self.submissions_left == 0 {
            match (self.fault, step) {
                (Fault::LostBeforeFilling, Step::Filling)
                | (Fault::LostBeforeSubmitting, Step::Submitting)
                | (Fault::LostAfterSubmitting, Step::Submitted) => device.destroy(),
                (Fault::OutOfMemory, Step::Submitting) => device.exhaust(),
                (Fault::Refused, Step::Submitting) => device.misuse(),
                (Fault::Panic, Step::Submitted) => resume_unwind(Box::new("as a test asked")),
                _ => {}
            }
        }
        if step == Step::Submitted {
            self.submissions_left = self.submissions_left.wrapping_sub(1);
        }
    }

    /// Changes digests, if it is time to.
    pub(super) fn spoil(&mut self, digests: &mut [Digest]) {
        if self.fault == Fault::Wrong && self.collections_left == 0 {
            digests.iter_mut().for_each(|it| it[7] ^= 1);
        }
        self.collections_left = self.collections_left.wrapping_sub(1);
    }
}
