//! What holds for every ground that a coordination stands on, be it a file or machines far away: the laws of
//! `DecisionRecord` and `Transport`, checked from outside, against a plain list of what was appended or sent.

#![allow(dead_code, reason = "not every ground has everything")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Call, DecisionRecord, Entry, Event, Name, Plan, Refusal, Reply, Request, Ruling, Terms,
    Transport,
};

/// One place where decisions are kept: gives as many coordinators of it as are asked for. A coordinator that is
/// dropped leads no more.
pub(crate) type Coordinators<'a> = &'a dyn Fn() -> Box<dyn DecisionRecord>;

/// Random lives append random entries; each finds what all before it appended, in order.
pub(crate) fn every_life_finds_what_was_appended(coordinators: Coordinators<'_>, seed: u64) {
    let mut draw = Draw(seed);
    let mut appended = Vec::new();
    for _ in 0..6 {
        let mut life = coordinators();
        // Who leads already may lead anew.
        for _ in 0..1 + draw.below(2) {
            assert_eq!(life.lead().unwrap(), appended);
            for _ in 0..draw.below(5) {
                let entry = draw.entry();
                life.append(&entry).unwrap();
                appended.push(entry);
            }
        }
    }
    assert_eq!(coordinators().lead().unwrap(), appended);
}

/// While one leads nobody else does, and that changes nothing for the one.
pub(crate) fn one_leads(coordinators: Coordinators<'_>) {
    let mut draw = Draw(7);
    let (first, second) = (draw.entry(), draw.entry());
    let mut leads = coordinators();
    let mut other = coordinators();
    assert_eq!(leads.lead().unwrap(), []);
    leads.append(&first).unwrap();
    for _ in 0..2 {
        let Err(Error::Locked { holder, .. }) = other.lead() else { panic!("two lead") };
        assert!(!holder.is_empty());
        assert!(other.append(&second).is_err(), "it appends, and doesn't lead");
    }
    leads.append(&second).unwrap();
    drop(leads);
    assert_eq!(other.lead().unwrap(), [first, second]);
}

/// Who never led appends nothing.
pub(crate) fn who_does_not_lead_appends_nothing(coordinators: Coordinators<'_>) {
    assert!(coordinators().append(&Entry::Committed).is_err());
    assert_eq!(coordinators().lead().unwrap(), []);
}

/// Whom participants answer that are there, each whatever it is asked, at once: every answer is to something that
/// was sent to that one, the newest question is answered however many there were, and so is one that is sent again.
pub(crate) fn what_is_sent_is_answered(transport: &mut dyn Transport, names: &[Name], seed: u64) {
    let mut draw = Draw(seed);
    let mut sent: BTreeMap<Name, BTreeSet<(u64, u32)>> = BTreeMap::new();
    let events = transport.events();
    for round in 1..=8 {
        let mut open: BTreeSet<&Name> = BTreeSet::new();
        for name in names {
            if round % 3 > 0 && draw.below(3) == 0 {
                continue;
            }
            // An earlier one in between may get lost; the newest may not.
            for round in [round * 10, round * 10 + 1].into_iter().skip(draw.below(2)) {
                let call = Call { epoch: 5, round, request: Request::Assess };
                sent.entry(name.clone()).or_default().insert((5, round));
                transport.send(name, call);
            }
            let newest = Call { epoch: 5, round: round * 10 + 2, request: Request::Assess };
            sent.entry(name.clone()).or_default().insert((5, newest.round));
            transport.send(name, newest.clone());
            if draw.below(2) == 0 {
                transport.send(name, newest);
            }
            open.insert(name);
        }
        while !open.is_empty() {
            match events.recv_timeout(Duration::from_secs(20)).unwrap() {
                Event::Answered(name, answer) => {
                    let at = (answer.epoch, answer.round);
                    assert!(sent[&name].contains(&at), "{name} was never asked {at:?}");
                    assert!(matches!(answer.reply, Reply::Report(_)), "{answer:?}");
                    if answer.round == round * 10 + 2 {
                        open.remove(&name);
                    }
                }
                Event::Alive(name, epoch) => assert!(sent.contains_key(&name) && epoch == 5),
                event => panic!("{event:?} was sent by nobody"),
            }
        }
    }
}

/// Draws that a seed decides.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn entry(&mut self) -> Entry {
        let name = ["a", "b/c", "\u{e4}\n\"", ""][self.below(4)].to_owned();
        match self.below(6) {
            0 => Entry::Began { epoch: self.0, terms: Terms::default() },
            1 => Entry::Ruled { conflict: name.repeat(100), ruling: Ruling::Without(name) },
            2 => {
                let cut = (0..self.below(200)).map(|at| (format!("{name}{at}"), self.0));
                let plan = Plan { cut: cut.collect(), ..Plan::default() };
                Entry::Planned { plan, members: BTreeMap::new() }
            }
            3 => Entry::TurnedBack { reason: Refusal::Cancelled, members: vec![name] },
            4 => Entry::Committed,
            _ => Entry::Ended,
        }
    }
}
