//! The model's records and how they lie in bytes: fields one after the other, little-endian, then
//! what has no fixed length. Written down from the tables of the format, beside the library's own.

use vexfs_replay::event::EventType;

use crate::act::{Content, Entry, Text};

/// A key as the state has it: kind, number, second number, name.
pub(crate) type StateKey = (u8, u64, u64, Vec<u8>);

/// A number of the model's own for each kind of key.
pub(crate) mod kind {
    pub(crate) const INODE: u8 = 1;
    pub(crate) const ENTRY: u8 = 2;
    pub(crate) const NODE: u8 = 3;
    pub(crate) const EDGE: u8 = 4;
    pub(crate) const PROPERTY: u8 = 5;
    pub(crate) const VECTOR: u8 = 6;
    pub(crate) const AGENT: u8 = 7;
    pub(crate) const MOUNT: u8 = 8;
    pub(crate) const METRIC: u8 = 9;
    pub(crate) const LINK: u8 = 10;
}

/// What the model knows a thing by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Numbered(u8, u64),
    Entry(Entry),
    Property(u64, &'static str),
    Agent(&'static str),
    Metric(EventType, &'static str),
    Link((u64, u64), &'static str),
}

impl Key {
    pub(crate) fn in_state(self) -> StateKey {
        let named = |kind, id, name: &str| (kind, id, 0, name.as_bytes().to_vec());
        match self {
            Self::Numbered(kind, id) => named(kind, id, ""),
            Self::Entry((parent, name)) => named(kind::ENTRY, parent, name),
            Self::Property(node, name) => named(kind::PROPERTY, node, name),
            Self::Agent(name) => named(kind::AGENT, 0, name),
            Self::Metric(event_type, name) => {
                named(kind::METRIC, u64::from(event_type.code()), name)
            }
            Self::Link((from, to), class) => (kind::LINK, from, to, class.as_bytes().to_vec()),
        }
    }
}

/// What is known of a thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// The LSN of the last event that changed it.
    pub(crate) changed: u64,
    /// The time of that event.
    pub(crate) time: u64,
    pub(crate) fields: Fields,
    /// What follows the fields.
    pub(crate) rest: Rest,
}

/// The fields of a record, beside the LSN and time of the last change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fields {
    Inode { size: u64, links: u32, owner: [u32; 3], content: Content },
    Entry { inode: u64 },
    Node { out: u64, into: u64, kind: u32 },
    Edge { ends: (u64, u64), kind: u32, weight: f32 },
    Property,
    Vector { source: [u64; 2], index: [u64; 2], cluster: (u64, f32), bits: [u32; 2] },
    Agent { subject: u64, counts: [u64; 4], confidence: f32, last: EventType },
    Mount { flags: u64, checkpoint: u64, checkpoints: u64, source_bytes: u32 },
    Metric { count: u64, value: f64 },
    Link { count: u64, delay: u64, bits: [u32; 2] },
}

/// What has no fixed length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rest {
    Nothing,
    Text(Text),
    /// Two places and a NUL byte between them.
    Places([&'static str; 2]),
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn longs(&mut self, values: &[u64]) {
        values.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
    }

    fn ints(&mut self, values: &[u32]) {
        values.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
    }
}

impl Record {
    pub(crate) fn in_bytes(&self) -> Vec<u8> {
        let Self { changed, time, fields, rest } = self;
        let mut bytes = Bytes::default();
        bytes.longs(&[*changed]);
        match *fields {
            Fields::Inode { size, links, owner, content: (content_kind, byte) } => {
                bytes.longs(&[*time, size]);
                bytes.ints(&[links]);
                bytes.ints(&owner);
                bytes.ints(&[content_kind]);
                bytes.0.extend([byte; 32]);
            }
            Fields::Entry { inode } => bytes.longs(&[inode]),
            Fields::Node { out, into, kind } => {
                bytes.longs(&[out, into]);
                bytes.ints(&[kind]);
            }
            Fields::Edge { ends: (from, to), kind, weight } => {
                bytes.longs(&[from, to]);
                bytes.ints(&[kind, weight.to_bits()]);
            }
            Fields::Property => {}
            Fields::Vector { source, index, cluster: (cluster, distance), bits } => {
                bytes.longs(&source);
                bytes.longs(&index);
                bytes.longs(&[cluster]);
                bytes.ints(&[distance.to_bits()]);
                bytes.ints(&bits);
            }
            Fields::Agent { subject, counts, confidence, last } => {
                bytes.longs(&[subject]);
                bytes.longs(&counts);
                bytes.ints(&[confidence.to_bits()]);
                bytes.0.extend(last.code().to_le_bytes());
            }
            Fields::Mount { flags, checkpoint, checkpoints, source_bytes } => {
                bytes.longs(&[flags, checkpoint, checkpoints]);
                bytes.ints(&[source_bytes]);
            }
            Fields::Metric { count, value } => bytes.longs(&[*time, count, value.to_bits()]),
            Fields::Link { count, delay, bits } => {
                bytes.longs(&[count, delay]);
                bytes.ints(&bits);
            }
        }
        match rest {
            Rest::Nothing => {}
            Rest::Text(text) => bytes.0.extend(text.spelled()),
            Rest::Places([source, target]) => {
                bytes.0.extend(format!("{source}{target}").into_bytes());
            }
        }
        bytes.0
    }
}
