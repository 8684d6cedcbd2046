//! Random journals in which what is selected lies together: families take turns, times go up, and
//! segments are small and sealed, so that whole blocks are stepped over.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestError, TestRunner};
use vexfs_replay::event::{Body, Class, EventType, TransactionEnd, transaction_outcome};
use vexfs_replay::journal::{Journal, NewEvent, TransactionDigest, Writer};
use vexfs_replay::storage::MemoryFolder;

use crate::act::Act;
use crate::inspected::Inspected;
use crate::plan::Live;
use crate::script::{
    Death, Draw, Ending, SLOTS, SMALL, Script, Shape, Step, Stray, Texts, Wanted, scripts,
};

/// Journals of a few dozen blocks.
const BLOCKS: Wanted = Wanted { steps: (5, 90), texts: Texts::Pages, ..SMALL };

/// What a journal is made by.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    script: Script,
    /// The families that take turns, and for how many events each.
    turns: Vec<(u8, usize)>,
    /// The first event's time.
    first_ns: u64,
    /// What no writer of ours does is done, too.
    strays: Strays,
}

/// Whether what no writer of ours does is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strays {
    Kept,
    LeftOut,
}

pub(crate) fn recipes(strays: Strays) -> impl Strategy<Value = Recipe> {
    let families = select(vec![1_u8, 1, 2, 3, 4, 5, 6, 8]);
    let turns = vec((families, 1_usize..12), 1..6);
    let blocks = select(vec![4096_usize, 4096, 8192]);
    let segments = select(vec![12_u64 << 10, 24 << 10, 48 << 10, 1 << 30]);
    (scripts(BLOCKS), turns, blocks, segments, 0_u64..3).prop_map(
        move |(script, turns, block_bytes, segment_bytes, first_ns)| {
            let durability = script.shape.durability;
            let shape = Shape { block_bytes, segment_bytes, durability };
            Recipe { script: script.shaped(shape), turns, first_ns, strays }
        },
    )
}

/// A journal, and what is in it.
pub(crate) struct Made {
    pub(crate) folder: MemoryFolder,
    pub(crate) journal: Journal,
    pub(crate) inspected: Inspected,
}

impl Made {
    pub(crate) fn of(folder: MemoryFolder) -> Self {
        let journal = Journal::open(Arc::new(folder.clone())).unwrap();
        let inspected = Inspected::of(&folder);
        Self { folder, journal, inspected }
    }
}

struct Open {
    id: u64,
    digest: TransactionDigest,
}

struct Player<'r> {
    recipe: &'r Recipe,
    live: Live,
    events: usize,
    slots: [Option<Open>; SLOTS as usize],
    past: Vec<u64>,
}

/// Lets writers make the journal of a recipe.
pub(crate) fn play(recipe: &Recipe) -> Made {
    let folder = MemoryFolder::default();
    let script = &recipe.script;
    let mut writer = Writer::create(Arc::new(folder.clone()), script.shape.options()).unwrap();
    let slots = [const { None }; SLOTS as usize];
    let (live, past) = (Live::default(), Vec::new());
    let mut player = Player { recipe, live, events: 0, slots, past };
    for step in &script.steps {
        match *step {
            Step::Reopen(death, shape) => {
                player.end_life(writer, death);
                writer = Writer::open(Arc::new(folder.clone()), shape.options()).unwrap();
            }
            Step::Commit => writer.commit().unwrap(),
            _ => player.step(&writer, step),
        }
    }
    player.end_life(writer, script.death);
    Made::of(folder)
}

impl Player<'_> {
    fn step(&mut self, writer: &Writer, step: &Step) {
        let strays = self.recipe.strays == Strays::Kept;
        match *step {
            Step::Plain(draw) => drop(self.act(writer, 0, draw)),
            Step::In(slot, draw) => {
                let id = self.slots[usize::from(slot)].as_ref().map_or(0, |open| open.id);
                let (lsn, crc) = self.act(writer, id, draw);
                if let Some(open) = &mut self.slots[usize::from(slot)] {
                    open.digest.add(lsn, crc);
                }
            }
            Step::Begin(slot) => {
                let id = writer.begin(self.time(), 0).unwrap().id();
                let open = Open { id, digest: TransactionDigest::default() };
                let before = self.slots[usize::from(slot)].replace(open);
                self.past.extend(before.map(|open| open.id));
            }
            Step::End(slot, ending) => {
                let Some(open) = self.slots[usize::from(slot)].take() else { return };
                self.past.push(open.id);
                self.end(writer, open, if strays { ending } else { tame(ending) });
            }
            Step::Stray(stray, _, draw) if strays => {
                let index = usize::from(draw.picks[0]) % self.past.len().max(1);
                let id = self.past.get(index).copied().unwrap_or(u64::from(u32::MAX));
                if stray == Stray::Member {
                    self.act(writer, id, draw);
                } else {
                    let open = Open { id, digest: TransactionDigest::default() };
                    self.end(writer, open, Ending::Commit);
                }
            }
            _ => {}
        }
    }

    /// The family whose turn it is.
    fn family(&self) -> u8 {
        let turns = &self.recipe.turns;
        let all: usize = turns.iter().map(|&(_, events)| events).sum();
        let mut at = self.events % all;
        let turn = turns.iter().find(|&&(_, events)| {
            let found = at < events;
            at = at.saturating_sub(events);
            found
        });
        turn.map_or(1, |&(family, _)| family)
    }

    /// Times go up, but for a step back now and then; some are alike.
    fn time(&mut self) -> u64 {
        let events = self.events as u64;
        let back = if events % 7 == 6 { 15 } else { 0 };
        self.recipe.first_ns + (events / 2 * 10).saturating_sub(back)
    }

    fn act(&mut self, writer: &Writer, transaction: u64, draw: Draw) -> (u64, u32) {
        let types = EventType::ALL.iter().copied();
        let types = types.filter(|it| it.class() != Class::Boundary);
        let types: Vec<_> = types.filter(|it| it.family() == self.family()).collect();
        let event_type = types[draw.event_type as usize % types.len()];
        let Act { verb, text } = self.live.act(&Draw { event_type, ..draw });
        let text = text.spelled();
        let priority = 1 + (draw.picks[3] ^ draw.picks[1]) % 5;
        let event = NewEvent::new(self.time(), verb.body(&text));
        self.events += 1;
        let appended = writer.append(&NewEvent { transaction, priority, ..event }).unwrap();
        (appended.lsn, appended.crc)
    }

    fn end(&mut self, writer: &Writer, open: Open, ending: Ending) {
        let outcome = match ending {
            Ending::Abort => transaction_outcome::ABORT,
            Ending::Unknown => 7,
            _ => transaction_outcome::COMMIT,
        };
        let events = open.digest.events() + u64::from(ending == Ending::Miscounted);
        let mut digest = open.digest.finish();
        digest[31] ^= u8::from(ending == Ending::Misdigested);
        let body = Body::TransactionEnd(TransactionEnd { outcome, events, digest });
        let event = NewEvent::new(self.time(), body);
        writer.append(&NewEvent { transaction: open.id, ..event }).unwrap();
    }

    fn end_life(&mut self, writer: Writer, death: Death) {
        match death {
            Death::Closed => drop(writer.close().unwrap()),
            Death::Dropped => drop(writer),
        }
        let open = self.slots.iter_mut().filter_map(Option::take);
        self.past.extend(open.map(|open| open.id));
    }
}

fn tame(ending: Ending) -> Ending {
    if ending == Ending::Abort { ending } else { Ending::Commit }
}

/// A runner for a property that looks at `of_400` cases where the main one looks at 400 journals.
/// Says how many it looks at.
pub(crate) fn runner(name: &str, of_400: u32) -> TestRunner {
    const JOURNALS: u64 = 400;
    let asked = std::env::var("SELECTION_JOURNALS").ok();
    let journals = asked.map_or(JOURNALS, |asked| asked.parse().unwrap());
    let cases = u32::try_from((u64::from(of_400) * journals / JOURNALS).max(1)).unwrap();
    println!("{name}: {cases} journals");
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// Panics with a readable report where a property failed.
pub(crate) fn hold<T: std::fmt::Debug>(result: Result<(), TestError<T>>) {
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("{reason}\nby\n{value:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
