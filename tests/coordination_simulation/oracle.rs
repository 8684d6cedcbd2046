//! What an end must be, by what was generated and what was done to it. Shares no code with the machine.

use std::collections::{BTreeMap, BTreeSet};

use vexfs_replay::coordination::{
    Conflict, Entry, InDoubt, Loss, Name, Need, Plan, Refusal, Role, Ruling, Said, Terms, Verdict,
};

use crate::generate::spans;
use crate::model::{Model, Shown};

/// What is known of one coordination.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// What each one showed before.
    pub(crate) before: BTreeMap<Name, Shown>,
    /// What somebody was told to have said.
    pub(crate) said: Vec<(Conflict, Ruling)>,
    pub(crate) cancelled: bool,
    /// To whom something happened.
    pub(crate) suffered: BTreeSet<Name>,
    /// Whether a coordinator's clock jumped.
    pub(crate) jumped: bool,
    /// Its entries.
    pub(crate) entries: Vec<Entry>,
}

/// What was done, or why it was refused; and who took part.
pub(crate) type Ended = Result<(Plan, BTreeSet<Name>), (Refusal, BTreeSet<Name>)>;
type Checked = Result<(), String>;

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Case {
    /// What was done, or why it was refused, and who took part; never both.
    pub(crate) fn end(&self) -> Result<Ended, String> {
        let (mut planned, mut committed, mut turned) = (None, 0, None);
        for entry in &self.entries {
            match entry {
                Entry::Planned { plan, members } => {
                    must(planned.is_none(), || "two plans".to_owned())?;
                    planned = Some((plan.clone(), members.keys().cloned().collect()));
                }
                Entry::Committed => committed += 1,
                Entry::TurnedBack { reason, members } => {
                    must(turned.is_none(), || "turned back twice".to_owned())?;
                    turned = Some((reason.clone(), members.iter().cloned().collect()));
                }
                Entry::Began { .. } | Entry::Ruled { .. } | Entry::Ended => {}
            }
        }
        match (planned, committed, turned) {
            (Some(planned), 1, None) => Ok(Ok(planned)),
            (_, 0, Some(turned)) => Ok(Err(turned)),
            other => Err(format!("it ended like this: {other:?}")),
        }
    }

    fn said(&self, which: impl Fn(&Conflict, &Ruling) -> bool) -> bool {
        self.said.iter().any(|(conflict, ruling)| which(conflict, ruling))
    }

    /// What was said and written down holds, in whatever life.
    pub(crate) fn obeyed(&self, members: &BTreeSet<Name>) -> Checked {
        for entry in &self.entries {
            match entry {
                Entry::Ruled { ruling: Ruling::Stop, .. } => {
                    return Err("it was stopped, and goes on".to_owned());
                }
                Entry::Ruled { ruling: Ruling::Without(name), .. } => {
                    must(!members.contains(name), || format!("{name} takes part, and may not"))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Nothing is left behind; what somebody may who was left out and couldn't be reached.
    pub(crate) fn left_behind(
        &self,
        models: &BTreeMap<Name, Model>,
        members: &BTreeSet<Name>,
    ) -> Checked {
        for (name, model) in models {
            must(model.undo.is_none(), || format!("{name} keeps what led back"))?;
            let away = self.jumped || self.suffered.contains(name);
            let may = away && !members.contains(name);
            must(model.prepared.is_none() || may, || format!("{name} keeps what it prepared"))?;
        }
        Ok(())
    }

    /// Who isn't a member was left out for a reason, and is as it was.
    pub(crate) fn left_out(
        &self,
        terms: &Terms,
        models: &BTreeMap<Name, Model>,
        members: &BTreeSet<Name>,
    ) -> Checked {
        for (name, model) in models.iter().filter(|(name, _)| !members.contains(*name)) {
            must(model.shown == self.before[name], || format!("{name} was left out and changed"))?;
            let ruled = self.said(|_, ruling| *ruling == Ruling::Without(name.clone()));
            let optional = terms.members[name].need == Need::Optional;
            let away = self.jumped || self.suffered.contains(name) || model.lie.is_some();
            must(ruled || optional && away, || format!("{name} was left out for no reason"))?;
        }
        Ok(())
    }

    /// Whether somebody made anew what it had of a stream with several sources: which of them is right it can't
    /// know.
    fn rebuilt_from_whom(&self) -> bool {
        let sources = |stream: &String| {
            let logs = self.before.values().filter_map(|shown| shown.logs.get(stream));
            logs.filter(|log| log.role == Role::Source).count()
        };
        let rebuilt = self.before.iter().filter(|(name, _)| self.rebuilt(name));
        let mut streams = rebuilt.flat_map(|(_, shown)| shown.logs.keys());
        streams.any(|stream| sources(stream) > 1)
    }

    fn rebuilt(&self, name: &Name) -> bool {
        let is_in = |entry: &Entry| matches!(entry, Entry::Planned { plan, .. } if plan.rebuild.contains(name));
        self.entries.iter().any(is_in)
    }

    pub(crate) fn refused(&self, models: &BTreeMap<Name, Model>, reason: &Refusal) -> Checked {
        for (name, model) in models {
            must(model.shown == self.before[name], || format!("{name} isn't where it was"))?;
        }
        let suffered = |name: &Name| self.suffered.contains(name) || models[name].lie.is_some();
        let explained = match reason {
            Refusal::Unreachable { participant, .. } => {
                // Who makes anew what a liar has can't come there, either.
                let misled = || models.values().any(|model| model.lie.is_some());
                suffered(participant) || self.jumped || self.rebuilt(participant) && misled()
            }
            Refusal::VotedNo { participant, .. } => models[participant].lie.is_some(),
            Refusal::Invalid { .. } => {
                models.values().any(|model| model.lie.is_some()) || self.rebuilt_from_whom()
            }
            Refusal::Ruled { conflict } => {
                self.said(|said, ruling| said.key() == *conflict && *ruling == Ruling::Stop)
            }
            Refusal::Cancelled => self.cancelled,
            Refusal::TimedOut => self.jumped || !self.suffered.is_empty(),
            Refusal::Nobody => models.keys().all(|name| {
                suffered(name) || self.said(|_, it| *it == Ruling::Without(name.clone()))
            }),
        };
        must(explained, || format!("nothing explains why it was refused: {reason}"))
    }

    /// All are at the cut, and have the same there.
    pub(crate) fn at_cut(
        &self,
        models: &BTreeMap<Name, Model>,
        plan: &Plan,
        members: &BTreeSet<Name>,
    ) -> Checked {
        for (stream, &cut) in &plan.cut {
            let holders =
                || members.iter().filter(|name| self.before[*name].logs.contains_key(stream));
            let was = |name: &Name| self.before[name].logs[stream].clone();
            let is_source = |name: &&Name| was(name).role == Role::Source;
            // What is made anew is made of what the only source has, though that may be left out itself.
            let outside = || {
                let all = self.before.iter().filter(|(_, shown)| shown.logs.contains_key(stream));
                let mut sources = all.map(|(name, _)| name).filter(is_source);
                sources.next().filter(|it| sources.next().is_none() && was(it).reach() >= cut)
            };
            let rebuilt = holders().any(|name| plan.rebuild.contains(name));
            let source = holders().find(is_source).or_else(|| outside().filter(|_| rebuilt));
            let from = source.or_else(|| holders().next()).ok_or("a stream that nobody holds")?;
            let cut_length = usize::try_from(cut).unwrap();
            let events = was(from).events;
            let want = events
                .get(..cut_length)
                .ok_or_else(|| format!("{stream} doesn't come to {cut}"))?;
            for name in holders() {
                let log = &models[name].shown.logs[stream];
                must(log.at == cut && log.events == want, || {
                    format!("{name} isn't at {cut} of {stream}, or has something else there")
                })?;
                must(was(name).floor <= cut, || format!("{name} went before its floor"))?;
            }
        }
        for name in members {
            let streams = || models[name].shown.logs.keys();
            must(streams().all(|it| plan.cut.contains_key(it)), || format!("{name} is nowhere"))?;
        }
        Ok(())
    }

    /// What a source lost somebody has accepted.
    pub(crate) fn losses(&self, terms: &Terms, plan: &Plan, members: &BTreeSet<Name>) -> Checked {
        if terms.policy.loss == Loss::Accept {
            return Ok(());
        }
        for name in members {
            for (stream, log) in &self.before[name].logs {
                let cut = plan.cut[stream];
                let accepted = || {
                    self.said(|conflict, ruling| matches!(
                    (conflict, ruling),
                    (Conflict::Ahead { participant, stream: of, cut: to, .. }, Ruling::Rollback)
                        if participant == name && of == stream && *to == cut
                ))
                };
                must(log.role == Role::Follower || log.reach() <= cut || accepted(), || {
                    format!("{name} lost what is after {cut} of {stream}, and nobody was asked")
                })?;
            }
        }
        Ok(())
    }

    /// Each transaction is in everywhere or nowhere, rightly so, and as it was decided before.
    pub(crate) fn transactions(
        &self,
        terms: &Terms,
        models: &BTreeMap<Name, Model>,
        (plan, members): (&Plan, &BTreeSet<Name>),
        decided: &mut BTreeMap<u64, bool>,
    ) -> Checked {
        let ids: BTreeSet<u64> =
            members.iter().flat_map(|name| self.before[name].parts.keys().copied()).collect();
        for id in ids {
            let spans = spans(terms, id);
            let with: Vec<&Name> = spans.iter().filter(|name| members.contains(*name)).collect();
            let is_in =
                |name: &Name| matches!(models[name].shown.parts.get(&id), Some(Said::Committed(_)));
            let whole_in = with.iter().all(|name| is_in(name));
            must(whole_in || !with.iter().any(|name| is_in(name)), || {
                format!("transaction {id} is in at some and out at others")
            })?;
            let was = |name: &Name| self.before[name].parts.get(&id);
            let there = |said: Option<&Said>| match said {
                Some(Said::Committed(place) | Said::Prepared(place)) => {
                    place.at <= plan.cut[&place.stream]
                }
                _ => false,
            };
            let all_there = with.iter().all(|name| there(was(name)));
            let some = with.iter().any(|name| matches!(was(name), Some(Said::Committed(_))));
            let ruled = |kind: &str, which: Ruling| {
                self.said(|conflict, ruling| {
                    conflict.key() == format!("{kind}:{id}") && *ruling == which
                })
            };
            let before = decided.get(&id).copied();
            let overruled = before == Some(true) && ruled("decision", Ruling::Abort);
            if let Some(before) = before {
                must(whole_in == before || overruled, || {
                    format!("transaction {id} was decided otherwise")
                })?;
            }
            must(!whole_in || all_there, || format!("transaction {id} is in, and wasn't there"))?;
            let doubt = before.is_none() && all_there && !some;
            if doubt && whole_in {
                must(ruled("in-doubt", Ruling::Commit), || format!("nobody decided {id}"))?;
            }
            if doubt && !whole_in && terms.policy.in_doubt == InDoubt::Ask {
                let said = ruled("in-doubt", Ruling::Abort) || ruled("decision", Ruling::Abort);
                must(said, || format!("{id} was in doubt, and nobody said that it is aborted"))?;
            }
            if before.is_none() && all_there && some {
                must(whole_in, || format!("transaction {id} is committed and was taken out"))?;
            }
            let prepared =
                |name: &Name| matches!(models[name].shown.parts.get(&id), Some(Said::Prepared(_)));
            must(!with.iter().any(|name| prepared(name)), || format!("{id} is still in doubt"))?;
        }
        for (&id, &verdict) in &plan.verdicts {
            decided.insert(id, verdict == Verdict::Commit);
        }
        Ok(())
    }

    /// No thing has two owners.
    pub(crate) fn owners(
        &self,
        models: &BTreeMap<Name, Model>,
        members: &BTreeSet<Name>,
    ) -> Checked {
        let mut owned = BTreeSet::new();
        for name in members {
            for thing in models[name].shown.owns.keys() {
                must(owned.insert(thing), || format!("{thing} has two owners"))?;
            }
        }
        Ok(())
    }
}
