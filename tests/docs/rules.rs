//! The rule that tells a torn tail from corruption, as the page's tables have it.

use vexfs_replay::event::Malformed;
use vexfs_replay::journal::damage::{Behind, Fault, FaultFacts, Trace, Verdict, verdict};

use crate::markdown::{JOURNAL_FORMAT, Row, code};

const TRACES: [(&str, Trace); 4] = [
    ("unwritten", Trace::Unwritten),
    ("stale", Trace::Stale),
    ("torn", Trace::Torn),
    ("sound", Trace::Sound),
];
const BEHINDS: [(&str, Behind); 3] =
    [("nothing", Behind::Nothing), ("in flight", Behind::InFlight), ("unmarked", Behind::Unmarked)];

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unwritten => "unwritten",
        Verdict::Stale => "stale",
        Verdict::TornTail => "torn tail",
        Verdict::Corruption => "corruption",
        Verdict::Ambiguous => "ambiguous",
    }
}

#[test]
fn the_table_of_the_rule_gives_every_verdict() {
    let columns = ["newest segment", "below watermark", "behind", "trace", "verdict"];
    let rows = JOURNAL_FORMAT.section("The rule").table(&columns);
    let mut used = vec![false; rows.len()];
    let yes_no = [("yes", true), ("no", false)];
    for (newest, below) in yes_no.iter().flat_map(|it| yes_no.map(|other| (it, other))) {
        for (behind, trace) in BEHINDS.iter().flat_map(|it| TRACES.map(|other| (it, other))) {
            let facts = [newest.0, below.0, behind.0, trace.0];
            let fits = |row: &Row| {
                row.iter().zip(facts).all(|(cell, fact)| *cell == "any" || *cell == fact)
            };
            let first = rows.iter().position(fits).unwrap_or_else(|| panic!("no row: {facts:?}"));
            used[first] = true;
            let (newest_segment, below_watermark) = (newest.1, below.1);
            let (behind, trace) = (behind.1, trace.1);
            let facts = FaultFacts { newest_segment, below_watermark, behind, trace };
            assert_eq!(rows[first][4], verdict_name(verdict(facts)), "{facts:?}");
        }
    }
    assert!(used.iter().all(|used| *used), "a row that decides nothing: {used:?}");
}

/// One fault of every kind.
fn faults() -> Vec<Fault> {
    let (expected, found) = ([0; 32], [1; 32]);
    let (part, field) = ("part", "field");
    vec![
        Fault::Zeros,
        Fault::Magic { expected: 0, found: 1 },
        Fault::Crc { part, expected: 0, found: 1 },
        Fault::Digest { part, expected, found },
        Fault::ChainBreak { expected, found },
        Fault::Foreign { expected: [0; 16], found: [1; 16] },
        Fault::Stale { expected: 2, found: 1 },
        Fault::Misplaced { field, expected: 0, found: 1 },
        Fault::SequenceGap { field, expected: 0, found: 1 },
        Fault::LimitExceeded { field, claimed: 2, limit: 1, remaining: 0 },
        Fault::CutShort { needed: 2, remaining: 1 },
        Fault::Malformed(Malformed::TrailingBytes { found: 1 }),
        Fault::SegmentMissing(1),
        Fault::SealMissing,
        Fault::SealMismatch { field, expected: 0, found: 1 },
        Fault::TrailingBytes { found: 1 },
        Fault::UnknownFormat { major: 3, features: 0 },
    ]
}

#[test]
fn every_fault_leaves_the_trace_that_is_told() {
    let section = JOURNAL_FORMAT.section("Torn tail or corruption");
    let told = section.table(&["fault", "trace", "what is wrong"]);
    let mut told: Vec<_> = told.iter().map(|row| (code(row[0]).unwrap(), row[1])).collect();
    told.sort_unstable();
    let trace_name = |fault: &Fault| {
        let name = TRACES.iter().find(|(_, trace)| *trace == fault.trace());
        name.map_or("", |(name, _)| *name)
    };
    let mut known: Vec<_> =
        faults().iter().map(|fault| (fault.name(), trace_name(fault))).collect();
    known.sort_unstable();
    assert_eq!(told, known);
    let behind = section.table(&["behind", "there is"]);
    let behind: Vec<_> = behind.iter().filter_map(|row| code(row[0])).collect();
    assert_eq!(behind, BEHINDS.map(|(name, _)| name));
}
