//! The system family: each key is a mount.

use vexfs_datasets::{Action, Outcome, Touch};

use super::keys::Keys;
use super::output::{Name, Output};
use super::{Population, Step};
use crate::error::Error;
use crate::event::{Body, EventType, Mount, MountCheckpoint, MountRef};

pub(super) struct Mounts {
    alive: Keys<bool>,
}

impl Mounts {
    pub(super) fn new(keys: u32, lanes: u16) -> Self {
        Self { alive: Keys::new(keys, lanes) }
    }
}

impl Population for Mounts {
    fn len(&self) -> u32 {
        self.alive.len()
    }

    fn choose(&self, key: u32, touch: &Touch) -> Step {
        let event_type = match touch.action {
            _ if !self.alive.get(key) => EventType::SystemMount,
            Action::Remove => EventType::SystemUnmount,
            _ => EventType::SystemCheckpoint,
        };
        Step::new(event_type, key)
    }

    fn feasible(&self, step: &Step, transaction: Option<u16>) -> bool {
        let creates = step.event_type == EventType::SystemMount;
        self.alive.usable(step.key, transaction) && self.alive.get(step.key) != creates
    }

    fn write(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        let alive = self.alive.change(step.key, touch.transaction);
        *alive = step.event_type != EventType::SystemUnmount;
        let mount = u64::from(step.key) + 1;
        match step.event_type {
            EventType::SystemMount => {
                let target = Name::new("/mnt/", step.key);
                let (flags, target) = (touch.word % 16, target.as_bytes());
                out.append_filled(touch, |source| {
                    Body::SystemMount(Mount { mount, flags, source, target })
                })
            }
            EventType::SystemUnmount => out.append(touch, &Body::SystemUnmount(MountRef { mount })),
            _ => {
                let checkpoint = out.generated.events;
                out.append(touch, &Body::SystemCheckpoint(MountCheckpoint { mount, checkpoint }))
            }
        }
    }

    fn settle(&mut self, transaction: u16, outcome: Outcome) {
        self.alive.settle(transaction, outcome);
    }
}
