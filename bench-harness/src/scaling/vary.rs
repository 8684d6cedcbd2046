//! What is varied, and which journals and replays that leads to.

use std::rc::Rc;

use clap::ValueEnum;
use vexfs_datasets::Recipe;
use vexfs_replay::journal::Validation;

use crate::Measured;
use crate::machine::cores;
use crate::measuring::{Keeping, Replaying};
use crate::workloads::{Kept, Passing, Workloads};

/// Journals of longer events have fewer of them, so that they are no longer than this, in bytes.
const PAYLOAD_SWEEP_BYTES_MAX: u64 = 256_000_000;
/// Threads to be tried, whatever the machine has.
const THREADS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// Threads to be tried where it has so many cores.
const MANY_THREADS: [usize; 10] = [12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
const ZIPF_EXPONENTS: [f64; 5] = [0.0, 0.3, 0.6, 0.9, 1.2];
const TRANSACTIONAL_SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const PAYLOAD_BYTES: [u32; 5] = [64, 256, 1024, 4096, 16_384];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Varied {
    /// How many events there are: 1 k to 10 M.
    Events,
    /// On how many threads it is replayed: 1 to 8, as many more as there are cores, and the serial replay.
    Threads,
    /// How much is proven.
    Validation,
    /// How unevenly keys are drawn: a zipf exponent of 0 to 1.2.
    Skew,
    /// The share of events in transactions, and one huge transaction.
    Transactions,
    /// How long a payload is: 64 B to 16 KiB.
    Payload,
    /// How often a checkpoint is taken.
    Checkpoints,
    /// Whether the state is in memory or in a durable store.
    Store,
}

/// What sweeps are made of.
pub(super) struct Plan<'a> {
    /// The recipe that is varied.
    pub(super) base: Recipe,
    /// The longest that is of use.
    pub(super) largest: Recipe,
    pub(super) kept: Kept,
    pub(super) workloads: &'a Workloads,
}

/// A point to be measured.
pub(super) struct Candidate {
    /// The value, as it is called.
    pub(super) label: String,
    /// The value, where it is a number.
    pub(super) value: Option<f64>,
    pub(super) journal: Rc<Passing>,
    pub(super) replaying: Replaying,
}

impl Candidate {
    fn new(label: impl Into<String>, value: Option<f64>, journal: &Rc<Passing>) -> Self {
        let replaying = Replaying::of(&journal.workload.path);
        Self { label: label.into(), value, journal: Rc::clone(journal), replaying }
    }

    fn replayed(self, change: impl FnOnce(&mut Replaying)) -> Self {
        let mut changed = self;
        change(&mut changed.replaying);
        changed
    }
}

impl Varied {
    /// As it is called in a report, with its unit.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Threads => "threads",
            Self::Validation => "validation",
            Self::Skew => "zipf exponent",
            Self::Transactions => "share in transactions",
            Self::Payload => "mean payload, bytes",
            Self::Checkpoints => "checkpoints",
            Self::Store => "state",
        }
    }

    pub(super) fn candidates(self, plan: &Plan<'_>) -> Measured<Vec<Candidate>> {
        match self {
            Self::Events => plan.events(),
            Self::Threads => plan.threads(),
            Self::Validation => plan.validation(),
            Self::Skew => plan.skew(),
            Self::Transactions => plan.transactions(),
            Self::Payload => plan.payload(),
            Self::Checkpoints => plan.checkpoints(),
            Self::Store => plan.store(),
        }
    }
}

impl Plan<'_> {
    /// The journal that is not varied, which stays.
    fn usual(&self) -> Measured<Rc<Passing>> {
        Ok(Rc::new(self.workloads.passing(&self.base, Kept::Yes)?))
    }

    /// The journal of a varied recipe, under a name that says what was varied.
    fn varied(&self, what: &str, change: impl FnOnce(&mut Recipe)) -> Measured<Rc<Passing>> {
        let mut recipe = self.base.clone();
        recipe.name = format!("{}-{what}", self.base.name);
        change(&mut recipe);
        Ok(Rc::new(self.workloads.passing(&recipe, self.kept)?))
    }

    fn events(&self) -> Measured<Vec<Candidate>> {
        let mut candidates = Vec::new();
        for name in ["1k", "10k", "100k", "1M", "10M", "100M"] {
            let recipe = Recipe::named(name)?;
            if recipe.events <= self.largest.events {
                let journal = Rc::new(self.workloads.passing(&recipe, Kept::Yes)?);
                candidates.push(Candidate::new(name, Some(recipe.events as f64), &journal));
            }
        }
        Ok(candidates)
    }

    fn threads(&self) -> Measured<Vec<Candidate>> {
        let journal = self.usual()?;
        let serial = Candidate::new("serial", None, &journal).replayed(|it| it.threads = 0);
        let many = MANY_THREADS.into_iter().filter(|&threads| threads <= cores());
        let parallel = THREADS.into_iter().chain(many).map(|threads| {
            let candidate = Candidate::new(threads.to_string(), Some(threads as f64), &journal);
            candidate.replayed(|it| it.threads = threads)
        });
        Ok([serial].into_iter().chain(parallel).collect())
    }

    fn validation(&self) -> Measured<Vec<Candidate>> {
        let journal = self.usual()?;
        let candidate = |mode: Validation| {
            Candidate::new(mode.name(), None, &journal).replayed(|it| it.validation = mode)
        };
        Ok(Validation::ALL.map(candidate).into())
    }

    fn skew(&self) -> Measured<Vec<Candidate>> {
        let mut candidates = Vec::new();
        for exponent in ZIPF_EXPONENTS {
            let journal =
                self.varied(&format!("zipf-{exponent}"), |it| it.zipf_exponent = exponent)?;
            candidates.push(Candidate::new(exponent.to_string(), Some(exponent), &journal));
        }
        Ok(candidates)
    }

    fn transactions(&self) -> Measured<Vec<Candidate>> {
        let mut candidates = Vec::new();
        for share in TRANSACTIONAL_SHARES {
            let journal = self
                .varied(&format!("transactional-{share}"), |it| it.transactional_share = share)?;
            candidates.push(Candidate::new(share.to_string(), Some(share), &journal));
        }
        let journal = self.varied("huge-transaction", |it| {
            (it.transactional_share, it.huge_transaction_share) = (0.0, 0.9);
        })?;
        candidates.push(Candidate::new("0.9 in one", None, &journal));
        Ok(candidates)
    }

    /// As many live keys for an event everywhere, so that states are about as long as each other.
    fn payload(&self) -> Measured<Vec<Candidate>> {
        let mut candidates = Vec::new();
        for payload_bytes in PAYLOAD_BYTES {
            let events = self.base.events.min(PAYLOAD_SWEEP_BYTES_MAX / u64::from(payload_bytes));
            let journal = self.varied(&format!("payload-{payload_bytes}"), |it| {
                let keys = u64::from(it.live_keys) * events / it.events;
                it.live_keys = u32::try_from(keys).unwrap_or(u32::MAX);
                (it.events, it.mean_payload_bytes) = (events, payload_bytes);
            })?;
            let value = Some(f64::from(payload_bytes));
            candidates.push(Candidate::new(payload_bytes.to_string(), value, &journal));
        }
        Ok(candidates)
    }

    fn checkpoints(&self) -> Measured<Vec<Candidate>> {
        let journal = self.usual()?;
        let mut candidates = vec![Candidate::new("none", None, &journal)];
        for part in [10, 100] {
            let events = self.base.events / part;
            let candidate = Candidate::new(format!("every {events} events"), None, &journal);
            candidates.push(candidate.replayed(|it| {
                (it.keeping, it.checkpoint_events) = (Keeping::Checkpoints, events);
            }));
        }
        Ok(candidates)
    }

    fn store(&self) -> Measured<Vec<Candidate>> {
        let journal = self.usual()?;
        let durable = Candidate::new("durable", None, &journal);
        let durable = durable.replayed(|it| it.keeping = Keeping::Store);
        Ok(vec![Candidate::new("in memory", None, &journal), durable])
    }
}
