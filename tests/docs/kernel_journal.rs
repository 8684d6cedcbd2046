//! The page of block journals: layouts and numbers are those of the code.

use vexfs_replay::block_journal::layout::*;

use crate::layouts::{check_layout, tables_of};
use crate::markdown::{KERNEL_JOURNAL, code, number};

#[test]
fn layouts_of_block_journals_are_those_of_the_code() {
    let mut tables = tables_of(KERNEL_JOURNAL);
    for (name, layout, bytes) in crate::layouts::layouts![
        Superblock,
        BlockHeader,
        DescriptorBody,
        CommitBody,
        RevocationBody,
        AsideHeader,
        AsideEntry,
    ] {
        let (section, table) = tables.remove(name).unwrap_or_else(|| panic!("no table of {name}"));
        check_layout(section, &table, &layout, bytes);
    }
    assert!(tables.is_empty(), "tables of nothing: {tables:?}");
}

#[test]
fn numbers_of_block_journals_are_those_of_the_code() {
    let constants = crate::layouts::constants![
        BLOCK_MAGIC,
        BLOCK_BYTES,
        BLOCK_JOURNAL_MAJOR,
        BLOCK_JOURNAL_MINOR,
        DESCRIPTOR_BLOCKS_MAX,
        REVOCATION_BLOCKS_MAX,
        TOTAL_BLOCKS_MIN,
        CHECKSUM_CRC32,
        ASIDE_MAGIC,
        ASIDE_MAJOR,
    ];
    let table = KERNEL_JOURNAL.section("Blocks").table(&["name", "value", "meaning"]);
    let told: Vec<_> = table.iter().map(|row| (code(row[0]).unwrap(), number(row[1]))).collect();
    assert_eq!(told, constants);
    let flags = KERNEL_JOURNAL.section("Types and flags");
    let flags = flags.table(&["flag", "in a superblock", "in a block header"]);
    let told: Vec<u64> =
        flags.iter().map(|row| number(row[0].split(' ').next().unwrap())).collect();
    let known = [
        block_flags::ACTIVE,
        block_flags::RECOVERING,
        block_flags::ABORTING,
        block_flags::CHECKSUM,
        block_flags::ASYNC_COMMIT,
    ];
    assert_eq!(told, known.map(u64::from));
    let types = KERNEL_JOURNAL.section("Types and flags").table(&["type", "block"]);
    let told: Vec<u64> = types.iter().map(|row| number(row[0])).collect();
    let known = [
        block_type::SUPERBLOCK,
        block_type::DESCRIPTOR,
        block_type::DATA,
        block_type::COMMIT,
        block_type::REVOCATION,
    ];
    assert_eq!(told, known.map(u64::from));
    let numbers = BLOCK_BYTES - BlockHeader::BYTES;
    assert_eq!((numbers - DescriptorBody::BYTES) / 8, DESCRIPTOR_BLOCKS_MAX as usize);
    assert_eq!((numbers - RevocationBody::BYTES) / 8, REVOCATION_BLOCKS_MAX as usize);
}
