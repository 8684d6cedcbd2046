//! A participant that is as small as one can be: where it is, what it prepared, and how it can go back.

use vexfs_replay::Error;
use vexfs_replay::coordination::{
    CutDigest, Fence, Participant, Plan, Proof, Report, Turn, Vote, Work,
};

/// Where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Whereabouts {
    #[default]
    Home,
    OnTheWay,
    There,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) report: Report,
    /// Whether it has something else than it foresees.
    pub(crate) lies: bool,
    pub(crate) is: Whereabouts,
    pub(crate) prepared: Option<Plan>,
    pub(crate) undo: Option<Plan>,
    /// After how many steps the next call is cut off.
    pub(crate) fuse: Option<u8>,
    /// It was asked what nobody may ask.
    pub(crate) outraged: bool,
}

impl Node {
    fn step(&mut self) -> Result<(), Error> {
        match &mut self.fuse {
            Some(0) => Err(Error::WriterDead { cause: "it crashed".to_owned() }),
            Some(steps) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn proof(&self, plan: &Plan, other: bool) -> Proof {
        let mut digest = CutDigest([0; 32]);
        digest.0[0] = u8::from(other);
        let streams = self.report.standings.keys();
        streams
            .map(|stream| {
                (
                    stream.clone(),
                    CutDigest({
                        digest.0[1] = u8::try_from(plan.cut[stream]).unwrap();
                        digest.0
                    }),
                )
            })
            .collect()
    }
}

impl Participant for Node {
    fn assess(&mut self, _: &Work<'_>) -> Result<Report, Error> {
        self.outraged |= self.undo.is_some();
        self.prepared = None;
        self.step()?;
        Ok(self.report.clone())
    }

    fn prepare(&mut self, plan: &Plan, _: &Work<'_>) -> Result<Vote, Error> {
        self.outraged |= self.undo.is_some();
        self.prepared = Some(plan.clone());
        self.step()?;
        Ok(Vote::Yes(self.proof(plan, false)))
    }

    fn execute(&mut self, plan: &Plan, _: &Work<'_>) -> Result<(), Error> {
        if self.undo.is_none() && self.prepared.as_ref() != Some(plan) {
            return Err(Error::WriterDead { cause: "it isn't prepared".to_owned() });
        }
        self.outraged |= self.undo.as_ref().is_some_and(|it| it != plan);
        if self.is == Whereabouts::There {
            return Ok(());
        }
        (self.undo, self.is) = (Some(plan.clone()), Whereabouts::OnTheWay);
        self.step()?;
        self.is = Whereabouts::There;
        Ok(())
    }

    fn validate(&mut self, plan: &Plan, _: &Work<'_>) -> Result<Proof, Error> {
        self.step()?;
        Ok(self.proof(plan, self.lies || self.is != Whereabouts::There))
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        if self.is != Whereabouts::Home {
            self.is = Whereabouts::OnTheWay;
            self.step()?;
            self.is = Whereabouts::Home;
        }
        Ok(())
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        self.prepared = None;
        self.step()?;
        self.undo = None;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Heard(pub(crate) Turn);

impl Fence for Heard {
    fn latest(&self) -> Turn {
        self.0
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        self.0 = turn;
        Ok(())
    }
}
