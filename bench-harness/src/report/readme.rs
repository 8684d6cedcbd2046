//! The README's table of figures: made of a report, between two marks, and compared with another one.

use std::path::Path;

use super::sections::range;
use super::{Part, Report, Row};
use crate::Measured;
use crate::figure::number;

const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->\n";
const HEADER: [&str; 9] =
    ["measure", "journal", "unit", "VexFS claims", "p50", "p90", "p99", "worst", "times the claim"];

/// Puts a report's table into a README in place of the one that is there.
pub(super) fn write(report: &Report, path: &Path) -> Measured<()> {
    let readme = std::fs::read_to_string(path)?;
    let (before, _, after) = parts(&readme)?;
    std::fs::write(path, format!("{before}{}{after}", of(report)))?;
    Ok(())
}

/// That a README's table has the rows of a report, whatever the figures are.
pub(super) fn check(report: &Report, path: &Path) -> Measured<()> {
    let readme = std::fs::read_to_string(path)?;
    let (_, table, _) = parts(&readme)?;
    let (written, measured) = (names(table), names(&of(report)));
    if written == measured {
        return Ok(());
    }
    let only = |these: &[String], others: &[String]| {
        let only: Vec<String> = these.iter().filter(|it| !others.contains(it)).cloned().collect();
        only.join("; ")
    };
    Err(format!(
        "the table of {} isn't the one that is measured: it alone has [{}], the report alone has [{}]; \
         docs/benchmarks.md says how it is made",
        path.display(),
        only(&written, &measured),
        only(&measured, &written)
    )
    .into())
}

/// What is before, between and behind the marks.
fn parts(readme: &str) -> Result<(&str, &str, &str), String> {
    let split = || {
        let begin = readme.find(BEGIN)? + BEGIN.len();
        let end = begin + readme.get(begin..)?.find(END)?;
        Some((readme.get(..begin)?, readme.get(begin..end)?, readme.get(end..)?))
    };
    split().ok_or_else(|| {
        format!(
            "the README has no place for figures: none between {:?} and {:?}",
            BEGIN.trim(),
            END.trim()
        )
    })
}

/// The table, and what it was measured on.
pub(super) fn of(report: &Report) -> String {
    let machine = &report.machine;
    let rounds = report.table.iter().map(|it| it.ours.count).max().unwrap_or(0);
    let mut text = String::new();
    for command in report.commands(Part::Table) {
        text.push_str(&format!("    {command}\n\n"));
    }
    text.push_str(&line(HEADER.map(str::to_owned).as_slice()));
    text.push_str(&line(HEADER.map(|_| "---".to_owned()).as_slice()));
    text.extend(report.table.iter().map(|row| line(&cells(row))));
    text.push_str(&format!(
        "\n{}, {} cores, SHA-256 by {}; up to {rounds} measurements of each.\n",
        one_line(&machine.processor),
        machine.cores,
        one_line(&machine.sha256_backend)
    ));
    text
}

fn cells(row: &Row) -> Vec<String> {
    let words = [&row.measure, &row.workload, &row.unit].map(|it| one_line(it));
    let ours = &row.ours;
    let claimed = row.claimed.map_or_else(String::new, range);
    let times = row.times_better.map_or_else(String::new, number);
    let figures = [ours.p50, ours.p90, ours.p99, ours.max].map(number);
    words.into_iter().chain([claimed]).chain(figures).chain([times]).collect()
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// As a cell may hold it.
fn one_line(text: &str) -> String {
    super::page::escaped(text).replace('|', "\\|")
}

/// What the rows of a table are called, in the order of names: measure, journal, unit.
fn names(table: &str) -> Vec<String> {
    let rows = table.lines().filter(|it| it.starts_with("| ")).skip(2);
    let names = rows.map(|row| row.split(" | ").take(3).collect::<Vec<_>>().join(" | "));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::super::{plots, samples};
    use super::*;

    const README: &str = include_str!("../../../README.md");
    const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.json");
    const PLOT: &str = include_str!("../../../docs/throughput-by-events.svg");

    /// What the documented command makes is what is there.
    #[test]
    fn the_readme_shows_the_report() {
        let report = Report::read(Path::new(REPORT)).unwrap();
        let (_, table, _) = parts(README).unwrap();
        assert_eq!(table, of(&report), "docs/benchmarks.md says how the README's table is made");
        let plots = plots::of(&report).unwrap();
        let plot = plots.iter().find(|it| it.name == "throughput-by-events").unwrap();
        assert!(
            PLOT == plot.drawing.file(),
            "docs/benchmarks.md says how the README's plot is made"
        );
        assert!(README.contains("(docs/throughput-by-events.svg)"));
    }

    #[test]
    fn the_table_is_put_in_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("README.md");
        std::fs::write(&path, format!("before\n{BEGIN}old\n{END}after\n")).unwrap();
        let mut report = samples::full();
        report.table[1].measure = "a | b".to_owned();
        assert!(check(&report, &path).is_err());
        for _ in 0..2 {
            write(&report, &path).unwrap();
            check(&report, &path).unwrap();
        }
        let readme = std::fs::read_to_string(&path).unwrap();
        assert!(readme.starts_with(&format!("before\n{BEGIN}    cargo run")));
        assert!(readme.ends_with(&format!("measurements of each.\n{END}after\n")));
        let row = "| replay throughput | 1M | events/s | 8,500–12,000 | 2.50 M | 1.25 M | 833,333 | 625,000 | 148 |\n";
        assert!(readme.contains(row) && readme.contains("| a \\| b |"), "{readme}");

        report.table[0].ours.p50 = 1.0;
        report.table.reverse();
        check(&report, &path).unwrap();
        report.table.reverse();
        check(&report, &path).unwrap();
        report.table[0].unit = "events/min".to_owned();
        let error = check(&report, &path).unwrap_err().to_string();
        assert!(error.contains("[| replay throughput | 1M | events/s]"), "{error}");
        assert!(error.contains("[| replay throughput | 1M | events/min]"), "{error}");
        report.table.truncate(1);
        assert!(check(&report, &path).is_err());
    }

    #[test]
    fn a_readme_without_marks_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("README.md");
        for readme in ["", BEGIN, END, &format!("{END}{BEGIN}")] {
            std::fs::write(&path, readme).unwrap();
            let error = write(&samples::full(), &path).unwrap_err().to_string();
            assert!(error.starts_with("the README has no place for figures"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), readme);
        }
    }
}
