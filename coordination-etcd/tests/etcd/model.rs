//! Participants that are a number each, and a coordination of them. What is right is said by hand: all come to the
//! least that one of them reaches, or stay where they were.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never};
use vexfs_coordination_etcd::{Etcd, EtcdOptions, Joining, Until};
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    CutDigest, Loss, Member, Need, Participant, ParticipantKind, Plan, Policy, Proof, Report, Role,
    Sharing, Standing, Terms, Times, Turn, Vote, Work,
};

pub(crate) const NAMES: [&str; 3] = ["kernel", "space", "space/more"];
const KINDS: [ParticipantKind; 3] = [
    ParticipantKind::KernelJournal,
    ParticipantKind::UserspaceJournal,
    ParticipantKind::ExternalSystem,
];
/// How far each reaches, and where all come to.
const REACH: [u64; 3] = [10, 7, 9];
pub(crate) const AGREED: u64 = 7;

/// What is asked of one, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Assess,
    Prepare,
    Execute,
    Validate,
    RollBack,
    CleanUp,
}

/// What outlives a participant's process.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) at: u64,
    pub(crate) before: Option<u64>,
    pub(crate) latest: Turn,
    pub(crate) log: Vec<(u64, Step)>,
}

/// Where participants are held: the first time that one is asked this.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    at: Step,
    reached: Sender<()>,
    go: Receiver<()>,
}

impl Gate {
    /// And who hears that it is reached, and who opens it by being dropped.
    pub(crate) fn at(at: Step) -> (Self, Receiver<()>, Sender<()>) {
        let ((reached, hears), (opens, go)) = (bounded(64), bounded(0));
        (Self { at, reached, go }, hears, opens)
    }
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) reach: u64,
    pub(crate) refuses: bool,
    /// How long its report is made, in bytes.
    pub(crate) padding: usize,
    pub(crate) disk: Arc<Mutex<Disk>>,
    pub(crate) gate: Option<Gate>,
}

impl Model {
    fn step(&mut self, step: Step, work: &Work<'_>) {
        self.disk.lock().unwrap().log.push((work.epoch, step));
        (work.alive)();
        if self.gate.as_ref().is_some_and(|gate| gate.at == step) {
            let gate = self.gate.take().unwrap();
            gate.reached.send(()).unwrap();
            let _ = gate.go.recv();
        }
    }
}

fn proof(at: u64) -> Proof {
    Proof::from([("all".to_owned(), CutDigest([u8::try_from(at).unwrap(); 32]))])
}

impl Participant for Model {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        self.step(Step::Assess, work);
        let at = self.disk.lock().unwrap().at;
        let standing = Standing { role: Role::Follower, floor: 0, at, reach: self.reach };
        let owns = if self.padding > 0 { vec![("x".repeat(self.padding), 1)] } else { vec![] };
        Ok(Report {
            standings: BTreeMap::from([("all".to_owned(), standing)]),
            owns: owns.into_iter().collect(),
            ..Report::default()
        })
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        self.step(Step::Prepare, work);
        Ok(if self.refuses {
            Vote::No("it will not".into())
        } else {
            Vote::Yes(proof(plan.cut["all"]))
        })
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        self.step(Step::Execute, work);
        let mut disk = self.disk.lock().unwrap();
        let at = disk.at;
        disk.before.get_or_insert(at);
        disk.at = plan.cut["all"];
        Ok(())
    }

    fn validate(&mut self, _: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        self.step(Step::Validate, work);
        Ok(proof(self.disk.lock().unwrap().at))
    }

    fn roll_back(&mut self, work: &Work<'_>) -> Result<(), Error> {
        self.step(Step::RollBack, work);
        let mut disk = self.disk.lock().unwrap();
        disk.at = disk.before.take().unwrap_or(disk.at);
        Ok(())
    }

    fn clean_up(&mut self, work: &Work<'_>) -> Result<(), Error> {
        self.step(Step::CleanUp, work);
        self.disk.lock().unwrap().before = None;
        Ok(())
    }
}

/// The fence of a participant that has a disk.
#[derive(Debug)]
struct OnDisk(Arc<Mutex<Disk>>);

impl vexfs_replay::coordination::Fence for OnDisk {
    fn latest(&self) -> Turn {
        self.0.lock().unwrap().latest
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        self.0.lock().unwrap().latest = turn;
        Ok(())
    }
}

pub(crate) fn options(endpoints: &[String], prefix: &str, host: &str) -> EtcdOptions {
    EtcdOptions {
        endpoints: endpoints.to_vec(),
        prefix: format!("/{prefix}/"),
        host: host.to_owned(),
        lease_s: 1,
        attempt: Duration::from_millis(500),
        patience: Duration::from_secs(10),
        wait_for_place: Duration::ZERO,
        heartbeat: Duration::from_millis(100),
        ..EtcdOptions::default()
    }
}

pub(crate) fn terms() -> Terms {
    let member = |kind| Member { kind, need: Need::Required };
    let members = NAMES.into_iter().zip(KINDS);
    Terms {
        members: members.map(|(name, kind)| (name.to_owned(), member(kind))).collect(),
        sharing: Sharing::default(),
        policy: Policy { loss: Loss::Accept, retries: 5, ..Policy::default() },
    }
}

pub(crate) fn times(whole_ms: u64) -> Times {
    Times { heartbeat_ms: 100, silent_ms: 4000, whole_ms, again_ms: 50, again_ms_max: 500 }
}

/// Three participants, each on a host of its own.
pub(crate) struct Hosts {
    pub(crate) disks: Vec<Arc<Mutex<Disk>>>,
    threads: Vec<JoinHandle<Result<(), Error>>>,
}

impl Hosts {
    /// One of them, the second, may refuse.
    pub(crate) fn start(options: &EtcdOptions, gate: Option<&Gate>, refuses: bool) -> Self {
        let mut hosts = Self::nobody();
        for at in 0..NAMES.len() {
            hosts.join(options, at, gate, refuses && at == 1);
        }
        hosts
    }

    pub(crate) fn nobody() -> Self {
        let disks = REACH.map(|at| Arc::new(Mutex::new(Disk { at, ..Disk::default() })));
        Self { disks: disks.to_vec(), threads: Vec::new() }
    }

    pub(crate) fn join(
        &mut self,
        options: &EtcdOptions,
        at: usize,
        gate: Option<&Gate>,
        refuses: bool,
    ) {
        let disk = Arc::clone(&self.disks[at]);
        let gate = gate.cloned();
        let model = Model { reach: REACH[at], refuses, padding: 0, disk, gate };
        let options = EtcdOptions {
            host: format!("host-{at}"),
            wait_for_place: Duration::from_secs(20),
            ..options.clone()
        };
        self.threads.push(spawn(move || serve(options, at, model, &never())));
    }

    /// Waits until all have left, and says where they are.
    pub(crate) fn all_end(self) -> Vec<u64> {
        for thread in self.threads {
            thread.join().unwrap().unwrap();
        }
        self.disks.iter().for_each(|disk| assert_eq!(disk.lock().unwrap().before, None));
        self.disks.iter().map(|disk| disk.lock().unwrap().at).collect()
    }
}

pub(crate) fn serve(
    options: EtcdOptions,
    at: usize,
    mut model: Model,
    stop: &Receiver<()>,
) -> Result<(), Error> {
    let joining = Joining { name: NAMES[at].to_owned(), kind: KINDS[at], until: Until::Ended };
    let mut fence = OnDisk(Arc::clone(&model.disk));
    Etcd::connect(options)?.join(&joining, &mut model, &mut fence, stop)
}

#[expect(clippy::disallowed_methods, reason = "several hosts are several threads")]
pub(crate) fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(body)
}
