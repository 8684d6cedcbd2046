//! A process is killed at every change that it makes to storage; the next one goes on. In the end all stand at the
//! cut, as without, or everything is as it was.

use std::collections::BTreeMap;

use vexfs_replay::Error;
use vexfs_replay::coordination::{
    End, Life as Lived, Name, Participant, Plan, Proof, Report, Vote, Work,
};

use crate::cuts::{assert_at, assert_consistent, assert_nothing_left, cut_of};
use crate::limited::Life;
use crate::world::{World, accepting};

const LONG: i64 = 1_000_000;

fn damaged() -> (World, BTreeMap<String, u64>) {
    let world = World::new(5);
    let mut last = *world.ends.last().unwrap();
    last[1] = world.ends[2][1];
    World::cut_off(&world.graph, last[1]);
    World::cut_off(&world.copy, world.ends[1][0]);
    let cut = cut_of(&world, last);
    (world, cut)
}

#[test]
fn killed_at_every_change_it_goes_on_to_the_same_cut() {
    let (whole, cut) = damaged();
    let life = Life::of(LONG);
    let ended = whole.copied().coordinate(accepting(), &life).unwrap();
    assert_consistent(&ended, &cut);
    let changes = LONG - life.left();
    assert!(changes > 50, "{changes}");
    let (mut refused, mut resumed) = (0, 0);
    for kill in 0..changes {
        let world = whole.copied();
        let before = world.content();
        let life = Life::of(kill);
        let killed = world.coordinate(accepting(), &life);
        assert!(life.left() <= 0, "{kill}: {killed:?}");
        // What failed may have been undone in the same life, where storage went on to work; it didn't.
        match world.coordinate(accepting(), &Life::of(LONG)).unwrap() {
            Lived::Ended(End::Refused { .. }) => {
                refused += 1;
                assert_nothing_left(&world);
                assert_eq!(world.content(), before, "killed at {kill}");
                let again = world.coordinate(accepting(), &Life::of(LONG)).unwrap();
                assert_consistent(&again, &cut);
            }
            ended => {
                resumed += 1;
                assert_consistent(&ended, &cut);
            }
        }
        assert_at(&world, &cut);
    }
    assert!(resumed > 0, "{refused} were refused");
}

/// One who takes part, until it fails.
#[derive(Debug)]
pub(crate) struct Fails(pub(crate) Box<dyn Participant>);

impl Participant for Fails {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        self.0.assess(work)
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        self.0.prepare(plan, work)
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        self.0.execute(plan, work)?;
        Err(Error::Cancelled)
    }

    fn validate(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        self.0.validate(plan, work)
    }

    fn roll_back(&mut self, work: &Work<'_>) -> Result<(), Error> {
        self.0.roll_back(work)
    }

    fn clean_up(&mut self, work: &Work<'_>) -> Result<(), Error> {
        self.0.clean_up(work)
    }
}

#[test]
fn where_one_fails_to_go_to_the_cut_everything_is_as_it_was() {
    let names = ["files", "graph", "index", "copy", "layers"].map(Name::from);
    for name in names {
        let (world, cut) = damaged();
        let before = world.content();
        let life = Life::of(LONG);
        let mut participants = world.participants(&life);
        let fails = Fails(participants.remove(&name).unwrap());
        participants.insert(name.clone(), Box::new(fails));
        let ended = world.coordinate_with(accepting(), &life, participants).unwrap();
        let Lived::Ended(End::Refused { reason }) = ended else { panic!("{name}: {ended:?}") };
        assert!(reason.to_string().contains(&name), "{reason}");
        assert_eq!(world.content(), before, "{name}");
        let again = world.coordinate(accepting(), &Life::of(LONG)).unwrap();
        assert_consistent(&again, &cut);
        assert_at(&world, &cut);
    }
}
