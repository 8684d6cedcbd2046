//! `state`: shows the state that a store holds, or that a journal leads to, which it replays.

use std::io::{self, BufWriter, Write};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::state::{self, Key, KeyKind, View};
use vexfs_replay::store::is_store;

use super::exit::{Exit, HELP};
use super::outcome::{exit_of, loss_rows, outcome_json};
use super::output::{Report, SCHEMA, facts, grouped};
use super::pass::ReplayArguments;
use super::record::{describe, quote_path};
use super::running::replay_journal;
use super::{Outcome, io_error, store};

/// The digest of a state.
type Digest = [u8; 32];

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

/// A state, and what is told beside it.
struct Shown {
    state: Box<dyn View>,
    /// Counts and digest, where they are known.
    known: Option<(Vec<(KeyKind, u64)>, Digest)>,
    exit: Exit,
    /// The name of what it comes from, and what is known of that.
    source: (&'static str, Value),
    /// What is lost, in words.
    losses: Vec<(&'static str, String)>,
}

impl Shown {
    fn of(arguments: &ReplayArguments) -> Result<Self, Error> {
        if is_store(&arguments.pass.journal) {
            return store::shown(arguments).map(|(state, told)| Self {
                state: Box::new(state),
                known: None,
                exit: told.exit,
                source: ("store", told.json),
                losses: told.losses,
            });
        }
        let replayed =
            replay_journal(&arguments.pass, &arguments.options()?, Some(&arguments.proof))?;
        let exit = exit_of(&replayed.outcome, Exit::Loss);
        let losses = if exit == Exit::Loss { loss_rows(&replayed.outcome) } else { Vec::new() };
        Ok(Self {
            known: Some((replayed.state.counts(), replayed.digest)),
            state: Box::new(replayed.state),
            exit,
            source: ("outcome", outcome_json(&replayed.outcome)),
            losses,
        })
    }

    fn sum_up(&self) -> Result<(Vec<(KeyKind, u64)>, Digest), Error> {
        self.known.clone().map_or_else(|| self.state.sum_up(), Ok)
    }
}

pub(crate) fn run(verb: &StateVerb, as_json: bool) -> Result<Outcome, Error> {
    let shown = Shown::of(verb.replay())?;
    // The text is the state alone, as other tools read it: what is lost is told beside it.
    for (what, text) in &shown.losses {
        eprintln!("vexfs-replay-pipe: {what}: {text}");
    }
    let state = shown.state.as_ref();
    let (mut json, text) = match verb {
        StateVerb::LsTree(it) => tree(state, it.nul)?,
        StateVerb::List(it) => return list(&shown, it.kind, as_json).map(Outcome::Printed),
        StateVerb::Get(it) => {
            let key = Key { kind: it.kind, id: it.id, second: it.to, name: it.name.as_bytes() };
            let record = state.record(&key)?.map(|value| describe(&key, &value));
            let text = match &record {
                Some(record) => format!("{record:#}\n"),
                None => "no such record\n".to_owned(),
            };
            (json!({ "record": record }), text.into_bytes())
        }
        StateVerb::Count(_) => count(&shown.sum_up()?.0),
        StateVerb::Digest(_) => {
            let digest = hex::encode(shown.sum_up()?.1);
            (json!({ "state_digest": digest }), format!("{digest}\n").into_bytes())
        }
    };
    let (name, source) = shown.source;
    json[name] = source;
    Ok(Outcome::Report(Report { exit: shown.exit, json, text }))
}

fn tree(state: &dyn View, nul: bool) -> Result<(Value, Vec<u8>), Error> {
    let (mut listed, mut text) = (Vec::new(), Vec::new());
    for file in state::tree::list(state)? {
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
    Ok((json!({ "files": listed }), text))
}

/// Prints the records itself, since there may be more than fit in memory.
fn list(shown: &Shown, only: Option<KeyKind>, as_json: bool) -> Result<Exit, Error> {
    let failed = io_error("print", "stdout".as_ref());
    let mut out = BufWriter::new(io::stdout().lock());
    let listed = print_records(shown, only, as_json, &mut out);
    match listed.and_then(|()| out.flush().map_err(&failed)) {
        // Who reads has enough.
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
            Ok(shown.exit)
        }
        listed => listed.map(|()| shown.exit),
    }
}

fn print_records(
    shown: &Shown,
    only: Option<KeyKind>,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let failed = io_error("print", "stdout".as_ref());
    let (exit, (name, source)) = (shown.exit as u8, &shown.source);
    if as_json {
        write!(
            out,
            "{{\"schema\": {SCHEMA}, \"command\": \"state\", \"exit_code\": {exit}, \
             \"{name}\": {source}, \"records\": ["
        )
        .map_err(&failed)?;
    }
    let mut separator = if as_json { "\n" } else { "" };
    for kind in KeyKind::ALL.into_iter().filter(|&kind| only.is_none_or(|only| only == kind)) {
        shown.state.visit_in_order(kind, &mut |key, value| {
            let record = describe(key, value);
            write!(out, "{separator}{record}").map_err(&failed)?;
            separator = if as_json { ",\n" } else { "\n" };
            Ok(())
        })?;
    }
    let end = match (as_json, separator) {
        (true, _) => "\n]}\n",
        (false, "") => "",
        (false, _) => "\n",
    };
    out.write_all(end.as_bytes()).map_err(failed)
}

fn count(counts: &[(KeyKind, u64)]) -> (Value, Vec<u8>) {
    let pairs = counts.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count)));
    let rows: Vec<_> = counts.iter().map(|(kind, count)| (kind.name(), grouped(*count))).collect();
    (json!({ "records": Value::Object(pairs.collect()) }), facts(&rows))
}
