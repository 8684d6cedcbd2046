//! The report as text, for a terminal or a log.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::sections::{self, Section};
use super::{Part, Report};

/// How wide it is at most.
const COLUMNS: u16 = 100;
/// How much of that names a row, at least, if its name is as long.
const NAME_COLUMNS: u16 = 22;

/// The report.
pub(crate) fn of(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "{}, {} cores, SHA-256 by {}\n",
        machine.processor, machine.cores, machine.sha256_backend
    );
    for part in Part::ALL {
        for section in sections::of(report, part) {
            text.push_str(&written(&section));
        }
    }
    text
}

fn written(section: &Section) -> String {
    let mut text = format!("\n{}\n", section.title);
    if !section.rows.is_empty() {
        let mut table = Table::new();
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
        table.set_header(&section.header).add_rows(&section.rows);
        let names = section.rows.iter().filter_map(|it| it.first());
        if names.map(|it| it.chars().count()).max() > Some(usize::from(NAME_COLUMNS)) {
            let least = ColumnConstraint::LowerBoundary(Width::Fixed(NAME_COLUMNS));
            table.column_mut(0).map(|it| it.set_constraint(least));
        }
        text.push_str(&format!("{table}\n"));
    }
    for note in &section.notes {
        text.push_str(&in_lines(note));
    }
    text
}

/// Words in lines that aren't too long, as long as no word is.
fn in_lines(note: &str) -> String {
    let mut text = String::from(" ");
    let mut columns = 1;
    for word in note.split_whitespace() {
        let length = word.chars().count();
        if columns > 1 && columns + 1 + length > usize::from(COLUMNS) {
            text.push_str("\n ");
            columns = 1;
        }
        text.push(' ');
        text.push_str(word);
        columns += 1 + length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    #[test]
    fn it_is_no_wider_than_a_terminal() {
        let text = of(&samples::full());
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(COLUMNS), "{line}");
        }
        let row = "| replay throughput on | ≥ 5,000 | 8,500–12,000 | 9 | 2.50 M";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("  fjall wasn't run: it wasn't built: --features peers\n"), "{text}");
    }

    #[test]
    fn without_parts_there_is_the_machine() {
        assert_eq!(of(&Report::new()).lines().count(), 1);
    }

    proptest! {
        #[test]
        fn every_report_has_a_text(report in samples::whatever()) {
            let text = of(&report);
            prop_assert!(!text.contains("NaN"), "{}", text);
        }
    }
}
