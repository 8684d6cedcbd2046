//! The latest cut, against all cuts there are.

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::prelude::*;

use super::reports::{reports, terms};
use crate::coordination::cut::latest_cut;
use crate::coordination::{
    Name, Place, Report, SHARED_FROM, Said, Standing, Stream, Verdict, Verdicts,
};

type Streams = BTreeMap<Stream, u64>;

fn all_cuts(reports: &BTreeMap<Name, Report>) -> Vec<Streams> {
    let mut reach: Streams = BTreeMap::new();
    for (stream, standing) in reports.values().flat_map(|report| &report.standings) {
        let most = reach.entry(stream.clone()).or_insert(standing.reach);
        *most = standing.reach.min(*most);
    }
    let mut cuts = vec![Streams::new()];
    for (stream, most) in reach {
        let longer = |cut: &Streams| {
            let ends = (0..=most).map(|at| cut.clone().into_iter().chain([(stream.clone(), at)]));
            ends.map(Iterator::collect).collect::<Vec<Streams>>()
        };
        cuts = cuts.iter().flat_map(longer).collect();
    }
    cuts
}

fn has(cut: &Streams, said: Option<&Said>, committed_alone: bool) -> bool {
    match said {
        Some(Said::Committed(place)) => place.at <= cut[&place.stream],
        Some(Said::Prepared(place)) => !committed_alone && place.at <= cut[&place.stream],
        _ => false,
    }
}

/// No transaction is committed at one and not there at another, or aborted.
fn is_consistent(cut: &Streams, reports: &BTreeMap<Name, Report>, decided: &Verdicts) -> bool {
    (SHARED_FROM..SHARED_FROM + 4).all(|id| {
        let said = || reports.values().map(|report| report.transactions.get(&id));
        let whole = said().all(|said| has(cut, said, false));
        let aborted = decided.get(&id) == Some(&Verdict::Abort);
        !said().any(|said| has(cut, said, true)) || whole && !aborted
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_latest_of_all_that_are_consistent(
        reports in reports(),
        decided in btree_map(SHARED_FROM..SHARED_FROM + 4, prop_oneof![Just(Verdict::Commit), Just(Verdict::Abort)], 0..=2),
    ) {
        let names: Vec<Name> = reports.keys().cloned().collect();
        let found = latest_cut(&terms(&names), &reports, &decided);
        let mut consistent = all_cuts(&reports);
        consistent.retain(|cut| is_consistent(cut, &reports, &decided));
        prop_assert!(consistent.contains(&found.streams), "{found:?} is none of {consistent:?}");
        let later = consistent.iter().flatten().find(|(stream, at)| **at > found.streams[*stream]);
        prop_assert_eq!(later, None);

        for id in SHARED_FROM..SHARED_FROM + 4 {
            let said = || reports.values().map(|report| report.transactions.get(&id));
            let heard = said().any(|said| said.is_some());
            let whole = heard && said().all(|said| has(&found.streams, said, false));
            let committed = said().any(|said| has(&found.streams, said, true));
            let doubt = whole && !committed && !decided.contains_key(&id);
            prop_assert_eq!(found.in_doubt.contains(&id), doubt);
            let lost = heard && !whole && decided.get(&id) == Some(&Verdict::Commit);
            prop_assert_eq!(found.overruled.contains_key(&id), lost);
            let takes_place = match decided.get(&id) {
                Some(Verdict::Abort) => false,
                Some(Verdict::Commit) => whole,
                None => committed,
            };
            match found.verdicts.get(&id) {
                Some(verdict) => prop_assert_eq!(*verdict == Verdict::Commit, takes_place),
                // Where nothing is said of it, all have it committed; or it waits; or nobody has heard of it.
                None => prop_assert!(!heard || doubt || committed && takes_place),
            }
        }
    }
}

/// A place before all positions sends nobody round for ever.
#[test]
fn a_place_at_0_comes_to_an_end() {
    let place = Place { stream: "a".to_owned(), at: 0 };
    let standing = Standing { role: crate::coordination::Role::Source, floor: 0, at: 1, reach: 1 };
    let report = |said: Option<Said>| Report {
        standings: BTreeMap::from([("a".to_owned(), standing)]),
        transactions: said.into_iter().map(|said| (SHARED_FROM, said)).collect(),
        ..Report::default()
    };
    let hostile = report(Some(Said::Committed(place)));
    assert!(hostile.fault().is_some());
    let reports = BTreeMap::from([("p".to_owned(), hostile), ("q".to_owned(), report(None))]);
    latest_cut(&terms(&["p".to_owned(), "q".to_owned()]), &reports, &Verdicts::new());
}

#[test]
fn a_place_where_nobody_stands_is_a_fault() {
    let place = Place { stream: "elsewhere".to_owned(), at: 1 };
    for said in [Said::Committed(place.clone()), Said::Prepared(place)] {
        let transactions = BTreeMap::from([(SHARED_FROM, said)]);
        assert!(Report { transactions, ..Report::default() }.fault().is_some());
    }
    let transactions = BTreeMap::from([(SHARED_FROM, Said::Aborted), (1, Said::Unfinished)]);
    assert_eq!(Report { transactions, ..Report::default() }.fault(), None);
}
