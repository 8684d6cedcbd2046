//! How an input of `recovery` is read: eight bytes of choices, pieces that change checkpoints and
//! records, and the journal.
//!
//! | byte | bits | what it chooses |
//! |---|---|---|
//! | 0 | all | the journal, as [`crate::input`] says it |
//! | 1 | 0-1 | the validation mode |
//! | 1 | 2-4 | a suffix, holes, undoing are accepted |
//! | 1 | 5, 6 | there are no checkpoints, no records |
//! | 1 | 7 | a recovery was killed before, and has left its attempt |
//! | 2 | all | where recovery stops; 0 for nowhere |
//! | 3 | 0-1, 4-7 | what the stop is: LSN, time, transaction; the failure that is reported |
//! | 4 | 0-3, 4-7 | the only way; how many artefacts are kept |
//! | 5 | all | the watermark to roll back to; 0 for the newest |
//! | 6 | 0, 1 | checkpoints are recent; a rollback was done before |
//! | 7 | 0-2 | how many pieces follow |
//!
//! A piece is a byte for its target, the length of its bytes (u16), and these. Of the target, bits 0-2
//! choose what is changed, bits 3-4 how, and bits 5-7 which one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::{Journal, Validation, segment};
use vexfs_replay::recovery::{Accept, FailureType, Places, RecoveryOptions, Way};
use vexfs_replay::replay::{Checkpoints, ReplayOptions, StopPoint, replay};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::bases::{Ending, base};
use crate::counting::CountingFolder;
use crate::{Segments, checkpoints, input, records, signatures};

/// How many bytes of choices there are.
pub const CHOICE_BYTES: usize = 8;
/// The watermarks of the intact checkpoints, where the journal reaches them: a base and two deltas.
pub const WATERMARKS: [u64; 3] = [30, 60, 100];
/// Where a killed recovery has left what it was at.
pub const ATTEMPT: &str = "attempt.json";
const ROLLBACK: &str = "rollback.json";

/// The folders and options of a recovery, and what came before it.
#[derive(Debug)]
pub struct Scene {
    /// The journal, checkpoints and records; the latter two may not be given to the recovery.
    pub folders: [MemoryFolder; 3],
    has_checkpoints: bool,
    has_records: bool,
    /// How it is done.
    pub options: RecoveryOptions,
    /// A recovery was killed before this one.
    pub killed_before: bool,
    /// A rollback was done before this one.
    pub rolled_back_before: bool,
    /// How many artefacts are kept.
    pub keep: usize,
    /// The checkpoints as they were made.
    intact: Family,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    target: u8,
    bytes: Vec<u8>,
}

/// The checkpoints of a journal: names and contents, oldest first.
type Family = Vec<(String, Vec<u8>)>;

impl Scene {
    /// The scene that an input stands for.
    #[must_use]
    pub fn of(input: &[u8]) -> Option<Self> {
        let (choices, mut rest) = input.split_first_chunk::<CHOICE_BYTES>()?;
        let &[how, modes, stop, kinds, ways, back, before, pieces] = choices;
        let pieces = (0..pieces & 7).map_while(|_| Piece::read(&mut rest)).collect();
        let (segments, choice) = input::journal_of(&[&choices[..3], rest].concat())?;
        let bit = |byte: u8, number: u8| byte >> number & 1 == 1;
        let [has_checkpoints, has_records] = [!bit(modes, 5), !bit(modes, 6)];
        let folders = <[MemoryFolder; 3]>::default();
        fill(&folders[0], &segments);
        // What a story tells has its own checkpoints; an edited journal has those of before.
        let made = match (has_checkpoints, how & 3) {
            (false, _) => Family::new(),
            (true, 3) => family(&segments, choice.validation),
            (true, _) => of_base(choice.validation).clone(),
        };
        made.iter().for_each(|(name, content)| folders[1].put(name, content.clone()));
        let until = (stop != 0).then_some(match kinds & 3 {
            1 => StopPoint::Time(stop.into()),
            2 => StopPoint::Transaction(stop.into()),
            _ => StopPoint::Lsn(stop.into()),
        });
        let nth = |number: u8| usize::from(number).checked_sub(1);
        let options = RecoveryOptions {
            accept: Accept { suffix: bit(modes, 2), holes: bit(modes, 3), undo: bit(modes, 4) },
            reported: nth(kinds >> 4).and_then(|it| FailureType::ALL.get(it).copied()),
            only: nth(ways & 15).and_then(|it| Way::ALL.get(it).copied()),
            rollback_to: (back != 0).then_some(back.into()),
            recent: if bit(before, 0) { Duration::MAX } else { Duration::ZERO },
            retries: 0,
            retry_wait: Duration::ZERO,
            replay: one_thread(choice.validation, until),
            ..RecoveryOptions::default()
        };
        Some(Self {
            folders,
            has_checkpoints,
            has_records,
            options,
            killed_before: bit(modes, 7),
            rolled_back_before: bit(before, 1),
            keep: usize::from(ways >> 4),
            intact: made,
            pieces,
        })
    }

    /// The places of a recovery in these folders.
    #[must_use]
    pub fn places(&self, folders: &[CountingFolder; 3]) -> Places {
        let [journal, checkpoints, records] = folders;
        let given = |folder: &CountingFolder, is: bool| is.then(|| shared(folder));
        Places {
            journal: shared(journal),
            checkpoints: given(checkpoints, self.has_checkpoints),
            records: given(records, self.has_records),
        }
    }

    /// Changes checkpoints and records as the pieces say.
    pub fn change(&self) {
        self.pieces.iter().for_each(|piece| piece.change(&self.folders, &self.intact));
    }

    /// Checks the journal against signatures, and reads keys, as the pieces say.
    pub fn check_trust(&self) {
        self.pieces.iter().for_each(|piece| piece.check_trust(&self.folders[0]));
    }

    /// Whether a checkpoint may be there whose seal is right and whose state isn't: whoever can write a
    /// checkpoint can make it say what he likes.
    #[must_use]
    pub fn has_forged_checkpoints(&self) -> bool {
        self.pieces.iter().any(Piece::forges)
    }

    /// Whether nothing but the journal may be wrong.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.pieces.is_empty() && !self.killed_before && !self.rolled_back_before
    }
}

/// Serially enough: what threads do to a replay is for `block_reader`.
#[must_use]
pub fn one_thread(validation: Validation, until: Option<StopPoint>) -> ReplayOptions {
    let threads = std::num::NonZero::<usize>::MIN;
    ReplayOptions { validation, until, threads, ..ReplayOptions::default() }
}

fn shared(folder: &CountingFolder) -> Arc<dyn Folder> {
    Arc::new(folder.clone())
}

/// Puts the segments of a journal into a folder.
pub(crate) fn fill(folder: &MemoryFolder, segments: &Segments) {
    for (number, content) in (0..).zip(segments) {
        if let Some(content) = content {
            folder.put(&segment::file_name(number), content.clone());
        }
    }
}

fn of_base(validation: Validation) -> &'static Family {
    static MADE: [OnceLock<Family>; 4] = [const { OnceLock::new() }; 4];
    let mode = Validation::ALL.iter().position(|&it| it == validation).expect("it is one of them");
    MADE[mode].get_or_init(|| family(base(Ending::Closed), validation))
}

/// The checkpoints that replays of an intact journal leave. One that refuses leaves none.
fn family(segments: &Segments, validation: Validation) -> Family {
    let (journal, folder) = (MemoryFolder::default(), MemoryFolder::default());
    fill(&journal, segments);
    let Ok(journal) = Journal::open(Arc::new(journal)) else { return Vec::new() };
    for watermark in WATERMARKS {
        let options = ReplayOptions {
            checkpoints: Some(Checkpoints {
                folder: Arc::new(folder.clone()),
                start: Default::default(),
                policy: Some(CheckpointPolicy { keep: usize::MAX, ..CheckpointPolicy::default() }),
            }),
            ..one_thread(validation, Some(StopPoint::Lsn(watermark)))
        };
        if replay(&journal, &options, &mut |_| {}).is_err() {
            break;
        }
    }
    contents(&folder)
}

/// The files of a folder.
///
/// # Panics
/// When memory can't be listed.
#[must_use]
pub fn contents(folder: &MemoryFolder) -> Vec<(String, Vec<u8>)> {
    let names = folder.list().expect("memory can be listed");
    names.into_iter().filter_map(|name| Some((name.clone(), folder.get(&name)?))).collect()
}

impl Piece {
    fn read(rest: &mut &[u8]) -> Option<Self> {
        let (&[target, low, high], behind) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(behind.len());
        let (bytes, behind) = behind.split_at(length);
        *rest = behind;
        Some(Self { target, bytes: bytes.to_vec() })
    }

    fn how(&self) -> u8 {
        self.target >> 3 & 3
    }

    fn is_checkpoint(&self) -> bool {
        matches!(self.target & 7, 0 | 4 | 5)
    }

    fn forges(&self) -> bool {
        self.is_checkpoint() && matches!(self.how(), 1 | 2)
    }

    fn change(&self, folders: &[MemoryFolder; 3], intact: &Family) {
        let [_, checkpoints, records] = folders;
        match self.target & 7 {
            1 => self.change_record(records, ATTEMPT.to_owned()),
            2 => self.change_record(records, ROLLBACK.to_owned()),
            // Two of them, of long ago, beside those that are there.
            3 if self.target >> 5 < 2 => {
                self.change_record(records, format!("recovery-{:020}.json", self.target >> 5));
            }
            // What a killed full replay has left.
            4 => self.change_checkpoint(intact, records),
            0 | 5 => self.change_checkpoint(intact, checkpoints),
            3 => self.change_any(records),
            // It is of signatures and keys.
            _ => {}
        }
    }

    /// Hands a signature or a key to who reads them.
    fn check_trust(&self, journal: &MemoryFolder) {
        let change = |intact: &[u8]| match self.how() {
            0 => self.bytes.clone(),
            _ => records::with_bytes(intact, &self.bytes),
        };
        match self.target & 7 {
            6 => signatures::check_signature(journal, change),
            7 => signatures::check_key(change),
            _ => {}
        }
    }

    /// Changes one of the files that are there, by its number.
    fn change_any(&self, records: &MemoryFolder) {
        let files = contents(records);
        let which = usize::from(self.target >> 5) % files.len().max(1);
        if let Some((name, _)) = files.get(which) {
            self.change_record(records, name.clone());
        }
    }

    fn change_record(&self, records: &MemoryFolder, name: String) {
        let old = records.get(&name).unwrap_or_else(|| example(&name));
        let new = match self.how() {
            0 => self.bytes.clone(),
            1 => records::with_bytes(&old, &self.bytes),
            _ => records::with_values(&old, &self.bytes),
        };
        records.put(&name, new);
    }

    fn change_checkpoint(&self, intact: &Family, to: &MemoryFolder) {
        let which = usize::from(self.target >> 5) % intact.len().max(1);
        let Some((name, old)) = intact.get(which) else { return };
        let new = match (self.how(), self.bytes.split_first()) {
            (0, _) => self.bytes.clone(),
            (1, _) => checkpoints::edited(old, &self.bytes),
            (2, Some((&partition, rows))) => checkpoints::with_section(old, partition, rows),
            _ => checkpoints::changed(old, &self.bytes),
        };
        to.put(name, new);
    }
}

/// A file that a recovery has written down: a rollback, or a record of one.
fn example(name: &str) -> Vec<u8> {
    static MADE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        // It accepts undoing, and goes back to the first of the checkpoints.
        let input = [1, 3 | 16, 0, 0, 7, 30, 0, 0];
        let scene = Scene::of(&input).expect("it has its choices");
        drop(crate::recoveries::earlier(&scene));
        contents(&scene.folders[2])
    });
    let is_like = |it: &str| it[..8] == name[..8.min(name.len())] || it == name;
    let found = made.iter().find(|(it, _)| is_like(it));
    found.map(|(_, content)| content.clone()).unwrap_or_default()
}
