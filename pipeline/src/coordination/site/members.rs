//! Makes participants of what a file says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{MemberConfig, Site};
use crate::block_journal::{Place, survey};
use crate::coordination::participant::Participant;
use crate::coordination::participants::{
    BoundarySync, CrossLayer, KernelJournal, ReplayEngine, Side, UserspaceJournal,
};
use crate::coordination::report::{Name, Said, Stream};
use crate::error::{Error, IoContext as _};
use crate::recovery::{Places, RecoveryOptions};
use crate::replay::ReplayOptions;
use crate::storage::{DiskFolder, Folder};

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
            MemberConfig::UserspaceJournal { .. } => match self.semantic(name, replay)? {
                Some(journal) => Box::new(journal),
                None => return Ok(None),
            },
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
            Some(MemberConfig::UserspaceJournal { .. }) => self
                .semantic(name, replay)?
                .map(|journal| Box::new(Semantic(journal)) as Box<dyn Side>),
            Some(MemberConfig::KernelJournal { stream, journal, image, .. }) => {
                // It is only looked at, and at what it keeps in mind.
                let staging = self.work_of(&format!("{name}/staging"))?;
                Some(Box::new(Blocks(self.kernel_journal(stream, journal, image, staging)?)))
            }
            _ => None,
        })
    }

    /// The semantic journal of this name.
    fn semantic(
        &self,
        name: &str,
        replay: &ReplayOptions,
    ) -> Result<Option<UserspaceJournal>, Error> {
        let Some(MemberConfig::UserspaceJournal { stream, journal, checkpoints, records, .. }) =
            self.config.members.get(name)
        else {
            return Ok(None);
        };
        Ok(Some(UserspaceJournal {
            stream: stream.clone(),
            sharing: self.config.sharing.clone(),
            places: Places {
                journal: self.folder(journal)?,
                checkpoints: Some(self.made_folder(checkpoints)?),
                records: Some(self.made_folder(records)?),
            },
            staging: self.work_of(&format!("{name}/staging"))?,
            options: RecoveryOptions {
                replay: ReplayOptions { list_skipped: true, ..replay.clone() },
                ..RecoveryOptions::default()
            },
        }))
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
        self.0.shared(&survey(&self.0.journal)?)
    }
}

/// A semantic journal, as the cross-layer manager sees it.
#[derive(Debug)]
struct Semantic(UserspaceJournal);

impl Side for Semantic {
    fn said(&self, alive: &dyn Fn()) -> Result<BTreeMap<u64, Said>, Error> {
        self.0.shared(alive)
    }
}
