//! What a crash left behind, from a seed: streams, transactions in every state, lies, and how much goes wrong
//! meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::coordination::{
    InDoubt, Loss, Member, Name, Need, ParticipantKind, Place, Policy, Role, SHARED_FROM, Said,
    Shared, Sharing, Terms, Times,
};

use crate::dice::Dice;
use crate::model::{Lie, Log, Model, Shown};

/// How often what goes wrong, of 1000.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Odds {
    pub(crate) lost: u64,
    pub(crate) twice: u64,
    pub(crate) late: u64,
    pub(crate) crash: u64,
    pub(crate) fails: u64,
    pub(crate) pause: u64,
    pub(crate) slow: u64,
    pub(crate) record: u64,
    pub(crate) killed: u64,
    pub(crate) jump: u64,
}

impl Odds {
    pub(crate) fn any(dice: &mut Dice) -> Self {
        if dice.happens(100) {
            return Self::default();
        }
        let mut odds = || *dice.one_of(&[0, 0, 20, 60, 150]);
        Self {
            lost: odds(),
            twice: odds(),
            late: odds(),
            crash: odds(),
            fails: odds(),
            pause: odds(),
            slow: odds(),
            record: odds(),
            killed: odds() / 4,
            jump: odds() / 4,
        }
    }
}

pub(crate) fn terms(dice: &mut Dice) -> Terms {
    let mut members = BTreeMap::new();
    for number in 0..dice.within(2, 6) {
        let kind = match number {
            0 => *dice.one_of(&[ParticipantKind::KernelJournal, ParticipantKind::UserspaceJournal]),
            _ => *dice.one_of(&ParticipantKind::ALL),
        };
        let need = if dice.happens(250) { Need::Optional } else { Need::Required };
        members.insert(format!("p{number}"), Member { kind, need });
    }
    let two: Vec<Name> = members
        .iter()
        .filter(|(_, member)| member.kind.keeps_transactions())
        .map(|(name, _)| name.clone())
        .take(2)
        .collect();
    let mut sharing = Sharing::default();
    if dice.happens(300) {
        sharing.0.insert(0, Shared { first: 1000, last: 1999, with: two });
    }
    let policy = Policy {
        loss: *dice.one_of(&[Loss::Ask, Loss::Accept]),
        in_doubt: *dice.one_of(&[InDoubt::Ask, InDoubt::PresumeAbort]),
        retries: u32::try_from(dice.below(4)).unwrap(),
    };
    Terms { members, sharing, policy }
}

/// The times that are the default; of some, less for the whole.
pub(crate) fn times(dice: &mut Dice) -> Times {
    let whole_ms = *dice.one_of(&[600_000, 600_000, 600_000, 100_000]);
    Times { whole_ms, ..Times::default() }
}

/// Whom a transaction spans.
pub(crate) fn spans(terms: &Terms, id: u64) -> Vec<Name> {
    if id < SHARED_FROM {
        return terms.sharing.0[0].with.clone();
    }
    let keep = terms.members.iter().filter(|(_, member)| member.kind.keeps_transactions());
    keep.map(|(name, _)| name.clone()).collect()
}

pub(crate) fn models(dice: &mut Dice, terms: &Terms) -> BTreeMap<Name, Model> {
    let mut models: BTreeMap<Name, Model> = BTreeMap::new();
    let mut streams: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (name, member) in &terms.members {
        let shown = Shown::default();
        let mut model = Model { name: name.clone(), shown, ..Model::default() };
        if member.kind.keeps_transactions() && (streams.is_empty() || dice.happens(850)) {
            let length = if dice.happens(100) { dice.within(120, 180) } else { dice.within(3, 25) };
            let events: Vec<u64> = (0..length).map(|_| dice.roll()).collect();
            streams.insert(format!("of-{name}"), events.clone());
            model.shown.logs.insert(format!("of-{name}"), log(dice, Role::Source, events, 100));
        } else if member.kind != ParticipantKind::CrossLayerManager {
            let all: Vec<_> = streams.keys().cloned().collect();
            let keeps = member.kind.keeps_transactions();
            let role = if keeps { Role::Source } else { Role::Follower };
            for _ in 0..if keeps { 1 } else { dice.within(1, 2) } {
                let stream = dice.one_of(&all).clone();
                let mut events = streams[&stream].clone();
                if dice.happens(100) {
                    let place = usize::try_from(dice.below(events.len() as u64)).unwrap();
                    events[place] ^= 1;
                }
                model.shown.logs.insert(stream, log(dice, role, events, 300));
            }
        }
        models.insert(name.clone(), model);
    }
    transactions(dice, terms, &mut models, 0);
    claims(dice, &mut models);
    lies(dice, &mut models);
    sources(&mut models);
    models
}

/// A journal that lost its end, as far as it was applied.
fn log(dice: &mut Dice, role: Role, mut events: Vec<u64>, behind: u64) -> Log {
    if dice.happens(600) {
        let lost = dice.below(events.len() as u64 / 2 + 1);
        events.truncate(usize::try_from(events.len() as u64 - lost).unwrap());
    }
    let reach = events.len() as u64;
    let at = if dice.happens(behind) { dice.below(reach + 1) } else { reach };
    let floor = if dice.happens(150) { dice.below(at + 1) } else { 0 };
    Log { role, floor, at, events }
}

/// Transactions in every state, as far as what is there of each journal knows of them.
pub(crate) fn transactions(
    dice: &mut Dice,
    terms: &Terms,
    models: &mut BTreeMap<Name, Model>,
    from: u64,
) {
    let bases = if terms.sharing.0.len() > 1 { vec![SHARED_FROM, 1000] } else { vec![SHARED_FROM] };
    for number in 0..dice.below(6) {
        let id = *dice.one_of(&bases) + from + number;
        let all = *dice.one_of(&[0, 0, 1, 1, 2, 3]);
        for name in spans(terms, id) {
            let model = models.get_mut(&name).unwrap();
            let (stream, log) = model.shown.logs.iter().next().unwrap();
            let reach = log.reach();
            let place =
                Place { stream: stream.clone(), at: dice.within(1, reach.max(1) + reach / 8) };
            if place.at > reach && dice.happens(800) {
                continue;
            }
            let this = if dice.happens(120) { dice.below(5) } else { all };
            let said = match this {
                0 => Said::Committed(place),
                1 => Said::Prepared(place),
                2 if dice.happens(500) => Said::Prepared(place),
                2 => Said::Committed(place),
                3 => Said::Unfinished,
                _ => Said::Aborted,
            };
            model.shown.parts.insert(id, said);
        }
    }
    let said: BTreeMap<Name, BTreeMap<u64, Said>> =
        models.iter().map(|(name, model)| (name.clone(), model.shown.parts.clone())).collect();
    for (name, model) in models.iter_mut() {
        if terms.members[name].kind != ParticipantKind::CrossLayerManager {
            continue;
        }
        model.observed = said.clone();
        if dice.happens(200) {
            for seen in model.observed.values_mut() {
                seen.values_mut().take(1).for_each(|it| *it = Said::Aborted);
            }
        }
    }
}

fn claims(dice: &mut Dice, models: &mut BTreeMap<Name, Model>) {
    for model in models.values_mut() {
        for thing in ["root", "mount"] {
            if dice.happens(120) {
                model.shown.owns.insert(thing.to_owned(), dice.within(1, 2));
            }
        }
    }
}

fn lies(dice: &mut Dice, models: &mut BTreeMap<Name, Model>) {
    for model in models.values_mut() {
        if dice.happens(60) {
            let by = dice.within(1, 9);
            let lies = [Lie::Reach(by), Lie::ReachAndVote(by), Lie::Content, Lie::Nowhere];
            model.lie = Some(*dice.one_of(&lies));
        }
    }
}

/// Makes known what the only source of each stream has, to those who make it anew.
pub(crate) fn sources(models: &mut BTreeMap<Name, Model>) {
    let mut all: BTreeMap<String, Vec<Vec<u64>>> = BTreeMap::new();
    for (stream, log) in models.values().flat_map(|model| &model.shown.logs) {
        if log.role == Role::Source {
            all.entry(stream.clone()).or_default().push(log.events.clone());
        }
    }
    let only = all.into_iter().filter(|(_, sources)| sources.len() == 1);
    let only = Arc::new(only.map(|(stream, mut it)| (stream, it.remove(0))).collect());
    models.values_mut().for_each(|model| model.sources = Arc::clone(&only));
}

/// Life goes on after a coordination, and crashes again: journals grow, and some forget what was decided.
pub(crate) fn crash_again(dice: &mut Dice, terms: &Terms, models: &mut BTreeMap<Name, Model>) {
    let mut grown: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for model in models.values_mut() {
        let forgets = dice.happens(150);
        for (stream, log) in &mut model.shown.logs {
            if log.role == Role::Source && !grown.contains_key(stream) {
                let more = dice.below(9);
                log.events.extend((0..more).map(|_| dice.roll()));
                grown.insert(stream.clone(), log.events.clone());
            } else if let Some(events) = grown.get(stream)
                && events.len() >= log.events.len()
            {
                log.events.clone_from(events);
            }
            let reach = log.reach();
            let lost = if dice.happens(300) { dice.below(reach / 2 + 1) } else { 0 };
            log.events.truncate(usize::try_from(reach - lost).unwrap());
            log.at = if dice.happens(300) { dice.below(log.reach() + 1) } else { log.reach() };
            log.floor = log.floor.min(log.at);
        }
        if forgets {
            for said in model.shown.parts.values_mut() {
                if let Said::Committed(place) = said {
                    *said = Said::Prepared(place.clone());
                }
            }
        }
        let reach: BTreeMap<_, _> =
            model.shown.logs.iter().map(|(stream, log)| (stream.clone(), log.reach())).collect();
        model.shown.parts.retain(|_, said| match said {
            Said::Committed(place) | Said::Prepared(place) => place.at <= reach[&place.stream],
            _ => true,
        });
    }
    transactions(dice, terms, models, 100);
    sources(models);
}
