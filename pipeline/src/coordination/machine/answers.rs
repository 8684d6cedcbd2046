//! What participants answer, and what follows once all have.

use super::{Asked, End, Machine, Output, Stage};
use crate::coordination::find::different_digests;
use crate::coordination::message::{Answer, Reply};
use crate::coordination::record::{Entry, Refusal};
use crate::coordination::report::Name;

impl Machine {
    pub(super) fn answered(&mut self, name: &Name, answer: Answer) -> Vec<Output> {
        if let Reply::Superseded(epoch) = answer.reply
            && epoch > self.epoch
        {
            return self.end(End::Superseded { epoch });
        }
        let stage = self.stage;
        let now = (self.epoch, self.round) == (answer.epoch, answer.round);
        let Some(part) = self.members.get_mut(name) else { return Vec::new() };
        if !now || part.asked == Asked::Answered {
            return Vec::new();
        }
        match (stage, answer.reply) {
            (Stage::Assessing, Reply::Report(report)) => match report.fault() {
                Some(fault) => return self.failed(name, fault),
                None => part.report = Some(report),
            },
            (Stage::Preparing, Reply::Yes(proof)) => part.foreseen = Some(proof),
            (Stage::Preparing, Reply::No(reason)) => {
                return self.refuse(Refusal::VotedNo { participant: name.clone(), reason });
            }
            (Stage::Validating, Reply::Proof(proof)) => part.proof = Some(proof),
            (Stage::Executing | Stage::GoingBack | Stage::CleaningUp, Reply::Done) => {}
            (_, Reply::Failed(reason)) => return self.failed(name, reason),
            (_, reply) => return self.failed(name, format!("its answer is {reply:?}")),
        }
        part.asked = Asked::Answered;
        let open = self.unanswered().count();
        if open == 0 { self.all_answered() } else { Vec::new() }
    }

    pub(super) fn all_answered(&mut self) -> Vec<Output> {
        match self.stage {
            Stage::Assessing => self.decide(),
            Stage::Preparing => self.count_votes(),
            Stage::Executing => self.ask(Stage::Validating),
            Stage::Validating => self.validate(),
            Stage::GoingBack => self.ask(Stage::CleaningUp),
            // A coordination that was refused before anybody was told to go anywhere has only that to write.
            Stage::CleaningUp => self.record(Entry::Ended),
            Stage::Beginning | Stage::Waiting | Stage::Ended => Vec::new(),
        }
    }

    /// All have gone to the cut. Whether it is the same cut, their proofs say, beside what those who knew it
    /// before had foreseen.
    fn validate(&mut self) -> Vec<Output> {
        let proofs =
            self.members.iter().filter_map(|(name, part)| Some((name, part.proof.as_ref()?)));
        let mut different = different_digests(proofs, &self.plan.cut);
        for (name, part) in &self.members {
            let [Some(foreseen), Some(proof)] = [&part.foreseen, &part.proof] else { continue };
            if self.plan.rebuild.contains(name) {
                continue;
            }
            let foreseen_by = format!("{name} before");
            let both = [(&foreseen_by, foreseen), (name, proof)];
            different.extend(different_digests(both, &self.plan.cut));
        }
        match different.first() {
            Some(conflict) => self.refuse(Refusal::Invalid { conflict: conflict.to_string() }),
            None => self.record(Entry::Committed),
        }
    }
}
