//! The vector family: each key is a vector.

use vexfs_datasets::{Action, Outcome, Touch};

use super::keys::Keys;
use super::output::{Output, percent};
use super::{Population, Step};
use crate::error::Error;
use crate::event::{Body, ClusterPlace, EventType, IndexPlace, Vector, VectorRef};

const ELEMENT_F32: u32 = 1;

const ELEMENT_BYTES: usize = 4;

pub(super) struct Vectors {
    alive: Keys<bool>,
    /// How long a vector is, where that is fixed.
    fixed_bytes: Option<usize>,
}

impl Vectors {
    pub(super) fn new(keys: u32, lanes: u16, floats: Option<u32>) -> Self {
        let fixed_bytes = floats.map(|floats| floats as usize * ELEMENT_BYTES);
        Self { alive: Keys::new(keys, lanes), fixed_bytes }
    }

    fn append<'b>(
        &self,
        touch: &Touch,
        out: &mut Output<'_, 'b>,
        body: impl Fn(&'b [u8]) -> Body<'b>,
    ) -> Result<(), Error> {
        match self.fixed_bytes {
            None => out.append_filled(touch, body),
            Some(length) => out.append(touch, &body(out.bytes(touch.word, length))),
        }
    }
}

/// A vector of as many whole elements as `data` has.
fn vector(key: u32, word: u64, data: &[u8]) -> Vector<'_> {
    let data = &data[..data.len() / ELEMENT_BYTES * ELEMENT_BYTES];
    let dimensions = u32::try_from(data.len() / ELEMENT_BYTES).unwrap_or(u32::MAX);
    let (vector, source) = (u64::from(key) + 1, u64::from(key) + 2);
    Vector { vector, source, model: 1 + word % 3, dimensions, element: ELEMENT_F32, data }
}

impl Population for Vectors {
    fn len(&self) -> u32 {
        self.alive.len()
    }

    fn choose(&self, key: u32, touch: &Touch) -> Step {
        let event_type = match (touch.action, percent(touch.word)) {
            _ if !self.alive.get(key) => EventType::VectorCreate,
            (Action::Remove, _) => EventType::VectorDelete,
            (_, 0..55) => EventType::VectorUpdate,
            (_, 55..80) => EventType::VectorEmbed,
            (_, 80..90) => EventType::VectorIndex,
            _ => EventType::VectorCluster,
        };
        Step::new(event_type, key)
    }

    fn feasible(&self, step: &Step, transaction: Option<u16>) -> bool {
        let creates = step.event_type == EventType::VectorCreate;
        self.alive.usable(step.key, transaction) && self.alive.get(step.key) != creates
    }

    fn write(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        let (key, word) = (step.key, touch.word);
        let alive = self.alive.change(key, touch.transaction);
        *alive = step.event_type != EventType::VectorDelete;
        let number = u64::from(key) + 1;
        match step.event_type {
            EventType::VectorCreate => {
                self.append(touch, out, |data| Body::VectorCreate(vector(key, word, data)))
            }
            EventType::VectorUpdate => {
                self.append(touch, out, |data| Body::VectorUpdate(vector(key, word, data)))
            }
            EventType::VectorEmbed => {
                self.append(touch, out, |data| Body::VectorEmbed(vector(key, word, data)))
            }
            EventType::VectorIndex => {
                let place =
                    IndexPlace { vector: number, index: 1 + word % 4, position: word >> 32 };
                out.append(touch, &Body::VectorIndex(place))
            }
            EventType::VectorCluster => {
                let distance = f32::from(u8::try_from(percent(word)).unwrap_or(0)) / 100.0;
                let place = ClusterPlace { vector: number, cluster: 1 + word % 64, distance };
                out.append(touch, &Body::VectorCluster(place))
            }
            _ => out.append(touch, &Body::VectorDelete(VectorRef { vector: number })),
        }
    }

    fn settle(&mut self, transaction: u16, outcome: Outcome) {
        self.alive.settle(transaction, outcome);
    }
}
