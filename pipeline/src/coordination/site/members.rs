//! Makes participants of what a file says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{MemberConfig, Site};
use crate::block_journal::{Place, survey};
use crate::coordination::participant::Participant;
use crate::coordination::participants::{
    BoundarySync, CrossLayer, KernelJournal, ReplayEngine, Side, UserspaceJournal,
    shared_transactions,
};
use crate::coordination::report::{Name, Said, Stream};
use crate::coordination::terms::Sharing;
use crate::error::{Error, IoContext as _};
use crate::journal::Journal;
use crate::recovery::{Places, RecoveryOptions};
use crate::replay::{DamagePolicy, ReplayOptions};
use crate::storage::{DiskFolder, Folder, MemoryFolder};

impl Site {
    /// Those who take part in this process, by their names. Those that are other processes join by themselves.
    ///
    /// # Errors
    /// When a folder isn't there, or can't be opened.
    pub fn participants(
        &self,
        replay: &ReplayOptions,
    ) -> Result<BTreeMap<Name, Box<dyn Participant>>, Error> {
        let mut made = BTreeMap::new();
        for (name, member) in &self.config.members {
            if let Some(participant) = self.participant(name, member, replay)? {
                made.insert(name.clone(), participant);
            }
        }
        Ok(made)
    }

    fn participant(
        &self,
        name: &str,
        member: &MemberConfig,
        replay: &ReplayOptions,
    ) -> Result<Option<Box<dyn Participant>>, Error> {
        let there = |path: &Path| self.folder(path);
        let made = |path: &Path| self.made_folder(path);
        Ok(Some(match member {
            MemberConfig::UserspaceJournal { stream, journal, checkpoints, records, .. } => {
                Box::new(UserspaceJournal {
                    stream: stream.clone(),
                    sharing: self.config.sharing.clone(),
                    places: Places {
                        journal: there(journal)?,
                        checkpoints: Some(made(checkpoints)?),
                        records: Some(made(records)?),
                    },
                    staging: self.work_of(&format!("{name}/staging"))?,
                    options: RecoveryOptions {
                        replay: ReplayOptions { list_skipped: true, ..replay.clone() },
                        ..RecoveryOptions::default()
                    },
                })
            }
            MemberConfig::ReplayEngine { stream, journal, state, .. } => Box::new(ReplayEngine {
                stream: stream.clone(),
                journal: there(journal)?,
                state: made(state)?,
                staging: self.work_of(&format!("{name}/staging"))?,
                options: replay.clone(),
            }),
            MemberConfig::BoundarySync { stream, source, copy, .. } => Box::new(BoundarySync {
                stream: stream.clone(),
                source: there(source)?,
                copy: made(copy)?,
                options: replay.clone(),
            }),
            MemberConfig::CrossLayerManager { sides, .. } => {
                let sides = sides.iter().filter_map(|side| {
                    let seen = self.side(side, replay).transpose()?;
                    Some(seen.map(|seen| (side.clone(), seen)))
                });
                Box::new(CrossLayer { sides: sides.collect::<Result<_, Error>>()? })
            }
            MemberConfig::KernelJournal { stream, journal, image, .. } => {
                Box::new(self.kernel_journal(
                    stream,
                    journal,
                    image,
                    self.work_of(&format!("{name}/staging"))?,
                )?)
            }
            MemberConfig::ExternalSystem { .. } => return Ok(None),
        }))
    }

    /// A participant as the cross-layer manager sees it; none of those that keep no journal.
    fn side(&self, name: &str, replay: &ReplayOptions) -> Result<Option<Box<dyn Side>>, Error> {
        Ok(match self.config.members.get(name) {
            Some(MemberConfig::UserspaceJournal { stream, journal, .. }) => {
                Some(Box::new(Semantic {
                    journal: self.folder(journal)?,
                    stream: stream.clone(),
                    sharing: self.config.sharing.clone(),
                    options: replay.clone(),
                }))
            }
            Some(MemberConfig::KernelJournal { stream, journal, image, .. }) => {
                // It is only looked at.
                let staging = Arc::new(MemoryFolder::default());
                Some(Box::new(Blocks(self.kernel_journal(stream, journal, image, staging)?)))
            }
            _ => None,
        })
    }

    fn kernel_journal(
        &self,
        stream: &Stream,
        journal: &Path,
        image: &Path,
        staging: Arc<dyn Folder>,
    ) -> Result<KernelJournal, Error> {
        Ok(KernelJournal {
            stream: stream.clone(),
            sharing: self.config.sharing.clone(),
            journal: Place::on_disk(&self.path.join(journal))?,
            image: Place::on_disk(&self.path.join(image))?,
            staging,
        })
    }

    fn folder(&self, path: &Path) -> Result<Arc<dyn Folder>, Error> {
        let path = self.path.join(path);
        Ok(Arc::new(DiskFolder::open(&path).context("open", &path, None)?))
    }

    fn made_folder(&self, path: &Path) -> Result<Arc<dyn Folder>, Error> {
        let path = self.path.join(path);
        Ok(Arc::new(DiskFolder::create(&path).context("create", &path, None)?))
    }
}

/// A block journal, as the cross-layer manager sees it.
#[derive(Debug)]
struct Blocks(KernelJournal);

impl Side for Blocks {
    fn said(&self, alive: &dyn Fn()) -> Result<BTreeMap<u64, Said>, Error> {
        alive();
        Ok(self.0.shared(&survey(&self.0.journal)?))
    }
}

/// A semantic journal, as the cross-layer manager sees it.
#[derive(Debug)]
struct Semantic {
    journal: Arc<dyn Folder>,
    stream: Stream,
    sharing: Sharing,
    options: ReplayOptions,
}

impl Side for Semantic {
    fn said(&self, alive: &dyn Fn()) -> Result<BTreeMap<u64, Said>, Error> {
        let journal = Journal::open(Arc::clone(&self.journal))?;
        let options = ReplayOptions { damage: DamagePolicy::Prefix, ..self.options.clone() };
        let shared = shared_transactions(&journal, &options, &self.sharing, &self.stream, alive)?;
        Ok(shared.transactions)
    }
}
