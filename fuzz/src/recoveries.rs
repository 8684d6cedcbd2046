//! What must hold of a recovery, whatever lies in its folders: a result or a typed error; the journal as
//! it was; work bounded by what is stored; nothing changed by looking; a whole result that is the one of
//! a replay from the first event; and no loss that wasn't accepted.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::recovery::{Accept, Loss, Recovered, RecoveryManager, RecoveryOptions, Way};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, StopPoint, replay_serially};
use vexfs_replay::storage::MemoryFolder;

use crate::counting::CountingFolder;
use crate::scenes::{ATTEMPT, Scene, WATERMARKS, contents};

/// How often looking may read what is stored.
const LOOKS_MAX: u64 = 8;
/// How often a recovery may: every way of its plan reads as often as a replay.
const READINGS_MAX: u64 = 8 * Way::ALL.len() as u64;
/// What either may read beside that, in bytes.
const READ_BYTES_MAX: u64 = 256 * 1024;

/// Recovers from what an input stands for.
///
/// # Panics
/// When something doesn't hold.
pub fn check(input: &[u8]) {
    let Some(scene) = Scene::of(input) else { return };
    if scene.rolled_back_before {
        drop(earlier(&scene));
    }
    if scene.killed_before {
        kill(&scene);
    }
    scene.change();
    scene.check_trust();
    let stage = Stage::of(&scene);
    stage.look();
    let journal = contents(&scene.folders[0]);
    stage.recover();
    stage.look();
    // What was undone comes back, and the recovery after that is held to the same.
    let mut manager = stage.manager();
    checked(stage.bounded(READINGS_MAX, || manager.redo()));
    stage.recover();
    checked(stage.bounded(READINGS_MAX, || manager.cleanup(scene.keep)));
    stage.recover();
    assert!(contents(&scene.folders[0]) == journal, "the journal was changed");
}

/// Rolls back, before anything is changed.
///
/// # Errors
/// What the recovery says.
pub fn earlier(scene: &Scene) -> Result<Recovered, Error> {
    let options = RecoveryOptions {
        accept: Accept { undo: true, ..Accept::default() },
        only: Some(Way::Rollback),
        rollback_to: Some(WATERMARKS[0]),
        ..scene.options.clone()
    };
    let folders = scene.folders.clone().map(CountingFolder::over);
    RecoveryManager::new(scene.places(&folders), options).recover(&mut |_| {})
}

/// Leaves behind what a recovery that is killed has written down by then.
fn kill(scene: &Scene) {
    let [journal, checkpoints, records] = scene.folders.clone();
    let copies = [journal, copy(&checkpoints), copy(&records)];
    let folders = copies.clone().map(CountingFolder::over);
    let mut attempt = None;
    let mut manager = RecoveryManager::new(scene.places(&folders), scene.options.clone());
    drop(manager.recover(&mut |_| attempt = attempt.take().or(copies[2].get(ATTEMPT))));
    if let Some(attempt) = attempt {
        scene.folders[2].put(ATTEMPT, attempt);
    }
}

fn copy(folder: &MemoryFolder) -> MemoryFolder {
    let copy = MemoryFolder::default();
    contents(folder).into_iter().for_each(|(name, content)| copy.put(&name, content));
    copy
}

/// A scene, and what is read of its folders.
struct Stage<'s> {
    scene: &'s Scene,
    folders: [CountingFolder; 3],
}

impl<'s> Stage<'s> {
    fn of(scene: &'s Scene) -> Self {
        Self { scene, folders: scene.folders.clone().map(CountingFolder::over) }
    }

    fn manager(&self) -> RecoveryManager {
        RecoveryManager::new(self.scene.places(&self.folders), self.scene.options.clone())
    }

    fn contents(&self) -> [Vec<(String, Vec<u8>)>; 3] {
        [0, 1, 2].map(|index| contents(&self.scene.folders[index]))
    }

    /// Does something, and checks how much it read.
    fn bounded<T>(&self, readings_max: u64, act: impl FnOnce() -> T) -> T {
        let stored = || {
            let files = self.contents().into_iter().flatten();
            files.map(|(_, content)| content.len() as u64).sum::<u64>()
        };
        let before = stored();
        let done = act();
        let read: u64 = self.folders.iter().map(CountingFolder::take_bytes_read).sum();
        // What it wrote, it may read, too.
        let most = readings_max * before.max(stored()) + READ_BYTES_MAX;
        assert!(read <= most, "{read} bytes were read where {most} are enough");
        done
    }

    /// Looks in every way there is, which changes nothing.
    fn look(&self) {
        let before = self.contents();
        self.bounded(LOOKS_MAX, || {
            let manager = self.manager();
            if let Some(survey) = checked(manager.survey()) {
                let plan = manager.plan(&survey);
                self.check_accepted(plan.ways.iter().copied());
                checked(manager.estimates(&survey));
            }
            checked(manager.rollback());
            checked(manager.history());
            checked(manager.statistics());
        });
        assert!(self.contents() == before, "looking changed something");
    }

    fn recover(&self) {
        let mut manager = self.manager();
        let standing = manager.rollback().ok().flatten().map(|it| it.watermark);
        let is_first = self.scene.is_untouched() && contents(&self.scene.folders[2]).is_empty();
        let result = self.bounded(READINGS_MAX, || manager.recover(&mut |_| {}));
        match checked(result) {
            Some(recovered) => self.check_recovered(&recovered, standing),
            None if is_first => self.check_refused(),
            None => {}
        }
    }

    fn check_recovered(&self, recovered: &Recovered, standing: Option<u64>) {
        let recovery = recovered.recovery();
        let record = &recovery.record;
        self.check_accepted(record.path.iter().map(|tried| tried.way));
        assert_eq!(record.state_digest, recovery.state.digest());
        let started_from = &recovery.outcome.started_from;
        let proven = self.scene.options.replay.validation == Validation::Cryptographic
            && !self.scene.has_forged_checkpoints();
        if let (Recovered::Whole(_), true) = (recovered, started_from.is_none() || proven) {
            let until = match (self.scene.options.replay.until, standing) {
                (Some(StopPoint::Lsn(lsn)), Some(watermark)) => {
                    Some(StopPoint::Lsn(lsn.min(watermark)))
                }
                (until, standing) => until.or(standing.map(StopPoint::Lsn)),
            };
            // A checkpoint is made of what is synced: it may hold what a tail that is torn now ends before.
            let spared = started_from.as_ref().map_or(0, |it| it.watermark);
            if let Some((digest, _)) = self.serially(until).filter(|it| it.1 >= spared) {
                assert_eq!(record.state_digest, digest, "{record:?}");
            }
        }
    }

    /// With nothing but a journal that can be replayed, there is nothing to refuse.
    fn check_refused(&self) {
        let RecoveryOptions { only, reported, replay, .. } = &self.scene.options;
        let alone = contents(&self.scene.folders[1]).is_empty();
        if alone && only.is_none() && reported.is_none() && replay.until.is_none() {
            assert!(self.serially(None).is_none(), "what can be replayed isn't recovered");
        }
    }

    /// What a replay of the same journal from its first event comes to, and up to which LSN, where it
    /// succeeds.
    fn serially(&self, until: Option<StopPoint>) -> Option<([u8; 32], u64)> {
        let journal = Journal::open(Arc::new(self.scene.folders[0].clone())).ok()?;
        let replay = self.scene.options.replay.clone();
        let options = ReplayOptions { damage: DamagePolicy::Tail, until, ..replay };
        let (state, outcome) = replay_serially(&journal, &options).ok()?;
        Some((state.digest(), outcome.last_lsn))
    }

    fn check_accepted(&self, ways: impl Iterator<Item = Way>) {
        let accept = self.scene.options.accept;
        for way in ways {
            let accepted = match way.loss() {
                Loss::Nothing => true,
                Loss::Suffix => accept.suffix,
                Loss::Holes => accept.holes,
                Loss::Undone => accept.undo,
            };
            assert!(accepted, "{way:?} was not accepted");
        }
    }
}

/// What can't happen to folders in memory that nobody else has is no answer.
fn checked<T>(result: Result<T, Error>) -> Option<T> {
    let error = match result {
        Ok(done) => return Some(done),
        Err(error) => error,
    };
    // A message that can't be written would be no message.
    assert!(!error.to_string().is_empty());
    match &error {
        // A rollback may name what isn't there.
        Error::Io { source, .. } => {
            assert!(source.kind() == std::io::ErrorKind::NotFound, "{error:?}");
        }
        Error::Unrecovered { tried, .. } => assert!(!tried.is_empty()),
        Error::NotAJournal { .. }
        | Error::UnknownFormat { .. }
        | Error::InvalidOption { .. }
        | Error::Damaged { .. }
        | Error::Inconsistent { .. }
        | Error::LimitExceeded { .. }
        | Error::NoSuchTransaction { .. }
        | Error::NoCheckpoint { .. }
        | Error::BadCheckpoint { .. }
        | Error::NoWay { .. }
        | Error::InconsistentRecovery { .. } => {}
        _ => panic!("{error:?}"),
    }
    None
}

#[cfg(test)]
#[path = "recoveries/tests.rs"]
mod tests;
