//! Synthetic journals: turns the draws of a recipe into typed events.
//!
//! What a draw asks for may not be possible where it stands: the file to be written is not there,
//! or an open transaction has changed it. So each family tracks its keys (a *population*) and says
//! which steps are feasible; a draw that isn't takes the family's next keys instead, and where none
//! of them will do it becomes an observation. Thus every event finds what it presupposes at the
//! position where its effect takes place, and the keys touched stay close to the ranks drawn.
//!
//! Every event type that a recipe has keys for occurs: as long as one has not, draws outside of
//! transactions are used for it, whatever they asked for. Not so where keys are touched in random order
//! first: that order is the point there.
//!
//! Memory grows with the recipe's keys and never with the number of its events.

mod files;
mod graph;
mod keys;
mod mounts;
mod observe;
mod output;
mod system;
mod upserts;
mod vectors;

use std::collections::BTreeMap;

use vexfs_datasets::{Action, Draw, Draws, Family, KeyOrder, Outcome, Recipe, Touch, random_bytes};

use crate::error::Error;
use crate::event::{Class, EventType};
use crate::journal::{Durability, Writer, WriterOptions};
use output::Output;
pub use system::generate_system;

/// The time of the first event, in nanoseconds since 1970-01-01 UTC: the start of 2025.
pub const FIRST_TIMESTAMP_NS: u64 = 1_735_689_600_000_000_000;

/// How many keys are tried before a draw becomes an observation.
const KEYS_TRIED_MAX: u32 = 64;

/// How many keys of a family are searched for one that takes an event type not yet written.
const KEYS_SEARCHED_MAX: u32 = 64;

/// How often progress is told, in events.
const PROGRESS_EVENTS: u64 = 1 << 16;

/// The bytes that payloads are cut from. Longer than any history that a compressor of the state
/// would look through at its usual levels.
const POOL_BYTES: usize = 1 << 20;

/// What came of a recipe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// How many events were written, transaction boundaries included.
    pub events: u64,
    /// Their length in bytes, headers and padding included.
    pub event_bytes: u64,
    /// How many transactions committed.
    pub committed: u64,
    /// How many aborted.
    pub aborted: u64,
    /// How many draws took another key than the one drawn.
    pub rerouted: u64,
    /// How many draws that should have changed something became observations.
    pub demoted: u64,
    /// How many events there are of each type that occurs.
    pub by_type: BTreeMap<EventType, u64>,
}

/// Options of a writer under which a recipe and a seed always give the same bytes: the journal's
/// identity comes from both, and its time from the seed. Nothing is synced before a segment is
/// sealed, since the journal can be made again.
#[must_use]
pub fn writer_options(recipe: &Recipe, seed: u64) -> WriterOptions {
    WriterOptions {
        block_bytes: recipe.block_bytes as usize,
        ..options_by_identity(&format!("{recipe:?} {seed}"), seed)
    }
}

/// As [`writer_options`], for a journal of anything that can be made again: `identity` is what tells it
/// from all others.
#[must_use]
pub fn options_by_identity(identity: &str, seed: u64) -> WriterOptions {
    let identity = vexfs_kernels::sha256(identity.as_bytes());
    let mut journal_id = [0; 16];
    journal_id.copy_from_slice(&identity[..16]);
    // Version and variant of a random UUID (RFC 9562).
    journal_id[6] = journal_id[6] & 0x0F | 0x40;
    journal_id[8] = journal_id[8] & 0x3F | 0x80;
    let created_ns = FIRST_TIMESTAMP_NS - seed % 86_400 * 1_000_000_000;
    WriterOptions {
        durability: Durability::None,
        journal_id: Some(journal_id),
        created_ns: Some(created_ns),
        ..WriterOptions::default()
    }
}

/// Writes the events of `recipe` to a journal that is empty so far, and tells `progress` now and
/// then how many there are. The caller closes the writer.
///
/// # Errors
/// [`Error::InvalidOption`] when the recipe makes no sense, and as [`Writer::append`].
pub fn generate(
    writer: &Writer,
    recipe: &Recipe,
    seed: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Generated, Error> {
    let invalid = |error: vexfs_datasets::RecipeError| Error::InvalidOption {
        option: "recipe",
        reason: error.to_string(),
    };
    let draws = Draws::new(recipe, seed).map_err(invalid)?;
    let longest = 4 * recipe.mean_payload_bytes.max(recipe.vector_floats.unwrap_or(0)) as usize;
    let pool = random_bytes(seed ^ 1, POOL_BYTES + longest);
    let output = Output::new(writer, &pool, recipe, draws.lanes());
    let mut generator = Generator::new(recipe, &draws, output);
    let mut told = 0;
    for draw in draws {
        generator.draw(&draw)?;
        let events = generator.output.generated.events;
        if events >= told + PROGRESS_EVENTS {
            progress(events);
            told = events;
        }
    }
    let generated = generator.output.finish();
    progress(generated.events);
    Ok(generated)
}

/// What is to be done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    event_type: EventType,
    key: u32,
    /// The other key, where the event has one.
    other: Option<u32>,
}

impl Step {
    fn new(event_type: EventType, key: u32) -> Self {
        Self { event_type, key, other: None }
    }
}

/// The keys of one family, as they are after all events so far.
///
/// Law: a step that is feasible finds what it presupposes, whichever of the open transactions
/// commit or abort before its effect takes place. So it never uses a key that another open
/// transaction has changed.
trait Population {
    /// How many keys there are.
    fn len(&self) -> u32;

    /// The step at `key` that comes closest to what is asked for. It may not be feasible.
    fn choose(&self, key: u32, touch: &Touch) -> Step;

    /// Whether the step, by the given transaction, finds what it presupposes.
    fn feasible(&self, step: &Step, transaction: Option<u16>) -> bool;

    /// Writes the event of a feasible step and tracks what it changes.
    fn write(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error>;

    /// Makes what the transaction changed free for others, undone first where it aborts.
    fn settle(&mut self, transaction: u16, outcome: Outcome);
}

struct Generator<'w, 'p> {
    /// By the index of their family.
    populations: [Box<dyn Population>; Family::ALL.len()],
    output: Output<'w, 'p>,
    unwritten: Unwritten,
}

/// The event types that have not occurred yet, with the index of their family.
struct Unwritten {
    mutations: Vec<(usize, EventType)>,
    observations: Vec<(usize, EventType)>,
}

impl<'w, 'p> Generator<'w, 'p> {
    fn new(recipe: &Recipe, draws: &Draws, output: Output<'w, 'p>) -> Self {
        let lanes = draws.lanes();
        let populations = Family::ALL.map(|family| -> Box<dyn Population> {
            let keys = draws.keys(family);
            match family {
                Family::Filesystem => Box::new(files::Files::new(keys, lanes)),
                Family::Graph => Box::new(graph::Graph::new(keys, lanes)),
                Family::Vector => {
                    Box::new(vectors::Vectors::new(keys, lanes, recipe.vector_floats))
                }
                Family::System => Box::new(mounts::Mounts::new(keys, lanes)),
                Family::Agent | Family::Semantic | Family::Observability => {
                    Box::new(upserts::Upserts::new(family, keys, lanes))
                }
            }
        });
        let of_class = |class| {
            let all = EventType::ALL.iter().filter(move |event_type| event_type.class() == class);
            let all = all.map(|&event_type| (family_index(event_type), event_type));
            all.filter(|(family, _)| populations[*family].len() > 0).collect()
        };
        let observations = of_class(Class::Observation);
        let mutations = match recipe.key_order {
            KeyOrder::ByRank => of_class(Class::Mutation),
            KeyOrder::Shuffled => Vec::new(),
        };
        let unwritten = Unwritten { mutations, observations };
        Self { populations, output, unwritten }
    }

    fn draw(&mut self, draw: &Draw) -> Result<(), Error> {
        match *draw {
            Draw::Begin { transaction } => self.output.begin(transaction),
            Draw::End { transaction, outcome } => {
                for population in &mut self.populations {
                    population.settle(transaction, outcome);
                }
                self.output.end(transaction, outcome)
            }
            Draw::Touch(touch) if touch.action == Action::Observe => self.observe(&touch),
            Draw::Touch(touch) => match self.unwritten_step(&touch) {
                Some((family, step)) => self.write(family, &step, &touch),
                None => self.change(&touch),
            },
        }
    }

    fn change(&mut self, touch: &Touch) -> Result<(), Error> {
        let family = touch.family.index();
        let population = &self.populations[family];
        let keys = population.len();
        for tried in 0..KEYS_TRIED_MAX.min(keys) {
            let step = population.choose((touch.key + tried) % keys, touch);
            if population.feasible(&step, touch.transaction) {
                self.output.generated.rerouted += u64::from(step.key != touch.key);
                return self.write(family, &step, touch);
            }
        }
        self.output.generated.demoted += 1;
        self.observe(touch)
    }

    fn write(&mut self, family: usize, step: &Step, touch: &Touch) -> Result<(), Error> {
        self.unwritten.mutations.retain(|(_, event_type)| *event_type != step.event_type);
        self.populations[family].write(step, touch, &mut self.output)
    }

    fn observe(&mut self, touch: &Touch) -> Result<(), Error> {
        let unwritten = self.unwritten.observations.pop();
        let event_type = match unwritten {
            Some((_, event_type)) => event_type,
            None => observe::choose(touch),
        };
        observe::write(event_type, touch, &mut self.output)
    }

    /// A feasible step of a type that has not occurred yet, where the draw may be used for it.
    fn unwritten_step(&self, touch: &Touch) -> Option<(usize, Step)> {
        if touch.transaction.is_some() {
            return None;
        }
        self.unwritten.mutations.iter().find_map(|&(family, event_type)| {
            let population = &self.populations[family];
            let keys = population.len();
            let other = Some(touch.other % keys);
            let steps = (0..keys.min(KEYS_SEARCHED_MAX))
                .map(|key| Step { event_type, key, other })
                .find(|step| population.feasible(step, None));
            steps.map(|step| (family, step))
        })
    }
}

/// The index of an event type's family in [`Family::ALL`].
fn family_index(event_type: EventType) -> usize {
    let family = match event_type.family() {
        1 => Family::Filesystem,
        2 => Family::Graph,
        3 => Family::Vector,
        4 => Family::Agent,
        5 => Family::System,
        6 => Family::Semantic,
        _ => Family::Observability,
    };
    family.index()
}
