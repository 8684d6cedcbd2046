//! The world of one seed: lives of coordinators, a record, a network, participants and clocks; one event after
//! another, in an order that follows from the seed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use vexfs_replay::coordination::{
    Action, Answer, Call, Conflict, End, Engine, Entry, Event, Input, Machine, Memory, Name,
    Request, Ruling, Terms, Times, answer,
};

use crate::counts::Counts;
use crate::dice::Dice;
use crate::generate::{self, Odds};
use crate::model::{Kept, Model};
use crate::oracle::Case;

/// No seed needs more events.
const EVENTS_MAX: u64 = 30_000;

#[derive(Debug)]
enum Happens {
    Asked(Name, Call, usize),
    Answered(usize, Name, Answer),
    Alive(usize, Name, u64),
    Wakes(usize),
    Recorded(usize, Entry),
    Killed(usize),
    Jumps(usize),
    Begins,
    Rules(usize),
    Cancels,
    FaultsStop,
}

/// A life of a coordinator.
#[derive(Debug)]
struct Life {
    engine: Engine,
    lives: bool,
    /// How far its clock is from the time.
    offset_ms: i64,
    /// When it is woken up next.
    wakes_at: u64,
}

/// Whether a participant hears anything, and since when it can.
#[derive(Debug, Default)]
struct Host {
    fence: Kept,
    busy_until: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    dice: Dice,
    odds: Odds,
    now: u64,
    events: u64,
    queue: BTreeMap<(u64, u64), Happens>,
    terms: Terms,
    times: Times,
    models: BTreeMap<Name, Model>,
    hosts: BTreeMap<Name, Host>,
    lives: Vec<Life>,
    leader: usize,
    record: Vec<Entry>,
    case: Case,
    decided: BTreeMap<u64, bool>,
    rounds_left: u32,
    faults_over: bool,
    over: bool,
    pub(crate) counts: Counts,
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn of(seed: u64, traced: bool) -> Self {
        let mut dice = Dice(seed);
        let terms = generate::terms(&mut dice);
        let models = generate::models(&mut dice, &terms);
        let odds = Odds::any(&mut dice);
        let hosts = models.keys().map(|name| (name.clone(), Host::default())).collect();
        let mut world = Self {
            odds,
            now: 1_000_000,
            events: 0,
            queue: BTreeMap::new(),
            times: generate::times(&mut dice),
            hosts,
            lives: Vec::new(),
            leader: 0,
            record: Vec::new(),
            case: Case::default(),
            decided: BTreeMap::new(),
            rounds_left: u32::from(dice.happens(300)),
            faults_over: false,
            over: false,
            counts: Counts::default(),
            trace: traced.then(Vec::new),
            dice,
            terms,
            models,
        };
        world.open_case();
        world.at(0, Happens::Begins);
        let until = world.dice.within(1_000, 900_000);
        world.at(until, Happens::FaultsStop);
        if world.dice.happens(60) {
            let when = world.dice.within(1, 2_000);
            world.at(when, Happens::Cancels);
        }
        world.note(|it| format!("{:#?}\n{:#?}\n{:#?}", it.terms, it.models, it.odds));
        world
    }

    /// Goes on to the end.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        while !self.over {
            let (at, event) = self.queue.pop_first().ok_or("nothing is to happen any more")?;
            self.now = at.0;
            self.events += 1;
            if self.events > EVENTS_MAX {
                return Err("it doesn't come to an end".to_owned());
            }
            self.note(|it| format!("{:>9} {event:?}", it.now));
            self.happens(event)?;
        }
        Ok(())
    }

    fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if let Some(mut trace) = self.trace.take() {
            trace.push(line(self));
            self.trace = Some(trace);
        }
    }

    fn at(&mut self, wait_ms: u64, event: Happens) {
        // What happens at the same time happens in any order.
        let tie = self.dice.roll();
        self.queue.insert((self.now + wait_ms, tie), event);
    }

    fn fault(&mut self, of: impl Fn(&Odds) -> u64) -> bool {
        !self.faults_over && self.dice.happens(of(&self.odds))
    }

    fn happens(&mut self, event: Happens) -> Result<(), String> {
        match event {
            Happens::Asked(name, call, life) => self.asked(&name, &call, life),
            Happens::Answered(life, name, answer) => self.feed(life, Event::Answered(name, answer)),
            Happens::Alive(life, name, epoch) => self.feed(life, Event::Alive(name, epoch)),
            Happens::Wakes(life) => {
                self.lives[life].wakes_at = u64::MAX;
                self.feed(life, Event::TimePassed)
            }
            Happens::Recorded(life, entry) => self.kept(life, entry),
            Happens::Killed(life) => {
                if self.lives[life].lives {
                    self.counts.killed += 1;
                    self.dies(life);
                }
                Ok(())
            }
            Happens::Jumps(life) => {
                self.counts.jumps += 1;
                self.case.jumped = true;
                let by = i64::try_from(self.dice.within(0, 140_000)).unwrap() - 60_000;
                self.lives[life].offset_ms += by;
                self.feed(life, Event::TimePassed)
            }
            Happens::Begins => self.begins(),
            Happens::Rules(life) => self.rules(life),
            Happens::Cancels => {
                self.case.cancelled = true;
                self.feed(self.lives.len() - 1, Event::Came(Input::Cancel))
            }
            Happens::FaultsStop => self.faults_stop(),
        }
    }

    // --- coordinators

    /// A life begins; the last one may go on beside it and not know.
    fn begins(&mut self) -> Result<(), String> {
        if let Some(last) = self.lives.len().checked_sub(1)
            && self.lives[last].lives
        {
            self.counts.overlaps += 1;
        }
        let memory = Memory::of(&self.record);
        self.leader = self.lives.len();
        let engine = Engine::new(Machine::new(self.terms.clone(), memory), self.times);
        let offset_ms = i64::try_from(self.dice.below(1_000_000)).unwrap();
        self.lives.push(Life { engine, lives: true, offset_ms, wakes_at: u64::MAX });
        self.counts.lives += 1;
        self.feed(self.leader, Event::Begun)?;
        if self.fault(|odds| odds.killed * 10) {
            let when = self.dice.within(0, 120);
            self.at(when, Happens::Killed(self.leader));
        }
        if self.fault(|odds| odds.killed * 3) {
            let when = self.dice.within(1, 40_000);
            self.at(when, Happens::Begins);
        }
        if self.fault(|odds| odds.jump * 10) {
            let when = self.dice.within(0, 60_000);
            self.at(when, Happens::Jumps(self.leader));
        }
        Ok(())
    }

    fn dies(&mut self, life: usize) {
        self.lives[life].lives = false;
        if self.leader == life && !self.faults_over {
            let when = self.dice.within(1, 5_000);
            self.at(when, Happens::Begins);
        }
    }

    fn feed(&mut self, life: usize, event: Event) -> Result<(), String> {
        if !self.lives[life].lives {
            return Ok(());
        }
        let clock = |life: &Life, now: u64| {
            u64::try_from(i64::try_from(now).unwrap() + life.offset_ms).unwrap_or(0)
        };
        let time = Duration::from_millis(clock(&self.lives[life], self.now));
        let actions = self.lives[life].engine.handle(time, event);
        for action in actions {
            self.act(life, action)?;
        }
        if let Some(wakes_at) = self.lives[life].engine.wakes_at()
            && self.lives[life].lives
        {
            let wakes_at = u64::try_from(wakes_at.as_millis()).unwrap();
            let wait = wakes_at.saturating_sub(clock(&self.lives[life], self.now));
            let at = self.now + wait.max(1);
            if at < self.lives[life].wakes_at {
                self.lives[life].wakes_at = at;
                self.at(wait.max(1), Happens::Wakes(life));
            }
        }
        Ok(())
    }

    fn act(&mut self, life: usize, action: Action) -> Result<(), String> {
        self.note(|_| format!("          {life}: {action:?}"));
        match action {
            Action::Send(name, call) => {
                self.permitted(life, &call)?;
                self.sends(life, &name, call);
                Ok(())
            }
            Action::Record(entry) => self.records(life, entry),
            Action::Wait => {
                self.counts.waits += 1;
                self.at(10, Happens::Rules(life));
                Ok(())
            }
            Action::End(end) => self.ended(life, &end),
        }
    }

    /// Nobody who leads tells anybody what isn't written down.
    fn permitted(&self, life: usize, call: &Call) -> Result<(), String> {
        let has = |which: fn(&Entry) -> bool| self.case.entries.iter().any(which);
        let committed = has(|it| matches!(it, Entry::Committed));
        let turned = has(|it| matches!(it, Entry::TurnedBack { .. }));
        let planned = has(|it| matches!(it, Entry::Planned { .. }));
        let may = match call.request {
            Request::Assess | Request::Prepare(_) => !planned && !committed && !turned,
            Request::Execute(_) | Request::Validate(_) => planned && !committed && !turned,
            Request::RollBack => turned,
            Request::CleanUp => turned || committed,
        };
        if life != self.leader || may { Ok(()) } else { Err(format!("it may not say {call:?}")) }
    }

    fn ended(&mut self, life: usize, end: &End) -> Result<(), String> {
        self.lives[life].lives = false;
        match end {
            End::Consistent { .. } | End::Refused { .. } => {
                let ended = matches!(self.record.last(), Some(Entry::Ended));
                if life == self.leader && !ended {
                    return Err(format!("{end:?} isn't written down"));
                }
            }
            End::Pending { .. } => self.counts.pending += 1,
            End::Superseded { .. } => self.counts.superseded += 1,
            End::RecordFailed => self.counts.record_failed += 1,
        }
        if life != self.leader || self.over {
            return Ok(());
        }
        if self.faults_over && !matches!(self.record.last(), Some(Entry::Ended)) {
            return Err(format!("without any faults it ends with {end:?}"));
        }
        let when = self.dice.within(1, 5_000);
        self.at(when, Happens::Begins);
        Ok(())
    }

    // --- the record

    fn records(&mut self, life: usize, entry: Entry) -> Result<(), String> {
        if !self.fault(|odds| odds.record) {
            return self.kept(life, entry);
        }
        self.counts.record_faults += 1;
        match self.dice.below(5) {
            0 => {
                let when = self.dice.within(1, 40_000);
                self.at(when, Happens::Recorded(life, entry));
            }
            1 => self.dies(life),
            2 => {
                self.append(life, entry)?;
                self.dies(life);
            }
            3 => return self.feed(life, Event::Came(Input::RecordFailed)),
            _ => {
                self.append(life, entry)?;
                return self.feed(life, Event::Came(Input::RecordFailed));
            }
        }
        Ok(())
    }

    fn kept(&mut self, life: usize, entry: Entry) -> Result<(), String> {
        if !self.lives[life].lives {
            return Ok(());
        }
        let kept = self.append(life, entry)?;
        self.feed(life, Event::Came(if kept { Input::Recorded } else { Input::RecordFailed }))
    }

    /// Keeps an entry; of one who doesn't lead any more, nothing.
    fn append(&mut self, life: usize, entry: Entry) -> Result<bool, String> {
        if life != self.leader {
            return Ok(false);
        }
        self.record.push(entry.clone());
        self.case.entries.push(entry.clone());
        match entry {
            Entry::Committed => {
                let away = |name: &Name| self.models[name].undo.is_some();
                let Ok(Ok((_, members))) = self.case.end() else {
                    return Err(
                        "it is committed without a plan, or after it turned back".to_owned()
                    );
                };
                if !members.iter().all(away) {
                    return Err("it is committed, and somebody isn't there".to_owned());
                }
            }
            Entry::Ended => self.check()?,
            _ => {}
        }
        Ok(true)
    }

    // --- the end

    fn open_case(&mut self) {
        let before = self.models.iter().map(|(name, model)| (name.clone(), model.shown.clone()));
        // Who was away may still be.
        let Case { suffered, jumped, .. } = std::mem::take(&mut self.case);
        self.case = Case { before: before.collect(), suffered, jumped, ..Case::default() };
    }

    fn check(&mut self) -> Result<(), String> {
        let case = &self.case;
        match case.end()? {
            Ok((plan, members)) => {
                self.counts.consistent += 1;
                case.left_behind(&self.models, &members)?;
                case.obeyed(&members)?;
                case.left_out(&self.terms, &self.models, &members)?;
                case.at_cut(&self.models, &plan, &members)?;
                case.losses(&self.terms, &plan, &members)?;
                let what = (&plan, &members);
                case.transactions(&self.terms, &self.models, what, &mut self.decided)?;
                case.owners(&self.models, &members)?;
                self.counts.rebuilt += plan.rebuild.len() as u64;
                self.counts.left_out += (self.models.len() - members.len()) as u64;
            }
            Err((reason, members)) => {
                case.left_behind(&self.models, &members)?;
                case.refused(&self.models, &reason)?;
                self.counts.refused(&reason);
            }
        }
        for model in self.models.values() {
            if let Some(outrage) = model.outrages.first() {
                return Err(format!("{} was {outrage}", model.name));
            }
        }
        for found in self.lives[self.leader].engine.machine().found() {
            self.counts.found(&found.conflict);
        }
        self.over = self.rounds_left == 0;
        if !self.over {
            self.rounds_left -= 1;
            self.counts.second += 1;
            generate::crash_again(&mut self.dice, &self.terms, &mut self.models);
            self.open_case();
            self.note(|it| format!("again {:#?}", it.models));
        }
        Ok(())
    }

    /// From here on all is well, and one more life brings it to its end.
    fn faults_stop(&mut self) -> Result<(), String> {
        self.faults_over = true;
        for life in &mut self.lives {
            life.lives = false;
        }
        let now = self.now;
        self.hosts.values_mut().for_each(|host| host.busy_until = host.busy_until.min(now));
        self.models.values_mut().for_each(|model| model.fuse = None);
        self.queue.retain(|_, event| matches!(event, Happens::Asked(..)));
        self.counts.last_lives += 1;
        self.begins()
    }

    // --- somebody

    fn rules(&mut self, life: usize) -> Result<(), String> {
        let machine = self.lives[life].engine.machine();
        let waiting: Vec<(Conflict, Vec<Ruling>)> =
            machine.waiting().map(|it| (it.conflict.clone(), it.choices.clone())).collect();
        if waiting.is_empty() || !self.lives[life].lives {
            return Ok(());
        }
        let (conflict, choices) = self.dice.one_of(&waiting).clone();
        let mut ruling = self.dice.one_of(&choices).clone();
        if ruling == Ruling::Stop && self.dice.happens(700) {
            ruling = choices[0].clone();
        }
        let mut key = conflict.key();
        if self.dice.happens(50) {
            // What nobody asked for changes nothing.
            key.push('0');
            self.counts.senseless += 1;
        } else {
            self.case.said.push((conflict, ruling.clone()));
            self.counts.rulings += 1;
        }
        self.at(5_000, Happens::Rules(life));
        self.feed(life, Event::Came(Input::Ruled(key, ruling)))
    }

    // --- the network, and who is asked

    fn sends(&mut self, life: usize, name: &Name, call: Call) {
        let copies = if self.fault(|odds| odds.twice) { 2 } else { 1 };
        self.counts.twice += copies - 1;
        for _ in 0..copies {
            if self.fault(|odds| odds.lost) {
                self.counts.lost += 1;
                self.case.suffered.insert(name.clone());
                continue;
            }
            let wait = self.travels(name);
            self.at(wait, Happens::Asked(name.clone(), call.clone(), life));
        }
    }

    fn travels(&mut self, name: &Name) -> u64 {
        if self.fault(|odds| odds.late) {
            self.counts.late += 1;
            self.case.suffered.insert(name.clone());
            return self.dice.within(100, 120_000);
        }
        self.dice.within(1, 20)
    }

    fn asked(&mut self, name: &Name, call: &Call, life: usize) -> Result<(), String> {
        let busy_until = self.hosts[name].busy_until;
        if busy_until > self.now {
            let wait = busy_until - self.now;
            self.at(wait, Happens::Asked(name.clone(), call.clone(), life));
            return Ok(());
        }
        if self.fault(|odds| odds.pause) {
            // It hears this only after all the others have long given it up.
            self.counts.pauses += 1;
            self.case.suffered.insert(name.clone());
            let wait = self.dice.within(20_000, 200_000);
            self.hosts.get_mut(name).unwrap().busy_until = self.now + wait;
            return self.asked(name, call, life);
        }
        let crashes = self.fault(|odds| odds.crash);
        let fails = self.fault(|odds| odds.fails);
        let fence_fails = fails && self.dice.happens(300);
        let before_or_after = self.dice.happens(500);
        let steps = u32::try_from(self.dice.below(8)).unwrap();
        let signs = Cell::new(0);
        let model = self.models.get_mut(name).unwrap();
        let host = self.hosts.get_mut(name).unwrap();
        model.fuse = (crashes || fails).then_some(steps);
        host.fence.fails = fence_fails.then_some(before_or_after);
        let stale = call.turn() < host.fence.turn;
        let answer = answer(model, &mut host.fence, call, &|| signs.set(signs.get() + 1));
        let burnt = (crashes || fails) && (model.fuse == Some(0) || fence_fails);
        model.fuse = None;
        self.counts.stale += u64::from(stale);
        self.note(|_| format!("          {name} {answer:?}"));
        if burnt {
            self.case.suffered.insert(name.clone());
        }
        if crashes {
            self.counts.crashes += 1;
            self.case.suffered.insert(name.clone());
            let wait = self.dice.within(10, 90_000);
            self.hosts.get_mut(name).unwrap().busy_until = self.now + wait;
            // What was on its way to it is lost.
            let lost = |event: &Happens| matches!(event, Happens::Asked(to, ..) if to == name);
            self.queue.retain(|_, event| !lost(event));
            return Ok(());
        }
        self.counts.fails += u64::from(burnt);
        self.answers(life, name, answer);
        Ok(())
    }

    fn answers(&mut self, life: usize, name: &Name, answer: Answer) {
        let mut works = 0;
        if self.fault(|odds| odds.slow) {
            // Long work, with signs of life that may get lost.
            self.counts.slow += 1;
            works = self.dice.within(1_000, 100_000);
            self.hosts.get_mut(name).unwrap().busy_until = self.now + works;
            for sign in 1..works / self.times.heartbeat_ms {
                if !self.fault(|odds| odds.lost) {
                    let at = sign * self.times.heartbeat_ms;
                    self.at(at, Happens::Alive(life, name.clone(), answer.epoch));
                } else {
                    self.case.suffered.insert(name.clone());
                }
            }
            // Some retry what takes them long; the whole time may run out.
            self.case.suffered.insert(name.clone());
        }
        if self.fault(|odds| odds.lost) {
            self.counts.lost += 1;
            self.case.suffered.insert(name.clone());
            return;
        }
        let wait = works + self.travels(name);
        self.at(wait, Happens::Answered(life, name.clone(), answer));
    }
}
