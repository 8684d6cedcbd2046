//! Random scripts: what a writer is told to do. A script names no keys, only draws; which keys
//! they are is decided when it is played, by what lives then. So a script stays sensible when
//! parts of it are left out, and a failure shrinks to a few steps.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;
use vexfs_replay::event::{Class, EventType};
use vexfs_replay::journal::{Durability, WriterOptions};

use crate::act::Text;

/// A text of at least this length becomes as long as its event may be.
pub(crate) const LONGEST: usize = 128 * 1024;

/// How many transactions may be open side by side.
pub(crate) const SLOTS: u8 = 4;

/// Whether an event goes with what there is, or is drawn blindly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    Sensible,
    Blind,
}

/// An event, as drawn.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    pub(crate) event_type: EventType,
    pub(crate) sense: Sense,
    /// Which of the things there are, and numbers that mean nothing.
    pub(crate) picks: [u8; 4],
    pub(crate) text: Text,
}

impl fmt::Debug for Draw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.sense == Sense::Blind { " blindly" } else { "" };
        write!(formatter, "{:?}{mark} {:?} {:?}", self.event_type, self.picks, self.text)
    }
}

/// What a transaction's end record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Commit,
    Abort,
    /// A commit that counts one event too many.
    Miscounted,
    /// A commit with another digest.
    Misdigested,
    /// Neither commit nor abort.
    Unknown,
}

/// What no writer of ours does to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// A begin record of one that is open.
    Begin,
    /// An event of one that has ended, or whose writer has died.
    Member,
    /// An end record of such a one.
    End,
}

/// How a writer's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Closed,
    /// What was not written yet is lost.
    Dropped,
}

/// What a writer's life is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) block_bytes: usize,
    pub(crate) segment_bytes: u64,
    pub(crate) durability: Durability,
}

impl Shape {
    /// Short blocks, one segment, and no sync before its end.
    pub(crate) const PLAIN: Self =
        Self { block_bytes: 4096, segment_bytes: 1 << 30, durability: Durability::None };

    pub(crate) fn options(self) -> WriterOptions {
        let Self { block_bytes, segment_bytes, durability } = self;
        let (journal_id, created_ns) = (Some(*b"agreement--vexfs"), Some(1));
        WriterOptions { block_bytes, segment_bytes, durability, journal_id, created_ns }
    }
}

/// One thing that a writer does. Transactions are known by their slot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// An event outside of transactions.
    Plain(Draw),
    Begin(u8),
    /// An event in a transaction, or outside where the slot has none.
    In(u8, Draw),
    End(u8, Ending),
    Stray(Stray, u8, Draw),
    Commit,
    Reopen(Death, Shape),
}

/// What the writers of a journal do, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) shape: Shape,
    pub(crate) steps: Vec<Step>,
    pub(crate) death: Death,
}

impl Script {
    /// The same, with every life in this shape.
    pub(crate) fn shaped(&self, shape: Shape) -> Self {
        let steps = self.steps.iter().map(|step| match *step {
            Step::Reopen(death, _) => Step::Reopen(death, shape),
            step => step,
        });
        Self { shape, steps: steps.collect(), death: self.death }
    }
}

/// What kind of scripts is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// How many steps, at least and at most.
    pub(crate) steps: (usize, usize),
    /// How many of a hundred events are drawn blindly.
    pub(crate) blind: u32,
    /// How long texts are.
    pub(crate) texts: Texts,
    /// How many begins and ends of transactions there are to 130 members.
    pub(crate) boundaries: (u32, u32),
    /// How lives may end.
    pub(crate) deaths: &'static [Death],
}

/// How long texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// Mostly short, seldom long, now and then the longest.
    Mixed,
    /// Many about as long as a page, so that there are many blocks.
    Pages,
    /// Many of the longest, so that little fills epochs.
    Long,
}

/// Small journals of every kind.
pub(crate) const SMALL: Wanted = Wanted {
    steps: (0, 40),
    blind: 15,
    texts: Texts::Mixed,
    boundaries: (30, 40),
    deaths: &[Death::Closed, Death::Dropped],
};

/// Journals of a few dozen blocks.
pub(crate) const BLOCKS: Wanted = Wanted { steps: (5, 80), texts: Texts::Pages, ..SMALL };

/// Small journals that lose nothing, however they lie in blocks.
pub(crate) const CLOSED: Wanted = Wanted { deaths: &[Death::Closed], ..SMALL };

/// Journals of some hundred events, most of which contradict what there is.
pub(crate) const CONTRADICTING: Wanted = Wanted { steps: (100, 500), blind: 80, ..SMALL };

/// Journals of several epochs, with transactions that are longer than one.
pub(crate) const LONG: Wanted =
    Wanted { steps: (200, 500), texts: Texts::Long, boundaries: (5, 4), ..SMALL };

/// Journals of thousands of events, with transactions of hundreds.
pub(crate) const MANY: Wanted = Wanted { steps: (1_000, 3_000), boundaries: (2, 2), ..SMALL };

fn texts(texts: Texts) -> impl Strategy<Value = Text> {
    let (short, page, long, longest) = match texts {
        Texts::Mixed => (900, 90, 9, 1),
        Texts::Pages => (30, 69, 1, 0),
        Texts::Long => (4, 4, 8, 4),
    };
    let bytes = prop_oneof![
        short => 0_usize..24,
        page => 24_usize..3_000,
        long => 3_000_usize..60_000,
        longest => Just(LONGEST),
    ];
    (bytes, any::<u8>()).prop_map(|(bytes, first)| Text { bytes, first })
}

/// The event types that are no boundaries of transactions.
fn acts() -> impl Iterator<Item = EventType> {
    EventType::ALL.iter().copied().filter(|it| it.class() != Class::Boundary)
}

fn draws(wanted: Wanted) -> impl Strategy<Value = Draw> {
    let picks = any::<[u8; 4]>();
    let drawn = (select(acts().collect::<Vec<_>>()), 0_u32..100, picks, texts(wanted.texts));
    drawn.prop_map(move |(event_type, blind, picks, text)| {
        // The higher numbers are the blind ones: what shrinks becomes sensible.
        let blind = blind >= 100 - wanted.blind;
        let sense = if blind { Sense::Blind } else { Sense::Sensible };
        Draw { event_type, sense, picks, text }
    })
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    use Durability::*;
    let block_bytes = select(vec![4096, 8192, 16 * 1024, 64 * 1024, 1024 * 1024]);
    let segment_bytes = select(vec![1 << 30, 256 << 10, 40 << 10, 12 << 10, 1]);
    let durability = select(vec![None, MetadataOnly, DataAndMetadata, Strict]);
    (block_bytes, segment_bytes, durability).prop_map(|(block_bytes, segment_bytes, durability)| {
        Shape { block_bytes, segment_bytes, durability }
    })
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![
        20 => Just(Ending::Commit),
        6 => Just(Ending::Abort),
        1 => select(vec![Ending::Miscounted, Ending::Misdigested, Ending::Unknown]),
    ]
}

fn steps(wanted: Wanted) -> impl Strategy<Value = Step> {
    let (begins, ends) = wanted.boundaries;
    let strays = select(vec![Stray::Begin, Stray::Member, Stray::End]);
    prop_oneof![
        90 => draws(wanted).prop_map(Step::Plain),
        begins => (0..SLOTS).prop_map(Step::Begin),
        130 => (0..SLOTS, draws(wanted)).prop_map(|(slot, draw)| Step::In(slot, draw)),
        ends => (0..SLOTS, endings()).prop_map(|(slot, ending)| Step::End(slot, ending)),
        20 => Just(Step::Commit),
        5 => (select(wanted.deaths), shapes()).prop_map(|(death, shape)| Step::Reopen(death, shape)),
        3 => (strays, 0..SLOTS, draws(wanted))
            .prop_map(|(stray, slot, draw)| Step::Stray(stray, slot, draw)),
    ]
}

/// The families that a journal's events are of: often one alone, so that keys meet more often.
fn themes() -> impl Strategy<Value = &'static [u8]> {
    const ALL: &[u8] = &[1, 2, 3, 4, 5, 6, 8];
    select(vec![ALL, ALL, ALL, &[1], &[1], &[2], &[2], &[3], &[5], &[4, 6, 8]])
}

/// The step, with an event of these types.
fn themed(step: Step, types: &[EventType]) -> Step {
    let themed = |draw: Draw| {
        let number = EventType::ALL.iter().position(|&it| it == draw.event_type);
        Draw { event_type: types[number.unwrap_or(0) % types.len()], ..draw }
    };
    match step {
        Step::Plain(draw) => Step::Plain(themed(draw)),
        Step::In(slot, draw) => Step::In(slot, themed(draw)),
        Step::Stray(stray, slot, draw) => Step::Stray(stray, slot, themed(draw)),
        step => step,
    }
}

/// Scripts of a kind.
pub(crate) fn scripts(wanted: Wanted) -> impl Strategy<Value = Script> {
    let steps = proptest::collection::vec(steps(wanted), wanted.steps.0..=wanted.steps.1);
    let drawn = (themes(), shapes(), steps, select(wanted.deaths));
    drawn.prop_map(|(families, shape, mut steps, death)| {
        let types = acts().filter(|it| families.contains(&it.family()));
        let types: Vec<EventType> = types.collect();
        steps.iter_mut().for_each(|step| *step = themed(*step, &types));
        Script { shape, steps, death }
    })
}

/// Long scripts in which one transaction has most of the events, and commits before the last ones.
pub(crate) fn long_transactions() -> impl Strategy<Value = Script> {
    /// How many steps come after its end.
    const AFTER: usize = 30;
    scripts(LONG).prop_map(|script| {
        let Script { shape, steps, death } = script;
        let end = steps.len().saturating_sub(AFTER);
        let one = |step: &Step| match *step {
            Step::In(_, draw) => Some(Step::In(0, draw)),
            Step::Begin(0) | Step::End(0, _) | Step::Reopen(..) => None,
            step => Some(step),
        };
        let mut all = vec![Step::Begin(0)];
        all.extend(steps[..end].iter().filter_map(one));
        all.push(Step::End(0, Ending::Commit));
        all.extend(&steps[end..]);
        Script { shape, steps: all, death }
    })
}
