//! What of a journal a selective replay applies: which events, and which of their effects.

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;

use crate::event::{Body, Event, EventType, family_bit};
use crate::journal::{IndexedBlock, SkipReason};
use crate::state::{Key, KeyKind, OwnedKey, for_each_effect};

/// Which events a replay applies, and to which keys. What is left out of a field restricts nothing;
/// an event must pass all fields, and in a list one entry is enough.
///
/// A transaction's events take place at its end, as ever, and only if it committed: also where that
/// lies behind the ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The types of events.
    pub types: BTreeSet<EventType>,
    /// The LSNs of events.
    pub lsns: RangeInclusive<u64>,
    /// When events happened, in nanoseconds since 1970-01-01 UTC.
    pub times_ns: RangeInclusive<u64>,
    /// The least priority, of 1 (critical) to 5 (background).
    pub priority: Option<u8>,
    /// The names of agents that act in events.
    pub agents: BTreeSet<Vec<u8>>,
    /// The ids of transactions that events are of.
    pub transactions: BTreeSet<u64>,
    /// Paths of files and directories. All inodes that ever lay at or under one of them are meant, and
    /// all entries of such directories, with their whole history.
    pub paths: BTreeSet<Vec<u8>>,
    /// Keys.
    pub keys: BTreeSet<OwnedKey>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            types: BTreeSet::new(),
            lsns: 0..=u64::MAX,
            times_ns: 0..=u64::MAX,
            priority: None,
            agents: BTreeSet::new(),
            transactions: BTreeSet::new(),
            paths: BTreeSet::new(),
            keys: BTreeSet::new(),
        }
    }
}

/// What of the file system lies under the paths of a selection; see
/// [`Namespace`](super::namespace::Namespace).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnderPaths {
    /// The inodes that ever lay there.
    pub(crate) inodes: HashSet<u64>,
    /// The entries that ever were the paths themselves, by directory and name.
    pub(crate) entries: HashSet<(u64, Vec<u8>)>,
}

/// A selection, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    selection: Selection,
    /// Which types are selected, by their number within the program.
    types: [bool; EventType::ALL.len()],
    /// Which families the selected types are of: bit n for family n.
    families: u32,
    under: Option<UnderPaths>,
}

/// What is chosen of the events that are read.
pub(crate) trait Choice {
    /// Whether what is chosen is counted.
    const COUNTS: bool;

    /// Whether an event is.
    fn selects(&self, event: &Event<'_>, body: &Body<'_>) -> bool;

    /// Whether effects on a key are.
    fn selects_key(&self, key: &Key<'_>) -> bool;
}

/// All of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct All;

impl Choice for All {
    const COUNTS: bool = false;

    #[inline(always)]
    fn selects(&self, _event: &Event<'_>, _body: &Body<'_>) -> bool {
        true
    }

    #[inline(always)]
    fn selects_key(&self, _key: &Key<'_>) -> bool {
        true
    }
}

impl Filter {
    /// The filter of a selection; `under` says what lies under its paths, where it has any.
    pub(crate) fn new(selection: &Selection, under: Option<UnderPaths>) -> Self {
        let chosen = |it: &EventType| selection.types.is_empty() || selection.types.contains(it);
        let mut types = [false; EventType::ALL.len()];
        let mut families = 0;
        for event_type in EventType::ALL.iter().filter(|&it| chosen(it)) {
            types[*event_type as usize] = true;
            families |= family_bit(event_type.family());
        }
        if !selection.paths.is_empty() {
            families &= family_bit(EventType::FileCreate.family());
        }
        Self { selection: selection.clone(), types, families, under }
    }

    fn touches_selected_key(&self, body: &Body<'_>) -> bool {
        let mut touches = self.selection.keys.is_empty() && self.under.is_none();
        if !touches {
            for_each_effect(body, |effect| touches |= self.selects_key(&effect.key));
        }
        touches
    }

    /// Why a block need not be read, where it need not: nothing in it can be selected, nor say how a
    /// transaction ends of which something was.
    pub(crate) fn skips(&self, block: &IndexedBlock) -> Option<SkipReason> {
        let Selection { lsns, times_ns, .. } = &self.selection;
        let entry = &block.entry;
        if block.next_lsn <= *lsns.start() {
            return Some(SkipReason::Lsn);
        }
        if block.may_hold_boundaries() {
            return None;
        }
        if entry.first_lsn > *lsns.end() {
            Some(SkipReason::Lsn)
        } else if entry.min_time_ns > *times_ns.end() || entry.max_time_ns < *times_ns.start() {
            Some(SkipReason::Time)
        } else if entry.families & self.families == 0 {
            Some(SkipReason::Family)
        } else {
            None
        }
    }

    /// The last LSN that can be selected.
    pub(crate) fn last_lsn(&self) -> u64 {
        *self.selection.lsns.end()
    }
}

impl Choice for Filter {
    const COUNTS: bool = true;

    fn selects(&self, event: &Event<'_>, body: &Body<'_>) -> bool {
        let Selection { lsns, times_ns, priority, agents, transactions, .. } = &self.selection;
        self.types[body.event_type() as usize]
            && lsns.contains(&event.lsn)
            && times_ns.contains(&event.header.timestamp_ns)
            && priority.is_none_or(|least| event.header.priority <= least)
            && (transactions.is_empty() || transactions.contains(&event.header.transaction))
            && (agents.is_empty() || body.agent().is_some_and(|agent| agents.contains(agent)))
            && self.touches_selected_key(body)
    }

    fn selects_key(&self, key: &Key<'_>) -> bool {
        let keys = &self.selection.keys;
        let in_keys = keys.is_empty() || keys.contains(&OwnedKey::from(key));
        let Some(under) = &self.under else { return in_keys };
        let in_paths = match key.kind {
            KeyKind::Inode => under.inodes.contains(&key.id),
            KeyKind::Entry => {
                under.inodes.contains(&key.id)
                    || under.entries.contains(&(key.id, key.name.to_vec()))
            }
            _ => false,
        };
        in_keys && in_paths
    }
}
