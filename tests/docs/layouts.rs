//! Layouts, numbers and limits: every table of them in the pages is what the code declares.

use std::collections::BTreeMap;

use vexfs_replay::checkpoint::layout::*;
use vexfs_replay::event::{
    EVENT_ALIGNMENT, EventHeader, EventType, FAMILIES, KernelHeader, MAX_EVENT_BYTES,
    OPTIONAL_TYPE_BIT, TailField, content_kind, flags, priority, tail_tag, transaction_outcome,
};
use vexfs_replay::import::git;
use vexfs_replay::journal::layout::*;
use vexfs_replay::journal::segment;
use vexfs_replay::replay::OPEN_TRANSACTIONS_MAX;
use vexfs_replay::semj;
use vexfs_replay::state::{self, KeyKind, PARTITIONS};
use vexfs_replay::storage::{DiskFolder, Folder as _};
use vexfs_replay::trust::layout::{BlockRow, SegmentRow, Statement};
use vexfs_replay::wire::FieldRow;

use crate::markdown::{
    CHECKPOINT_FORMAT, EVENTS, JOURNAL_FORMAT, Page, Row, SEMJ, Section, TAMPER_EVIDENCE, code,
    number,
};

const COLUMNS: [&str; 4] = ["offset", "type", "field", "meaning"];

/// A layout as the code has it: scalars and lengths, then what follows them.
pub(crate) type Layout = (Vec<FieldRow>, Vec<&'static str>);

macro_rules! layouts {
    ($($type:path),* $(,)?) => {
        [$((
            $crate::layouts::last_part(stringify!($type)),
            (<$type>::rows(), Vec::new()),
            <$type>::BYTES,
        )),*]
    };
}
pub(crate) use layouts;

macro_rules! constants {
    ($($constant:path),* $(,)?) => {
        [$(($crate::layouts::last_part(stringify!($constant)), $constant as u64)),*]
    };
}
pub(crate) use constants;

pub(crate) fn last_part(path: &'static str) -> &'static str {
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// A layout table as the page has it.
fn layout_of(table: &[Row]) -> Layout {
    let name = |row: &Row| code(row[2]).unwrap_or_else(|| panic!("no field in {row:?}"));
    let (fixed, then): (Vec<&Row>, _) = table.iter().partition(|row| row[0] != "then");
    let fixed = fixed.into_iter().map(|row| {
        let offset = usize::try_from(number(row[0])).unwrap();
        (name(row), offset, row[1])
    });
    (fixed.collect(), then.into_iter().map(name).collect())
}

/// The length that a layout's heading tells.
fn bytes_told(section: Section) -> usize {
    let words = section.heading.rsplit_once(", ").map_or("", |(_, told)| told);
    let told = words.split_once(" bytes").map_or("", |(length, _)| length);
    usize::try_from(number(told)).unwrap()
}

pub(crate) fn check_layout(section: Section, table: &[Row], expected: &Layout, bytes: usize) {
    assert_eq!(&layout_of(table), expected, "under {:?}", section.heading);
    assert_eq!(bytes_told(section), bytes, "under {:?}", section.heading);
}

/// The layout tables of a page by the name in their heading, of which each has one.
pub(crate) fn tables_of(page: Page) -> BTreeMap<&'static str, (Section, Vec<Row>)> {
    let mut tables = BTreeMap::new();
    for (section, table) in page.tables(&COLUMNS) {
        let name = code(section.heading).unwrap_or(section.heading);
        assert!(tables.insert(name, (section, table)).is_none(), "{name} twice");
    }
    tables
}

#[test]
fn layouts_of_the_journal_are_those_of_the_code() {
    let mut tables = tables_of(JOURNAL_FORMAT);
    let layouts = layouts![
        SegmentHeader,
        BlockHeader,
        SealHeader,
        SealEntry,
        SealTrailer,
        EventHeader,
        KernelHeader,
    ];
    for (name, layout, bytes) in layouts {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        check_layout(section, &table, &layout, bytes);
    }
    let left: Vec<_> = tables.into_values().collect();
    let [(section, table)] = &left[..] else { panic!("tables of nothing: {left:?}") };
    check_tail_field(*section, table);
}

#[test]
fn layouts_of_checkpoints_are_those_of_the_code() {
    let mut tables = tables_of(CHECKPOINT_FORMAT);
    for (name, layout, bytes) in layouts![CheckpointHeader, SectionEntry, CheckpointTrailer] {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        check_layout(section, &table, &layout, bytes);
    }
    assert!(tables.is_empty(), "tables of nothing: {tables:?}");
}

#[test]
fn layouts_of_signatures_are_those_of_the_code() {
    let mut tables = tables_of(TAMPER_EVIDENCE);
    for (name, layout, bytes) in layouts![Statement, SegmentRow, BlockRow] {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        check_layout(section, &table, &layout, bytes);
    }
    assert!(tables.is_empty(), "tables of nothing: {tables:?}");
}

#[test]
fn numbers_of_checkpoints_are_those_of_the_code() {
    let constants = constants![
        CHECKPOINT_MAGIC,
        CHECKPOINT_TRAILER_MAGIC,
        CHECKPOINT_MAJOR,
        CHECKPOINT_MINOR,
        MANIFEST_BYTES_MAX,
    ];
    let tables = CHECKPOINT_FORMAT.tables(&["name", "value", "meaning"]);
    let [(_, table)] = &tables[..] else { panic!("{tables:?}") };
    let told: Vec<_> = table.iter().map(|row| (code(row[0]).unwrap(), number(row[1]))).collect();
    assert_eq!(told, constants);
}

/// A tail field's header has no structure of its own: the table is held to what is encoded.
fn check_tail_field(section: Section, table: &[Row]) {
    let mut encoded = Vec::new();
    TailField { tag: 0x0102, value: &[0xFF; 9] }.encode(&mut encoded);
    let mut built = Vec::new();
    for row in table {
        assert_eq!(number(row[0]), built.len() as u64, "{row:?}");
        match (code(row[2]), row[1]) {
            (Some("tag"), "u16") => built.extend(0x0102_u16.to_le_bytes()),
            (Some("reserved"), "u16") => built.extend([0; 2]),
            (Some("value_bytes"), "u32") => built.extend(9_u32.to_le_bytes()),
            _ => panic!("{row:?}"),
        }
    }
    assert_eq!(bytes_told(section), built.len());
    built.extend([0xFF; 9]);
    built.resize(built.len().next_multiple_of(EVENT_ALIGNMENT), 0);
    assert_eq!(built, encoded);
}

/// The layouts of the state's records, by the kind of their key.
pub(crate) fn record_layouts() -> Vec<(KeyKind, &'static str, Layout, usize)> {
    let layouts = layouts![
        state::InodeRecord,
        state::EntryRecord,
        state::NodeRecord,
        state::EdgeRecord,
        state::PropertyRecord,
        state::VectorRecord,
        state::AgentRecord,
        state::MountRecord,
        state::MetricRecord,
        state::LinkRecord,
    ];
    let with_kind = KeyKind::ALL.into_iter().zip(layouts);
    with_kind.map(|(kind, (name, layout, bytes))| (kind, name, layout, bytes)).collect()
}

#[test]
fn layouts_and_numbers_of_the_kernels_journal_are_those_of_the_code() {
    let mut tables = tables_of(SEMJ);
    let layouts = layouts![
        semj::SemjFileHeader,
        semj::SemjEventHeader,
        semj::SemjContext,
        semj::SemjLink,
        semj::SemjMarker,
    ];
    for (name, layout, bytes) in layouts {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        check_layout(section, &table, &layout, bytes);
    }
    assert!(tables.is_empty(), "tables of nothing: {tables:?}");
    let constants = constants![
        semj::MAGIC,
        semj::MAJOR,
        semj::MINOR,
        semj::EVENTS_MAX,
        semj::EVENT_BYTES_MAX,
        semj::METADATA_BYTES_MAX,
        semj::LINKS_MAX,
        semj::AGENTS_MAX,
        semj::MARKER_VERSION,
        semj::FORM_PLAIN,
        semj::FORM_KERNEL,
        semj::FORM_VERBATIM,
    ];
    assert_eq!(numbers_of(SEMJ), BTreeMap::from(constants));
}

#[test]
fn layouts_of_payloads_and_records_are_those_of_the_code() {
    let mut tables = tables_of(EVENTS);
    let mut seen = BTreeMap::new();
    for event_type in EventType::ALL {
        let (rows, strings) = event_type.payload_layout();
        let layout: Layout = (rows, strings.to_vec());
        let name = event_type.payload_name();
        let known = seen.entry(name).or_insert_with(|| layout.clone());
        assert_eq!(*known, layout, "two shapes of the name {name}");
    }
    for (name, layout) in seen {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        let width = |kind: &str| match kind {
            "u8[32]" => 32,
            kind => kind[1..].parse::<usize>().unwrap() / 8,
        };
        let bytes = layout.0.last().map_or(0, |&(_, at, kind)| at + width(kind));
        check_layout(section, &table, &layout, bytes);
    }
    for (_, name, (rows, _), bytes) in record_layouts() {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        let (_, then) = layout_of(&table);
        assert!(then.len() <= 1, "{name} has one rest at most");
        check_layout(section, &table, &(rows, then), bytes);
    }
    assert!(tables.is_empty(), "tables of nothing: {:?}", tables.keys());
}

/// Every named number of a page.
fn numbers_of(page: Page) -> BTreeMap<&'static str, u64> {
    let mut numbers = BTreeMap::new();
    for (section, table) in page.tables(&["name", "value", "meaning"]) {
        for row in table {
            let name = code(row[0]).unwrap_or_else(|| panic!("{row:?} in {}", section.heading));
            assert_eq!(numbers.insert(name, number(row[1])), None, "{name} twice");
        }
    }
    numbers
}

#[test]
fn numbers_and_limits_are_those_of_the_code() {
    let journal = constants![
        SEGMENT_MAGIC,
        BLOCK_MAGIC,
        SEAL_MAGIC,
        TRAILER_MAGIC,
        FORMAT_MAJOR,
        FORMAT_MINOR,
        PREVIOUS_SEALED,
        SEAL_ROTATED,
        SEAL_CLOSED,
        SEGMENT_CRC_AT,
        HEADER_CRC_FROM,
        DIGEST_FROM,
        OPTIONAL_TYPE_BIT,
        PAGE_BYTES,
        MAX_BLOCK_BYTES,
        MAX_EVENT_BYTES,
        EVENT_ALIGNMENT,
        OPEN_TRANSACTIONS_MAX,
        transaction_outcome::COMMIT,
        transaction_outcome::ABORT,
        flags::ATOMIC,
        flags::TRANSACTIONAL,
        flags::CAUSAL,
        flags::AGENT_VISIBLE,
        flags::DETERMINISTIC,
        flags::COMPRESSED,
        flags::INDEXED,
        flags::REPLICATED,
        priority::CRITICAL,
        priority::HIGH,
        priority::NORMAL,
        priority::LOW,
        priority::BACKGROUND,
        tail_tag::KERNEL_HEADER,
        tail_tag::KERNEL_CONTEXT,
        tail_tag::KERNEL_METADATA,
        tail_tag::KERNEL_CAUSALITY_LINKS,
        tail_tag::KERNEL_PAYLOAD,
        tail_tag::KERNEL_CONTEXT_RUNS,
    ];
    assert_eq!(numbers_of(JOURNAL_FORMAT), BTreeMap::from(journal));
    let events = constants![
        content_kind::UNKNOWN,
        content_kind::GIT_SHA1,
        content_kind::GIT_SHA256,
        content_kind::SHA256,
        PARTITIONS,
        git::ROOT_INODE,
        git::NODE_COMMIT,
        git::NODE_SIDE_PARENT,
        git::EDGE_FIRST_PARENT,
        git::EDGE_OTHER_PARENT,
        git::MODEL,
        git::DIMENSIONS,
    ];
    assert_eq!(numbers_of(EVENTS), BTreeMap::from(events));
}

#[test]
fn families_and_kinds_of_keys_are_those_of_the_code() {
    let told = EVENTS.section("Event types").table(&["family", "name"]);
    let told: Vec<_> = told.iter().map(|row| (number(row[0]), row[1])).collect();
    let known: Vec<_> = FAMILIES.iter().map(|&(family, name)| (u64::from(family), name)).collect();
    assert_eq!(told, known);

    let told = EVENTS.section("Keys").table(&["kind", "number", "id", "second", "name", "record"]);
    let told: Vec<_> = told.iter().map(|row| (row[0], number(row[1]), code(row[5]))).collect();
    let known = record_layouts().into_iter();
    let known: Vec<_> =
        known.map(|(kind, name, ..)| (kind.name(), kind as u64, Some(name))).collect();
    assert_eq!(told, known);
}

#[test]
fn file_names_are_those_of_the_code() {
    let told = JOURNAL_FORMAT.section("Folder and files").table(&["name", "what it is"]);
    let told: Vec<_> = told.iter().filter_map(|row| code(row[0])).collect();
    assert_eq!(told[0].replace("NNNNNNNNNN", "0000000042"), segment::file_name(42));
    assert_eq!(segment::number_of(&segment::file_name(12_345_678_901)), Some(12_345_678_901));
    assert_eq!(told[1], segment::UNFINISHED_NAME);
    let place = tempfile::tempdir().unwrap();
    let folder = DiskFolder::open(place.path()).unwrap();
    let _lock = folder.lock().unwrap();
    assert_eq!(folder.list().unwrap(), told[2..]);
}
