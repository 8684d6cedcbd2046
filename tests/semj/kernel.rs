//! The kernel's layout, written from `docs/semj.md` alone.

use crate::dice::Dice;

pub(crate) const CONTEXT_BYTES: usize = 5_280;
pub(crate) const HEADER_BYTES: usize = 132;
pub(crate) const LINK_BYTES: usize = 160;
pub(crate) const FILE_HEADER_BYTES: usize = 52;

/// CRC-32, IEEE, reflected, initial value 0, no inversion at the end: a table made of the definition.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    static TABLE: std::sync::OnceLock<Vec<u32>> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let row = |byte: u32| (0..8).fold(byte, |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)));
        (0..256).map(row).collect()
    });
    let step = |crc: u32, &byte: &u8| table[(crc.to_le_bytes()[0] ^ byte) as usize] ^ (crc >> 8);
    bytes.iter().fold(0, step)
}

/// A kernel event. Lengths, counts and checksum follow from the rest.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) id: u64,
    pub(crate) event_type: u32,
    pub(crate) subtype: u32,
    pub(crate) time_ns: u64,
    pub(crate) time_sequence: u64,
    pub(crate) cpu: u32,
    pub(crate) process: u32,
    pub(crate) global: u64,
    pub(crate) local: u64,
    pub(crate) flags: u32,
    pub(crate) priority: u32,
    pub(crate) version: u32,
    pub(crate) compression: u32,
    pub(crate) encryption: u32,
    pub(crate) parent: u64,
    pub(crate) root: u64,
    pub(crate) visibility: u64,
    pub(crate) relevance: u32,
    pub(crate) replay_priority: u32,
    pub(crate) context: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) metadata: Vec<u8>,
    pub(crate) links: Vec<u8>,
}

impl Kernel {
    /// What the kernel has of an event of ours that knows no more: see "The plain form".
    pub(crate) fn plain(
        id: u64,
        lsn: u64,
        event_type: u16,
        time_ns: u64,
        transaction: u64,
    ) -> Self {
        let mut context = vec![0; CONTEXT_BYTES];
        context[..8].copy_from_slice(&transaction.to_le_bytes());
        Self {
            id,
            event_type: u32::from(event_type),
            subtype: 0,
            time_ns,
            time_sequence: 0,
            cpu: 0,
            process: 0,
            global: lsn,
            local: lsn,
            flags: 0,
            priority: 3,
            version: 1,
            compression: 0,
            encryption: 0,
            parent: 0,
            root: id,
            visibility: 0,
            relevance: 0,
            replay_priority: 3,
            context,
            payload: Vec::new(),
            metadata: Vec::new(),
            links: Vec::new(),
        }
    }

    /// One that has anything everywhere.
    pub(crate) fn random(id: u64, dice: &mut Dice) -> Self {
        let mut context = vec![0; CONTEXT_BYTES];
        for _ in 0..dice.below(12) {
            let at = dice.below(CONTEXT_BYTES);
            let length = dice.below(CONTEXT_BYTES - at).min(dice.below(300));
            dice.fill(&mut context[at..at + length]);
        }
        // The agents of a journal are few.
        let agent = u8::try_from(dice.below(5)).unwrap();
        context[4168..4232].fill(0);
        context[4168] = agent;
        let links = [0, 0, 1, 2, 7][dice.below(5)];
        let mut word = || dice.extreme_of_both();
        Self {
            id,
            event_type: word().1,
            subtype: word().1,
            time_ns: word().0,
            time_sequence: word().0,
            cpu: word().1,
            process: word().1,
            global: word().0,
            local: word().0,
            flags: word().1,
            priority: word().1,
            version: word().1,
            compression: word().1,
            encryption: word().1,
            parent: word().0,
            root: word().0,
            visibility: word().0,
            relevance: word().1,
            replay_priority: word().1,
            context,
            payload: dice.bytes(300),
            metadata: dice.bytes(200),
            links: dice.exactly(links * LINK_BYTES),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let parts = [&self.context, &self.payload, &self.metadata, &self.links];
        let whole = HEADER_BYTES + parts.iter().map(|it| it.len()).sum::<usize>();
        let length = |bytes: usize| u32::try_from(bytes).unwrap();
        let short = |out: &mut Vec<u8>, words: &[u32]| {
            words.iter().for_each(|it| out.extend(it.to_le_bytes()));
        };
        let long = |out: &mut Vec<u8>, words: &[u64]| {
            words.iter().for_each(|it| out.extend(it.to_le_bytes()));
        };
        long(&mut out, &[self.id]);
        short(&mut out, &[self.event_type, self.subtype]);
        long(&mut out, &[self.time_ns, self.time_sequence]);
        short(&mut out, &[self.cpu, self.process]);
        long(&mut out, &[self.global, self.local]);
        short(&mut out, &[self.flags, self.priority, length(whole)]);
        short(&mut out, &[length(self.context.len()), length(self.payload.len())]);
        short(&mut out, &[length(self.metadata.len()), self.version, 0]);
        short(&mut out, &[self.compression, self.encryption]);
        short(&mut out, &[length(self.links.len() / LINK_BYTES)]);
        long(&mut out, &[self.parent, self.root, self.visibility]);
        short(&mut out, &[self.relevance, self.replay_priority]);
        assert_eq!(out.len(), HEADER_BYTES);
        parts.iter().for_each(|part| out.extend_from_slice(part));
        make_right(&mut out);
        out
    }
}

/// Computes the checksum of an event anew.
pub(crate) fn make_right(event: &mut [u8]) {
    event[84..88].fill(0);
    let sum = crc(event);
    event[84..88].copy_from_slice(&sum.to_le_bytes());
}

/// The marker of an event that was written natively.
pub(crate) fn marker(form: u16, native_payload: usize) -> Vec<u8> {
    let mut marker = b"VXNATIVE".to_vec();
    marker.extend(1_u16.to_le_bytes());
    marker.extend(form.to_le_bytes());
    marker.extend(u32::try_from(native_payload).unwrap().to_le_bytes());
    marker
}

/// A file of these events, and of an index behind them.
pub(crate) fn file_with_index(events: &[Vec<u8>], index: &[u8]) -> Vec<u8> {
    let events_end = FILE_HEADER_BYTES + events.iter().map(Vec::len).sum::<usize>();
    let last = events.last().map_or(0, |it| u64::from_le_bytes(it[..8].try_into().unwrap()));
    let mut file = Vec::new();
    [0x5345_4D4A_u32, 1, 0].iter().for_each(|it| file.extend(it.to_le_bytes()));
    let index_at = if index.is_empty() { 0 } else { events_end };
    let words = [events.len(), usize::try_from(last).unwrap().saturating_add(1)];
    let words = words.into_iter().chain([events_end + index.len(), index_at]);
    words.for_each(|it| file.extend((it as u64).to_le_bytes()));
    file.extend([0; 8]);
    make_header_right(&mut file);
    events.iter().for_each(|event| file.extend_from_slice(event));
    file.extend_from_slice(index);
    file
}

pub(crate) fn file(events: &[Vec<u8>]) -> Vec<u8> {
    file_with_index(events, &[])
}

/// Computes the checksum of the file's header anew.
pub(crate) fn make_header_right(file: &mut [u8]) {
    file[48..52].fill(0);
    let sum = crc(&file[..52]);
    file[48..52].copy_from_slice(&sum.to_le_bytes());
}
