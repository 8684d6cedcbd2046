//! Where all are to go, and what is done about what they disagree on.

use std::collections::BTreeMap;

use super::{Found, Machine, Output, Stage};
use crate::coordination::conflict::{Conflict, Resolution, Ruling};
use crate::coordination::cut::{Verdict, Verdicts, latest_cut};
use crate::coordination::find::{conflicts, different_digests};
use crate::coordination::plan::Plan;
use crate::coordination::record::{Entry, Refusal};
use crate::coordination::report::{Name, Report};
use crate::coordination::resolve::Known;

impl Machine {
    /// All have reported: chooses the cut, and what is done about conflicts.
    pub(super) fn decide(&mut self) -> Vec<Output> {
        let reports = self.all_reports();
        let decided = self.decided();
        let mut cut = latest_cut(&self.terms, &reports, &decided);
        let conflicts = conflicts(&self.terms, &reports, &cut);
        let known = Known { terms: &self.terms, reports: &reports };
        let found: Vec<Found> = conflicts.into_iter().map(|it| self.judge(known, it)).collect();
        let mut owners = BTreeMap::new();
        for it in &found {
            match (&it.conflict, it.resolution, &it.ruling) {
                (Conflict::InDoubt { transaction }, Resolution::Abort, _) => {
                    cut.verdicts.insert(*transaction, Verdict::Abort);
                }
                (Conflict::TwoOwners { resource, .. }, _, Some(Ruling::Prefer(owner))) => {
                    owners.insert(resource.clone(), owner.clone());
                }
                (Conflict::TwoOwners { resource, owners: all }, _, _) => {
                    owners.extend(known.owner(all).map(|it| (resource.clone(), it)));
                }
                _ => {}
            }
        }
        self.plan = Plan { cut: cut.streams, verdicts: cut.verdicts, owners, ..Plan::default() };
        self.go_on_without_open(found, Stage::Preparing)
    }

    /// All have voted yes: whether what they will have is the same.
    pub(super) fn count_votes(&mut self) -> Vec<Output> {
        let reports = self.all_reports();
        let known = Known { terms: &self.terms, reports: &reports };
        let rebuilt = &self.plan.rebuild;
        let votes = self.members.iter().filter(|(name, _)| !rebuilt.contains(*name));
        let votes = votes.filter_map(|(name, part)| Some((name, part.foreseen.as_ref()?)));
        let different = different_digests(votes, &self.plan.cut);
        let found: Vec<Found> = different.into_iter().map(|it| self.judge(known, it)).collect();
        if found.is_empty() {
            let foreseen = self.members.iter();
            let foreseen = foreseen.map(|(name, part)| (name.clone(), part.foreseen.clone()));
            let members = foreseen.map(|(name, it)| (name, it.unwrap_or_default())).collect();
            return self.record(Entry::Planned { plan: self.plan.clone(), members });
        }
        let rebuild: Vec<Name> = found
            .iter()
            .filter(|it| it.resolution == Resolution::Priority)
            .flat_map(|it| known.to_be_rebuilt(&it.conflict))
            .collect();
        self.plan.rebuild.extend(rebuild);
        self.go_on_without_open(found, Stage::Preparing)
    }

    /// Goes on, where no conflict waits for somebody to say something.
    fn go_on_without_open(&mut self, found: Vec<Found>, stage: Stage) -> Vec<Output> {
        let open = found.iter().any(Found::is_open);
        // What waited and wasn't found again waits no more.
        self.found.retain(|before| !before.is_open());
        found.into_iter().for_each(|it| self.note(it));
        if open {
            self.stage = Stage::Waiting;
            return vec![Output::Wait];
        }
        self.ask(stage)
    }

    fn judge(&self, known: Known<'_>, conflict: Conflict) -> Found {
        let resolution = known.resolution(&conflict);
        if resolution != Resolution::Manual {
            return Found { conflict, resolution, ruling: None, choices: Vec::new() };
        }
        let choices = known.choices(&conflict);
        // What was said of it once may not be possible any more.
        let said = self.memory.under_way.as_ref().and_then(|it| it.rulings.get(&conflict.key()));
        let ruling = said.filter(|ruling| choices.contains(ruling)).cloned();
        Found { conflict, resolution, ruling, choices }
    }

    /// Somebody said something about a conflict that waits.
    pub(super) fn ruled(&mut self, conflict: String, ruling: Ruling) -> Vec<Output> {
        let possible =
            self.waiting().any(|it| it.conflict.key() == conflict && it.choices.contains(&ruling));
        if !possible {
            return Vec::new();
        }
        if let Some(found) = self.found.iter_mut().find(|it| it.conflict.key() == conflict) {
            found.ruling = Some(ruling.clone());
        }
        self.record(Entry::Ruled { conflict, ruling })
    }

    /// What was said is written down.
    pub(super) fn go_by(&mut self, ruling: Ruling) -> Vec<Output> {
        match ruling {
            Ruling::Stop => {
                let conflict = self.stopped_at().unwrap_or_default();
                return self.refuse(Refusal::Ruled { conflict });
            }
            Ruling::Without(name) => {
                self.members.remove(&name);
            }
            Ruling::Commit | Ruling::Abort | Ruling::Rollback | Ruling::Prefer(_) => {}
        }
        // By then they may be elsewhere.
        self.ask(Stage::Assessing)
    }

    /// The conflict at which somebody said stop.
    pub(super) fn stopped_at(&self) -> Option<String> {
        let rulings = self.memory.under_way.iter().flat_map(|it| &it.rulings);
        let mut stops = rulings.filter(|(_, ruling)| **ruling == Ruling::Stop);
        stops.next().map(|(conflict, _)| conflict.clone())
    }

    /// What is decided: by coordinations that ended well, and by what somebody said in this one.
    fn decided(&self) -> Verdicts {
        let mut decided = self.memory.decided.clone();
        // That a decision was lost is found only of one that was made, so it is the later word.
        for kind in ["in-doubt:", "decision:"] {
            for (conflict, ruling) in self.memory.under_way.iter().flat_map(|it| &it.rulings) {
                let verdict = match ruling {
                    Ruling::Commit => Verdict::Commit,
                    Ruling::Abort => Verdict::Abort,
                    _ => continue,
                };
                if let Some(Ok(id)) = conflict.strip_prefix(kind).map(str::parse) {
                    decided.insert(id, verdict);
                }
            }
        }
        decided
    }

    fn all_reports(&self) -> BTreeMap<Name, Report> {
        let reports = self.members.iter();
        reports.filter_map(|(name, part)| Some((name.clone(), part.report.clone()?))).collect()
    }
}
