//! What came of a recovery, or would come of one, in words for somebody who was woken up.

use serde_json::json;
use vexfs_replay::recovery::{
    Diagnosis, Ending, Estimate, Excluded, LsnRange, Plan, Recovery, Survey, Way,
};

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

/// What came of a recovery, in words.
pub(crate) fn record_rows(recovery: &Recovery) -> Vec<(&'static str, String)> {
    let record = &recovery.record;
    let lost = &record.lost;
    let happened = record.failure.map_or("nothing", |failure| failure.name());
    let back = match lost.is_loss() {
        false => "all that the writer had finished".to_owned(),
        true => format!("not all: exit code {} says so, too", Exit::Loss as u8),
    };
    let mut rows = vec![("what happened", happened.to_owned()), ("what is back", back)];
    rows.extend(record.path.iter().map(|tried| {
        let way = tried.way.name();
        let again = match tried.retries {
            0 => String::new(),
            retries => format!(", tried again {retries} times"),
        };
        match &tried.failed {
            Some(reason) => ("tried", format!("{way}{again}: {reason}")),
            None => ("done by", format!("{way}{again}")),
        }
    }));
    if record.resumed {
        rows.push(("resumed", "it went on where a killed recovery had been".to_owned()));
    }
    if let Some(from) = &recovery.outcome.started_from {
        let text = format!("{}, at LSN {}", from.checkpoint, grouped(from.watermark));
        rows.push(("started from", text));
    }
    rows.push((
        "up to",
        format!("LSN {}, {} events", grouped(record.last_lsn), grouped(record.events)),
    ));
    let transactions = &record.transactions;
    rows.push((
        "transactions",
        format!(
            "{} committed, {} aborted, {} never ended and are left out, {} broken",
            grouped(transactions.committed),
            grouped(transactions.aborted),
            grouped(transactions.discarded.count),
            grouped(transactions.broken.count),
        ),
    ));
    rows.extend(lost.torn_tail.as_ref().map(|it| ("torn tail", it.detail.clone())));
    rows.extend(lost.ranges.iter().take(TOLD).map(|it| ("lost", it.detail.clone())));
    if lost.ranges.len() > TOLD {
        rows.push((
            "lost",
            format!("and {} more ranges", grouped((lost.ranges.len() - TOLD) as u64)),
        ));
    }
    rows.extend(
        lost.after_damage
            .map(|range| ("left out", format!("{}, which follow the damage", lsns(range)))),
    );
    rows.extend(
        lost.undone
            .map(|range| ("undone", format!("{}; `recover --redo` brings them back", lsns(range)))),
    );
    rows.extend(
        lost.behind_stop.map(|range| ("not wanted", format!("{}, behind the stop", lsns(range)))),
    );
    rows.extend(lost.dependents.iter().take(TOLD).map(|it| {
        let ranges =
            it.lsns.iter().map(|&(first, last)| lsns(LsnRange { first, last: Some(last) }));
        let ranges: Vec<String> = ranges.take(TOLD).collect();
        ("depended on it", format!("transaction {}: {}", it.transaction, ranges.join(", ")))
    }));
    rows.extend(
        lost.contradicting
            .iter()
            .take(TOLD)
            .map(|it| ("depended on it", format!("LSN {}: {}", grouped(it.lsn), it.cause))),
    );
    rows.extend(record.aside.iter().map(|name| ("kept aside", name.clone())));
    rows.extend(record.checkpoint.iter().map(|name| ("checkpoint", name.clone())));
    rows.push(("state digest", hex::encode(record.state_digest)));
    rows.push((
        "time",
        format!(
            "{:.3} s, the first event after {:.1} ms",
            record.seconds,
            record.initiation_seconds * 1e3
        ),
    ));
    rows
}

/// What would be done, and why.
pub(crate) fn plan_report(survey: &Survey, plan: &Plan, estimates: &[Estimate]) -> Report {
    let exit = match (plan.ways.first(), survey.facts.ending) {
        (None, _) if plan.diagnosis == Diagnosis::InUse => Exit::InputOutput,
        (None, _) => Exit::Refused,
        (Some(way), _) if would_lose(*way, estimates) => Exit::Loss,
        (Some(_), Ending::Torn) => Exit::TornTail,
        (Some(_), _) => Exit::Clean,
    };
    let usable = survey.usable();
    let mut rows = vec![
        ("what happened", diagnosis_words(plan.diagnosis).to_owned()),
        (
            "the journal ends",
            format!(
                "{}, after LSN {}",
                ending_words(survey.facts.ending),
                grouped(survey.last_lsn())
            ),
        ),
        (
            "checkpoints",
            match usable {
                Some(it) => format!("{} seems usable, at LSN {}", it.name, grouped(it.watermark)),
                None => "none can be used".to_owned(),
            },
        ),
    ];
    rows.extend(survey.holder.iter().map(|holder| ("held by", holder.clone())));
    rows.extend(survey.failure.iter().map(|failure| ("storage", failure.clone())));
    let tail = survey.end.as_ref().and_then(|end| end.tail.as_ref());
    rows.extend(tail.map(|tail| ("at its end", tail.to_string())));
    rows.extend(survey.checkpoints.iter().filter_map(|it| {
        it.fault.as_ref().map(|fault| ("can't be used", format!("{}: {fault}", it.name)))
    }));
    rows.push((
        "would be done",
        match plan.ways.first() {
            Some(way) => way.name().to_owned(),
            None => "nothing".to_owned(),
        },
    ));
    rows.push(("looking took", format!("{:.2} ms", survey.seconds * 1e3)));
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
        "tail": tail,
        "holder": survey.holder,
        "checkpoints": survey.checkpoints,
        "unfinished": survey.unfinished,
        "failure": survey.failure,
        "seconds": survey.seconds,
    });
    Report { exit, json, text }
}

fn would_lose(way: Way, estimates: &[Estimate]) -> bool {
    estimates.iter().any(|it| it.way == way && it.loses.is_some())
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
        let keeps =
            it.keeps_to.map_or("as agreed".to_owned(), |lsn| format!("LSN {}", grouped(lsn)));
        let loses = it.loses.map_or("nothing seen".to_owned(), lsns);
        let bytes = it.journal_bytes + it.checkpoint_bytes;
        let seconds = it.seconds.map_or("unknown".to_owned(), |seconds| format!("{seconds:.2} s"));
        let reads = format!("{:.1} MB", bytes as f64 / 1e6);
        table.add_row([it.way.name().to_owned(), when, keeps, loses, reads, seconds]);
    }
    format!("{table}\n")
}
