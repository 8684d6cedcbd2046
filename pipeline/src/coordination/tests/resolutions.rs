//! What is done about conflicts, over every kind, severity and policy.

use std::collections::BTreeMap;

use super::reports::terms;
use crate::coordination::resolve::Known;
use crate::coordination::{
    Conflict, CutDigest, DRIFT_MAJOR_EVENTS, InDoubt, Loss, Name, ParticipantKind, Policy, Report,
    Resolution, Role, Ruling, Severity, Standing, Verdict,
};

const LOSSES: [Loss; 2] = [Loss::Ask, Loss::Accept];
const DOUBTS: [InDoubt; 2] = [InDoubt::Ask, InDoubt::PresumeAbort];

fn name(it: &str) -> Name {
    it.to_owned()
}

fn report(role: Role) -> Report {
    let standing = Standing { role, floor: 0, at: 0, reach: 9 };
    Report { standings: BTreeMap::from([(name("s"), standing)]), ..Report::default() }
}

fn ahead(participant: &str, floor: u64) -> Conflict {
    let (participant, stream) = (name(participant), name("s"));
    Conflict::Ahead { participant, stream, at: 9, cut: 5, floor }
}

fn digests(names: &[&str]) -> Conflict {
    let digest =
        |(number, it): (usize, &&str)| (name(it), CutDigest([u8::try_from(number).unwrap(); 32]));
    Conflict::DigestsDiffer {
        stream: name("s"),
        at: 5,
        digests: names.iter().enumerate().map(digest).collect(),
    }
}

fn owners(epochs: &[(&str, u64)]) -> Conflict {
    let owners = epochs.iter().map(|(it, epoch)| (name(it), *epoch)).collect();
    Conflict::TwoOwners { resource: name("x"), owners }
}

/// Each kind, and by policy what is done; with how much it matters, and what somebody can say.
fn table(loss: Loss, in_doubt: InDoubt) -> Vec<(Conflict, Severity, Resolution, Vec<Ruling>)> {
    use {Resolution as R, Ruling as To, Severity as S};
    let [source, other, follower] = ["source", "other", "follower"].map(name);
    let without = |it: &Name| To::Without(it.clone());
    let prefer = |it: &Name| To::Prefer(it.clone());
    let asked = if loss == Loss::Ask { R::Manual } else { R::Rollback };
    let doubt = if in_doubt == InDoubt::Ask { R::Manual } else { R::Abort };
    let far = DRIFT_MAJOR_EVENTS;
    let drift = |most| Conflict::Drift { stream: name("s"), least: 0, most };
    let behind =
        |cut| Conflict::Behind { participant: source.clone(), stream: name("s"), at: 0, cut };
    let away =
        |tries| Conflict::Unreachable { participant: source.clone(), reason: String::new(), tries };
    let outcomes = Conflict::OutcomesDiffer { transaction: 1, said: BTreeMap::new() };
    let observed = Conflict::ObservedDiffers {
        transaction: 1,
        observer: source.clone(),
        participant: other.clone(),
        observed: crate::coordination::Said::Aborted,
        said: None,
    };
    let lost = Conflict::DecisionLost { transaction: 1, verdict: Verdict::Commit };
    vec![
        (outcomes, S::Major, R::Rollback, vec![]),
        (observed, S::Major, R::Priority, vec![]),
        (Conflict::InDoubt { transaction: 1 }, S::Critical, doubt, vec![To::Commit, To::Abort]),
        (lost, S::Critical, R::Manual, vec![To::Abort]),
        (drift(far - 1), S::Minor, R::Merge, vec![]),
        (drift(far), S::Major, R::Merge, vec![]),
        (behind(far - 1), S::Minor, R::Merge, vec![]),
        (behind(far), S::Major, R::Merge, vec![]),
        (ahead("source", 5), S::Major, asked, vec![To::Rollback, without(&source)]),
        (ahead("follower", 5), S::Major, R::Rollback, vec![To::Rollback, without(&follower)]),
        (ahead("source", 6), S::Critical, R::Manual, vec![without(&source)]),
        (ahead("follower", 6), S::Critical, R::Manual, vec![without(&follower)]),
        (
            digests(&["source", "follower"]),
            S::Critical,
            R::Priority,
            vec![without(&follower), without(&source)],
        ),
        (
            digests(&["source", "other"]),
            S::Critical,
            R::Manual,
            vec![without(&other), without(&source)],
        ),
        (digests(&["follower"]), S::Critical, R::Manual, vec![without(&follower)]),
        (
            owners(&[("source", 1), ("other", 2)]),
            S::Major,
            R::Priority,
            vec![prefer(&other), prefer(&source)],
        ),
        (
            owners(&[("source", 1), ("follower", 1)]),
            S::Major,
            R::Priority,
            vec![prefer(&follower), prefer(&source)],
        ),
        (
            owners(&[("source", 1), ("other", 1)]),
            S::Major,
            R::Manual,
            vec![prefer(&other), prefer(&source)],
        ),
        (away(2), S::Major, R::Retry, vec![]),
        (away(3), S::Major, R::Abort, vec![]),
    ]
}

#[test]
fn every_conflict_under_every_policy() {
    let mut terms = terms(&["source", "other", "follower"].map(name));
    terms.members.get_mut("follower").unwrap().kind = ParticipantKind::ReplayEngine;
    let reports = BTreeMap::from([
        (name("source"), report(Role::Source)),
        (name("other"), report(Role::Source)),
        (name("follower"), report(Role::Follower)),
    ]);
    for (loss, in_doubt) in LOSSES.into_iter().flat_map(|it| DOUBTS.map(|doubt| (it, doubt))) {
        terms.policy = Policy { loss, in_doubt, retries: 2 };
        let known = Known { terms: &terms, reports: &reports };
        for (conflict, severity, resolution, mut choices) in table(loss, in_doubt) {
            choices.push(Ruling::Stop);
            assert_eq!(conflict.severity(), severity, "{conflict}");
            assert_eq!(known.resolution(&conflict), resolution, "{conflict} {loss:?} {in_doubt:?}");
            assert_eq!(known.choices(&conflict), choices, "{conflict}");
        }
    }
}

#[test]
fn who_owns_it_and_who_makes_it_anew() {
    let mut terms = terms(&["source", "other", "follower"].map(name));
    terms.members.get_mut("follower").unwrap().kind = ParticipantKind::ReplayEngine;
    let reports = BTreeMap::from([
        (name("source"), report(Role::Source)),
        (name("follower"), report(Role::Follower)),
    ]);
    let known = Known { terms: &terms, reports: &reports };
    let owner = |epochs: &[(&str, u64)]| {
        let Conflict::TwoOwners { owners, .. } = owners(epochs) else { unreachable!() };
        known.owner(&owners)
    };
    assert_eq!(owner(&[("source", 1), ("other", 2)]), Some(name("other")));
    assert_eq!(owner(&[("follower", 2), ("source", 2)]), Some(name("source")));
    assert_eq!(owner(&[("other", 2), ("source", 2)]), None);
    assert_eq!(owner(&[]), None);
    assert_eq!(known.to_be_rebuilt(&digests(&["source", "follower"])), [name("follower")]);
    assert_eq!(known.to_be_rebuilt(&owners(&[])), Vec::<Name>::new());
}
