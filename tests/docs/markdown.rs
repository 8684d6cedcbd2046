//! Takes tables and dumps out of a page of documentation: just as much Markdown as the pages use.

/// A page, to be looked into by its headings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    text: &'static str,
}

pub(crate) const JOURNAL_FORMAT: Page = Page { text: include_str!("../../docs/journal-format.md") };
pub(crate) const CHECKPOINT_FORMAT: Page =
    Page { text: include_str!("../../docs/checkpoint-format.md") };
pub(crate) const KERNEL_JOURNAL: Page = Page { text: include_str!("../../docs/kernel-journal.md") };
pub(crate) const TAMPER_EVIDENCE: Page =
    Page { text: include_str!("../../docs/tamper-evidence.md") };
pub(crate) const COORDINATION: Page = Page { text: include_str!("../../docs/coordination.md") };
pub(crate) const COORDINATION_PROTOCOL: Page =
    Page { text: include_str!("../../docs/coordination-protocol.md") };
pub(crate) const REPLAYING: Page = Page { text: include_str!("../../docs/replaying.md") };
pub(crate) const SEMJ: Page = Page { text: include_str!("../../docs/semj.md") };
pub(crate) const EVENTS: Page = Page { text: include_str!("../../docs/events.md") };

/// What stands under one heading, down to the next heading of any level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    body: &'static str,
}

impl Page {
    /// Every section of the page, in order.
    pub(crate) fn sections(self) -> Vec<Section> {
        let parts = self.text.split("\n#").skip(1);
        let section = |part: &'static str| {
            let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
            Section { heading: heading.trim_start_matches('#').trim(), body }
        };
        parts.map(section).collect()
    }

    /// The only section whose heading has this in it.
    pub(crate) fn section(self, wanted: &str) -> Section {
        let mut found = self.sections();
        found.retain(|section| section.heading.contains(wanted));
        assert_eq!(found.len(), 1, "sections with {wanted} in their heading: {found:?}");
        found[0]
    }

    /// Every table that has these columns, by the heading that it stands under.
    pub(crate) fn tables(self, columns: &[&str]) -> Vec<(Section, Vec<Row>)> {
        let sections = self.sections().into_iter();
        let tables = sections.flat_map(|section| {
            let mut tables = section.tables();
            tables.retain(|table| table[0] == columns);
            tables.into_iter().map(move |table| (section, table[1..].to_vec()))
        });
        tables.collect()
    }
}

/// The cells of a table's row.
pub(crate) type Row = Vec<&'static str>;

impl Section {
    /// The rows of the section's only table that has these columns, without the head.
    pub(crate) fn table(self, columns: &[&str]) -> Vec<Row> {
        let mut tables = self.tables();
        tables.retain(|table| table[0] == columns);
        assert_eq!(tables.len(), 1, "tables of {columns:?} under {:?}", self.heading);
        tables[0][1..].to_vec()
    }

    /// All tables, heads included, without the lines of dashes below them.
    fn tables(self) -> Vec<Vec<Row>> {
        let mut tables: Vec<Vec<Row>> = Vec::new();
        let mut in_table = false;
        for line in self.body.lines() {
            let cells = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
            match cells {
                Some(cells) if in_table => {
                    let cells: Row = cells.split('|').map(str::trim).collect();
                    if !cells.iter().all(|cell| cell.chars().all(|c| c == '-')) {
                        tables.last_mut().unwrap().push(cells);
                    }
                }
                Some(cells) => tables.push(vec![cells.split('|').map(str::trim).collect()]),
                None => {}
            }
            in_table = cells.is_some();
        }
        tables
    }

    /// What stands between backticks in the only line that has `words` in it.
    pub(crate) fn prose_code(self, words: &str) -> &'static str {
        let mut lines = self.body.lines().filter(|line| line.contains(words));
        let line = lines.next().unwrap_or_else(|| panic!("no line has {words:?}"));
        code(line).unwrap_or_else(|| panic!("no code in {line:?}"))
    }

    /// The lines of the section's fenced blocks.
    pub(crate) fn fenced_lines(self) -> Vec<&'static str> {
        let blocks = self.body.split("\n```").skip(1).step_by(2);
        blocks.flat_map(|block| block.lines().skip(1)).collect()
    }
}

/// What a cell has between its first pair of backticks.
pub(crate) fn code(cell: &str) -> Option<&str> {
    codes(cell).next()
}

/// Everything that a cell has between backticks.
pub(crate) fn codes(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The number in a cell: decimal with commas, or hexadecimal.
pub(crate) fn number(cell: &str) -> u64 {
    let digits = cell.replace(',', "");
    let parsed = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    parsed.unwrap_or_else(|_| panic!("{cell:?} is no number"))
}
