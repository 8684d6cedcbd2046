//! The options that say which events are meant, and how they are written.

use std::collections::BTreeSet;

use clap::Args;
use vexfs_replay::event::{EventType, FAMILIES};
use vexfs_replay::replay::Selection;
use vexfs_replay::state::{KeyKind, OwnedKey};

/// Which events are applied. What is not given restricts nothing; of what is given more than once,
/// one is enough.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArguments {
    /// Only events of this type or family, as filesystem.create, 0x0101 or graph.
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_types)]
    types: Vec<Types>,
    /// Only events with these LSNs: A..B (both included), A.., ..B or A.
    #[arg(long, value_name = "RANGE", value_parser = parse_range)]
    lsn: Option<(u64, u64)>,
    /// Only events that happened at these times, in nanoseconds since 1970-01-01 UTC.
    #[arg(long, value_name = "RANGE", value_parser = parse_range)]
    time: Option<(u64, u64)>,
    /// Only events of this priority or a more urgent one: 1 (critical) to 5 (background).
    #[arg(long, value_name = "PRIORITY", value_parser = clap::value_parser!(u8).range(1..=5))]
    priority: Option<u8>,
    /// Only events in which this agent acts.
    #[arg(long, value_name = "NAME")]
    agent: Vec<String>,
    /// Only events of this transaction.
    #[arg(long, value_name = "ID")]
    transaction: Vec<u64>,
    /// Only files and directories that ever lay at or under this path.
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Only this record, as inode:42, entry:1:name, property:7:name or link:3:causality:9 (from,
    /// name, to).
    #[arg(long, value_name = "KIND:ID[:NAME[:TO]]", value_parser = parse_key)]
    key: Vec<OwnedKey>,
    /// Say which blocks would be read and which would not, and replay nothing.
    #[arg(long)]
    pub(crate) explain: bool,
}

/// The types that a name stands for.
#[derive(Clone, Debug)]
pub(crate) struct Types(Vec<EventType>);

impl SelectionArguments {
    /// The selection, where anything is selected.
    pub(crate) fn selection(&self) -> Option<Selection> {
        let range = |range: Option<(u64, u64)>| range.map_or(0..=u64::MAX, |(from, to)| from..=to);
        let bytes = |texts: &[String]| -> BTreeSet<Vec<u8>> {
            texts.iter().map(|text| text.clone().into_bytes()).collect()
        };
        let selection = Selection {
            types: self.types.iter().flat_map(|it| it.0.iter().copied()).collect(),
            lsns: range(self.lsn),
            times_ns: range(self.time),
            priority: self.priority,
            agents: bytes(&self.agent),
            transactions: self.transaction.iter().copied().collect(),
            paths: bytes(&self.path),
            keys: self.key.iter().cloned().collect(),
        };
        (selection != Selection::default()).then_some(selection)
    }
}

pub(crate) fn parse_range(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str, missing: u64| match text {
        "" => Ok(missing),
        _ => text.parse().map_err(|error| format!("{text}: {error}")),
    };
    match text.split_once("..") {
        Some((from, to)) => match (number(from, 0)?, number(to, u64::MAX)?) {
            (from, to) if from > to => Err(format!("{from} comes after {to}")),
            range => Ok(range),
        },
        None => text.parse().map(|one| (one, one)).map_err(|error| format!("{text}: {error}")),
    }
}

pub(crate) fn parse_type(text: &str) -> Result<u16, String> {
    if let Some(event_type) = EventType::from_name(text) {
        return Ok(event_type.code());
    }
    let digits =
        text.strip_prefix("0x").ok_or("expected a name as filesystem.create, or 0x0101")?;
    u16::from_str_radix(digits, 16).map_err(|error| error.to_string())
}

fn parse_types(text: &str) -> Result<Types, String> {
    if let Some((number, _)) = FAMILIES.iter().find(|(_, name)| *name == text) {
        let all = EventType::ALL.iter().copied();
        return Ok(Types(all.filter(|it| it.family() == *number).collect()));
    }
    let code = parse_type(text).map_err(|error| format!("{error}, or a family as graph"))?;
    let known = EventType::from_code(code);
    known.map(|it| Types(vec![it])).ok_or_else(|| format!("no event has the type {code:#06x}"))
}

fn parse_key(text: &str) -> Result<OwnedKey, String> {
    let mut parts = text.splitn(4, ':');
    let kind = parts.next().and_then(KeyKind::from_name);
    let kind = kind.ok_or("expected a kind of record in front, as inode:42")?;
    let id = parts.next().and_then(|id| id.parse().ok());
    let id = id.ok_or("expected a number behind the kind, as inode:42")?;
    let name = parts.next().unwrap_or_default().as_bytes().to_vec();
    let second = parts.next().map_or(Ok(0), str::parse);
    let second = second.map_err(|error| format!("the end that a link enters: {error}"))?;
    Ok(OwnedKey { kind, id, second, name })
}
