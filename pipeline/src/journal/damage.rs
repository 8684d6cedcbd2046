//! What can be wrong with the bytes of a journal, and what it means where it stands.
//!
//! A [`Fault`] says why bytes are not the block that should be there. [`verdict`] says what that
//! proves: the torn end of a log, or corruption. It is a pure function over a few facts.

use std::path::PathBuf;

use serde::Serialize;

use crate::event::Malformed;

/// Why bytes are not the header, block or seal that should stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The page holds nothing but zeros.
    #[error("expected a block, found a page of zeros")]
    Zeros,
    /// The page doesn't start with a block's magic.
    #[error("expected the magic {expected:#010x}, found {found:#010x}")]
    Magic {
        /// The magic that should be there.
        expected: u32,
        /// The four bytes that are there.
        found: u32,
    },
    /// A checksum differs.
    #[error("the CRC32C of the {part} is {found:#010x} where {expected:#010x} is recorded")]
    Crc {
        /// What the checksum covers.
        part: &'static str,
        /// The recorded one.
        expected: u32,
        /// The one of the bytes as they are.
        found: u32,
    },
    /// A SHA-256 differs.
    #[error(
        "the SHA-256 of the {part} is {}… where {}… is recorded",
        Short(found),
        Short(expected)
    )]
    Digest {
        /// What the digest covers.
        part: &'static str,
        /// The recorded one.
        expected: [u8; 32],
        /// The one of the bytes as they are.
        found: [u8; 32],
    },
    /// The hash chain is broken.
    #[error("it follows {}… where the one before it is {}…", Short(found), Short(expected))]
    ChainBreak {
        /// The digest of what stands before.
        expected: [u8; 32],
        /// The digest that it names as the one before.
        found: [u8; 32],
    },
    /// It belongs to another journal.
    #[error("it belongs to the journal {}, not to {}", hex::encode(found), hex::encode(expected))]
    Foreign {
        /// This journal's UUID.
        expected: [u8; 16],
        /// The UUID that it names.
        found: [u8; 16],
    },
    /// It was written in an earlier life of the writer.
    #[error("it is of writer epoch {found}, this segment is of {expected}")]
    Stale {
        /// The segment's epoch.
        expected: u64,
        /// The epoch that it names.
        found: u64,
    },
    /// It says that it belongs elsewhere.
    #[error("it says that its {field} is {found}; here that would be {expected}")]
    Misplaced {
        /// Which of its places is wrong.
        field: &'static str,
        /// What would be right here.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// A number doesn't continue the one before.
    #[error("{field} {expected} should follow, found {found}")]
    SequenceGap {
        /// Which number.
        field: &'static str,
        /// The next one.
        expected: u64,
        /// The one that is there.
        found: u64,
    },
    /// A length or count claims more than is possible.
    #[error("{field} claims {claimed}; the limit is {limit}, and {remaining} bytes remain")]
    LimitExceeded {
        /// Which length or count.
        field: &'static str,
        /// What it claims.
        claimed: u64,
        /// The most that the format allows.
        limit: u64,
        /// What is left of the segment, in bytes.
        remaining: u64,
    },
    /// The segment ends in the middle of it.
    #[error("it needs {needed} bytes, and the segment ends after {remaining}")]
    CutShort {
        /// How long it should be, in bytes.
        needed: u64,
        /// What is there, in bytes.
        remaining: u64,
    },
    /// Its checksums are right and its events are not.
    #[error("its checksum is right and an event in it is not: {0}")]
    Malformed(Malformed),
    /// A segment's file is not there.
    #[error("segment {0} is missing")]
    SegmentMissing(u64),
    /// The segment's file ends where its seal must stand.
    #[error("the file ends where the segment's seal should stand")]
    SealMissing,
    /// The seal doesn't say what the segment holds.
    #[error("the seal says {field} {found} where the segment has {expected}")]
    SealMismatch {
        /// What it says wrongly.
        field: &'static str,
        /// What the segment holds.
        expected: u64,
        /// What the seal says.
        found: u64,
    },
    /// Something follows the seal, or a seal that must be there is not.
    #[error("{found} bytes stand where the segment should end")]
    TrailingBytes {
        /// How many.
        found: u64,
    },
    /// A required feature or a version that this reader doesn't know.
    #[error("it needs format {major} with features {features:#x}, which this reader doesn't know")]
    UnknownFormat {
        /// The format's major version.
        major: u32,
        /// The required features.
        features: u32,
    },
}

struct Short<'a>(&'a [u8; 32]);

impl std::fmt::Display for Short<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&hex::encode(&self.0[..6]))
    }
}

impl Fault {
    /// The fault's name, as JSON results give it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Zeros => "zeros",
            Self::Magic { .. } => "not_a_block",
            Self::Crc { .. } => "crc_mismatch",
            Self::Digest { .. } => "digest_mismatch",
            Self::ChainBreak { .. } => "chain_break",
            Self::Foreign { .. } => "foreign",
            Self::Stale { .. } => "stale_generation",
            Self::Misplaced { .. } => "misplaced",
            Self::SequenceGap { .. } => "sequence_gap",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::CutShort { .. } => "cut_short",
            Self::Malformed(_) => "malformed_event",
            Self::SegmentMissing(_) => "segment_missing",
            Self::SealMissing => "seal_missing",
            Self::SealMismatch { .. } => "seal_mismatch",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::UnknownFormat { .. } => "unknown_format",
        }
    }

    /// What the fault shows of how the bytes came to be.
    #[must_use]
    pub fn trace(&self) -> Trace {
        match self {
            Self::Zeros => Trace::Unwritten,
            Self::Stale { .. } | Self::Foreign { .. } => Trace::Stale,
            Self::Magic { .. } | Self::Crc { .. } | Self::Digest { .. } | Self::CutShort { .. } => {
                Trace::Torn
            }
            Self::ChainBreak { .. }
            | Self::Misplaced { .. }
            | Self::SequenceGap { .. }
            | Self::LimitExceeded { .. }
            | Self::Malformed(_)
            | Self::SegmentMissing(_)
            | Self::SealMissing
            | Self::SealMismatch { .. }
            | Self::TrailingBytes { .. }
            | Self::UnknownFormat { .. } => Trace::Sound,
        }
    }
}

/// What the bytes at a fault look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Never written: zeros.
    Unwritten,
    /// Left from something earlier: another journal, or an earlier life of this one.
    Stale,
    /// Written in part, or altered afterwards.
    Torn,
    /// Written in full, checksum and all; no torn write looks like that.
    Sound,
}

/// What follows a fault in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// No valid block.
    Nothing,
    /// A valid block, whose watermark says that the place was not yet synced when it was written:
    /// both were in flight together, and a crash may leave any of such blocks without the others.
    InFlight,
    /// A valid block without a watermark.
    Unmarked,
}

/// What is known about the place of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultFacts {
    /// No segment follows.
    pub newest_segment: bool,
    /// A seal, a later segment or a later block proves that the place had been synced.
    pub below_watermark: bool,
    /// What follows in the segment.
    pub behind: Behind,
    /// What the bytes look like.
    pub trace: Trace,
}

/// What a fault means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The log ends here; what follows was never written.
    Unwritten,
    /// The log ends here; what follows is left from something earlier.
    Stale,
    /// The log ends here; the writer died while it wrote what follows.
    TornTail,
    /// Something that the writer had finished was damaged.
    Corruption,
    /// A torn tail or corruption: nothing proves which.
    Ambiguous,
}

/// The rule that tells the torn end of a log from corruption.
#[must_use]
pub fn verdict(facts: FaultFacts) -> Verdict {
    let FaultFacts { newest_segment, below_watermark, behind, trace } = facts;
    match (newest_segment && !below_watermark, behind, trace) {
        (false, _, _) | (true, _, Trace::Sound) => Verdict::Corruption,
        (true, Behind::Unmarked, _) => Verdict::Ambiguous,
        (true, Behind::Nothing, Trace::Unwritten) => Verdict::Unwritten,
        (true, Behind::Nothing, Trace::Stale) => Verdict::Stale,
        (true, Behind::Nothing, Trace::Torn) | (true, Behind::InFlight, _) => Verdict::TornTail,
    }
}

/// A damaged range of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    /// The number of the segment.
    pub segment: u64,
    /// The segment's file.
    pub path: PathBuf,
    /// Where the range starts, in bytes from the segment's start.
    pub offset: u64,
    /// Where the range ends, in bytes from the segment's start; nothing valid is in between.
    pub end: u64,
    /// The LSN that was next at the start of the range.
    pub lsn: u64,
    /// The LSN of the first event after the range, where there is one.
    pub next_lsn: Option<u64>,
    /// How many blocks seem to start in the range.
    pub blocks: u64,
    /// What is wrong at the start of the range.
    pub fault: Fault,
    /// What that means.
    pub verdict: Verdict,
}

impl Damage {
    /// Whether it is no damage at all but the end of the log.
    #[must_use]
    pub fn is_tail(&self) -> bool {
        matches!(self.verdict, Verdict::Unwritten | Verdict::Stale | Verdict::TornTail)
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { segment, offset, end, lsn, next_lsn, fault, .. } = self;
        write!(formatter, "{}, segment {segment}", self.path.display())?;
        if end > offset {
            write!(formatter, ", bytes {offset} to {end}")?;
        }
        match next_lsn {
            Some(next) if next > lsn => write!(formatter, ", LSN {lsn} to {}", next - 1)?,
            _ => write!(formatter, ", LSN {lsn} on")?,
        }
        write!(formatter, ": {fault}")
    }
}

impl Serialize for Damage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut object = serializer.serialize_struct("Damage", 10)?;
        object.serialize_field("segment", &self.segment)?;
        // A path may be no text, and a report is to be written all the same.
        object.serialize_field("path", &self.path.to_string_lossy())?;
        object.serialize_field("offset", &self.offset)?;
        object.serialize_field("end", &self.end)?;
        object.serialize_field("lsn", &self.lsn)?;
        object.serialize_field("next_lsn", &self.next_lsn)?;
        object.serialize_field("blocks", &self.blocks)?;
        object.serialize_field("kind", self.fault.name())?;
        object.serialize_field("detail", &self.fault.to_string())?;
        object.serialize_field("verdict", &self.verdict)?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn damage_in_a_file_whose_name_is_no_text_is_told() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"journal-\xff/segment"));
        let damage = Damage {
            segment: 0,
            path,
            offset: 0,
            end: 1,
            lsn: 1,
            next_lsn: None,
            blocks: 0,
            fault: Fault::Zeros,
            verdict: Verdict::Corruption,
        };
        let told = serde_json::to_value(&damage).map(|it| it["path"].clone());
        assert_eq!(told.ok(), Some(serde_json::json!("journal-\u{fffd}/segment")));
    }

    /// The rule, written a second time from its words, over every combination of facts.
    #[test]
    fn every_combination_of_facts_has_the_verdict_of_the_rule() {
        let mut seen = 0;
        let traces = [Trace::Unwritten, Trace::Stale, Trace::Torn, Trace::Sound];
        let behinds = [Behind::Nothing, Behind::InFlight, Behind::Unmarked];
        let places = [(false, false), (false, true), (true, false), (true, true)];
        for (trace, behind) in traces.into_iter().flat_map(|it| behinds.map(|other| (it, other))) {
            for (newest_segment, below_watermark) in places {
                let facts = FaultFacts { newest_segment, below_watermark, behind, trace };
                let found = verdict(facts);
                let may_be_a_tail = newest_segment && !below_watermark && trace != Trace::Sound;
                let unmarked = behind == Behind::Unmarked;
                assert_eq!(found == Verdict::Corruption, !may_be_a_tail, "{facts:?}");
                assert_eq!(found == Verdict::Ambiguous, may_be_a_tail && unmarked, "{facts:?}");
                let written = trace == Trace::Torn || behind == Behind::InFlight;
                let torn = may_be_a_tail && !unmarked && written;
                assert_eq!(found == Verdict::TornTail, torn, "{facts:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, 48);
    }
}
