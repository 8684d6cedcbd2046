//! Holds the coordination of a folder: everything that it needs on one machine, put together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::before::Before;
use super::{Control, MemberConfig, Site, Word};
use crate::coordination::drive::{Ground, Life, Patience, coordinate};
use crate::coordination::file_fence::FileFence;
use crate::coordination::ground::{Clock, SystemClock};
use crate::coordination::kind::ParticipantKind;
use crate::coordination::machine::{Input, Machine};
use crate::coordination::mail::Mail;
use crate::coordination::report::Name;
use crate::coordination::routed::Routed;
use crate::coordination::snapshot::Snapshot;
use crate::coordination::sockets::{SocketHub, SocketOptions};
use crate::coordination::threads::{Local, Threads};
use crate::error::{Error, IoContext as _};
use crate::replay::ReplayOptions;
use crate::storage::{self, DiskFolder, Folder};

/// How many words are kept until they are heard.
const SAID_MAX: usize = 64;

/// What is said before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Nothing.
    Nothing,
    /// That it is to come to nothing.
    Cancel,
}

impl Site {
    /// Holds it to its end, or goes on with it; `watch` sees what it has come to. Meanwhile others can say something
    /// to it, and participants that are other processes can come in.
    ///
    /// # Errors
    /// [`Error::Locked`] when a coordinator runs; when a participant's folders can't be opened; and as
    /// [`coordinate`].
    pub fn hold(
        &self,
        replay: &ReplayOptions,
        patience: Patience,
        first: First,
        watch: &mut dyn FnMut(&Snapshot),
    ) -> Result<(Life, Snapshot), Error> {
        let _one = self.only_one()?;
        let mut first = first;
        loop {
            let (life, last, unheard) = self.live(replay, patience, first, watch)?;
            if life != Life::Waits || unheard.is_empty() {
                return Ok((life, last));
            }
            // Whoever said it was told that it counts.
            first = First::Nothing;
            for input in unheard {
                match input {
                    Input::Ruled(conflict, ruling) => self.rule(&conflict, ruling)?,
                    _ => first = First::Cancel,
                }
            }
        }
    }

    /// One life of a coordinator; gives what was said to it that it didn't hear any more, too.
    fn live(
        &self,
        replay: &ReplayOptions,
        patience: Patience,
        first: First,
        watch: &mut dyn FnMut(&Snapshot),
    ) -> Result<(Life, Snapshot, Vec<Input>), Error> {
        let (mail, clock) = (Mail::default(), Arc::new(SystemClock::default()) as Arc<dyn Clock>);
        let (mut transport, hub) = self.ways(replay, &mail, &clock)?;
        let (say, said) = bounded(SAID_MAX);
        if first == First::Cancel {
            // There is room for the first word.
            let _ = say.send(Input::Cancel);
        }
        let now: Arc<Mutex<Option<Snapshot>>> = Arc::default();
        let heard = Arc::clone(&now);
        let control =
            Control::listen(&self.control_socket(), move |word| hear(word, &heard, &say))?;
        let mut record = self.record()?;
        let before = Before::of(&record.read()?, self.told()?);
        let ground = Ground {
            record: &mut record,
            transport: &mut transport,
            clock: clock.as_ref(),
            said: &said,
        };
        let mut lost = None;
        let mut tell = |snapshot: Snapshot| {
            let snapshot = before.added_to(snapshot);
            // Whoever sees in the file that something waits can say something about it at once.
            *now.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
            // What is decided is in the record; who only looks sees what came before, then.
            lost = self.keep_status(&snapshot).err();
            watch(&snapshot);
            snapshot
        };
        let (terms, times) = (self.config.terms(), self.config.times);
        let mut step = |machine: &Machine| {
            tell(Snapshot::of(machine, None));
        };
        let (life, engine) = coordinate(terms, times, patience, ground, &mut step)?;
        let last = tell(Snapshot::of(engine.machine(), Some(&life)));
        if let (Some(hub), Life::Ended(_)) = (&hub, &life) {
            hub.dismiss();
        }
        // Nobody says anything any more when it is looked at what was said.
        drop(control);
        lost.map_or_else(|| Ok((life, last, said.try_iter().collect())), Err)
    }

    /// Makes sure that no other process holds it, for as long as what is given lives.
    fn only_one(&self) -> Result<Box<dyn std::fmt::Debug + Send + Sync>, Error> {
        let path = self.sockets();
        let folder = DiskFolder::create(&path).context("create", &path, None)?;
        private(&path)?;
        storage::lock(&folder)
    }

    /// The ways to all who take part.
    fn ways(
        &self,
        replay: &ReplayOptions,
        mail: &Mail,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Routed, Option<SocketHub>), Error> {
        let heartbeat_ms = self.config.times.heartbeat_ms;
        let mut locals = BTreeMap::new();
        for (name, participant) in self.participants(replay)? {
            let fence = Box::new(FileFence::open(self.work_of(&name)? as Arc<dyn Folder>)?);
            locals.insert(name, Local { participant, fence });
        }
        let here: Vec<Name> = locals.keys().cloned().collect();
        let every = Duration::from_millis(heartbeat_ms);
        let threads = Threads::start(locals, clock, every, mail.clone())?;
        let mut ways = Routed::new(mail.clone()).with(here, Box::new(threads));
        let others = self.config.members.iter();
        let others = others.filter(|(_, it)| matches!(it, MemberConfig::ExternalSystem { .. }));
        let others: Vec<Name> = others.map(|(name, _)| name.clone()).collect();
        if others.is_empty() {
            return Ok((ways, None));
        }
        let options = SocketOptions { heartbeat_ms, ..SocketOptions::default() };
        let hub = SocketHub::listen(&self.participants_socket(), options)?;
        for name in &others {
            hub.invite(name.clone(), ParticipantKind::ExternalSystem);
        }
        let sockets = hub.way_to(others.clone(), mail.clone())?;
        ways = ways.with(others, Box::new(sockets));
        Ok((ways, Some(hub)))
    }
}

/// Lets nobody but the owner into a folder.
fn private(path: &std::path::Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let owner_alone = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(path, owner_alone).context("close to others", path, None)
}

/// Hears what somebody says while it runs.
fn hear(word: Word, now: &Mutex<Option<Snapshot>>, say: &Sender<Input>) -> Result<(), Error> {
    let input = match word {
        Word::Cancel => Input::Cancel,
        Word::Rule { conflict, ruling } => {
            let now = now.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = now.iter().flat_map(Snapshot::waiting);
            super::check_ruling(waiting, &conflict, &ruling)?;
            Input::Ruled(conflict, ruling)
        }
    };
    say.try_send(input).map_err(|_| Error::InvalidOption {
        option: "coordination",
        reason: "it has that much to hear already".to_owned(),
    })
}
