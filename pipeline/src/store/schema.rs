//! The tables of a store, and a view of them for people: statements alone, nothing is done here.
//! `docs/store.md` tells what they mean.

use crate::state::KeyKind;

/// What the file's header says that it is: "VXST".
pub(super) const APPLICATION_ID: u32 = 0x5658_5354;
/// The version of the tables.
pub(super) const FORMAT: u32 = 1;
/// Pages are 8 KiB: records are a few hundred bytes, and lie in the tree of keys itself.
pub(super) const PAGE_BYTES: u32 = 8192;

const TABLES: &str = "
    CREATE TABLE records (
        key BLOB PRIMARY KEY NOT NULL,
        value BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE held (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        journal TEXT NOT NULL,
        validation TEXT NOT NULL,
        moment TEXT NOT NULL CHECK (moment IN ('start', 'cut', 'no cut')),
        lsn INTEGER NOT NULL,
        cut TEXT
    );
";

pub(super) const GET: &str = "SELECT value FROM records WHERE key = ?1";
pub(super) const SCAN: &str =
    "SELECT key, value FROM records WHERE key > ?1 AND key < ?2 ORDER BY key";
pub(super) const PUT: &str = "INSERT INTO records (key, value) VALUES (?1, ?2)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";
pub(super) const REMOVE: &str = "DELETE FROM records WHERE key = ?1";
pub(super) const HELD: &str = "SELECT journal, validation, moment, lsn, cut FROM held";
pub(super) const SET_HELD: &str =
    "INSERT OR REPLACE INTO held (one, journal, validation, moment, lsn, cut)
    VALUES (1, ?1, ?2, ?3, ?4, ?5)";

/// All that a new store needs.
pub(super) fn creation() -> String {
    let names = KeyKind::ALL.map(|kind| format!("WHEN {} THEN '{}'", kind as u8, kind.name()));
    let number =
        |from: u32, bytes: u32| digits(&format!("hex(substr(key, {from}, {bytes}))"), bytes * 2, 0);
    // The first field of every record, little-endian.
    let byte =
        |number: u32| digits(&format!("hex(substr(value, {}, 1))", number + 1), 2, number * 8);
    let changed_lsn = (0..8).map(byte).collect::<Vec<_>>().join(" | ");
    format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; {TABLES}
        CREATE VIEW readable AS SELECT CASE {} {} END AS kind, {} AS id, {} AS second,
            CAST(substr(key, 19) AS TEXT) AS name, {changed_lsn} AS changed_lsn, value, key
            FROM records;",
        number(2, 1),
        names.join(" "),
        number(3, 8),
        number(11, 8),
    )
}

/// An expression for the number in these hexadecimal digits, shifted. SQLite has no function for it:
/// each digit is its place in "123456789ABCDEF", 0 where it isn't there.
fn digits(hexadecimal: &str, count: u32, by: u32) -> String {
    let digit = |number: u32| {
        let bits = (count - 1 - number) * 4 + by;
        let at = number + 1;
        format!("(instr('123456789ABCDEF', substr({hexadecimal}, {at}, 1)) << {bits})")
    };
    (0..count).map(digit).collect::<Vec<_>>().join(" | ")
}
