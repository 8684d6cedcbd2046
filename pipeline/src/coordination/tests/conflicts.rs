//! Conflicts are found where there are some, each kind, and nowhere else.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::reports::{reports, terms};
use crate::coordination::cut::latest_cut;
use crate::coordination::find::{conflicts, different_digests};
use crate::coordination::{
    Conflict, CutDigest, Name, Proof, Report, Role, SHARED_FROM, Said, Verdicts,
};

/// How many conflicts of each kind there are, one pair after another.
fn expected(
    reports: &BTreeMap<Name, Report>,
    cut: &BTreeMap<String, u64>,
) -> BTreeMap<&'static str, usize> {
    let mut found = BTreeMap::new();
    let mut count = |kind, times| *found.entry(kind).or_default() += times;
    for id in SHARED_FROM..SHARED_FROM + 4 {
        let said = || reports.values().filter_map(|report| report.transactions.get(&id));
        let committed = said().any(|it| matches!(it, Said::Committed(_)));
        let aborted = said().any(|it| matches!(it, Said::Aborted));
        count("outcomes", usize::from(committed && aborted));
    }
    for observer in reports.values() {
        for (name, seen) in &observer.observed {
            let Some(report) = reports.get(name) else { continue };
            let differs = |(id, seen): (&u64, &Said)| match report.transactions.get(id) {
                Some(said) => said != seen,
                None => matches!(seen, Said::Committed(_) | Said::Prepared(_)),
            };
            count("observed", seen.iter().filter(|it| differs(*it)).count());
        }
    }
    for thing in ["x", "y"] {
        let owners = reports.values().filter(|report| report.owns.contains_key(thing)).count();
        count("owners", usize::from(owners > 1));
    }
    for (stream, &cut) in cut {
        let standings: Vec<_> =
            reports.values().filter_map(|report| report.standings.get(stream)).collect();
        count("drift", usize::from(standings.iter().any(|it| it.at != standings[0].at)));
        for it in standings {
            count("behind", usize::from(it.at < cut));
            let loses = it.role == Role::Source && it.reach > cut;
            count("ahead", usize::from(it.at > cut || it.floor > cut || loses));
        }
    }
    found.retain(|_, times| *times > 0);
    found
}

fn kind(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::OutcomesDiffer { .. } => "outcomes",
        Conflict::ObservedDiffers { .. } => "observed",
        Conflict::InDoubt { .. } => "doubt",
        Conflict::DecisionLost { .. } => "lost",
        Conflict::Drift { .. } => "drift",
        Conflict::DigestsDiffer { .. } => "digests",
        Conflict::TwoOwners { .. } => "owners",
        Conflict::Behind { .. } => "behind",
        Conflict::Ahead { .. } => "ahead",
        Conflict::Unreachable { .. } => "unreachable",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_is_found_and_no_other(reports in reports()) {
        let names: Vec<Name> = reports.keys().cloned().collect();
        let terms = terms(&names);
        let cut = latest_cut(&terms, &reports, &Verdicts::new());
        let found = conflicts(&terms, &reports, &cut);
        let mut keys: Vec<String> = found.iter().map(Conflict::key).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), found.len(), "two have one key");
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for conflict in &found {
            *counted.entry(kind(conflict)).or_default() += 1;
        }
        let in_doubt = counted.remove("doubt").unwrap_or_default();
        prop_assert_eq!(in_doubt, cut.in_doubt.len());
        prop_assert_eq!(counted, expected(&reports, &cut.streams));
    }

    #[test]
    fn digests_differ_where_two_hold_a_stream_and_have_different_ones(
        all in prop::collection::btree_map("[pqr]", prop::collection::btree_map("[ab]", 0..2_u8, 0..=2), 0..=3),
    ) {
        let proof = |it: &BTreeMap<String, u8>| -> Proof {
            it.iter().map(|(stream, byte)| (stream.clone(), CutDigest([*byte; 32]))).collect()
        };
        let proofs: BTreeMap<Name, Proof> = all.iter().map(|(name, it)| (name.clone(), proof(it))).collect();
        let found = different_digests(&proofs, &BTreeMap::new());
        let streams = ["a", "b"].into_iter().filter(|stream| {
            let mut bytes: Vec<u8> = all.values().filter_map(|it| it.get(*stream).copied()).collect();
            bytes.sort_unstable();
            bytes.dedup();
            bytes.len() > 1
        });
        let found: Vec<String> = found.iter().map(Conflict::key).collect();
        prop_assert_eq!(found, streams.map(|it| format!("digests:{it}")).collect::<Vec<_>>());
    }
}
