//! A store in an SQLite database. This file alone names SQLite's library.
//!
//! While it is written it has a write-ahead log beside it, of which every commit is synced; closed, it
//! is one file. Pages are not mapped: a mapped file that shrinks is a signal, and mapped pages count
//! as memory that is used.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::key::{decode, encode};
use super::schema::{self, APPLICATION_ID, FORMAT, PAGE_BYTES};
use super::{Changes, Found, Held, Make, Moment, Range, Reader, Scanned, Store};
use crate::error::Error;
use crate::journal::Validation;
use crate::state::{Key, check_value};

/// How much of the store who writes it keeps in memory, in bytes. It writes in the order of keys, and
/// so needs little.
const WRITER_BYTES: u64 = 16 * 1024 * 1024;
/// How much of the store each reader keeps in memory, in bytes.
const READER_BYTES: u64 = 6 * 1024 * 1024;
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 16;

/// Says what was tried, and where, when SQLite fails.
trait SqliteContext<T> {
    fn of(self, operation: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> SqliteContext<T> for rusqlite::Result<T> {
    fn of(self, operation: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|error| fault(operation, path, error.to_string()))
    }
}

fn fault(operation: &'static str, path: &Path, reason: String) -> Error {
    Error::Store { operation, path: path.to_owned(), reason }
}

/// A store that is being written.
#[derive(Debug)]
pub(super) struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    held: Held,
}

impl SqliteStore {
    pub(super) fn open(path: &Path, held: &Held) -> Result<Self, Error> {
        let connection =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let pages = connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0));
        let is_new = pages.of("read", path)? == 0;
        let set = |name, value: &dyn rusqlite::ToSql| {
            connection.pragma_update(None, name, value).of("prepare", path)
        };
        if is_new {
            set("page_size", &PAGE_BYTES)?;
        }
        set("journal_mode", &"wal")?;
        set("synchronous", &"full")?;
        set("cache_size", &cache_size(WRITER_BYTES))?;
        if is_new {
            // All of it or nothing: a database without its tables would be no store.
            let transaction = connection.unchecked_transaction().of("create", path)?;
            transaction.execute_batch(&schema::creation()).of("create", path)?;
            set_held(&transaction, held).of("create", path)?;
            transaction.commit().of("create", path)?;
        }
        check_form(&connection, path)?;
        let held = read_held(&connection, path)?;
        Ok(Self { connection, path: path.to_owned(), held })
    }
}

impl Store for SqliteStore {
    fn held(&self) -> &Held {
        &self.held
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(SqliteReader::open(&self.path)?))
    }

    fn commit(&mut self, held: Held, make: Make<'_>) -> Result<(), Error> {
        let path = &self.path;
        let transaction = self.connection.unchecked_transaction().of("begin a commit in", path)?;
        {
            let put = transaction.prepare_cached(schema::PUT).of("prepare", path)?;
            let remove = transaction.prepare_cached(schema::REMOVE).of("prepare", path)?;
            make(&mut SqliteChanges { path, put, remove, bytes: Vec::new() })?;
        }
        set_held(&transaction, &held).of("write", path)?;
        transaction.commit().of("commit to", path)?;
        self.held = held;
        Ok(())
    }

    fn memory_bytes(&self, readers: usize) -> u64 {
        WRITER_BYTES + readers as u64 * READER_BYTES
    }

    fn close(self: Box<Self>) -> Result<(), Error> {
        let Self { connection, path, .. } = *self;
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0));
        let mode = mode.of("close", &path)?;
        if mode != "delete" {
            let reason = "somebody else is reading it".to_owned();
            return Err(fault("close", &path, reason));
        }
        connection.close().map_err(|(_, error)| error).of("close", &path)
    }
}

struct SqliteChanges<'c> {
    path: &'c Path,
    put: rusqlite::CachedStatement<'c>,
    remove: rusqlite::CachedStatement<'c>,
    /// The key at hand.
    bytes: Vec<u8>,
}

impl Changes for SqliteChanges<'_> {
    fn put(&mut self, key: &Key<'_>, value: &[u8]) -> Result<(), Error> {
        encode(key, &mut self.bytes);
        self.put.execute(params![self.bytes, value]).of("write", self.path).map(|_| ())
    }

    fn remove(&mut self, key: &Key<'_>) -> Result<(), Error> {
        encode(key, &mut self.bytes);
        self.remove.execute(params![self.bytes]).of("write", self.path).map(|_| ())
    }
}

/// Opens a store that nobody writes.
pub(super) fn open_to_read(path: &Path) -> Result<(Held, SqliteReader), Error> {
    let reader = SqliteReader::open(path)?;
    check_form(&reader.connection, path)?;
    Ok((read_held(&reader.connection, path)?, reader))
}

/// Reads a store.
#[derive(Debug)]
pub(super) struct SqliteReader {
    connection: Connection,
    path: PathBuf,
}

impl SqliteReader {
    fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        if is_half_written(&connection) {
            // Whoever may write may undo that; it takes no more than reading with that right.
            let writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            read_first(&writer).of("undo what a killed writer left in", path)?;
            connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        }
        let size = cache_size(READER_BYTES);
        connection.pragma_update(None, "cache_size", size).of("open", path)?;
        Ok(Self { connection, path: path.to_owned() })
    }
}

impl Reader for SqliteReader {
    fn get(&mut self, keys: &[Key<'_>], found: Found<'_>) -> Result<(), Error> {
        let path = &self.path;
        // One transaction for all of them: beginning one takes longer than a look.
        let transaction = self.connection.unchecked_transaction().of("read", path)?;
        {
            let mut get = transaction.prepare_cached(schema::GET).of("read", path)?;
            let mut bytes = Vec::new();
            for (number, key) in keys.iter().enumerate() {
                encode(key, &mut bytes);
                let mut rows = get.query([&bytes]).of("read", path)?;
                if let Some(row) = rows.next().of("read", path)? {
                    let value = blob(row, 0).of("read", path)?;
                    check_value(key.kind, value)
                        .map_err(|bad| fault("read", path, bad.to_string()))?;
                    found(number, value)?;
                }
            }
        }
        transaction.finish().of("read", path)
    }

    fn scan(&mut self, range: Range<'_>, visit: Scanned<'_>) -> Result<(), Error> {
        let path = &self.path;
        // Longer by nothing than the bytes before the first key, and shorter than all behind the last.
        let partition = u8::try_from(range.partition).unwrap_or(u8::MAX);
        let mut low = vec![partition];
        let mut high = vec![partition, u8::MAX];
        if let Some(kind) = range.kind {
            low.push(kind as u8);
            high = vec![partition, kind as u8 + 1];
        }
        if let Some(after) = range.after {
            encode(&after, &mut low);
        }
        let mut scan = self.connection.prepare_cached(schema::SCAN).of("read", path)?;
        let mut rows = scan.query([&low, &high]).of("read", path)?;
        while let Some(row) = rows.next().of("read", path)? {
            let (key, value) = (blob(row, 0).of("read", path)?, blob(row, 1).of("read", path)?);
            let bad = || fault("read", path, format!("it holds {} as a key", hex::encode(key)));
            let key = decode(key).ok_or_else(bad)?;
            check_value(key.kind, value).map_err(|bad| fault("read", path, bad.to_string()))?;
            if !visit(&key, value)? {
                break;
            }
        }
        Ok(())
    }
}

fn blob<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> rusqlite::Result<&'r [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

/// In pages where positive, in KiB where negative.
fn cache_size(bytes: u64) -> i64 {
    -i64::try_from(bytes / 1024).unwrap_or(i64::MAX)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    // One connection is used by one thread at a time.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).of("open", path)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // What a file's own schema says must not be able to do more than to be read.
    let trusted = rusqlite::config::DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA;
    connection.set_db_config(trusted, false).of("open", path)?;
    Ok(connection)
}

/// Whether a writer was killed while it wrote to the file itself, as it does when its log begins and ends, so
/// that the file can't be read before that is undone.
fn is_half_written(connection: &Connection) -> bool {
    let read = read_first(connection);
    read.is_err_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly))
}

/// Reads the least that can be read.
fn read_first(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "schema_version", |row| row.get(0))
}

/// Checks that the database is a store, of a version that is known.
fn check_form(connection: &Connection, path: &Path) -> Result<(), Error> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    if number("application_id").of("open", path)? != APPLICATION_ID {
        return Err(fault("open", path, "it is a database, and no store".to_owned()));
    }
    let format = number("user_version").of("open", path)?;
    if format != FORMAT {
        let reason = format!("it is of format {format}, which this version doesn't know");
        return Err(fault("open", path, reason));
    }
    Ok(())
}

fn set_held(connection: &Connection, held: &Held) -> rusqlite::Result<()> {
    let moment = match held.moment {
        Moment::Start => "start",
        Moment::Cut(_) => "cut",
        Moment::NoCut(_) => "no cut",
    };
    let cut = held.moment.cut().map(serde_json::to_string).transpose();
    let cut = cut.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let lsn = i64::try_from(held.moment.lsn()).unwrap_or(i64::MAX);
    let (journal, validation) = (hex::encode(held.journal_id), held.validation.name());
    let mut set = connection.prepare_cached(schema::SET_HELD)?;
    set.execute(params![journal, validation, moment, lsn, cut]).map(|_| ())
}

fn read_held(connection: &Connection, path: &Path) -> Result<Held, Error> {
    type Row = (String, String, String, i64, Option<String>);
    let row = connection.query_row(schema::HELD, [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    });
    let row: Option<Row> = row.optional().of("read", path)?;
    row.and_then(parse_held).ok_or_else(|| {
        fault("read", path, "it doesn't say, in a way that can be read, what it holds".to_owned())
    })
}

fn parse_held(row: (String, String, String, i64, Option<String>)) -> Option<Held> {
    let (journal, validation, moment, lsn, cut) = row;
    let mut journal_id = [0; 16];
    hex::decode_to_slice(journal, &mut journal_id).ok()?;
    let validation = Validation::ALL.into_iter().find(|it| it.name() == validation)?;
    let moment = match moment.as_str() {
        "start" => Moment::Start,
        "cut" => Moment::Cut(serde_json::from_str(&cut?).ok()?),
        _ => Moment::NoCut(u64::try_from(lsn).ok()?),
    };
    Some(Held { journal_id, validation, moment })
}
