//! Who takes part in a coordination, and on which terms, as a file says it. Paths in it are relative to its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::coordination::engine::Times;
use crate::coordination::kind::ParticipantKind;
use crate::coordination::report::{Name, Stream};
use crate::coordination::terms::{Member, Need, Policy, Shared, Sharing, Terms};
use crate::error::Error;

/// Who takes part, and on which terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who takes part.
    pub members: BTreeMap<Name, MemberConfig>,
    /// Which transactions span several participants.
    #[serde(default)]
    pub sharing: Sharing,
    /// What is decided without asking anybody.
    #[serde(default)]
    pub policy: Policy,
    /// How long is waited for what.
    #[serde(default)]
    pub times: Times,
}

/// One who takes part, and where what it brings back lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum MemberConfig {
    /// A block journal of the kernel.
    KernelJournal {
        /// What others call its sequence.
        stream: Stream,
        /// The journal's file.
        journal: PathBuf,
        /// The image into which it is redone.
        image: PathBuf,
        /// Whether nothing is done without it.
        #[serde(default)]
        need: Need,
    },
    /// A semantic journal.
    UserspaceJournal {
        /// What others call its sequence.
        stream: Stream,
        /// The journal.
        journal: PathBuf,
        /// Its checkpoints.
        checkpoints: PathBuf,
        /// Its records.
        records: PathBuf,
        /// Whether nothing is done without it.
        #[serde(default)]
        need: Need,
    },
    /// Compares what these say was committed.
    CrossLayerManager {
        /// Participants that are journals.
        sides: Vec<Name>,
        /// Whether nothing is done without it.
        #[serde(default)]
        need: Need,
    },
    /// A copy of a journal on the far side of a boundary.
    BoundarySync {
        /// What others call the source's sequence.
        stream: Stream,
        /// The journal that is copied.
        source: PathBuf,
        /// The copy.
        copy: PathBuf,
        /// Whether nothing is done without it.
        #[serde(default)]
        need: Need,
    },
    /// A state that follows a journal.
    ReplayEngine {
        /// What others call the journal's sequence.
        stream: Stream,
        /// The journal.
        journal: PathBuf,
        /// The state, as checkpoints.
        state: PathBuf,
        /// Whether nothing is done without it.
        #[serde(default)]
        need: Need,
    },
    /// Another process, which joins by itself.
    ExternalSystem {
        /// Whether nothing is done without it.
        #[serde(default)]
        need: Need,
    },
}

impl MemberConfig {
    /// What it is, and whether nothing is done without it.
    #[must_use]
    pub fn member(&self) -> Member {
        let (kind, need) = match self {
            Self::KernelJournal { need, .. } => (ParticipantKind::KernelJournal, need),
            Self::UserspaceJournal { need, .. } => (ParticipantKind::UserspaceJournal, need),
            Self::CrossLayerManager { need, .. } => (ParticipantKind::CrossLayerManager, need),
            Self::BoundarySync { need, .. } => (ParticipantKind::BoundarySync, need),
            Self::ReplayEngine { need, .. } => (ParticipantKind::ReplayEngine, need),
            Self::ExternalSystem { need } => (ParticipantKind::ExternalSystem, need),
        };
        Member { kind, need: *need }
    }

    /// Whom it compares.
    fn sides(&self) -> &[Name] {
        match self {
            Self::CrossLayerManager { sides, .. } => sides,
            _ => &[],
        }
    }
}

impl Config {
    /// Reads it.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::InvalidOption {
            option: "coordination",
            reason: format!("{}: {reason}", path.display()),
        };
        let config: Self =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        for name in config.members.keys() {
            // It names a folder and a peer.
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            if name.is_empty() || !name.chars().all(plain) {
                let text =
                    "letters, digits, hyphens and underscores make the name of a participant";
                return Err(wrong(format!("{text}, not {name:?}")));
            }
        }
        config.check_sharing().map_err(wrong)?;
        let named = config.sharing.0.iter().flat_map(|shared| &shared.with);
        let sides = config.members.values().flat_map(MemberConfig::sides);
        if let Some(name) = named.chain(sides).find(|name| !config.members.contains_key(*name)) {
            return Err(Error::ParticipantNotFound { participant: name.clone() });
        }
        config.check_journals().map_err(wrong)?;
        Ok(config)
    }

    /// Every range has something in it.
    fn check_sharing(&self) -> Result<(), String> {
        match self.sharing.0.iter().find(|shared| shared.first > shared.last) {
            Some(Shared { first, last, .. }) => {
                Err(format!("no transaction is from {first} to {last}"))
            }
            None => Ok(()),
        }
    }

    /// Whoever is to share transactions keeps some, and whoever is compared is a journal that can be read here.
    fn check_journals(&self) -> Result<(), String> {
        let kind = |name: &&Name| self.members.get(*name).map(|it| it.member().kind);
        let keeps = |name: &&Name| kind(name).is_some_and(ParticipantKind::keeps_transactions);
        let is_here = |name: &&Name| kind(name) != Some(ParticipantKind::ExternalSystem);
        let mut named = self.sharing.0.iter().flat_map(|shared| &shared.with);
        if let Some(name) = named.find(|name| !keeps(name)) {
            return Err(format!("{name} keeps no transactions, so it can't share any"));
        }
        let mut sides = self.members.values().flat_map(MemberConfig::sides);
        match sides.find(|name| !keeps(name) || !is_here(name)) {
            Some(name) => Err(format!("{name} is no journal that could be compared")),
            None => Ok(()),
        }
    }

    /// Of one participant, by what a file says of it alone.
    pub(super) fn of_one(bytes: &[u8], path: &Path, name: &str) -> Result<Self, Error> {
        let member: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| Error::InvalidOption {
                option: "member",
                reason: format!("{}: {error}", path.display()),
            })?;
        let all = serde_json::json!({ "members": { name: member } });
        Self::parse(all.to_string().as_bytes(), path)
    }

    /// The terms.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let members = self.members.iter().map(|(name, member)| (name.clone(), member.member()));
        Terms { members: members.collect(), sharing: self.sharing.clone(), policy: self.policy }
    }
}
