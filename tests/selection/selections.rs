//! Random selections: drawn without a journal, and made of what is in one.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vexfs_replay::event::{EventType, FAMILIES};
use vexfs_replay::replay::Selection;

use crate::inspected::Inspected;

/// A selection, as drawn: what restricts nothing is left out.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    families: Option<Vec<Index>>,
    types: Option<Vec<Index>>,
    lsns: Option<(Index, Index)>,
    times: Option<(Index, Index)>,
    priority: Option<u8>,
    agents: Option<Vec<&'static str>>,
    transactions: Option<Vec<Index>>,
    keys: Option<Vec<Index>>,
}

pub(crate) fn selections() -> impl Strategy<Value = Drawn> {
    let several = || vec(any::<Index>(), 1..4);
    let range = || (any::<Index>(), any::<Index>());
    let agents = vec(select(vec!["", "a", "b", "observer", "nobody"]), 1..3);
    let what = (weighted(0.35, several()), weighted(0.15, several()));
    let when = (weighted(0.4, range()), weighted(0.3, range()), weighted(0.15, 1_u8..=5));
    let whose = (weighted(0.08, agents), weighted(0.12, several()), weighted(0.15, several()));
    (what, when, whose).prop_map(|(what, when, whose)| {
        let ((families, types), (lsns, times, priority)) = (what, when);
        let (agents, transactions, keys) = whose;
        Drawn { families, types, lsns, times, priority, agents, transactions, keys }
    })
}

/// Those of `from` that indices choose.
fn chosen<T: Clone>(indices: Option<&Vec<Index>>, from: &[T]) -> Vec<T> {
    let indices = indices.into_iter().flatten().filter(|_| !from.is_empty());
    indices.map(|index| index.get(from).clone()).collect()
}

impl Drawn {
    pub(crate) fn of(&self, inspected: &Inspected) -> Selection {
        let families = chosen(self.families.as_ref(), FAMILIES);
        let of_families =
            |it: &EventType| families.iter().any(|(number, _)| *number == it.family());
        let mut types: BTreeSet<EventType> =
            EventType::ALL.iter().copied().filter(of_families).collect();
        types.extend(chosen(self.types.as_ref(), EventType::ALL));
        let mut selection = Selection { types, priority: self.priority, ..Selection::default() };
        if let Some((one, other)) = self.lsns {
            let all = usize::try_from(inspected.last_lsn()).unwrap() + 2;
            let (one, other) = (one.index(all) as u64, other.index(all) as u64);
            selection.lsns = one.min(other)..=one.max(other);
        }
        if let Some((one, other)) = self.times.filter(|_| !inspected.lines.is_empty()) {
            let [one, other] = [one, other].map(|it| it.get(&inspected.lines).time());
            selection.times_ns = one.min(other)..=one.max(other);
        }
        let agents = self.agents.iter().flatten();
        selection.agents = agents.map(|name| name.as_bytes().to_vec()).collect();
        let ids = chosen(self.transactions.as_ref(), &inspected.transactions());
        selection.transactions = ids.into_iter().collect();
        selection.keys = chosen(self.keys.as_ref(), &inspected.keys()).into_iter().collect();
        selection
    }
}
