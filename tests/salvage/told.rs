//! Checks what a salvage leaves: the new journal, and its manifest.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;

use vexfs_replay::event::EventHeader;
use vexfs_replay::journal::layout::BlockHeader;
use vexfs_replay::journal::{EndKind, Journal, Validation, WriterOptions};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, replay_serially, verify};
use vexfs_replay::salvage::{DroppedBecause, MANIFEST_NAME, SalvageOptions, Salvaged};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::check::same;
use crate::small_journal::{blocks_of, names_of};

/// Where an end record counts its members, and has the digest over them; before that is its outcome.
const END_COUNT: std::ops::Range<usize> = EventHeader::BYTES + 4..EventHeader::BYTES + 4 + 8 + 32;

/// The UUID of every new journal.
pub(crate) const NEW_ID: [u8; 16] = *b"salvaged---vexfs";

/// Nothing by chance, and blocks and segments that are short.
pub(crate) fn options() -> SalvageOptions {
    let writer = WriterOptions {
        block_bytes: 4096,
        segment_bytes: 12 * 1024,
        journal_id: Some(NEW_ID),
        created_ns: Some(7),
        ..WriterOptions::default()
    };
    let threads = NonZero::<usize>::MIN;
    SalvageOptions { threads, writer, ..SalvageOptions::default() }
}

pub(crate) fn open(folder: &MemoryFolder) -> Journal {
    Journal::open(Arc::new(folder.clone())).unwrap()
}

/// Everything that lies in a folder.
pub(crate) fn files_of(folder: &MemoryFolder) -> BTreeMap<String, Vec<u8>> {
    let names = folder.list().unwrap().into_iter();
    names.map(|name| (name.clone(), folder.get(&name).unwrap())).collect()
}

/// The bytes of each event of an intact journal, by its place: headers alone are believed.
pub(crate) fn events_of(folder: &MemoryFolder) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    for name in names_of(folder) {
        let content = folder.get(&name).unwrap();
        for block in blocks_of(&content) {
            let mut at = block.at + BlockHeader::BYTES;
            for _ in 0..block.header.event_count {
                let bytes = EventHeader::read(&content[at..]).event_bytes as usize;
                events.push(content[at..at + bytes].to_vec());
                at += bytes;
            }
        }
    }
    events
}

/// Which of the LSNs the manifest drops, and why; it must tell each LSN once.
pub(crate) fn dropped_in(salvaged: &Salvaged) -> Result<BTreeMap<u64, DroppedBecause>, String> {
    let mut dropped = BTreeMap::new();
    for it in &salvaged.dropped {
        let lsns = it.lsns.iter().flat_map(|&(first, last)| first..=last);
        for lsn in lsns {
            if let Some(before) = dropped.insert(lsn, it.because) {
                return Err(format!("LSN {lsn} is dropped as {before:?} and as {:?}", it.because));
            }
        }
    }
    Ok(dropped)
}

/// Checks that the manifest adds up in itself, and is what lies beside the journal.
pub(crate) fn check_manifest(salvaged: &Salvaged, new: &MemoryFolder) -> Result<(), String> {
    let dropped = dropped_in(salvaged)?;
    let kept = salvaged.kept.iter().flat_map(|&(first, last)| first..=last);
    let mut all: Vec<u64> = kept.chain(dropped.keys().copied()).collect();
    let counts = (salvaged.kept_events, salvaged.dropped_events);
    same("counts", &((all.len() - dropped.len()) as u64, dropped.len() as u64), &counts)?;
    all.sort_unstable();
    let whole: Vec<u64> = (1..=salvaged.original.head_lsn).collect();
    same("LSNs that are told", &whole, &all)?;
    let written = new.get(MANIFEST_NAME).ok_or("no manifest")?;
    let told: serde_json::Value = serde_json::from_slice(&written).map_err(|it| it.to_string())?;
    same("manifest", &serde_json::to_value(salvaged).unwrap(), &told)?;
    for it in &salvaged.dropped {
        let evident = match it.because {
            DroppedBecause::Damaged | DroppedBecause::TornTail => it.damage.is_some(),
            DroppedBecause::Unfinished => it.transaction.is_some(),
            DroppedBecause::BeingWritten => it.transaction.is_some() || it.damage.is_some(),
            _ => it.inconsistency.is_some(),
        };
        same("evidence", &true, &evident).map_err(|error| format!("{error} of {it:?}"))?;
    }
    Ok(())
}

/// Checks that the new journal holds just what the manifest says, and replays under the strictest
/// policy.
pub(crate) fn check_journal(
    salvaged: &Salvaged,
    written: &[Vec<u8>],
    new: &MemoryFolder,
) -> Result<(), String> {
    let dropped = dropped_in(salvaged)?;
    let events = events_of(new);
    same("number of events", &salvaged.original.head_lsn, &(events.len() as u64))?;
    for (index, (lsn, event)) in (1..).zip(&events).enumerate() {
        match dropped.get(&lsn) {
            None if salvaged.ends_made_anew.contains(&lsn) => {
                let (written, found) = (&written[index], event);
                same(&format!("length of end record {lsn}"), &written.len(), &found.len())?;
                let told = |event: &[u8]| {
                    let (before, rest) = event.split_at(END_COUNT.start);
                    [before, &rest[END_COUNT.len()..]].concat()
                };
                same(&format!("end record {lsn}"), &told(written), &told(found))?;
            }
            None => same(&format!("event {lsn}"), &written[index], event)?,
            Some(because) => {
                let text = format!("salvage: {}", because.name());
                let length = EventHeader::read(event).payload_bytes as usize;
                let line = &event[EventHeader::BYTES + 8..EventHeader::BYTES + length];
                same(&format!("placeholder {lsn}"), &text.as_bytes(), &line)?;
            }
        }
    }
    let journal = open(new);
    let (damage, validation) = (DamagePolicy::Strict, Validation::Cryptographic);
    let options = ReplayOptions { damage, validation, ..ReplayOptions::default() };
    let outcome = verify(&journal, &options, &mut |_| {}).map_err(|error| error.to_string())?;
    same("end", &EndKind::Sealed, &outcome.findings.end.kind)?;
    same("loss", &false, &outcome.has_loss())?;
    let (state, outcome) = replay_serially(&journal, &options).map_err(|it| it.to_string())?;
    same("unfinished transactions", &0, &outcome.findings.transactions.discarded.count)?;
    same("head", &salvaged.new.head_digest, &outcome.head.digest)?;
    same("UUID", &salvaged.new.journal_id, &journal.journal_id)?;
    same("state", &salvaged.new.state_digest, &state.digest())
}
