//! A system of two journals that share transactions: a block journal of the kernel and a semantic journal, an image
//! and a state that follow them, and the terms on which they are brought to one cut. For demonstrations and tests.

use std::path::Path;
use std::sync::Arc;

use super::FIRST_TIMESTAMP_NS;
use crate::block_journal::{self, JournalOptions, NewTransaction, Place, layout::BLOCK_BYTES};
use crate::coordination::SHARED_FROM;
use crate::coordination::site::{CONFIG, Config, MemberConfig};
use crate::error::{Error, IoContext as _};
use crate::event::{Body, Property};
use crate::journal::{Durability, NewEvent, Writer, WriterOptions};
use crate::storage::{self, DiskFolder, Folder};

/// How many blocks the image has, and so how many keys the semantic journal.
const KEYS: u64 = 64;
/// How many events of its own the semantic journal has for each shared transaction.
const OWN_EVENTS: u64 = 20;
/// As many blocks as a shared transaction takes in the block journal: descriptor, data, commit, and room.
const BLOCKS_EACH: u64 = 4;

/// What shared transaction `number` writes: to which key and block, and which byte all of it is.
fn change(number: u64) -> (u64, u8) {
    let byte = u8::try_from(number % 251).unwrap_or_default();
    (number * 7 % KEYS, byte + 1)
}

/// Makes it in this folder, with so many shared transactions, each committed in both journals; neither is closed, as
/// if the machine had died. Gives at which LSN each ends in the semantic journal.
///
/// # Errors
/// [`Error::AlreadyAJournal`] when there is one; what storage says.
pub fn generate_system(path: &Path, transactions: u64) -> Result<Vec<u64>, Error> {
    let made = |name: &str| {
        let path = path.join(name);
        DiskFolder::create(&path).context("create", &path, None)
    };
    let (root, files) = (made("")?, made("files")?);
    let disk: Arc<dyn Folder> = Arc::new(made("disk")?);
    let [log, image] = ["journal", "image"].map(|name| Place::new(Arc::clone(&disk), name));
    let options =
        WriterOptions { durability: Durability::MetadataOnly, ..WriterOptions::default() };
    let writer = Writer::create(Arc::new(files), options)?;
    let total_blocks = BLOCKS_EACH * (transactions + 2);
    let mut blocks =
        block_journal::Writer::create(&log, JournalOptions { total_blocks, ..Default::default() })?;
    let zeros = vec![0; usize::try_from(KEYS).unwrap_or(0) * BLOCK_BYTES];
    storage::write_whole(disk.as_ref(), &image.name, &zeros)?;
    let mut ends = Vec::new();
    for number in 0..transactions {
        let timestamp_ns = FIRST_TIMESTAMP_NS + number * 1_000_000;
        for own in 0..OWN_EVENTS {
            let value = (number * OWN_EVENTS + own).to_le_bytes();
            set(&writer, None, timestamp_ns, (1, own, &value))?;
        }
        let (key, byte) = change(number);
        let content = [(key, [byte; BLOCK_BYTES])];
        let id = SHARED_FROM + number;
        let (operation, uid, gid) = (0, 0, 0);
        blocks.commit(&NewTransaction {
            id,
            operation,
            timestamp_ns,
            uid,
            gid,
            blocks: &content,
        })?;
        let mut shared = writer.begin(timestamp_ns, id)?;
        set(&writer, Some(&mut shared), timestamp_ns, (2, key, &[byte]))?;
        ends.push(shared.commit(timestamp_ns)?);
        writer.commit()?;
    }
    let config = serde_json::to_vec_pretty(&terms());
    let config =
        config.map_err(|error| Error::InconsistentRecovery { reason: error.to_string() })?;
    storage::write_whole(&root, CONFIG, &config)?;
    Ok(ends)
}

/// Sets a property of a node, in a transaction or not.
fn set(
    writer: &Writer,
    transaction: Option<&mut crate::journal::Transaction<'_>>,
    timestamp_ns: u64,
    (node, key, value): (u64, u64, &[u8]),
) -> Result<(), Error> {
    let name = key.to_le_bytes();
    let body = Body::PropertySet(Property { node, name: &name, value });
    let event = NewEvent::new(timestamp_ns, body);
    match transaction {
        Some(transaction) => transaction.append(&event),
        None => writer.append(&event),
    }
    .map(|_| ())
}

fn terms() -> Config {
    let need = Default::default();
    let disk = MemberConfig::KernelJournal {
        stream: "disk".to_owned(),
        journal: "disk/journal".into(),
        image: "disk/image".into(),
        need,
    };
    let files = MemberConfig::UserspaceJournal {
        stream: "files".to_owned(),
        journal: "files".into(),
        checkpoints: "files.checkpoints".into(),
        records: "files.records".into(),
        need,
    };
    let index = MemberConfig::ReplayEngine {
        stream: "files".to_owned(),
        journal: "files".into(),
        state: "index".into(),
        need,
    };
    let sides = vec!["disk".to_owned(), "files".to_owned()];
    let layers = MemberConfig::CrossLayerManager { sides, need };
    let members = [("disk", disk), ("files", files), ("index", index), ("layers", layers)];
    Config {
        members: members.map(|(name, member)| (name.to_owned(), member)).into(),
        sharing: Default::default(),
        policy: Default::default(),
        times: Default::default(),
    }
}
