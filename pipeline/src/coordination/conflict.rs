//! What participants can disagree about, and what can be done about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::cut::Verdict;
use super::report::{CutDigest, Name, Said, Stream};

/// A disagreement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "conflict")]
pub enum Conflict {
    /// A transaction is committed at some and aborted at others.
    OutcomesDiffer {
        /// Its id.
        transaction: u64,
        /// What each says.
        said: BTreeMap<Name, Said>,
    },
    /// What one saw another say of a transaction isn't what that says of it.
    ObservedDiffers {
        /// Its id.
        transaction: u64,
        /// Who saw it.
        observer: Name,
        /// Who said it.
        participant: Name,
        /// What was seen.
        observed: Said,
        /// What it says now; nothing where it hasn't heard of it.
        said: Option<Said>,
    },
    /// A transaction is prepared everywhere, and nobody has decided.
    InDoubt {
        /// Its id.
        transaction: u64,
    },
    /// A transaction was decided, and isn't so at the cut.
    DecisionLost {
        /// Its id.
        transaction: u64,
        /// What was decided.
        verdict: Verdict,
    },
    /// Those that hold a stream stand at different positions in it.
    Drift {
        /// The stream.
        stream: Stream,
        /// Where the last one stands.
        least: u64,
        /// Where the first one stands.
        most: u64,
    },
    /// Those that hold a stream have different digests at one cut.
    DigestsDiffer {
        /// The stream.
        stream: Stream,
        /// The cut.
        at: u64,
        /// What each has.
        digests: BTreeMap<Name, CutDigest>,
    },
    /// Two or more claim to own a thing.
    TwoOwners {
        /// The thing.
        resource: String,
        /// Since which epoch each claims it.
        owners: BTreeMap<Name, u64>,
    },
    /// A participant stands before the cut.
    Behind {
        /// Its name.
        participant: Name,
        /// The stream.
        stream: Stream,
        /// Where it stands.
        at: u64,
        /// The cut.
        cut: u64,
    },
    /// A participant stands after the cut.
    Ahead {
        /// Its name.
        participant: Name,
        /// The stream.
        stream: Stream,
        /// Where it stands; of a source, the latest position that it has.
        at: u64,
        /// The cut.
        cut: u64,
        /// The earliest position that it can be brought to.
        floor: u64,
    },
    /// A participant failed or fell silent.
    Unreachable {
        /// Its name.
        participant: Name,
        /// Why.
        reason: String,
        /// How often it was tried.
        tries: u32,
    },
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is put right on the way.
    Minor,
    /// Something is put right that somebody may miss.
    Major,
    /// It can't be put right without loss or without somebody who decides.
    Critical,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The one of higher priority is right.
    Priority,
    /// It is tried again, later each time.
    Retry,
    /// Who is ahead goes back.
    Rollback,
    /// Somebody has to say.
    Manual,
    /// It is given up: the transaction, or the participant.
    Abort,
    /// Who is behind is brought on.
    Merge,
}

/// What somebody said about a conflict that waited for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The transaction is committed.
    Commit,
    /// The transaction is aborted.
    Abort,
    /// Who is ahead goes back, and what it had is lost.
    Rollback,
    /// This one is right.
    Prefer(Name),
    /// The others go on without this one.
    Without(Name),
    /// The coordination ends, and all stays as it was.
    Stop,
}

impl Ruling {
    /// It as a word: `commit`, `without:NAME`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Commit => "commit".to_owned(),
            Self::Abort => "abort".to_owned(),
            Self::Rollback => "rollback".to_owned(),
            Self::Prefer(name) => format!("prefer:{name}"),
            Self::Without(name) => format!("without:{name}"),
            Self::Stop => "stop".to_owned(),
        }
    }

    /// What such a word says; none where it says nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            Some(("prefer", name)) => Self::Prefer(name.to_owned()),
            Some(("without", name)) => Self::Without(name.to_owned()),
            Some(_) => return None,
            None => match text {
                "commit" => Self::Commit,
                "abort" => Self::Abort,
                "rollback" => Self::Rollback,
                "stop" => Self::Stop,
                _ => return None,
            },
        })
    }
}

/// Sequences that are fewer events apart have drifted a little.
pub const DRIFT_MAJOR_EVENTS: u64 = 100;

impl Conflict {
    /// What it is about, in a form that stays the same when it is found again.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::OutcomesDiffer { transaction, .. } => format!("outcomes:{transaction}"),
            Self::ObservedDiffers { transaction, observer, participant, .. } => {
                format!("observed:{transaction}:{observer}:{participant}")
            }
            Self::InDoubt { transaction } => format!("in-doubt:{transaction}"),
            Self::DecisionLost { transaction, .. } => format!("decision:{transaction}"),
            Self::Drift { stream, .. } => format!("drift:{stream}"),
            Self::DigestsDiffer { stream, .. } => format!("digests:{stream}"),
            Self::TwoOwners { resource, .. } => format!("owners:{resource}"),
            Self::Behind { participant, stream, .. } => format!("behind:{participant}:{stream}"),
            // Who accepts a loss has accepted that one and no larger one.
            Self::Ahead { participant, stream, at, cut, .. } => {
                format!("ahead:{participant}:{stream}:{at}:{cut}")
            }
            Self::Unreachable { participant, .. } => format!("unreachable:{participant}"),
        }
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let by_distance = |events: u64| match events {
            ..DRIFT_MAJOR_EVENTS => Severity::Minor,
            _ => Severity::Major,
        };
        match self {
            Self::Drift { least, most, .. } => by_distance(most.abs_diff(*least)),
            Self::Behind { at, cut, .. } => by_distance(cut.abs_diff(*at)),
            Self::Ahead { cut, floor, .. } if floor > cut => Severity::Critical,
            Self::Ahead { .. }
            | Self::TwoOwners { .. }
            | Self::Unreachable { .. }
            | Self::ObservedDiffers { .. }
            | Self::OutcomesDiffer { .. } => Severity::Major,
            Self::DigestsDiffer { .. } | Self::InDoubt { .. } | Self::DecisionLost { .. } => {
                Severity::Critical
            }
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutcomesDiffer { transaction, said } => {
                write!(f, "transaction {transaction} ended differently:")?;
                said.iter().try_for_each(|(name, said)| write!(f, " {name} says {said};"))
            }
            Self::ObservedDiffers { transaction, observer, participant, observed, said } => {
                write!(
                    f,
                    "{observer} saw transaction {transaction} {observed} at {participant}, "
                )?;
                match said {
                    Some(said) => write!(f, "which says {said}"),
                    None => write!(f, "which hasn't heard of it"),
                }
            }
            Self::InDoubt { transaction } => {
                write!(
                    f,
                    "transaction {transaction} is prepared everywhere, and nobody has decided"
                )
            }
            Self::DecisionLost { transaction, verdict } => {
                write!(
                    f,
                    "transaction {transaction} was decided ({verdict}), and isn't so at the cut"
                )
            }
            Self::Drift { stream, least, most } => {
                write!(f, "stream {stream} stands between {least} and {most}")
            }
            Self::DigestsDiffer { stream, at, digests } => {
                write!(f, "stream {stream} differs at {at}:")?;
                digests.iter().try_for_each(|(name, digest)| {
                    write!(f, " {name} has {};", hex::encode(digest.0))
                })
            }
            Self::TwoOwners { resource, owners } => {
                write!(f, "{resource} has several owners:")?;
                owners
                    .iter()
                    .try_for_each(|(name, epoch)| write!(f, " {name} since epoch {epoch};"))
            }
            Self::Behind { participant, stream, at, cut } => {
                write!(
                    f,
                    "{participant} stands at {at} of stream {stream}, before the cut at {cut}"
                )
            }
            Self::Ahead { participant, stream, at, cut, floor } => {
                write!(
                    f,
                    "{participant} stands at {at} of stream {stream}, after the cut at {cut}"
                )?;
                match floor > cut {
                    true => write!(f, ", and can't go back farther than {floor}"),
                    false => Ok(()),
                }
            }
            Self::Unreachable { participant, reason, tries } => {
                write!(f, "{participant} was tried {tries} times: {reason}")
            }
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committed(place) => write!(f, "committed at {} of {}", place.at, place.stream),
            Self::Prepared(place) => write!(f, "prepared at {} of {}", place.at, place.stream),
            Self::Aborted => f.write_str("aborted"),
            Self::Unfinished => f.write_str("unfinished"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Abort => "abort",
        })
    }
}
