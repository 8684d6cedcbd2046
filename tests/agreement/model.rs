//! The model: what a story comes to, one line after the other. Transactions take effect at their
//! end, all of them or not at all; a transaction dies with its writer.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use vexfs_replay::event::Class;
use vexfs_replay::replay::{
    Cause, Inconsistencies, Inconsistency, Tally, TransactionFault, TransactionIds,
    TransactionSummary,
};

use crate::act::Act;
use crate::records::StateKey;
use crate::story::{ABORT, COMMIT, Line, Said, digest_over};
use crate::world::World;

/// How many inconsistencies a replay remembers.
const REMEMBERED: usize = 100;
/// How many transactions it lists.
const LISTED: usize = 1_000;

/// Whether the digests of transactions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digests {
    Checked,
    PassedOver,
}

/// What a replay must lead to.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) records: BTreeMap<StateKey, Vec<u8>>,
    pub(crate) digest: [u8; 32],
    pub(crate) transactions: TransactionSummary,
    pub(crate) inconsistencies: Inconsistencies,
    pub(crate) tally: Tally,
    /// The LSNs of the events that took effect.
    pub(crate) happened: BTreeSet<u64>,
}

#[derive(Debug)]
struct Model<'l> {
    digests: Digests,
    world: World,
    life: u64,
    open: BTreeMap<u64, Vec<&'l Line>>,
    transactions: TransactionSummary,
    inconsistencies: Inconsistencies,
    tally: Tally,
    happened: BTreeSet<u64>,
}

/// What these lines come to.
pub(crate) fn expected<'l>(
    lines: impl IntoIterator<Item = &'l Line>,
    digests: Digests,
) -> Expected {
    let mut model = Model {
        digests,
        world: World::default(),
        life: 0,
        open: BTreeMap::new(),
        transactions: TransactionSummary::default(),
        inconsistencies: Inconsistencies::default(),
        tally: Tally::default(),
        happened: BTreeSet::new(),
    };
    lines.into_iter().for_each(|line| model.line(line));
    model.discard_open();
    let Model { world, transactions, inconsistencies, tally, happened, .. } = model;
    let in_bytes = world.records.iter().map(|(key, record)| (key.in_state(), record.in_bytes()));
    let records: BTreeMap<_, _> = in_bytes.collect();
    let digest = digest_of(&records);
    Expected { records, digest, transactions, inconsistencies, tally, happened }
}

impl<'l> Model<'l> {
    fn line(&mut self, line: &'l Line) {
        if line.life != self.life {
            self.life = line.life;
            self.discard_open();
        }
        self.tally.events += 1;
        let id = line.transaction;
        match &line.said {
            Said::Begin => {
                if self.open.insert(id, Vec::new()).is_some() {
                    list(&mut self.transactions.discarded, id);
                    self.fault(line, TransactionFault::BeginsTwice { id });
                }
            }
            Said::End(outcome, events, digest) => {
                if let Some(fault) = self.end(line, *outcome, *events, digest) {
                    self.fault(line, fault);
                }
            }
            Said::Act(act) => {
                match act.verb.body(&[]).event_type().class() {
                    Class::Mutation => self.tally.mutations += 1,
                    _ => self.tally.observations += 1,
                }
                match self.open.get_mut(&id) {
                    _ if id == 0 => self.happen(line, act, line.lsn),
                    Some(members) => members.push(line),
                    None => self.fault(line, TransactionFault::NotOpen { id }),
                }
            }
        }
    }

    fn end(
        &mut self,
        line: &Line,
        outcome: u32,
        expected: u64,
        digest: &[u8; 32],
    ) -> Option<TransactionFault> {
        let id = line.transaction;
        let Some(members) = self.open.remove(&id) else {
            return Some(TransactionFault::NotOpen { id });
        };
        let found = members.len() as u64;
        let found_digest = digest_over(members.iter().map(|member| (member.lsn, member.crc)));
        let fault = if found != expected {
            Some(TransactionFault::Incomplete { id, expected, found })
        } else if self.digests == Digests::Checked && found_digest != *digest {
            Some(TransactionFault::DigestDiffers { id })
        } else if outcome != COMMIT && outcome != ABORT {
            Some(TransactionFault::UnknownOutcome { id, outcome })
        } else {
            None
        };
        if outcome == ABORT {
            self.transactions.aborted += 1;
        } else if fault.is_some() {
            list(&mut self.transactions.broken, id);
        } else {
            self.transactions.committed += 1;
            for member in members {
                if let Said::Act(act) = &member.said {
                    self.happen(member, act, line.lsn);
                }
            }
        }
        fault
    }

    fn happen(&mut self, line: &Line, act: &Act, position: u64) {
        self.happened.insert(line.lsn);
        for contradiction in self.world.happen(act, line.lsn, line.time) {
            let cause = Cause::Effect(contradiction);
            self.remember(Inconsistency { lsn: line.lsn, position, cause });
        }
    }

    fn fault(&mut self, line: &Line, fault: TransactionFault) {
        let (lsn, cause) = (line.lsn, Cause::Transaction(fault));
        self.remember(Inconsistency { lsn, position: lsn, cause });
    }

    fn remember(&mut self, inconsistency: Inconsistency) {
        self.inconsistencies.count += 1;
        if self.inconsistencies.first.len() < REMEMBERED {
            self.inconsistencies.first.push(inconsistency);
        }
    }

    fn discard_open(&mut self) {
        for (id, _) in std::mem::take(&mut self.open) {
            list(&mut self.transactions.discarded, id);
        }
    }
}

fn list(ids: &mut TransactionIds, id: u64) {
    ids.count += 1;
    if ids.ids.len() < LISTED {
        ids.ids.push(id);
    }
}

/// The partition of a key: bits 40 to 47 of the XXH3 of its name, seeded with its numbers.
fn partition_of((kind, id, second, name): &StateKey) -> usize {
    let seed = id ^ second.rotate_left(32) ^ u64::from(*kind) << 56;
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(name, seed);
    usize::from(hash.to_le_bytes()[5])
}

/// The digest of a state, as the format has it: one over the digests of 256 partitions.
pub(crate) fn digest_of(records: &BTreeMap<StateKey, Vec<u8>>) -> [u8; 32] {
    let mut partitions = vec![Vec::new(); 256];
    for (key, record) in records {
        let bytes = &mut partitions[partition_of(key)];
        let (kind, id, second, name) = key;
        bytes.push(*kind);
        bytes.extend(id.to_le_bytes());
        bytes.extend(second.to_le_bytes());
        for part in [name, record] {
            bytes.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
            bytes.extend(part);
        }
    }
    // Most partitions of a small state are empty.
    let of_nothing = Sha256::digest([]);
    let of_partition = |bytes: Vec<u8>| {
        if bytes.is_empty() {
            return of_nothing;
        }
        let pieces = bytes.chunks(16_384).map(Sha256::digest);
        Sha256::digest(pieces.flatten().collect::<Vec<u8>>())
    };
    let mut all = Sha256::new();
    partitions.into_iter().for_each(|partition| all.update(of_partition(partition)));
    all.finalize().into()
}
