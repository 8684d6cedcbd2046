//! The protocol of participants in other processes: its limits, its words, the fields of its messages, and the
//! session, of which each line is what the code says and understands.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use vexfs_replay::coordination::protocol::{
    Alive, AwayReason, HELLO_BYTES_MAX, Hello, LINE_BYTES_MAX, PROTOCOL, ToCoordinator,
    ToParticipant, TurnedAway, Welcome,
};
use vexfs_replay::coordination::{
    Answer, Call, CutDigest, ParticipantKind, Place, Plan, Proof, Rejoin, Reply, Report, Request,
    Role, Said, SocketOptions, Standing,
};

use crate::markdown::{COORDINATION_PROTOCOL as PAGE, code, codes, number};

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The names of an object's fields; of anything else, its only word.
fn words(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        other => [other.as_str().unwrap().to_owned()].into(),
    }
}

/// The words that the rows of a table begin with.
fn told(columns: &[&str]) -> BTreeSet<String> {
    let tables = PAGE.tables(columns);
    assert_eq!(tables.len(), 1, "{columns:?}");
    tables[0].1.iter().map(|row| code(row[0]).unwrap().to_owned()).collect()
}

fn proof() -> Proof {
    [("orders".to_owned(), CutDigest([7; 32]))].into()
}

#[test]
fn limits_and_times_are_those_of_the_code() {
    let rows = PAGE.section("Lines").table(&["limit", "bytes"]);
    let numbers: Vec<u64> = rows.iter().map(|row| number(row[1])).collect();
    assert_eq!(numbers, [HELLO_BYTES_MAX as u64, LINE_BYTES_MAX as u64]);
    let (again, options) = (Rejoin::default(), SocketOptions::default());
    let text = include_str!("../../docs/coordination-protocol.md").replace('\n', " ");
    let seconds = options.hello_ms / 1000;
    assert!(text.contains(&format!("says who it is within {seconds} seconds")));
    assert!(text.contains(&format!("again: after {} ms", again.again_ms)));
    assert!(text.contains(&format!("up to {} s", again.again_ms_max / 1000)));
    let protocol = format!("| `protocol` | {PROTOCOL}");
    assert_eq!(text.matches(&protocol).count(), 2);
}

#[test]
fn fields_are_those_of_the_code() {
    let kind = ParticipantKind::ExternalSystem;
    let reason = AwayReason::NameTaken;
    let standing = Standing { role: Role::Source, floor: 0, at: 1, reach: 2 };
    let messages = [
        ("hello", json(&Hello::new("a", kind, "b"))),
        ("welcome", json(&Welcome { protocol: PROTOCOL, heartbeat_ms: 1 })),
        ("turned_away", json(&TurnedAway { reason, text: String::new() })),
        ("call", json(&Call { epoch: 1, round: 1, request: Request::Assess })),
        ("answer", json(&Answer { epoch: 1, round: 1, reply: Reply::Done })),
        ("alive", json(&Alive { epoch: 1 })),
    ];
    for (name, message) in messages {
        assert_eq!(told(&[&format!("field of `{name}`"), "what it is"]), words(&message), "{name}");
    }
    let parts = [
        ("plan", json(&Plan::default())),
        ("report", json(&Report::default())),
        ("standing", json(&standing)),
    ];
    for (name, part) in parts {
        assert_eq!(told(&[&format!("field of a {name}"), "what it is"]), words(&part), "{name}");
    }
}

#[test]
fn words_are_those_of_the_code() {
    let hello = PAGE.section("Coming in").table(&["field of `hello`", "what it is"]);
    let kinds: Vec<Value> = ParticipantKind::ALL.iter().map(json).collect();
    assert_eq!(codes(hello[2][1]).collect::<Vec<_>>(), kinds);
    let reasons = PAGE.section("Coming in").table(&["reason", "why", "come again"]);
    let reasons = reasons.iter().map(|row| (code(row[0]).unwrap().to_owned(), row[2]));
    let known = AwayReason::ALL.map(|it| {
        (json(&it).as_str().unwrap().to_owned(), if it.may_pass() { "yes" } else { "no" })
    });
    assert_eq!(reasons.collect::<BTreeMap<_, _>>(), known.into());

    let plan = Plan::default();
    let requests = [
        Request::Assess,
        Request::Prepare(plan.clone()),
        Request::Execute(plan.clone()),
        Request::Validate(plan),
        Request::RollBack,
        Request::CleanUp,
    ];
    let known: BTreeSet<String> = requests.iter().flat_map(|it| words(&json(it))).collect();
    assert_eq!(told(&["request", "what is asked", "replies"]), known);
    let text = String::new;
    let replies = [
        Reply::Report(Report::default()),
        Reply::Yes(proof()),
        Reply::No(text()),
        Reply::Proof(proof()),
        Reply::Done,
        Reply::Failed(text()),
        Reply::Superseded(1),
    ];
    let known: BTreeSet<String> = replies.iter().flat_map(|it| words(&json(it))).collect();
    assert_eq!(told(&["reply", "value", "what it says"]), known);
    let place = Place { stream: "orders".to_owned(), at: 1 };
    let said = [Said::Committed(place.clone()), Said::Prepared(place), Said::Aborted];
    let page = include_str!("../../docs/coordination-protocol.md");
    for said in said.iter().chain([&Said::Unfinished]) {
        let text = serde_json::to_string(said).unwrap();
        let text = text.replace("\"orders\"", "…").replace(":1}", ":…}");
        assert!(page.contains(&format!("`{text}`")), "{text}");
    }
}

#[test]
fn the_session_is_what_the_code_says_and_understands() {
    let lines = PAGE.section("A session").fenced_lines();
    assert!(lines.len() > 20, "{}", lines.len());
    for line in lines {
        let (side, text) = line.split_once(' ').unwrap();
        let said = match side {
            "<" => serde_json::to_string(&serde_json::from_str::<ToCoordinator>(text).unwrap()),
            ">" => serde_json::to_string(&serde_json::from_str::<ToParticipant>(text).unwrap()),
            other => panic!("who is {other}?"),
        };
        assert_eq!(said.unwrap(), text);
    }
}
