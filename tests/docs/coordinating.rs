//! The page on coordinating: its example is one that the program reads, its tables are those of the code.

use std::collections::BTreeMap;

use vexfs_replay::coordination::site::Config;
use vexfs_replay::coordination::{
    Conflict, DRIFT_MAJOR_EVENTS, ParticipantKind, Policy, Ruling, SHARED_FROM, Times, Verdict,
};

use crate::markdown::{COORDINATION, code};

const TEXT: &str = include_str!("../../docs/coordination.md");

#[test]
fn the_example_is_read_and_shows_what_holds_where_nothing_is_said() {
    let indented = TEXT.lines().skip_while(|line| *line != "    {");
    let lines = indented.take_while(|line| !line.is_empty());
    let config: Config = serde_json::from_str(&lines.collect::<String>()).unwrap();
    let kinds = config.members.values().map(|member| member.member().kind);
    let mut kinds: Vec<ParticipantKind> = kinds.collect();
    kinds.sort();
    assert_eq!(kinds, ParticipantKind::ALL);
    assert_eq!(config.policy, Policy::default());
    assert_eq!(config.times, Times::default());
    assert_eq!(config.sharing.0[0].first, SHARED_FROM);
    let rows = COORDINATION.section("Who takes part");
    let rows = rows.table(&[
        "kind, highest priority first",
        "what it brings to the cut",
        "until the end it keeps",
    ]);
    let told: Vec<&str> = rows.iter().map(|row| code(row[0]).unwrap()).collect();
    let named = ParticipantKind::ALL.map(|kind| serde_json::to_value(kind).unwrap());
    assert_eq!(told, named.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>());
}

#[test]
fn conflicts_and_choices_are_those_of_the_code() {
    let name = || "a".to_owned();
    let all = [
        Conflict::OutcomesDiffer { transaction: 1, said: BTreeMap::new() },
        Conflict::ObservedDiffers {
            transaction: 1,
            observer: name(),
            participant: name(),
            observed: vexfs_replay::coordination::Said::Aborted,
            said: None,
        },
        Conflict::InDoubt { transaction: 1 },
        Conflict::DecisionLost { transaction: 1, verdict: Verdict::Commit },
        Conflict::Drift { stream: name(), least: 0, most: 1 },
        Conflict::Behind { participant: name(), stream: name(), at: 0, cut: 1 },
        Conflict::Ahead { participant: name(), stream: name(), at: 1, cut: 0, floor: 0 },
        Conflict::DigestsDiffer { stream: name(), at: 0, digests: BTreeMap::new() },
        Conflict::TwoOwners { resource: name(), owners: BTreeMap::new() },
        Conflict::Unreachable { participant: name(), reason: name(), tries: 1 },
    ];
    let rows = COORDINATION.section("Conflicts");
    let rows = rows.table(&["conflict", "when", "severity", "what is done"]);
    assert_eq!(rows.len(), all.len());
    for (row, conflict) in rows.iter().zip(&all) {
        let kind = conflict.key().split(':').next().unwrap().to_owned();
        assert_eq!(code(row[0]).unwrap(), kind);
        let severity = serde_json::to_value(conflict.severity()).unwrap();
        assert!(row[2].contains(severity.as_str().unwrap()), "{kind}: {severity}");
    }
    let drift = format!("minor under {DRIFT_MAJOR_EVENTS} events");
    assert_eq!(TEXT.matches(&drift).count(), 2);
    for ruling in [
        Ruling::Commit,
        Ruling::Abort,
        Ruling::Rollback,
        Ruling::Prefer("NAME".to_owned()),
        Ruling::Without("NAME".to_owned()),
        Ruling::Stop,
    ] {
        assert!(TEXT.contains(&format!("`{}`", ruling.text())), "{ruling:?}");
        assert_eq!(Ruling::parse(&ruling.text()), Some(ruling));
    }
}
