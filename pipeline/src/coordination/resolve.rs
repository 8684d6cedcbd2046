//! What is done about a conflict: tables without I/O.

use std::collections::BTreeMap;

use super::conflict::{Conflict, Resolution, Ruling, Severity};
use super::report::{Name, Report, Role};
use super::terms::{InDoubt, Loss, Terms};

/// What is known when a conflict is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) terms: &'a Terms,
    pub(super) reports: &'a BTreeMap<Name, Report>,
}

impl Known<'_> {
    /// What is done about a conflict, if nobody has said anything of it.
    pub(super) fn resolution(self, conflict: &Conflict) -> Resolution {
        let policy = self.terms.policy;
        match conflict {
            // The cut is before it; who has to go back for that is a conflict of its own.
            Conflict::OutcomesDiffer { .. } => Resolution::Rollback,
            // What it says itself is what counts.
            Conflict::ObservedDiffers { .. } => Resolution::Priority,
            Conflict::InDoubt { .. } => match policy.in_doubt {
                InDoubt::Ask => Resolution::Manual,
                InDoubt::PresumeAbort => Resolution::Abort,
            },
            Conflict::DecisionLost { .. } => Resolution::Manual,
            // Each one that stands elsewhere than at the cut is a conflict of its own.
            Conflict::Drift { .. } | Conflict::Behind { .. } => Resolution::Merge,
            Conflict::Ahead { .. } if conflict.severity() == Severity::Critical => {
                Resolution::Manual
            }
            Conflict::Ahead { participant, stream, .. } => {
                match (self.role(participant, stream), policy.loss) {
                    (Role::Follower, _) | (Role::Source, Loss::Accept) => Resolution::Rollback,
                    (Role::Source, Loss::Ask) => Resolution::Manual,
                }
            }
            Conflict::DigestsDiffer { stream, digests, .. } => {
                let sources = digests.keys().filter(|name| self.role(name, stream) == Role::Source);
                match sources.count() {
                    1 => Resolution::Priority,
                    _ => Resolution::Manual,
                }
            }
            Conflict::TwoOwners { owners, .. } => match self.owner(owners) {
                Some(_) => Resolution::Priority,
                None => Resolution::Manual,
            },
            Conflict::Unreachable { tries, .. } if *tries <= policy.retries => Resolution::Retry,
            Conflict::Unreachable { .. } => Resolution::Abort,
        }
    }

    /// What somebody can say about a conflict.
    pub(super) fn choices(self, conflict: &Conflict) -> Vec<Ruling> {
        let without = |names: &mut dyn Iterator<Item = &Name>| -> Vec<Ruling> {
            names.map(|name| Ruling::Without(name.clone())).collect()
        };
        let mut choices = match conflict {
            Conflict::InDoubt { .. } => vec![Ruling::Commit, Ruling::Abort],
            Conflict::DecisionLost { .. } => vec![Ruling::Abort],
            Conflict::Ahead { participant, .. } => {
                let mut choices = without(&mut [participant].into_iter());
                if conflict.severity() != Severity::Critical {
                    choices.insert(0, Ruling::Rollback);
                }
                choices
            }
            Conflict::DigestsDiffer { digests, .. } => without(&mut digests.keys()),
            Conflict::TwoOwners { owners, .. } => {
                owners.keys().map(|name| Ruling::Prefer(name.clone())).collect()
            }
            _ => Vec::new(),
        };
        choices.push(Ruling::Stop);
        choices
    }

    /// Who owns a thing that several claim: since the latest epoch, and of these the one of the highest
    /// priority. None where two are equal in both.
    pub(super) fn owner(self, owners: &BTreeMap<Name, u64>) -> Option<Name> {
        let rank = |name: &Name, epoch: u64| {
            let kind = self.terms.members.get(name).map(|member| member.kind);
            (std::cmp::Reverse(epoch), kind.is_none(), kind)
        };
        let mut ranked: Vec<_> =
            owners.iter().map(|(name, &epoch)| (rank(name, epoch), name)).collect();
        ranked.sort();
        match ranked.as_slice() {
            [(first, _), (second, _), ..] if first == second => None,
            [(_, name), ..] => Some((*name).clone()),
            [] => None,
        }
    }

    /// Who follows the one source of a stream, and differs from it.
    pub(super) fn to_be_rebuilt(self, conflict: &Conflict) -> Vec<Name> {
        let Conflict::DigestsDiffer { stream, digests, .. } = conflict else { return Vec::new() };
        let source = digests.iter().find(|(name, _)| self.role(name, stream) == Role::Source);
        let differ = digests.iter().filter(|(_, digest)| Some(*digest) != source.map(|(_, it)| it));
        differ.map(|(name, _)| name.clone()).collect()
    }

    fn role(self, name: &str, stream: &str) -> Role {
        let standing = self.reports.get(name).and_then(|report| report.standings.get(stream));
        standing.map_or(Role::Source, |standing| standing.role)
    }
}
