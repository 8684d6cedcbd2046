//! Small reports of every sort.

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::option::weighted;
use proptest::prelude::*;

use crate::coordination::{
    Member, Name, Need, ParticipantKind, Place, Report, Role, SHARED_FROM, Said, Standing, Terms,
};

/// Streams are few, and as short.
pub(super) const LENGTH: u64 = 4;
const STREAMS: [&str; 2] = ["a", "b"];

pub(super) fn terms(names: &[Name]) -> Terms {
    let member = Member { kind: ParticipantKind::UserspaceJournal, need: Need::Required };
    Terms { members: names.iter().map(|name| (name.clone(), member)).collect(), ..Terms::default() }
}

fn standing() -> impl Strategy<Value = Standing> {
    let role = prop_oneof![Just(Role::Source), Just(Role::Follower)];
    (role, 0..=LENGTH, 0..=LENGTH, 0..=LENGTH).prop_map(|(role, floor, at, reach)| Standing {
        role,
        floor,
        at,
        reach,
    })
}

fn said(streams: Vec<String>) -> impl Strategy<Value = Said> {
    let place = (prop::sample::select(streams), 1..=LENGTH + 1);
    let place = place.prop_map(|(stream, at)| Place { stream, at });
    prop_oneof![
        4 => place.clone().prop_map(Said::Committed),
        3 => place.prop_map(Said::Prepared),
        1 => Just(Said::Aborted),
        1 => Just(Said::Unfinished),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    let streams = prop::sample::subsequence(STREAMS.map(str::to_owned).to_vec(), 1..=2);
    streams.prop_flat_map(|streams| {
        let standings = streams.iter().map(|it| (Just(it.clone()), standing())).collect::<Vec<_>>();
        let said = btree_map(0..4_u64, said(streams.clone()), 0..=4);
        let seen = btree_map(0..2_u64, said_of_any(), 0..=2);
        let observed = btree_map(prop::sample::select(names()), seen, 0..=1);
        let owns =
            btree_map(prop::sample::select(vec!["x".to_owned(), "y".to_owned()]), 1..3_u64, 0..=2);
        (standings, said, observed, owns).prop_map(|(standings, said, observed, owns)| Report {
            standings: standings.into_iter().collect(),
            transactions: shared(said),
            observed: observed.into_iter().map(|(name, seen)| (name, shared(seen))).collect(),
            owns,
        })
    })
}

fn said_of_any() -> impl Strategy<Value = Said> {
    said(STREAMS.map(str::to_owned).to_vec())
}

fn shared(said: BTreeMap<u64, Said>) -> BTreeMap<u64, Said> {
    said.into_iter().map(|(id, said)| (SHARED_FROM + id, said)).collect()
}

fn names() -> Vec<Name> {
    ["p", "q", "r"].map(str::to_owned).to_vec()
}

pub(super) fn reports() -> impl Strategy<Value = BTreeMap<Name, Report>> {
    let all = names().into_iter().map(|name| (Just(name), weighted(0.85, report())));
    all.collect::<Vec<_>>().prop_map(|all| {
        all.into_iter().filter_map(|(name, report)| Some((name, report?))).collect()
    })
}
