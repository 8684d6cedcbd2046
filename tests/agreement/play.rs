//! Plays a script to real writers, and keeps what was said and what of it died with them.

use std::sync::Arc;

use vexfs_replay::event::{Body, EventType, TailField, TransactionBegin, TransactionEnd, tail_tag};
use vexfs_replay::journal::{Head, NewEvent, Writer};
use vexfs_replay::storage::MemoryFolder;

use crate::act::{Act, Text, Verb};
use crate::plan::Live;
use crate::script::{Death, Ending, SLOTS, Script, Step, Stray};
use crate::story::{ABORT, COMMIT, Line, Said, Story, blocks_in, digest_over};

/// A transaction that is being written.
#[derive(Debug)]
struct Open {
    id: u64,
    members: Vec<(u64, u32)>,
}

/// What becomes of an event before it is said; see [`play_with`].
pub(crate) type Replace<'r> = &'r dyn Fn(u64, Act) -> Act;

struct Player<'r> {
    folder: MemoryFolder,
    lines: Vec<Line>,
    head: Option<Head>,
    live: Live,
    life: u64,
    slots: [Option<Open>; SLOTS as usize],
    /// Transactions that have ended, or whose writer has died.
    past: Vec<u64>,
    replace: Replace<'r>,
}

/// Plays a script.
pub(crate) fn play(script: &Script) -> Story {
    play_with(script, &|_, act| act)
}

/// Plays a script, in which each act is replaced by what `replace` makes of its LSN and of it.
pub(crate) fn play_with(script: &Script, replace: Replace<'_>) -> Story {
    let folder = MemoryFolder::default();
    let mut writer = Writer::create(Arc::new(folder.clone()), script.shape.options()).unwrap();
    let (lines, head, live, past) = (Vec::new(), None, Live::default(), Vec::new());
    let slots = [const { None }; SLOTS as usize];
    let mut player = Player { folder, lines, head, live, life: 1, slots, past, replace };
    for step in &script.steps {
        match *step {
            Step::Reopen(death, shape) => {
                player.end_life(writer, death);
                let folder = Arc::new(player.folder.clone());
                writer = Writer::open(folder, shape.options()).unwrap();
            }
            Step::Commit => writer.commit().unwrap(),
            _ => player.step(&writer, step),
        }
    }
    player.end_life(writer, script.death);
    let Player { folder, lines, head, .. } = player;
    Story { folder, lines, head }
}

impl Player<'_> {
    fn step(&mut self, writer: &Writer, step: &Step) {
        match *step {
            Step::Plain(ref draw) => {
                let act = self.live.act(draw);
                self.act(writer, 0, act);
            }
            Step::In(slot, ref draw) => {
                let act = self.live.act(draw);
                let id = self.open(slot).as_ref().map_or(0, |open| open.id);
                let member = self.act(writer, id, act);
                if let Some(open) = self.open(slot) {
                    open.members.push(member);
                }
            }
            Step::Begin(slot) => {
                let lsn = self.next_lsn();
                let id = writer.begin(time_of(lsn), 0).unwrap().id();
                assert_eq!(id, lsn, "a transaction is known by the LSN of its begin");
                self.note(id, 0, Said::Begin);
                let unfinished = self.open(slot).replace(Open { id, members: Vec::new() });
                self.past.extend(unfinished.map(|open| open.id));
            }
            Step::End(slot, ending) => {
                if let Some(open) = self.open(slot).take() {
                    self.past.push(open.id);
                    self.end(writer, &open, ending);
                }
            }
            Step::Stray(stray, slot, ref draw) => {
                let past = self.past.get(usize::from(draw.picks[0]) % self.past.len().max(1));
                let past = past.map_or(u64::from(u32::MAX), |&past| past);
                match stray {
                    Stray::Begin => {
                        let id = self.open(slot).as_ref().map_or(past, |open| open.id);
                        let begin = Body::TransactionBegin(TransactionBegin { session: 1 });
                        self.say(writer, id, begin, Said::Begin, &[]);
                    }
                    Stray::Member => {
                        let act = self.live.act(draw);
                        self.act(writer, past, act);
                    }
                    Stray::End => {
                        let open = Open { id: past, members: Vec::new() };
                        self.end(writer, &open, Ending::Commit);
                    }
                }
            }
            Step::Commit | Step::Reopen(..) => unreachable!("done by the caller"),
        }
    }

    fn open(&mut self, slot: u8) -> &mut Option<Open> {
        &mut self.slots[usize::from(slot)]
    }

    fn next_lsn(&self) -> u64 {
        self.lines.len() as u64 + 1
    }

    fn act(&mut self, writer: &Writer, transaction: u64, act: Act) -> (u64, u32) {
        let act = (self.replace)(self.next_lsn(), act);
        let text = act.text.spelled();
        let mut tail = Vec::new();
        if act.text.bytes % 5 == 3 && act.text.bytes < 3_000 {
            let field = TailField { tag: tail_tag::KERNEL_CONTEXT, value: &text };
            field.encode(&mut tail);
        }
        self.say(writer, transaction, act.verb.body(&text), Said::Act(act), &tail)
    }

    fn end(&mut self, writer: &Writer, open: &Open, ending: Ending) {
        let outcome = match ending {
            Ending::Abort => ABORT,
            Ending::Unknown => 7,
            _ => COMMIT,
        };
        let events = open.members.len() as u64 + u64::from(ending == Ending::Miscounted);
        let mut digest = digest_over(open.members.iter().copied());
        digest[31] ^= u8::from(ending == Ending::Misdigested);
        let body = Body::TransactionEnd(TransactionEnd { outcome, events, digest });
        self.say(writer, open.id, body, Said::End(outcome, events, digest), &[]);
    }

    fn say(
        &mut self,
        writer: &Writer,
        transaction: u64,
        body: Body<'_>,
        said: Said,
        tail: &[u8],
    ) -> (u64, u32) {
        let lsn = self.next_lsn();
        let event = NewEvent { transaction, tail, ..NewEvent::new(time_of(lsn), body) };
        let appended = writer.append(&event).unwrap();
        assert_eq!(appended.lsn, lsn, "LSNs count up by one");
        self.note(transaction, appended.crc, said);
        (lsn, appended.crc)
    }

    fn note(&mut self, transaction: u64, crc: u32, said: Said) {
        let (lsn, life) = (self.next_lsn(), self.life);
        self.lines.push(Line { lsn, life, transaction, time: time_of(lsn), crc, said });
    }

    /// Forgets what died with the writer.
    fn end_life(&mut self, writer: Writer, death: Death) {
        match death {
            Death::Closed => {
                let head = writer.close().unwrap();
                assert_eq!(head.lsn, self.lines.len() as u64, "what is closed is whole");
                self.head = Some(head);
            }
            Death::Dropped => {
                drop(writer);
                let blocks = blocks_in(&self.folder);
                let last = blocks.iter().map(|(_, block)| block.last_lsn()).max().unwrap_or(0);
                self.lines.truncate(usize::try_from(last).unwrap());
            }
        }
        self.life += 1;
        let open = self.slots.iter_mut().filter_map(Option::take);
        self.past.extend(open.map(|open| open.id));
    }
}

/// A time for an event: any, but always the same one.
fn time_of(lsn: u64) -> u64 {
    lsn * 7_919 % 1_000
}

/// An observation in the place of an act.
pub(crate) fn unseen(act: Act) -> Act {
    let verb = Verb::Observe(EventType::Log, 0);
    Act { verb, text: Text { bytes: act.text.bytes.min(100), ..act.text } }
}
