//! What came of a recovery, or would come of one, in words for somebody who was woken up.

use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::journal::damage::Damage;
use vexfs_replay::recovery::{
    Diagnosis, Ending, Estimate, Excluded, FailureType, Lost, LsnRange, Plan, Record, Recovery,
    Rollback, Survey, Way,
};
use vexfs_replay::replay::SeenAnchor;

use super::exit::Exit;
use super::output::{Report, facts, grouped};

/// How many lost ranges are told in words; the JSON result tells all.
const TOLD: usize = 20;

fn lsns(range: LsnRange) -> String {
    match range.last {
        Some(last) => format!("LSN {} to {}", grouped(range.first), grouped(last)),
        None => format!("LSN {} on", grouped(range.first)),
    }
}

fn diagnosis_words(diagnosis: Diagnosis) -> &'static str {
    match diagnosis {
        Diagnosis::Healthy => "nothing: the journal was closed, and all of it seems to be there",
        Diagnosis::Failed(failure) => failure.name(),
        Diagnosis::InUse => "nothing that is known: another process has the journal",
        Diagnosis::NewerFormat => "the journal is of a newer format than this version knows",
    }
}

fn ending_words(ending: Ending) -> &'static str {
    match ending {
        Ending::Closed => "closed by its writer",
        Ending::Open => "without a closing seal",
        Ending::Torn => "in a torn write",
        Ending::Corrupt => "in damage",
        Ending::Truncated => "before something that had been durable",
        Ending::SegmentMissing => "with a segment missing",
        Ending::Foreign => "with a segment of another journal",
        Ending::NewerFormat => "in a newer format",
        Ending::Unreadable => "unknown: storage failed",
    }
}

type Row = (&'static str, String);

/// What came of a recovery, in words.
pub(crate) fn record_rows(recovery: &Recovery) -> Vec<Row> {
    let Record { failure, lost, transactions, .. } = &recovery.record;
    let record = &recovery.record;
    let back = match lost.is_loss() {
        false => "all that the writer had finished".to_owned(),
        true => "not all; what is lost follows".to_owned(),
    };
    let happened = failure.map_or("nothing", FailureType::name);
    let mut rows = vec![("what happened", happened.to_owned()), ("what is back", back)];
    rows.extend(path_rows(recovery));
    let (lsn, events) = (grouped(record.last_lsn), grouped(record.events));
    rows.push(("up to", format!("LSN {lsn}, {events} events")));
    let head = &recovery.outcome.head;
    let anchored = if recovery.outcome.anchored { "the anchor is there" } else { "unanchored" };
    let head = format!("{}:{}, {anchored}", head.lsn, hex::encode(head.digest));
    rows.push(("head", head));
    let ended = format!(
        "{} committed, {} aborted, {} never ended and are left out, {} broken",
        grouped(transactions.committed),
        grouped(transactions.aborted),
        grouped(transactions.discarded.count),
        grouped(transactions.broken.count),
    );
    rows.push(("transactions", ended));
    rows.extend(lost_rows(lost));
    rows.extend(dependent_rows(lost));
    let unread = record.unread.iter();
    rows.extend(unread.map(|it| ("not used", format!("{}: {}", it.checkpoint, it.reason))));
    rows.extend(record.aside.iter().map(|name| ("kept aside", name.clone())));
    rows.extend(record.checkpoint.iter().map(|name| ("checkpoint", name.clone())));
    rows.push(("state digest", hex::encode(record.state_digest)));
    let (seconds, first_ms) = (record.seconds, record.initiation_seconds * 1e3);
    rows.push(("time", format!("{seconds:.3} s, the first event after {first_ms:.1} ms")));
    rows
}

/// Which ways were tried, and from where the last one started.
fn path_rows(recovery: &Recovery) -> Vec<Row> {
    let tried = recovery.record.path.iter().map(|tried| {
        let again = match tried.retries {
            0 => String::new(),
            retries => format!(", tried again {retries} times"),
        };
        let way = format!("{}{again}", tried.way.name());
        match &tried.failed {
            Some(reason) => ("tried", format!("{way}: {reason}")),
            None => ("done by", way),
        }
    });
    let mut rows: Vec<Row> = tried.collect();
    if recovery.record.resumed {
        rows.push(("resumed", "it went on where a killed recovery had been".to_owned()));
    }
    let from = recovery.outcome.started_from.as_ref();
    rows.extend(from.map(|from| {
        ("started from", format!("{}, at LSN {}", from.checkpoint, grouped(from.watermark)))
    }));
    rows
}

fn lost_rows(lost: &Lost) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(lost.torn_tail.as_ref().map(|it| ("torn tail", it.detail.clone())));
    rows.extend(lost.ranges.iter().take(TOLD).map(|it| ("lost", it.detail.clone())));
    rows.extend(more("lost", lost.ranges.len() as u64));
    let told = [
        ("left out", lost.after_damage, "which follow the damage"),
        ("undone", lost.undone, "which `recover --redo` brings back"),
        ("not wanted", lost.behind_stop, "behind the stop"),
    ];
    rows.extend(told.into_iter().filter_map(|(name, range, why)| {
        range.map(|range| (name, format!("{}, {why}", lsns(range))))
    }));
    rows
}

/// What is there and depended on what is lost.
fn dependent_rows(lost: &Lost) -> Vec<Row> {
    let name = "depended on it";
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(lost.dependents.iter().take(TOLD).map(|it| {
        let ranges = it.lsns.iter().take(TOLD);
        let ranges = ranges.map(|&(first, last)| lsns(LsnRange { first, last: Some(last) }));
        let ranges = ranges.collect::<Vec<String>>().join(", ");
        (name, format!("transaction {}: {ranges}", it.transaction))
    }));
    rows.extend(more(name, lost.dependents.len() as u64));
    rows.extend(
        lost.contradicting
            .iter()
            .take(TOLD)
            .map(|it| (name, format!("LSN {}: {}", grouped(it.lsn), it.cause))),
    );
    rows.extend(more(name, lost.contradictions));
    rows
}

/// How many there are that were not told.
fn more(name: &'static str, count: u64) -> Option<Row> {
    let untold = count.saturating_sub(TOLD as u64);
    (untold > 0).then(|| (name, format!("and {} more", grouped(untold))))
}

/// What would be done, and why.
pub(crate) fn plan_report(
    survey: &Survey,
    (plan, left): (&Plan, &[String]),
    estimates: &[Estimate],
    (rollback, refusal): (Option<&Rollback>, Option<&Error>),
) -> Report {
    let chosen = plan.ways.first().and_then(|way| estimates.iter().find(|it| it.way == *way));
    // Who stops before a torn write doesn't come to it.
    let torn = survey.facts.ending == Ending::Torn && survey.until_lsn > survey.last_lsn();
    let exit = match refusal {
        Some(error) => Exit::of(error),
        None if chosen.is_some_and(|it| it.loses.is_some()) => Exit::Loss,
        None if torn && chosen.is_some_and(|it| goes_to_the_end(it.way)) => Exit::TornTail,
        None => Exit::Clean,
    };
    let mut rows = survey_rows(survey, plan);
    rows.extend(rollback.map(|it| {
        let undone =
            lsns(LsnRange { first: it.watermark.saturating_add(1), last: Some(it.undone_last) });
        let stands = format!("to LSN {} stands, {undone} are undone", grouped(it.watermark));
        ("a rollback", format!("{stands} until `--redo`"))
    }));
    rows.extend(left.iter().map(|name| ("to be put aside", format!("{name}, for that rollback"))));
    rows.extend(refusal.map(|error| ("refused", error.to_string())));
    let mut text = facts(&rows);
    text.extend(b"\n");
    text.extend(table(plan, estimates).into_bytes());
    let excluded = plan.excluded.iter();
    let excluded: Vec<_> = excluded
        .map(|(way, why)| json!({ "way": way, "reason": why, "text": why.to_string() }))
        .collect();
    let json = json!({
        "diagnosis": plan.diagnosis,
        "ways": plan.ways,
        "excluded": excluded,
        "estimates": estimates,
        "facts": survey.facts,
        "last_lsn": survey.last_lsn(),
        "until_lsn": Some(survey.until_lsn).filter(|&lsn| lsn < u64::MAX),
        "anchor": survey.anchor,
        "damages": survey.damages,
        "rollback": rollback,
        "left_by_rollback": left,
        "refused": refusal.map(Error::to_string),
        "tail": tail_of(survey),
        "holder": survey.holder,
        "checkpoints": survey.checkpoints,
        "unfinished": survey.unfinished,
        "failure": survey.failure,
        "seconds": survey.seconds,
    });
    Report { exit, json, text }
}

fn survey_rows(survey: &Survey, plan: &Plan) -> Vec<Row> {
    let usable = survey.usable();
    let usable =
        usable.map(|it| format!("{} seems usable, at LSN {}", it.name, grouped(it.watermark)));
    let (ends, last_lsn) = (ending_words(survey.facts.ending), grouped(survey.last_lsn()));
    let mut rows = vec![
        ("what happened", diagnosis_words(plan.diagnosis).to_owned()),
        ("the journal ends", format!("{ends}, after LSN {last_lsn}")),
        ("checkpoints", usable.unwrap_or_else(|| "none can be used".to_owned())),
    ];
    rows.extend(survey.holder.iter().map(|holder| ("held by", holder.clone())));
    rows.extend(survey.failure.iter().map(|failure| ("storage", failure.clone())));
    rows.extend(tail_of(survey).map(|tail| ("at its end", tail.to_string())));
    rows.extend(survey.checkpoints.iter().filter_map(|it| {
        it.fault.as_ref().map(|fault| ("can't be used", format!("{}: {fault}", it.name)))
    }));
    if let Some(SeenAnchor::Missing { reason }) = &survey.anchor {
        rows.push(("the anchor", format!("is not in the journal: {reason}")));
    }
    let way = plan.ways.first().map_or("nothing", |way| way.name());
    rows.push(("would be done", way.to_owned()));
    rows.push(("looking took", format!("{:.2} ms", survey.seconds * 1e3)));
    rows
}

/// What stands behind the journal's end.
fn tail_of(survey: &Survey) -> Option<&Damage> {
    survey.end.as_ref().and_then(|end| end.tail.as_ref())
}

/// Whether nothing but a stop that was asked for ends it before the journal's end.
fn goes_to_the_end(way: Way) -> bool {
    !matches!(way, Way::Rollback | Way::Coordinated)
}

/// Every way beside the others.
fn table(plan: &Plan, estimates: &[Estimate]) -> String {
    let mut table = comfy_table::Table::new();
    table.set_header(["strategy", "", "keeps up to", "loses", "reads", "takes"]);
    for it in estimates {
        let place = plan.ways.iter().position(|way| *way == it.way);
        let excluded = plan.excluded.iter().find(|(way, _)| *way == it.way).map(|(_, why)| why);
        let when = match (place, excluded) {
            (Some(0), _) => "chosen".to_owned(),
            (Some(place), _) => format!("fallback {place}"),
            (None, Some(Excluded::NotWanted)) => "not asked for".to_owned(),
            (None, Some(why)) => format!("no: {why}"),
            (None, None) => "no".to_owned(),
        };
        let unknown = if it.way == Way::Coordinated { "as agreed" } else { "unknown" };
        let keeps = it.keeps_to.map_or(unknown.to_owned(), |lsn| format!("LSN {}", grouped(lsn)));
        let loses = it.loses.map_or("nothing seen".to_owned(), lsns);
        let bytes = it.journal_bytes + it.checkpoint_bytes;
        let seconds = it.seconds.map_or("unknown".to_owned(), |seconds| format!("{seconds:.2} s"));
        let reads = format!("{:.1} MB", bytes as f64 / 1e6);
        table.add_row([it.way.name().to_owned(), when, keeps, loses, reads, seconds]);
    }
    format!("{table}\n")
}
