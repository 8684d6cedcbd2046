//! All events of a journal, read one after the other by a plain loop; which of them take place, in
//! which order; and what a selection makes of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use vexfs_replay::event::{Body, Class, Event, EventIter, transaction_outcome};
use vexfs_replay::journal::{block, seal};
use vexfs_replay::replay::Selection;
use vexfs_replay::state::{Key, KeyKind, MemoryState, OwnedKey, Stamp, apply, for_each_effect};
use vexfs_replay::storage::MemoryFolder;

use crate::small_journal::{Block, blocks_of, names_of};

/// An event, copied out of its block.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) lsn: u64,
    /// The index of its block in [`Inspected::blocks`].
    pub(crate) block: usize,
    bytes: Vec<u8>,
}

impl Line {
    pub(crate) fn event(&self) -> Event<'_> {
        Event::read(self.lsn, &self.bytes).unwrap()
    }

    pub(crate) fn body(&self) -> Body<'_> {
        self.event().body().unwrap().unwrap()
    }

    pub(crate) fn time(&self) -> u64 {
        self.event().header.timestamp_ns
    }

    pub(crate) fn transaction(&self) -> u64 {
        self.event().header.transaction
    }

    pub(crate) fn is_boundary(&self) -> bool {
        self.body().event_type().class() == Class::Boundary
    }
}

/// A block, and whether its segment has a seal.
#[derive(Clone, Debug)]
pub(crate) struct InspectedBlock {
    pub(crate) block: Block,
    pub(crate) sealed: bool,
}

/// What is in a journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inspected {
    pub(crate) blocks: Vec<InspectedBlock>,
    pub(crate) lines: Vec<Line>,
    /// How many segments there are, and how many have a seal.
    pub(crate) segments: (u64, u64),
}

/// What ever lay at or under the paths of a selection: inodes, and entries of the paths' own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Under {
    pub(crate) inodes: HashSet<u64>,
    pub(crate) entries: HashSet<(u64, Vec<u8>)>,
}

impl Inspected {
    pub(crate) fn of(folder: &MemoryFolder) -> Self {
        let mut all = Self::default();
        for name in names_of(folder) {
            let content = folder.get(&name).unwrap();
            let blocks = blocks_of(&content);
            let end = blocks.last().map_or(4096, Block::end);
            let sealed = content.len() > end && seal::starts_here(&content[end..]);
            all.segments.0 += 1;
            all.segments.1 += u64::from(sealed);
            for block in blocks {
                let index = all.blocks.len();
                let header = &block.header;
                let payload = block::payload(header, &content[block.at..block.end()]);
                for event in EventIter::new(payload, header.first_lsn, header.event_count) {
                    let event = event.unwrap();
                    let (lsn, bytes) = (event.lsn, event.bytes().to_vec());
                    all.lines.push(Line { lsn, block: index, bytes });
                }
                all.blocks.push(InspectedBlock { block, sealed });
            }
        }
        all
    }

    pub(crate) fn last_lsn(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.lsn)
    }

    /// The events up to an LSN that take place, in the order in which they do.
    pub(crate) fn happening(&self, until_lsn: u64) -> Vec<&Line> {
        let mut order = Vec::new();
        let mut open: HashMap<u64, Vec<&Line>> = HashMap::new();
        let mut epoch = None;
        for line in self.lines.iter().filter(|line| line.lsn <= until_lsn) {
            let writer = self.blocks[line.block].block.header.writer_epoch;
            if epoch.replace(writer) != Some(writer) {
                open.clear();
            }
            match (line.body(), line.transaction()) {
                (Body::TransactionBegin(_), id) => drop(open.insert(id, Vec::new())),
                (Body::TransactionEnd(end), id) => {
                    let members = open.remove(&id).unwrap();
                    if end.outcome == transaction_outcome::COMMIT {
                        order.extend(members);
                    }
                }
                (_, 0) => order.push(line),
                (_, id) => open.get_mut(&id).unwrap().push(line),
            }
        }
        order
    }

    /// The events that a selection names, whether or not they take place.
    pub(crate) fn selected(&self, selection: &Selection, under: Option<&Under>) -> Vec<&Line> {
        let events = self.lines.iter().filter(|line| !line.is_boundary());
        events.filter(|line| is_selected(line, selection, under)).collect()
    }

    /// The state that the selected ones of the events that take place lead to.
    pub(crate) fn state(
        &self,
        selection: &Selection,
        under: Option<&Under>,
        until_lsn: u64,
    ) -> MemoryState {
        let mut state = MemoryState::default();
        let happening = self.happening(until_lsn);
        for line in happening.into_iter().filter(|line| is_selected(line, selection, under)) {
            let stamp = Stamp { lsn: line.lsn, timestamp_ns: line.time() };
            for_each_effect(&line.body(), |effect| {
                if is_key_selected(&effect.key, selection, under) {
                    let home = effect.key.home();
                    apply(&mut state.partitions_mut()[home.partition], home.tag, &effect, stamp);
                }
            });
        }
        state
    }

    /// Every key that an event touches.
    pub(crate) fn keys(&self) -> Vec<OwnedKey> {
        let mut keys = Vec::new();
        for line in &self.lines {
            for_each_effect(&line.body(), |effect| keys.push(OwnedKey::from(&effect.key)));
        }
        keys
    }

    /// The ids of all transactions.
    pub(crate) fn transactions(&self) -> Vec<u64> {
        let begins = self.lines.iter().filter(|it| matches!(it.body(), Body::TransactionBegin(_)));
        begins.map(Line::transaction).collect()
    }

    /// The events as text, a line each, for the reader of a failure.
    pub(crate) fn told(&self) -> String {
        let mut told = String::new();
        for line in &self.lines {
            let (time, id, body) = (line.time(), line.transaction(), line.body().event_type());
            let priority = line.event().header.priority;
            let InspectedBlock { block, sealed } = &self.blocks[line.block];
            let place = (block.header.segment, line.block, sealed);
            let _ = writeln!(
                told,
                "{} in {place:?} at {time} of {id}, priority {priority}: {}",
                line.lsn,
                body.name()
            );
        }
        told
    }
}

fn is_selected(line: &Line, selection: &Selection, under: Option<&Under>) -> bool {
    let (event, body) = (line.event(), line.body());
    let wanted_type = selection.types.is_empty() || selection.types.contains(&body.event_type());
    let wanted_agent = selection.agents.is_empty()
        || body.agent().is_some_and(|agent| selection.agents.iter().any(|it| it == agent));
    let wanted_transaction = selection.transactions.is_empty()
        || selection.transactions.contains(&event.header.transaction);
    let wanted_priority = match selection.priority {
        Some(least) => event.header.priority <= least,
        None => true,
    };
    let (lsns, times) = (&selection.lsns, &selection.times_ns);
    let in_lsns = *lsns.start() <= line.lsn && line.lsn <= *lsns.end();
    let in_times = *times.start() <= line.time() && line.time() <= *times.end();
    let mut wanted_key = selection.keys.is_empty() && under.is_none();
    for_each_effect(&body, |effect| {
        if is_key_selected(&effect.key, selection, under) {
            wanted_key = true;
        }
    });
    let wanted = wanted_type && wanted_agent && wanted_transaction && wanted_priority;
    wanted && in_lsns && in_times && wanted_key
}

fn is_key_selected(key: &Key<'_>, selection: &Selection, under: Option<&Under>) -> bool {
    let named = selection.keys.iter().any(|it| *it == OwnedKey::from(key));
    if !selection.keys.is_empty() && !named {
        return false;
    }
    let Some(under) = under else { return true };
    match key.kind {
        KeyKind::Inode => under.inodes.contains(&key.id),
        KeyKind::Entry => {
            let of_path = under.entries.contains(&(key.id, key.name.to_vec()));
            of_path || under.inodes.contains(&key.id)
        }
        _ => false,
    }
}

/// The records of a state that `keep` keeps.
pub(crate) fn records(
    state: &MemoryState,
    keep: impl Fn(&OwnedKey) -> bool,
) -> BTreeMap<OwnedKey, Vec<u8>> {
    let mut records = BTreeMap::new();
    for kind in KeyKind::ALL {
        state.for_each(kind, |key, record| {
            records.insert(OwnedKey::from(&key), record.to_vec());
        });
    }
    records.retain(|key, _| keep(key));
    records
}
