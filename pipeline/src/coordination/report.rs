//! What a participant says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vexfs_kernels::Digest;

/// The name of a participant.
pub type Name = String;
/// The name of a stream: of a sequence of changes that several participants count by.
pub type Stream = String;

/// How far a participant comes, and what it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Where it stands in each stream that it holds.
    pub standings: BTreeMap<Stream, Standing>,
    /// The transactions that it shares with others, as far as it has heard of them, by their ids.
    #[serde(default)]
    pub transactions: BTreeMap<u64, Said>,
    /// What it saw others say of transactions.
    #[serde(default)]
    pub observed: BTreeMap<Name, BTreeMap<u64, Said>>,
    /// What it owns, and since which epoch.
    #[serde(default)]
    pub owns: BTreeMap<String, u64>,
}

impl Report {
    /// What in it can't be: a transaction that is committed or prepared where its participant doesn't stand, or
    /// before all positions. No cut could have that out.
    pub(super) fn fault(&self) -> Option<String> {
        self.transactions.iter().find_map(|(id, said)| match said {
            Said::Committed(place) | Said::Prepared(place) if place.at == 0 => {
                Some(format!("its transaction {id} is {said}, where nothing can be"))
            }
            Said::Committed(place) | Said::Prepared(place)
                if !self.standings.contains_key(&place.stream) =>
            {
                Some(format!(
                    "its transaction {id} is {said}, where it says nothing of that stream"
                ))
            }
            _ => None,
        })
    }
}

/// Where a participant stands in a stream. Positions are of the last change that is in; 0 is before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Whether others follow it, or it follows others.
    pub role: Role,
    /// The earliest position that it can be brought to.
    pub floor: u64,
    /// Where it is.
    pub at: u64,
    /// The latest position that it can be brought to.
    pub reach: u64,
}

/// Whether others follow a participant in a stream, or it follows others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It has changes that are nowhere else: where it goes back, these are lost.
    Source,
    /// All that it has, sources have, too.
    Follower,
}

/// What a participant says of a transaction that it has heard of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is committed.
    Committed(Place),
    /// All of it is there, and whether it is committed somebody else decides.
    Prepared(Place),
    /// It is aborted.
    Aborted,
    /// It began, and didn't end.
    Unfinished,
}

/// A position in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The stream.
    pub stream: Stream,
    /// The position.
    pub at: u64,
}

/// What a participant has at a cut, by stream: those that hold the same stream have the same.
pub type Proof = BTreeMap<Stream, CutDigest>;

/// The digest of a stream, or of what it led to, at a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CutDigest(#[serde(with = "hex::serde")] pub Digest);
