//! The writer: appends events, groups them into blocks, makes them durable by the policy that was
//! chosen, and rotates segments.
//!
//! Absent on purpose: any retry. After a failed write or sync nothing is known of what reached the
//! disk, so the writer is dead from then on; a new one surveys the journal as after a crash.

use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vexfs_kernels::crc32c;

use super::block::Position;
use super::group::{BlockBuilder, Durable};
use super::layout::*;
use super::reader::Journal;
use super::stretch::EndKind;
use super::transaction::Transaction;
use super::{seal, segment};
use crate::error::{Error, IoContext as _};
use crate::event::{self, Body, Event, EventHeader, MAX_EVENT_BYTES, priority};
use crate::storage::{self, File, Folder};
use crate::time::now_ns;

/// When appended events are made to survive a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Events are synced when a segment is sealed, and not before.
    None,
    /// As none, but written to the file at every commit, so that a crash of the process alone
    /// loses nothing that was committed.
    MetadataOnly,
    /// A commit returns when its events are synced; commits that wait together share one sync.
    #[default]
    DataAndMetadata,
    /// As data and metadata, and every append is a commit.
    Strict,
}

/// What a new journal, or a new life of its writer, is like.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// How long a block gets, in bytes: a multiple of 4,096, at most 1 MiB. Longer events get a
    /// longer block.
    pub block_bytes: usize,
    /// How long a segment gets before the next one is begun, in bytes.
    pub segment_bytes: u64,
    /// When events are made durable.
    pub durability: Durability,
    /// The UUID of a new journal; random when not given.
    pub journal_id: Option<[u8; 16]>,
    /// The time that segment headers carry, in nanoseconds since 1970-01-01 UTC; now when not given.
    pub created_ns: Option<u64>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            block_bytes: 64 * 1024,
            segment_bytes: 256 * 1024 * 1024,
            durability: Durability::default(),
            journal_id: None,
            created_ns: None,
        }
    }
}

/// An event to be appended.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// When it happened, in nanoseconds since 1970-01-01 UTC.
    pub timestamp_ns: u64,
    /// The transaction that it belongs to, 0 for none. [`Transaction`] fills it in.
    pub transaction: u64,
    /// Flags; see [`event::flags`].
    pub flags: u8,
    /// Priority; see [`priority`].
    pub priority: u8,
    /// Type and payload.
    pub body: Body<'a>,
    /// The tail's fields, encoded; empty for none.
    pub tail: &'a [u8],
}

impl<'a> NewEvent<'a> {
    /// An event of normal priority, outside of transactions, without a tail.
    #[must_use]
    pub fn new(timestamp_ns: u64, body: Body<'a>) -> Self {
        let (transaction, flags, priority) = (0, 0, priority::NORMAL);
        Self { timestamp_ns, transaction, flags, priority, body, tail: &[] }
    }
}

/// What an append tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The event's LSN.
    pub lsn: u64,
    /// The CRC32C of the event's bytes, as a transaction's digest takes it.
    pub crc: u32,
}

/// The last LSN of a journal and the digest of the block that it is in. Kept outside of the
/// journal, it is an anchor: proof that the journal's end was not cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The LSN of the last event, 0 in an empty journal.
    pub lsn: u64,
    /// The digest of the last block, or of the segment's header page before the first.
    pub digest: [u8; 32],
}

/// Appends events to a journal. Shared by reference among threads.
#[derive(Debug)]
pub struct Writer {
    shared: Mutex<Shared>,
    sync_ended: Condvar,
}

#[derive(Debug)]
struct Shared {
    folder: Arc<dyn Folder>,
    options: WriterOptions,
    segment: OpenSegment,
    filling: BlockBuilder,
    next_lsn: u64,
    durable: Durable,
    sync_running: bool,
    dead: Option<String>,
    /// Dropped last, when nothing can be written any more.
    _lock: Box<dyn Debug + Send + Sync>,
}

#[derive(Debug)]
struct OpenSegment {
    file: Arc<dyn File>,
    name: String,
    first_lsn: u64,
    /// Where the next block goes.
    position: Position,
    entries: Vec<SealEntry>,
}

impl Writer {
    /// Makes a new journal in an empty folder.
    ///
    /// # Errors
    /// [`Error::AlreadyAJournal`] when the folder has segments, [`Error::Locked`] when another
    /// writer has it, [`Error::InvalidOption`] when it is one file, [`Error::Io`] when storage
    /// fails.
    pub fn create(folder: Arc<dyn Folder>, options: WriterOptions) -> Result<Self, Error> {
        check_folder(folder.as_ref())?;
        let lock = storage::lock(folder.as_ref())?;
        Self::create_locked(folder, options, lock)
    }

    /// As [`Self::create`], where the folder was locked before. The lock may be anything: who has a
    /// longer use for it than the writer keeps it.
    pub(crate) fn create_locked(
        folder: Arc<dyn Folder>,
        options: WriterOptions,
        lock: Box<dyn Debug + Send + Sync>,
    ) -> Result<Self, Error> {
        let names = folder.list().context("list", folder.path(""), None)?;
        if names.iter().any(|name| segment::number_of(name).is_some()) {
            return Err(Error::AlreadyAJournal { path: folder.path("") });
        }
        let journal_id = match options.journal_id {
            Some(given) => given,
            None => random_id().context("draw a UUID for", folder.path(""), None)?,
        };
        let header = SegmentHeader {
            magic: SEGMENT_MAGIC,
            major: FORMAT_MAJOR,
            minor: FORMAT_MINOR,
            required_features: 0,
            optional_features: 0,
            flags: 0,
            journal_id,
            segment: 0,
            writer_epoch: 1,
            first_lsn: 1,
            first_block: 0,
            created_ns: options.created_ns.unwrap_or_else(now_ns),
            previous_end: 0,
            previous_digest: [0; 32],
        };
        Self::start(folder, options, lock, &header, None)
    }

    /// Opens a journal to go on after its last intact block. A torn tail stays where it is; a new
    /// segment records where the old one ends.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the journal has more wrong with it than a torn tail, and as
    /// [`Self::create`].
    pub fn open(folder: Arc<dyn Folder>, options: WriterOptions) -> Result<Self, Error> {
        check_folder(folder.as_ref())?;
        let lock = storage::lock(folder.as_ref())?;
        let journal = Journal::open(Arc::clone(&folder))?;
        let end = journal.find_end()?;
        let last = end.position;
        // What was read may be in the page cache alone. The new segment will say that it is there,
        // so it must be, before anything says so.
        if let Some(newest) = journal.segments.last() {
            newest.file.sync().context("sync", &newest.path, None)?;
        }
        let header = SegmentHeader {
            magic: SEGMENT_MAGIC,
            major: FORMAT_MAJOR,
            minor: FORMAT_MINOR,
            required_features: 0,
            optional_features: 0,
            flags: if end.kind == EndKind::Sealed { PREVIOUS_SEALED } else { 0 },
            journal_id: last.journal_id,
            segment: last.segment + 1,
            writer_epoch: last.writer_epoch + 1,
            first_lsn: last.next_lsn,
            first_block: last.next_block,
            created_ns: options.created_ns.unwrap_or_else(now_ns),
            previous_end: last.offset,
            previous_digest: last.digest,
        };
        Self::start(folder, options, lock, &header, Some(Durable::at(&last)))
    }

    fn start(
        folder: Arc<dyn Folder>,
        options: WriterOptions,
        lock: Box<dyn Debug + Send + Sync>,
        header: &SegmentHeader,
        durable: Option<Durable>,
    ) -> Result<Self, Error> {
        let page = PAGE_BYTES;
        let legal = options.block_bytes.is_multiple_of(page) && options.block_bytes >= page;
        if !legal || options.block_bytes > MAX_BLOCK_BYTES {
            return Err(Error::InvalidOption {
                option: "block length",
                reason: format!("{} is not a multiple of 4096 up to 1 MiB", options.block_bytes),
            });
        }
        let segment = OpenSegment::create(folder.as_ref(), header)?;
        let shared = Shared {
            filling: BlockBuilder::new(header.first_lsn),
            next_lsn: header.first_lsn,
            durable: durable.unwrap_or(Durable::at(&segment.position)),
            sync_running: false,
            dead: None,
            folder,
            options,
            segment,
            _lock: lock,
        };
        Ok(Self { shared: Mutex::new(shared), sync_ended: Condvar::new() })
    }

    /// Appends one event and gives it the next LSN. It is durable when a [`Self::commit`] that
    /// follows has returned, or at once where the policy is strict.
    ///
    /// # Errors
    /// [`Error::EventTooLong`], after which the writer goes on; [`Error::Io`], after which it is
    /// dead; [`Error::WriterDead`] when it was.
    pub fn append(&self, event: &NewEvent<'_>) -> Result<Appended, Error> {
        let mut shared = self.lock()?;
        let lsn = shared.next_lsn;
        let transaction = if event.transaction == OWN_LSN { lsn } else { event.transaction };
        let appended = shared.append(event, transaction)?;
        if shared.options.durability == Durability::Strict {
            self.sync_up_to(shared, appended.lsn)?;
        }
        Ok(appended)
    }

    /// Appends an event that was read elsewhere, as it lies: it must carry the next LSN already.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when it carries another, after which the writer goes on, and as
    /// [`Self::append`].
    pub(crate) fn append_as_is(&self, event: &Event<'_>) -> Result<(), Error> {
        let mut shared = self.lock()?;
        let (next, header) = (shared.next_lsn, &event.header);
        if event.lsn != next || header.lsn_low != event::low_bits(next) {
            let reason = format!("LSN {} can't follow where {next} is next", event.lsn);
            return Err(Error::InvalidOption { option: "event", reason });
        }
        let [family, _] = header.event_type.to_be_bytes();
        shared.add(event.bytes(), header.timestamp_ns, family)
    }

    /// Begins a transaction, whose id is the LSN of its begin record. Any number may be open at
    /// once, on any threads.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn begin(&self, timestamp_ns: u64, session: u64) -> Result<Transaction<'_>, Error> {
        let body = Body::TransactionBegin(event::TransactionBegin { session });
        let begin = NewEvent { transaction: OWN_LSN, ..NewEvent::new(timestamp_ns, body) };
        Ok(Transaction::new(self, self.append(&begin)?.lsn))
    }

    /// Makes all events appended so far as durable as the policy says.
    ///
    /// # Errors
    /// As [`Self::append`]. After an error it is unknown which of the events since the last
    /// commit are in the journal.
    pub fn commit(&self) -> Result<(), Error> {
        let mut shared = self.lock()?;
        let lsn = shared.next_lsn - 1;
        match shared.options.durability {
            Durability::None => Ok(()),
            Durability::MetadataOnly => shared.write_block(),
            Durability::DataAndMetadata | Durability::Strict => self.sync_up_to(shared, lsn),
        }
    }

    /// Seals the journal, durably under every policy, and gives its head.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn close(self) -> Result<Head, Error> {
        let shared = self.lock()?;
        let lsn = shared.next_lsn - 1;
        self.sync_up_to(shared, lsn)?;
        let mut shared = self.lock()?;
        shared.seal(SEAL_CLOSED)?;
        Ok(Head { lsn, digest: shared.segment.position.digest })
    }

    /// The highest LSN known to survive a crash, 0 for none.
    #[must_use]
    pub fn durable_lsn(&self) -> u64 {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).durable.lsn
    }

    fn lock(&self) -> Result<MutexGuard<'_, Shared>, Error> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match &shared.dead {
            Some(cause) => Err(Error::WriterDead { cause: cause.clone() }),
            None => Ok(shared),
        }
    }

    /// Group commit: the first that finds no sync running writes the block and syncs for all that
    /// have appended by then; the others wait for it.
    fn sync_up_to<'a>(&'a self, mut shared: MutexGuard<'a, Shared>, lsn: u64) -> Result<(), Error> {
        while shared.durable.lsn < lsn {
            if shared.sync_running {
                shared = self.sync_ended.wait(shared).unwrap_or_else(PoisonError::into_inner);
                if let Some(cause) = &shared.dead {
                    return Err(Error::WriterDead { cause: cause.clone() });
                }
                continue;
            }
            shared.write_block()?;
            let written = Durable::at(&shared.segment.position);
            let (file, path) = (Arc::clone(&shared.segment.file), shared.path());
            shared.sync_running = true;
            drop(shared);
            let synced = file.sync().context("sync", path, None);
            shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.sync_running = false;
            self.sync_ended.notify_all();
            shared.survive(synced)?;
            shared.durable = shared.durable.max(written);
        }
        Ok(())
    }
}

/// Stands for "the LSN that the event gets" in [`NewEvent::transaction`] of a begin record.
const OWN_LSN: u64 = u64::MAX;

impl Shared {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path(&self.segment.name)
    }

    /// Passes a result on, and is dead from then on when it is an error.
    fn survive<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.dead = Some(error.to_string());
        }
        result
    }

    fn append(&mut self, new: &NewEvent<'_>, transaction: u64) -> Result<Appended, Error> {
        let in_transaction = if transaction == 0 { 0 } else { event::flags::TRANSACTIONAL };
        let header = EventHeader {
            event_bytes: 0,
            payload_bytes: 0,
            timestamp_ns: new.timestamp_ns,
            transaction,
            event_type: 0,
            flags: new.flags | in_transaction,
            priority: new.priority,
            lsn_low: 0,
        };
        let lsn = self.next_lsn;
        let mut bytes = self.filling.take_scratch();
        event::encode(lsn, &header, &new.body, new.tail, &mut bytes);
        let added = self.add(&bytes, new.timestamp_ns, new.body.event_type().family());
        let crc = crc32c(&bytes);
        self.filling.give_scratch(bytes);
        added.map(|()| Appended { lsn, crc })
    }

    /// Puts an encoded event into the block, after making room for it.
    fn add(&mut self, event: &[u8], timestamp_ns: u64, family: u8) -> Result<(), Error> {
        if event.len() > MAX_EVENT_BYTES {
            return Err(Error::EventTooLong { claimed: event.len(), limit: MAX_EVENT_BYTES });
        }
        if !self.filling.is_empty() && self.filling.len() + event.len() > self.options.block_bytes {
            self.write_block()?;
        }
        self.filling.push(event, timestamp_ns, family);
        self.next_lsn += 1;
        Ok(())
    }

    /// Writes the events collected so far as one block; rotates first when the segment is full.
    fn write_block(&mut self) -> Result<(), Error> {
        if self.filling.is_empty() {
            return Ok(());
        }
        if self.segment.position.offset >= self.options.segment_bytes {
            self.rotate()?;
        }
        let (bytes, header) = self.filling.finish(&self.segment.position, &self.durable);
        let offset = self.segment.position.offset;
        let written = self.segment.file.write_all_at(bytes, offset);
        let written = written.context("write", self.path(), Some(offset));
        self.survive(written)?;
        self.segment.entries.push(SealEntry::of(&header));
        self.segment.position = self.segment.position.after(&header);
        self.filling.clear(self.segment.position.next_lsn);
        Ok(())
    }

    /// Begins the next segment, then seals this one, and only then goes on in the next one. So a
    /// seal that promises a successor has one, and a successor that holds anything shows that the
    /// seal before it is durable.
    fn rotate(&mut self) -> Result<(), Error> {
        let synced = self.segment.file.sync().context("sync", self.path(), None);
        self.survive(synced)?;
        let last = self.segment.position;
        self.durable = self.durable.max(Durable::at(&last));
        let header = SegmentHeader {
            magic: SEGMENT_MAGIC,
            major: FORMAT_MAJOR,
            minor: FORMAT_MINOR,
            required_features: 0,
            optional_features: 0,
            flags: PREVIOUS_SEALED,
            journal_id: last.journal_id,
            segment: last.segment + 1,
            writer_epoch: last.writer_epoch,
            first_lsn: last.next_lsn,
            first_block: last.next_block,
            created_ns: self.options.created_ns.unwrap_or_else(now_ns),
            previous_end: last.offset,
            previous_digest: last.digest,
        };
        let next = OpenSegment::create(self.folder.as_ref(), &header);
        let next = self.survive(next)?;
        self.seal(SEAL_ROTATED)?;
        self.segment = next;
        Ok(())
    }

    /// Writes the seal of the segment, whose blocks are synced, and makes it durable.
    fn seal(&mut self, kind: u32) -> Result<(), Error> {
        let OpenSegment { position, first_lsn, entries, .. } = &self.segment;
        let bytes = seal::encode(position, *first_lsn, kind, entries);
        let written = self.segment.file.write_all_at(&bytes, position.offset);
        let written = written.context("write", self.path(), Some(self.segment.position.offset));
        self.survive(written)?;
        let synced = self.segment.file.sync().context("sync", self.path(), None);
        self.survive(synced)
    }
}

impl OpenSegment {
    /// Makes a segment's file with its header, visible in one step and durable when it returns.
    fn create(folder: &dyn Folder, header: &SegmentHeader) -> Result<Self, Error> {
        let name = segment::file_name(header.segment);
        let path = || folder.path(&name);
        let page = segment::encode_header(header);
        let file = folder.create(segment::UNFINISHED_NAME).context("create", path(), None)?;
        file.write_all_at(&page, 0).context("write", path(), Some(0))?;
        file.sync().context("sync", path(), None)?;
        folder.rename(segment::UNFINISHED_NAME, &name).context("rename", path(), None)?;
        folder.sync_folder().context("sync the folder of", path(), None)?;
        let position = Position::at_start(header, vexfs_kernels::sha256(&page));
        Ok(Self { file, name, first_lsn: header.first_lsn, position, entries: Vec::new() })
    }
}

/// Checks that it is the journal's folder and not one file of it.
fn check_folder(folder: &dyn Folder) -> Result<(), Error> {
    if folder.is_one_file() {
        // Segments would lie beside the file, where nobody looks who is given the file, or over
        // those of another journal.
        let reason = "a writer needs the folder, not one file of it".to_owned();
        return Err(Error::InvalidOption { option: "journal", reason });
    }
    Ok(())
}

fn random_id() -> std::io::Result<[u8; 16]> {
    let mut id = [0; 16];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut id)?;
    Ok(id)
}
