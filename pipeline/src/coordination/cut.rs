//! The latest cut that is consistent: no transaction is in at one participant and out at another.
//!
//! Law: of two consistent cuts the later of both in every stream is consistent, too. So there is one latest
//! cut, and it is found by going back as far as must be, again and again, until nothing must.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::report::{Name, Place, Report, Said, Stream};
use super::terms::Terms;

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It takes place, everywhere.
    Commit,
    /// It takes place nowhere.
    Abort,
}

/// Transactions that are decided.
pub type Verdicts = BTreeMap<u64, Verdict>;

/// A cut through all streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Cut {
    /// The last position of each stream that is in.
    pub(super) streams: BTreeMap<Stream, u64>,
    /// What becomes of transactions that not all say are committed.
    pub(super) verdicts: Verdicts,
    /// Transactions that all have prepared at or before the cut, and nobody has decided.
    pub(super) in_doubt: BTreeSet<u64>,
    /// Transactions that were decided otherwise than the cut has them.
    pub(super) overruled: Verdicts,
}

/// The latest cut that is consistent and that everyone can come to.
pub(super) fn latest_cut(
    terms: &Terms,
    reports: &BTreeMap<Name, Report>,
    decided: &Verdicts,
) -> Cut {
    let mut streams: BTreeMap<Stream, u64> = BTreeMap::new();
    for (stream, standing) in reports.values().flat_map(|report| &report.standings) {
        let cut = streams.entry(stream.clone()).or_insert(u64::MAX);
        *cut = (*cut).min(standing.reach);
    }
    let transactions = by_transaction(terms, reports);
    let mut stable = false;
    while !stable {
        stable = true;
        for (id, said) in &transactions {
            let aborted = decided.get(id) == Some(&Verdict::Abort);
            if !aborted && said.iter().all(|said| is_in(&streams, *said)) {
                continue;
            }
            for place in said.iter().filter_map(|said| committed(*said)) {
                if let Some(cut) = streams.get_mut(&place.stream)
                    && let Some(before) = place.at.checked_sub(1)
                    && before < *cut
                {
                    *cut = before;
                    stable = false;
                }
            }
        }
    }
    judge(streams, &transactions, decided)
}

/// What becomes of the transactions at a cut that needn't go back any more.
fn judge(streams: BTreeMap<Stream, u64>, transactions: &ByTransaction, decided: &Verdicts) -> Cut {
    let mut cut = Cut { streams, ..Cut::default() };
    for (&id, said) in transactions {
        let all_in = said.iter().all(|said| is_in(&cut.streams, *said));
        let committed = said.iter().filter(|said| committed(**said).is_some()).count();
        if all_in && committed == said.len() && !decided.contains_key(&id) {
            continue;
        }
        let verdict = match decided.get(&id) {
            Some(Verdict::Commit) if !all_in => {
                cut.overruled.insert(id, Verdict::Commit);
                Verdict::Abort
            }
            Some(&decided) => decided,
            None if all_in && committed > 0 => Verdict::Commit,
            None if all_in => {
                cut.in_doubt.insert(id);
                continue;
            }
            None => Verdict::Abort,
        };
        cut.verdicts.insert(id, verdict);
    }
    cut
}

/// What everyone who has a part in a transaction says of it; none of who hasn't heard of it.
type ByTransaction<'a> = BTreeMap<u64, Vec<Option<&'a Said>>>;

fn by_transaction<'a>(terms: &Terms, reports: &'a BTreeMap<Name, Report>) -> ByTransaction<'a> {
    let ids: BTreeSet<u64> =
        reports.values().flat_map(|report| report.transactions.keys().copied()).collect();
    let shared = ids.into_iter().filter(|&id| terms.sharing.is_shared(id));
    let said_of = |id: u64| {
        let parts = reports.iter().filter(|(name, _)| {
            let member = terms.members.get(*name);
            member.is_some_and(|member| terms.sharing.includes(id, name, member.kind))
        });
        parts.map(|(_, report)| report.transactions.get(&id)).collect()
    };
    shared.map(|id| (id, said_of(id))).collect()
}

/// Whether a transaction is there at a participant, as a whole, at or before the cut.
fn is_in(streams: &BTreeMap<Stream, u64>, said: Option<&Said>) -> bool {
    match said {
        Some(Said::Committed(place) | Said::Prepared(place)) => {
            streams.get(&place.stream).is_some_and(|&cut| place.at <= cut)
        }
        Some(Said::Aborted | Said::Unfinished) | None => false,
    }
}

fn committed(said: Option<&Said>) -> Option<&Place> {
    match said {
        Some(Said::Committed(place)) => Some(place),
        _ => None,
    }
}
