//! `state`: replays a journal and shows what state it leads to.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::state::{self, Key, KeyKind, MemoryState};

use super::exit::{Exit, HELP};
use super::output::{Report, facts, grouped};
use super::pass::{ReplayArguments, exit_of, loss_rows, outcome_json, replay_journal};
use super::record::{describe, quote_path};

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum StateVerb {
    /// List the files, as `git ls-tree -r` does.
    #[command(after_help = HELP)]
    LsTree(TreeArguments),
    /// List the records, of one kind where it is given.
    #[command(after_help = HELP)]
    List(ListArguments),
    /// Show one record.
    #[command(after_help = HELP)]
    Get(GetArguments),
    /// Count the records of each kind.
    #[command(after_help = HELP)]
    Count(ReplayArguments),
    /// Print the state's digest.
    #[command(after_help = HELP)]
    Digest(ReplayArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct TreeArguments {
    #[command(flatten)]
    replay: ReplayArguments,
    /// End lines with a NUL byte and quote no path.
    #[arg(short = 'z')]
    nul: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    replay: ReplayArguments,
    /// Only records of this kind: inode, entry, node, edge, property, vector, agent, mount,
    /// metric or link.
    #[arg(long, value_parser = parse_kind)]
    kind: Option<KeyKind>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct GetArguments {
    #[command(flatten)]
    replay: ReplayArguments,
    /// What kind of record it is; see `list`.
    #[arg(value_parser = parse_kind)]
    kind: KeyKind,
    /// The key's number: of the thing itself, an entry's directory, a property's node, a link's
    /// first end or a metric's event type; 0 for an agent.
    id: u64,
    /// The key's name; for a link, causality or semantic.
    #[arg(default_value = "")]
    name: String,
    /// The number of the end that a link enters.
    #[arg(long, default_value_t = 0)]
    to: u64,
}

fn parse_kind(text: &str) -> Result<KeyKind, String> {
    let known = || format!("expected one of {}", KeyKind::ALL.map(KeyKind::name).join(", "));
    KeyKind::from_name(text).ok_or_else(known)
}

impl StateVerb {
    fn replay(&self) -> &ReplayArguments {
        match self {
            Self::LsTree(it) => &it.replay,
            Self::List(it) => &it.replay,
            Self::Get(it) => &it.replay,
            Self::Count(it) | Self::Digest(it) => it,
        }
    }
}

pub(crate) fn run(verb: &StateVerb) -> Result<Report, Error> {
    let arguments = verb.replay();
    let replayed = replay_journal(&arguments.pass, &arguments.options()?, Some(&arguments.proof))?;
    let state = &replayed.state;
    let (mut json, text) = match verb {
        StateVerb::LsTree(it) => tree(state, it.nul),
        StateVerb::List(it) => records(state, it.kind),
        StateVerb::Get(it) => {
            let key = Key { kind: it.kind, id: it.id, second: it.to, name: it.name.as_bytes() };
            let record = state.get(&key).map(|value| describe(&key, value));
            let text = match &record {
                Some(record) => format!("{record:#}\n"),
                None => "no such record\n".to_owned(),
            };
            (json!({ "record": record }), text.into_bytes())
        }
        StateVerb::Count(_) => count(state),
        StateVerb::Digest(_) => {
            let digest = hex::encode(replayed.digest);
            (json!({ "state_digest": digest }), format!("{digest}\n").into_bytes())
        }
    };
    let exit = exit_of(&replayed.outcome, Exit::Loss);
    json["outcome"] = outcome_json(&replayed.outcome);
    if exit == Exit::Loss {
        // The text is the state alone, as other tools read it: what is lost is told beside it.
        for (what, text) in loss_rows(&replayed.outcome) {
            eprintln!("vexfs-replay-pipe: {what}: {text}");
        }
    }
    Ok(Report { exit, json, text })
}

fn tree(state: &MemoryState, nul: bool) -> (Value, Vec<u8>) {
    let (mut listed, mut text) = (Vec::new(), Vec::new());
    for file in state::tree::list(state) {
        let (object_type, content) = (file.object_type(), hex::encode(&file.content));
        let mode = format!("{:06o}", file.mode);
        text.extend_from_slice(format!("{mode} {object_type} {content}\t").as_bytes());
        if nul {
            text.extend_from_slice(&file.path);
            text.push(0);
        } else {
            text.extend_from_slice(quote_path(&file.path).as_bytes());
            text.push(b'\n');
        }
        let path = quote_path(&file.path);
        listed.push(json!({ "mode": mode, "type": object_type, "content": content, "path": path }));
    }
    (json!({ "files": listed }), text)
}

fn records(state: &MemoryState, only: Option<KeyKind>) -> (Value, Vec<u8>) {
    let mut all = Vec::new();
    for kind in KeyKind::ALL.into_iter().filter(|&kind| only.is_none_or(|only| only == kind)) {
        let first = all.len();
        state.for_each(kind, |key, value| all.push((key, value)));
        all[first..].sort_by_key(|(key, _)| *key);
    }
    let listed: Vec<Value> = all.iter().map(|(key, value)| describe(key, value)).collect();
    let text = listed.iter().map(|record| format!("{record}\n")).collect::<String>();
    (json!({ "records": listed }), text.into_bytes())
}

fn count(state: &MemoryState) -> (Value, Vec<u8>) {
    let counts = state.counts();
    let pairs = counts.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count)));
    let rows: Vec<_> = counts.iter().map(|(kind, count)| (kind.name(), grouped(*count))).collect();
    (json!({ "records": Value::Object(pairs.collect()) }), facts(&rows))
}
