//! What must come of a recovery, by what a reader makes of the journal.

use vexfs_replay::journal::Validation;
use vexfs_replay::recovery::Way;

use crate::reading::{Hole, Reading, header_fault, read_from};
use crate::runs::Column;
use crate::subject::{Files, Piece, Shelf, Standing, Subject};

const PAGE: usize = 4096;
/// Where the header of a segment has the LSN of its first event.
const FIRST_LSN_AT: usize = 56;

/// What must come of a recovery.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// An error, and nothing else.
    Refused,
    /// Nothing is promised but that the journal is left alone.
    Anything,
    Recovered(Wanted),
}

/// What must be back.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) last_lsn: u64,
    /// The events before it that are lost.
    pub(crate) lost: Vec<u64>,
    /// The damaged ranges that are told.
    pub(crate) holes: Vec<Hole>,
    /// The torn end of the log, where it was come to.
    pub(crate) torn: Option<Hole>,
    pub(crate) with_loss: bool,
    /// What is told is lost from there on.
    pub(crate) after_damage: Option<u64>,
    pub(crate) undone: Option<u64>,
}

/// What is known of a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'k> {
    pub(crate) subject: &'k Subject,
    pub(crate) files: &'k Files,
    pub(crate) reading: &'k Reading,
    pub(crate) shelf: Option<&'k Shelf>,
    pub(crate) validation: Validation,
    pub(crate) cut_lsn: u64,
}

/// How a checkpoint fits the journal as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Usable,
    Ahead,
    Not,
}

impl Known<'_> {
    fn limit_of(&self, segment: u64) -> usize {
        let length = self.files.get(&segment).map_or(0, Vec::len);
        let ours = &self.subject.files[&0][24..40];
        let next = self.files.get(&(segment + 1)).filter(|_| self.header_is_sound(segment + 1));
        let next = next.filter(|it| it[24..40] == *ours);
        next.map_or(length, |it| usize::try_from(crate::sums::u64_at(it, 80)).unwrap().min(length))
    }

    fn fit(&self, at: &Standing) -> Fit {
        let cut = &self.subject.pieces[at.cut];
        if !self.files.contains_key(&cut.segment) || cut.end > self.limit_of(cut.segment) {
            return Fit::Ahead;
        }
        let Some(bytes) = self.subject.bytes(self.files, cut) else { return Fit::Not };
        let is_there = match self.validation {
            Validation::Cryptographic => self.subject.is_intact(self.files, cut),
            _ => self.subject.has_header(self.files, cut),
        };
        if !is_there {
            return if bytes.iter().all(|&it| it == 0) { Fit::Ahead } else { Fit::Not };
        }
        let restart = self.subject.pieces.get(at.restart).filter(|_| at.restart <= at.cut);
        if restart.is_some_and(|it| !self.subject.has_header(self.files, it)) {
            return Fit::Not;
        }
        let reading = self.reading_from(at);
        let hurt = reading.holes.iter().any(|hole| hole.first_lsn <= at.watermark);
        let is_entered = self.header_is_sound(restart.unwrap_or(cut).segment)
            || (restart.is_none() && self.is_followed(cut));
        if hurt || reading.last_lsn < at.watermark || !is_entered {
            return Fit::Not;
        }
        Fit::Usable
    }

    fn header_is_sound(&self, segment: u64) -> bool {
        let is_there = self.files.contains_key(&segment);
        is_there && header_fault(self.subject, self.files, segment).is_none()
    }

    /// Whether the next segment begins right behind a block, so that nothing of the block's own is needed.
    fn is_followed(&self, cut: &Piece) -> bool {
        let next = cut.segment + 1;
        let header = self.files.get(&next).filter(|_| self.header_is_sound(next));
        header.is_some_and(|it| crate::sums::u64_at(it, FIRST_LSN_AT) == cut.last_lsn + 1)
    }

    /// What a reader finds that starts where one must restart.
    fn reading_from(&self, at: &Standing) -> Reading {
        let cut = &self.subject.pieces[at.cut];
        let start = match self.subject.pieces.get(at.restart).filter(|_| at.restart <= at.cut) {
            Some(restart) => (restart.segment, restart.at, restart.first_lsn),
            None if !self.header_is_sound(cut.segment) && self.is_followed(cut) => {
                (cut.segment + 1, PAGE, cut.last_lsn + 1)
            }
            None => (cut.segment, cut.end, cut.last_lsn + 1),
        };
        read_from(self.subject, self.files, Some(start))
    }

    /// What is read by one that starts from a checkpoint, where there is one.
    fn read(&self, from: Option<Standing>) -> Reading {
        from.map_or_else(|| self.reading.clone(), |at| self.reading_from(&at))
    }

    /// The newest usable checkpoint up to an LSN, and whether a newer one is ahead of the journal.
    fn newest(&self, until: u64) -> (Option<Standing>, bool) {
        let mut ahead = false;
        let standing = self.shelf.map_or(&[][..], |it| &it.standing);
        for at in standing.iter().rev().filter(|it| it.watermark <= until) {
            match self.fit(at) {
                Fit::Usable => return (Some(*at), ahead),
                Fit::Ahead => ahead = true,
                Fit::Not => {}
            }
        }
        (None, ahead)
    }

    /// All that a reader finds is back.
    fn whole(reading: &Reading) -> Wanted {
        Wanted {
            last_lsn: reading.last_lsn,
            lost: Vec::new(),
            holes: Vec::new(),
            torn: reading.torn.clone(),
            with_loss: false,
            after_damage: None,
            undone: None,
        }
    }

    /// A checkpoint is made of what is synced: something is gone that it was made of.
    fn is_short(&self, reading: &Reading) -> bool {
        let mut standing = self.shelf.iter().flat_map(|it| &it.standing);
        standing.any(|at| self.seems_usable(at) && at.watermark > reading.last_lsn)
    }

    fn without_loss(&self, way: Way) -> Option<Wanted> {
        let (from, ahead) = self.newest(u64::MAX);
        let reading = self.read(from.filter(|_| way != Way::Full));
        let is_short = self.is_short(&reading);
        let can = way == Way::Full || from.is_some();
        (can && !ahead && !is_short && reading.holes.is_empty()).then(|| Self::whole(&reading))
    }

    fn before_damage(&self) -> Wanted {
        let (from, ahead) = self.newest(u64::MAX);
        let reading = self.read(from);
        let whole = Self::whole(&reading);
        let Some(first) = &reading.first else {
            let gone = ahead || self.is_short(&reading);
            let after_damage = gone.then_some(whole.last_lsn + 1);
            return Wanted { with_loss: gone, after_damage, ..whole };
        };
        Wanted {
            last_lsn: first.first_lsn - 1,
            holes: vec![first.clone()],
            torn: None,
            with_loss: true,
            after_damage: Some(first.first_lsn),
            ..whole
        }
    }

    fn emergency(&self) -> Wanted {
        let (from, ahead) = self.newest(u64::MAX);
        let reading = self.read(from);
        let watermark = from.map_or(0, |at| at.watermark);
        let pieces = self.subject.pieces.iter().zip(&reading.kept);
        let lost = pieces.filter(|(_, kept)| !**kept);
        let lost = lost.flat_map(|(piece, _)| piece.first_lsn..=piece.last_lsn);
        let lost = lost.filter(|&lsn| lsn > watermark && lsn <= reading.last_lsn).collect();
        let (holes, whole) = (reading.holes.clone(), Self::whole(&reading));
        let gone = ahead || self.is_short(&reading);
        Wanted { with_loss: gone || !holes.is_empty(), lost, holes, ..whole }
    }

    fn rollback(&self) -> Option<Wanted> {
        // A survey looks at headers.
        let seen = Known { validation: Validation::Basic, ..*self };
        let standing = self.shelf.map_or(&[][..], |it| &it.standing);
        let target = standing.iter().rev().find(|at| seen.seems_usable(at))?;
        (self.fit(target) == Fit::Usable).then(|| {
            let reading = self.reading_from(target);
            let gone = standing.iter().any(|at| {
                at.watermark > target.watermark && seen.fit(at) == Fit::Ahead
            });
            let behind = reading.last_lsn > target.watermark || !reading.holes.is_empty() || gone;
            Wanted {
                last_lsn: target.watermark,
                torn: None,
                with_loss: behind,
                undone: behind.then_some(target.watermark + 1),
                ..Self::whole(&reading)
            }
        })
    }

    fn seems_usable(&self, at: &Standing) -> bool {
        let cut = &self.subject.pieces[at.cut];
        let restart = self.subject.pieces.get(at.restart).filter(|_| at.restart <= at.cut);
        let there = |it| self.subject.has_header(self.files, it);
        cut.end <= self.limit_of(cut.segment) && there(cut) && restart.is_none_or(there)
    }

    fn coordinated(&self) -> Option<Wanted> {
        let (from, ahead) = self.newest(self.cut_lsn);
        let reading = self.read(from);
        let hurt = reading.holes.iter().any(|it| it.first_lsn <= self.cut_lsn);
        let reached = reading.last_lsn >= self.cut_lsn;
        (!ahead && !hurt && reached).then(|| Wanted {
            last_lsn: self.cut_lsn,
            torn: None,
            ..Self::whole(&reading)
        })
    }

    /// What must come of a recovery in a column.
    pub(crate) fn expected(&self, column: Column) -> Expected {
        if self.reading.is_refused {
            return Expected::Refused;
        }
        let is_blind = self.validation == Validation::None && !self.reading.is_seen_by_all;
        if self.reading.is_another || is_blind {
            return Expected::Anything;
        }
        let Column { way, suffix, holes, undo } = column;
        let wanted = match way {
            Some(way @ (Way::Full | Way::Partial | Way::Incremental)) => self.without_loss(way),
            Some(Way::Coordinated) => self.coordinated(),
            Some(Way::BeforeDamage) => suffix.then(|| self.before_damage()),
            Some(Way::Emergency) => holes.then(|| self.emergency()),
            Some(Way::Rollback) => self.rollback().filter(|_| undo),
            None => {
                let nothing = [Way::Full, Way::Incremental].map(|it| self.without_loss(it));
                let prefix = suffix.then(|| self.before_damage());
                let rest = holes.then(|| self.emergency());
                nothing.into_iter().chain([prefix, rest]).flatten().next()
            }
        };
        wanted.map_or(Expected::Refused, Expected::Recovered)
    }
}
