//! A block journal of the kernel: what it holds up to the cut is redone into the image that it serves, and what is
//! overwritten is kept until the coordination ends. What it holds after the cut is discarded then, and what is in
//! the image for good it gives up; which transactions these were it keeps in mind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vexfs_kernels::Sha256Stream;

use super::given_up::{GIVEN_UP, GivenUp};
use crate::block_journal::{
    Decision, Ending, JournalAfter, RedoOptions, Survey, TransactionOutcome, clean_up, differing,
    plan as plan_of, redo, roll_back, survey,
};
use crate::coordination::cut::Verdict;
use crate::coordination::participant::{Participant, Vote, Work};
use crate::coordination::plan::Plan;
use crate::coordination::report::{CutDigest, Place, Proof, Report, Role, Said, Standing, Stream};
use crate::coordination::terms::Sharing;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, Folder, read_exact_at};
use crate::{block_journal, block_journal::layout::BLOCK_BYTES};

/// What is kept of the image, by this name in the participant's own folder.
const ASIDE: &str = "preimage";
/// The plan that is being carried out.
const PLAN: &str = "plan.json";
/// No plan is longer, in bytes.
const PLAN_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How much of the image is read at once, in bytes.
const READ_BYTES: usize = 1024 * 1024;

/// A block journal of the kernel. Its transactions have the same ids everywhere.
#[derive(Debug)]
pub struct KernelJournal {
    /// What others call its sequence; positions are sequence numbers.
    pub stream: Stream,
    /// Which of its transactions span several participants.
    pub sharing: Sharing,
    /// The journal.
    pub journal: block_journal::Place,
    /// The image that it serves.
    pub image: block_journal::Place,
    /// A folder of this participant alone.
    pub staging: Arc<dyn Folder>,
}

impl KernelJournal {
    fn aside(&self) -> block_journal::Place {
        block_journal::Place::new(Arc::clone(&self.staging), ASIDE)
    }

    /// A redo up to the cut that can be rolled back.
    fn options(&self, plan: &Plan) -> Result<RedoOptions, Error> {
        let aborted = plan.verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Abort);
        Ok(RedoOptions {
            until_sequence: Some(plan.cut_of(&self.stream)?),
            decisions: aborted.map(|(&id, _)| (id, Decision::Discard)).collect(),
            journal: JournalAfter::Untouched,
            aside: Some(self.aside()),
        })
    }

    /// The last step of it: the image has everything up to the cut, and what comes after it is discarded.
    fn discarding(&self, plan: &Plan) -> Result<RedoOptions, Error> {
        let (cut, survey) = (plan.cut_of(&self.stream)?, survey(&self.journal)?);
        let options = self.options(plan)?;
        let after = survey
            .transactions
            .iter()
            .filter(|it| it.commit.is_some_and(|commit| commit.sequence > cut));
        let mut decisions: BTreeMap<u64, Decision> =
            after.map(|it| (it.id, Decision::Discard)).collect();
        decisions.extend(options.decisions);
        let until_sequence = match survey.ending {
            // What is damaged stays where it is seen.
            Ending::Damaged(_) => Some(survey.proven_sequence),
            Ending::Clean | Ending::Torn(_) => None,
        };
        Ok(RedoOptions { until_sequence, decisions, journal: JournalAfter::Advanced, aside: None })
    }

    /// The plan that is being carried out, where one is.
    fn under_way(&self) -> Result<Option<Plan>, Error> {
        let path = self.staging.path(PLAN);
        let read = storage::read_whole(self.staging.as_ref(), PLAN, PLAN_BYTES_MAX)?;
        let Some(bytes) = read else { return Ok(None) };
        let plan = serde_json::from_slice(&bytes);
        plan.map(Some).map_err(|error| Error::InconsistentRecovery {
            reason: format!("{}: {error}", path.display()),
        })
    }

    /// Leaves nothing behind. The plan goes last, since it tells that there is something to be done.
    fn clear(&self) -> Result<(), Error> {
        clean_up(&self.aside())?;
        storage::remove_where(self.staging.as_ref(), |name| name != GIVEN_UP)
    }

    fn image_digest(&self, work: &Work<'_>) -> Result<CutDigest, Error> {
        let path = self.image.path();
        let file = self.image.folder.open(&self.image.name).context("open", &path, None)?;
        let length = file.length().context("read", &path, None)?;
        let (mut stream, mut buffer) = (Sha256Stream::default(), vec![0; READ_BYTES]);
        let mut offset = 0;
        while offset < length {
            (work.alive)();
            let left = usize::try_from(length - offset).unwrap_or(usize::MAX);
            let part = &mut buffer[..left.min(READ_BYTES)];
            read_exact_at(file.as_ref(), part, offset).context("read", &path, Some(offset))?;
            stream.update(part);
            offset += part.len() as u64;
        }
        Ok(CutDigest(stream.finish()))
    }

    /// What it says of a transaction.
    fn said(&self, transaction: &block_journal::Transaction) -> Said {
        let at = transaction.commit.map(|commit| commit.sequence);
        match (transaction.outcome, at) {
            (TransactionOutcome::Committed, Some(at)) => {
                Said::Committed(Place { stream: self.stream.clone(), at })
            }
            (TransactionOutcome::Aborted, _) => Said::Aborted,
            _ => Said::Unfinished,
        }
    }

    /// What it says of those of its transactions that span several participants.
    pub(in crate::coordination) fn shared(
        &self,
        survey: &Survey,
    ) -> Result<BTreeMap<u64, Said>, Error> {
        let given_up = GivenUp::read(&self.staging)?;
        let given_up = given_up.until(floor(survey)).map(|(id, at)| {
            let stream = self.stream.clone();
            (id, Said::Committed(Place { stream, at }))
        });
        let in_log = survey.transactions.iter().map(|it| (it.id, self.said(it)));
        Ok(given_up.chain(in_log).filter(|(id, _)| self.sharing.is_shared(*id)).collect())
    }

    /// Keeps in mind which shared transactions are in the image, before the log gives them up.
    fn keep_in_mind(&self, plan: &Plan) -> Result<(), Error> {
        let (cut, survey) = (plan.cut_of(&self.stream)?, survey(&self.journal)?);
        let is_in = |it: &&block_journal::Transaction| {
            it.commit.is_some_and(|commit| commit.sequence <= cut)
                && self.sharing.is_shared(it.id)
                && plan.verdicts.get(&it.id) != Some(&Verdict::Abort)
        };
        let ids: BTreeSet<u64> = survey.committed().filter(is_in).map(|it| it.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut given_up = GivenUp::read(&self.staging)?;
        given_up.add(&ids, cut, survey.newest_sequence);
        given_up.keep(self.staging.as_ref())
    }
}

/// The sequence behind which the log begins: what is before that is in the image already, for good.
fn floor(survey: &Survey) -> u64 {
    survey.first_sequence().map_or(survey.newest_sequence, |it| it.saturating_sub(1))
}

impl Participant for KernelJournal {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        (work.alive)();
        self.roll_back(work)?;
        let survey = survey(&self.journal)?;
        let floor = floor(&survey);
        let reach = survey.proven_sequence.max(floor);
        let at = match survey.ending {
            Ending::Damaged(_) => survey.newest_sequence.max(reach),
            Ending::Clean | Ending::Torn(_) => reach,
        };
        let standing = Standing { role: Role::Source, floor, at, reach };
        let standings = BTreeMap::from([(self.stream.clone(), standing)]);
        let transactions = self.shared(&survey)?;
        Ok(Report { standings, transactions, ..Report::default() })
    }

    fn prepare(&mut self, plan: &Plan, _: &Work<'_>) -> Result<Vote, Error> {
        let survey = survey(&self.journal)?;
        let path = self.image.path();
        let file = self.image.folder.open(&self.image.name).context("open", &path, None)?;
        let blocks = file.length().context("read", &path, None)? / BLOCK_BYTES as u64;
        Ok(match plan_of(&survey, blocks, &self.options(plan)?) {
            Ok(_) => Vote::Yes(Proof::new()),
            Err(
                error @ (Error::BlockJournalDamaged { .. } | Error::InconsistentRecovery { .. }),
            ) => Vote::No(error.to_string()),
            Err(error) => return Err(error),
        })
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        (work.alive)();
        if self.under_way()?.as_ref() != Some(plan) {
            self.roll_back(work)?;
            let bytes = serde_json::to_vec(plan)
                .map_err(|error| Error::InconsistentRecovery { reason: error.to_string() })?;
            storage::write_whole(self.staging.as_ref(), PLAN, &bytes)?;
        }
        redo(&self.journal, &self.image, &self.options(plan)?).map(|_| ())
    }

    fn validate(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        let differing = differing(&self.journal, &self.image, &self.options(plan)?)?;
        if let Some(block) = differing.first() {
            let reason = format!(
                "{} blocks of {}, the first of them {block}, hold something else than the journal",
                differing.len(),
                self.image.path().display()
            );
            return Err(Error::InconsistentRecovery { reason });
        }
        Ok(Proof::from([(self.stream.clone(), self.image_digest(work)?)]))
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        if self.under_way()?.is_some() {
            roll_back(&self.journal, &self.image, &self.aside())?;
        }
        self.clear()
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        if let Some(plan) = self.under_way()? {
            self.keep_in_mind(&plan)?;
            redo(&self.journal, &self.image, &self.discarding(&plan)?)?;
        }
        self.clear()
    }
}
