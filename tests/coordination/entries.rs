//! Entries of two coordinations, long ones and short ones.

use std::collections::BTreeMap;

use vexfs_replay::coordination::{
    CutDigest, Entry, Member, Name, Need, ParticipantKind, Plan, Refusal, Ruling, SHARED_FROM,
    Terms, Verdict,
};

pub(crate) fn terms() -> Terms {
    let member = Member { kind: ParticipantKind::UserspaceJournal, need: Need::Optional };
    let members = ["p", "q"].map(|name| (name.to_owned(), member));
    Terms { members: BTreeMap::from(members), ..Terms::default() }
}

pub(crate) fn plan() -> Plan {
    let verdicts = (0..60).map(|id| (SHARED_FROM + id, Verdict::Commit));
    Plan {
        cut: BTreeMap::from([("s".to_owned(), 3)]),
        verdicts: verdicts.collect(),
        ..Plan::default()
    }
}

pub(crate) fn began(epoch: u64) -> Entry {
    Entry::Began { epoch, terms: terms() }
}

pub(crate) fn ruled(conflict: &str, ruling: Ruling) -> Entry {
    Entry::Ruled { conflict: conflict.to_owned(), ruling }
}

pub(crate) fn planned() -> Entry {
    let proof = BTreeMap::from([("s".to_owned(), CutDigest([7; 32]))]);
    let members: BTreeMap<Name, _> =
        terms().members.keys().map(|it| (it.clone(), proof.clone())).collect();
    Entry::Planned { plan: plan(), members }
}

pub(crate) fn turned_back() -> Entry {
    let members = terms().members.keys().cloned().collect();
    Entry::TurnedBack { reason: Refusal::Cancelled, members }
}

pub(crate) fn all() -> Vec<Entry> {
    let rulings =
        [ruled("digests:s", Ruling::Without("p".to_owned())), ruled("in-doubt:9", Ruling::Commit)];
    let first = [began(1), planned(), began(2), Entry::Committed, Entry::Ended];
    let second = [began(3), turned_back(), Entry::Ended];
    [&first[..1], &rulings, &first[1..], &second].concat()
}
