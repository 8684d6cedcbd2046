//! What a salvage must come to, from a plain list of the events as they were written, and of those
//! whose bytes are still what they were.

use std::collections::BTreeMap;

use vexfs_replay::salvage::DroppedBecause::{self, *};
use vexfs_replay::storage::MemoryFolder;

use crate::model::digest_of;
use crate::story::{ABORT, COMMIT, Line, Said, Story, digest_over};
use crate::world::World;

/// What becomes of each event.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Why an event is dropped, where it is.
    pub(crate) dropped: BTreeMap<u64, DroppedBecause>,
    /// The end records of transactions that lost a member to a contradiction.
    pub(crate) ends_made_anew: Vec<u64>,
    /// The digest of the state that the others lead to.
    pub(crate) state_digest: [u8; 32],
}

/// An open transaction.
#[derive(Debug, Default)]
struct Open<'l> {
    begin: u64,
    members: Vec<&'l Line>,
}

/// The LSNs whose blocks lie in `folder` just as they lay when they were written.
pub(crate) fn intact(story: &Story, folder: &MemoryFolder) -> Vec<u64> {
    let blocks = story.blocks();
    let whole = blocks.iter().filter(|(name, block)| {
        let range = block.at..block.end();
        let written = story.folder.get(name).unwrap();
        let found = folder.get(name).unwrap_or_default();
        found.get(range.clone()) == Some(&written[range])
    });
    whole.flat_map(|(_, block)| block.header.first_lsn..=block.last_lsn()).collect()
}

/// Judges the events up to the last one that the journal is known to have had.
pub(crate) fn judge(story: &Story, intact: &[u64], last_lsn: u64) -> Verdicts {
    let mut judging = Judging::default();
    let known = story.lines.iter().take_while(|line| line.lsn <= last_lsn);
    for line in known {
        if intact.binary_search(&line.lsn).is_ok() {
            judging.line(line);
        } else {
            judging.dropped.insert(line.lsn, Damaged);
        }
    }
    judging.die();
    let Judging { dropped, ends_made_anew, world, .. } = judging;
    let records = world.records.iter().map(|(key, record)| (key.in_state(), record.in_bytes()));
    Verdicts { dropped, ends_made_anew, state_digest: digest_of(&records.collect()) }
}

#[derive(Debug, Default)]
struct Judging<'l> {
    world: World,
    life: u64,
    open: BTreeMap<u64, Open<'l>>,
    dropped: BTreeMap<u64, DroppedBecause>,
    ends_made_anew: Vec<u64>,
}

impl<'l> Judging<'l> {
    fn line(&mut self, line: &'l Line) {
        if line.life != self.life {
            self.die();
            self.life = line.life;
        }
        match &line.said {
            Said::Begin => {
                let open = Open { begin: line.lsn, members: Vec::new() };
                if let Some(before) = self.open.insert(line.transaction, open) {
                    self.drop_all(&before, BegunAgain);
                }
            }
            Said::End(outcome, events, digest) => match self.open.remove(&line.transaction) {
                None => drop(self.dropped.insert(line.lsn, NotOpen)),
                Some(open) => self.end(line, &open, (*outcome, *events, *digest)),
            },
            Said::Act(_) if line.transaction == 0 => drop(self.happen(line)),
            Said::Act(_) => match self.open.get_mut(&line.transaction) {
                None => drop(self.dropped.insert(line.lsn, NotOpen)),
                Some(open) => open.members.push(line),
            },
        }
    }

    fn end(&mut self, line: &Line, open: &Open<'l>, said: (u32, u64, [u8; 32])) {
        let (outcome, events, digest) = said;
        let found = digest_over(open.members.iter().map(|member| (member.lsn, member.crc)));
        let whole = events == open.members.len() as u64 && digest == found;
        match outcome {
            ABORT if whole => {}
            COMMIT if whole => {
                let stand = open.members.iter().filter(|member| self.happen(member)).count();
                if stand < open.members.len() {
                    self.ends_made_anew.push(line.lsn);
                }
            }
            _ => {
                self.drop_all(open, Broken);
                self.dropped.insert(line.lsn, Broken);
            }
        }
    }

    /// Lets an event happen, all of it, unless it contradicts.
    fn happen(&mut self, line: &Line) -> bool {
        let Said::Act(act) = &line.said else { return true };
        let mut world = self.world.clone();
        let stands = world.happen(act, line.lsn, line.time).is_empty();
        if stands {
            self.world = world;
        } else {
            self.dropped.insert(line.lsn, Contradicts);
        }
        stands
    }

    fn drop_all(&mut self, open: &Open<'_>, because: DroppedBecause) {
        self.dropped.insert(open.begin, because);
        self.dropped.extend(open.members.iter().map(|member| (member.lsn, because)));
    }

    fn die(&mut self) {
        for (_, open) in std::mem::take(&mut self.open) {
            self.drop_all(&open, Unfinished);
        }
    }
}
