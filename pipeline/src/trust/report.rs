//! What a check of a signature says: whether what was signed is there as it was, and if not, what happened
//! to it and where.

use std::fmt::Display;

use serde::Serialize;

use super::keys::KeyId;
use super::layout::{ENDING_CLOSED, Statement};
use crate::journal::Head;

/// How many differences are told; all are counted.
pub const DIFFERENCES_MAX: usize = 1000;

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustVerdict {
    /// The journal is what was signed, byte for byte.
    Intact,
    /// All that was signed is as it was, and something follows it.
    Appended,
    /// It is not what was signed.
    Differs,
}

/// What happened to a part of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something else stands in its place.
    Changed,
    /// It is not there any more.
    CutOff,
    /// It was not there.
    PutIn,
    /// It stands elsewhere.
    Moved,
}

/// Which part of the journal that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Before everything that is as it was.
    Start,
    /// Between what is as it was.
    Middle,
    /// Behind everything that was signed and is as it was; put in there, behind the signed head.
    End,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Events.
    Events,
    /// All events are as signed; their blocks are not: what headers say, padding, which events are in which
    /// block, or which transaction they are in.
    Blocks,
    /// A segment's header page, or the segment as a whole where it had no events.
    Header,
    /// What stands behind a segment's blocks: its seal, or what a crash left.
    Rest,
}

/// Where something lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The LSN of the first event; of none where it has no events.
    pub first_lsn: Option<u64>,
    /// The LSN of the last event.
    pub last_lsn: Option<u64>,
    /// The segment in which it starts.
    pub segment: u64,
    /// The segment in which it ends.
    pub last_segment: u64,
    /// Where its first block starts, in bytes from the segment's start.
    pub offset: u64,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What happened.
    pub kind: Kind,
    /// To what.
    pub what: What,
    /// Where in the journal.
    pub at: At,
    /// What was signed, by the LSNs that it had then.
    pub signed: Option<Side>,
    /// What is there, by the LSNs that it says it has.
    pub found: Option<Side>,
}

/// What follows what was signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// How many events.
    pub events: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many segments.
    pub segments: u64,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trust {
    /// What it comes to.
    pub verdict: TrustVerdict,
    /// What happened, each kind once.
    pub kinds: Vec<Kind>,
    /// The key that signed.
    #[serde(with = "hex::serde")]
    pub key_id: KeyId,
    /// When, in nanoseconds since 1970-01-01 UTC, as the signer's clock said.
    pub signed_ns: u64,
    /// The head that was signed, written as LSN:digest.
    #[serde(serialize_with = "as_text")]
    pub signed_head: Head,
    /// Whether the writer had closed the journal.
    pub closed: bool,
    /// How many segments were signed.
    pub segments: u64,
    /// How many blocks.
    pub blocks: u64,
    /// What follows them.
    pub appended: Appended,
    /// How many differences there are.
    pub difference_count: u64,
    /// The first ones, [`DIFFERENCES_MAX`] at most.
    pub differences: Vec<Difference>,
}

fn as_text<S: serde::Serializer>(head: &Head, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}:{}", head.lsn, hex::encode(head.digest)))
}

impl Trust {
    pub(super) fn new(
        verdict: TrustVerdict,
        statement: &Statement,
        appended: Appended,
        all: Vec<Difference>,
    ) -> Self {
        let mut kinds: Vec<Kind> = all.iter().map(|it| it.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let difference_count = all.len() as u64;
        let mut differences = all;
        differences.truncate(DIFFERENCES_MAX);
        Self {
            verdict,
            kinds,
            key_id: statement.key_id,
            signed_ns: statement.signed_ns,
            signed_head: Head { lsn: statement.head_lsn, digest: statement.head_digest },
            closed: statement.ending == ENDING_CLOSED,
            segments: statement.segments,
            blocks: statement.blocks,
            appended,
            difference_count,
            differences,
        }
    }
}

impl Display for Side {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { segment, last_segment, offset, .. } = self;
        match (self.first_lsn, self.last_lsn) {
            (Some(first), Some(last)) if first == last => write!(formatter, "LSN {first} (")?,
            (Some(first), Some(last)) => write!(formatter, "LSN {first} to {last} (")?,
            _ => write!(formatter, "(")?,
        }
        write!(formatter, "segment {segment}, from byte {offset}")?;
        match segment == last_segment {
            true => write!(formatter, ")"),
            false => write!(formatter, ", to segment {last_segment})"),
        }
    }
}

impl Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            What::Events => "events",
            What::Blocks => "blocks whose events are as signed",
            What::Header => "a header page",
            What::Rest => "what stands behind the blocks",
        };
        let done = match (self.kind, self.at) {
            (Kind::Changed, _) => "changed",
            (Kind::CutOff, At::Middle) => "cut out",
            (Kind::CutOff, _) => "cut off",
            (Kind::PutIn, At::End) => "put in behind the signed head",
            (Kind::PutIn, _) => "put in",
            (Kind::Moved, _) => "moved",
        };
        write!(formatter, "{done}: {what}")?;
        if let Some(signed) = self.signed {
            write!(formatter, ", signed as {signed}")?;
        }
        match self.found {
            Some(found) => write!(formatter, ", found as {found}"),
            None => Ok(()),
        }
    }
}
