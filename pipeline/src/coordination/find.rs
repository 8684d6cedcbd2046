//! Finds conflicts by comparing what participants report.

use std::collections::BTreeMap;

use super::conflict::Conflict;
use super::cut::Cut;
use super::report::{CutDigest, Name, Proof, Report, Role, Said, Standing, Stream};
use super::terms::Terms;

/// What reports and the cut that was chosen by them disagree about, in the order of the kinds.
pub(super) fn conflicts(
    terms: &Terms,
    reports: &BTreeMap<Name, Report>,
    cut: &Cut,
) -> Vec<Conflict> {
    let found = [
        outcomes(terms, reports),
        observed(reports),
        undecided(cut),
        owners(reports),
        drift(reports),
        positions(reports, cut),
    ];
    found.into_iter().flatten().collect()
}

/// Transactions that some have committed and others aborted.
fn outcomes(terms: &Terms, reports: &BTreeMap<Name, Report>) -> Vec<Conflict> {
    let mut said: BTreeMap<u64, BTreeMap<Name, Said>> = BTreeMap::new();
    for (name, report) in reports {
        for (&id, it) in &report.transactions {
            if terms.sharing.is_shared(id) && matches!(it, Said::Committed(_) | Said::Aborted) {
                said.entry(id).or_default().insert(name.clone(), it.clone());
            }
        }
    }
    let differ = |said: &BTreeMap<Name, Said>| {
        let aborted = said.values().filter(|it| matches!(it, Said::Aborted)).count();
        aborted > 0 && aborted < said.len()
    };
    let different = said.into_iter().filter(|(_, said)| differ(said));
    different.map(|(transaction, said)| Conflict::OutcomesDiffer { transaction, said }).collect()
}

/// Transactions of which a participant says now what it isn't seen to have said before. That it says nothing of
/// one that was seen unfinished or aborted is no contradiction.
fn observed(reports: &BTreeMap<Name, Report>) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (observer, report) in reports {
        for (participant, seen) in &report.observed {
            let Some(its_own) = reports.get(participant) else { continue };
            for (&transaction, observed) in seen {
                let said = its_own.transactions.get(&transaction).cloned();
                let agree = match (&said, observed) {
                    (None, Said::Unfinished | Said::Aborted) => true,
                    (said, observed) => said.as_ref() == Some(observed),
                };
                if !agree {
                    found.push(Conflict::ObservedDiffers {
                        transaction,
                        observer: observer.clone(),
                        participant: participant.clone(),
                        observed: observed.clone(),
                        said,
                    });
                }
            }
        }
    }
    found
}

/// Transactions that nobody has decided, and those that the cut has otherwise than they were decided.
fn undecided(cut: &Cut) -> Vec<Conflict> {
    let in_doubt = cut.in_doubt.iter().map(|&transaction| Conflict::InDoubt { transaction });
    let lost = cut.overruled.iter();
    let lost = lost.map(|(&transaction, &verdict)| Conflict::DecisionLost { transaction, verdict });
    in_doubt.chain(lost).collect()
}

/// What several claim to own.
fn owners(reports: &BTreeMap<Name, Report>) -> Vec<Conflict> {
    let mut claims: BTreeMap<&String, BTreeMap<Name, u64>> = BTreeMap::new();
    for (name, report) in reports {
        for (resource, &epoch) in &report.owns {
            claims.entry(resource).or_default().insert(name.clone(), epoch);
        }
    }
    let several = claims.into_iter().filter(|(_, owners)| owners.len() > 1);
    several
        .map(|(resource, owners)| Conflict::TwoOwners { resource: resource.clone(), owners })
        .collect()
}

/// Streams in which those that hold them stand at different positions.
fn drift(reports: &BTreeMap<Name, Report>) -> Vec<Conflict> {
    let mut stand: BTreeMap<&Stream, [u64; 2]> = BTreeMap::new();
    for (stream, standing) in reports.values().flat_map(|report| &report.standings) {
        let [least, most] = stand.entry(stream).or_insert([standing.at; 2]);
        (*least, *most) = ((*least).min(standing.at), (*most).max(standing.at));
    }
    let drifted = stand.into_iter().filter(|(_, [least, most])| least < most);
    drifted
        .map(|(stream, [least, most])| Conflict::Drift { stream: stream.clone(), least, most })
        .collect()
}

/// Who stands elsewhere than at the cut.
fn positions(reports: &BTreeMap<Name, Report>, cut: &Cut) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (name, report) in reports {
        for (stream, standing) in &report.standings {
            let Some(&cut) = cut.streams.get(stream) else { continue };
            let (participant, stream) = (name, stream.clone());
            let Standing { role, floor, at, reach } = *standing;
            if at < cut {
                let (participant, stream) = (participant.clone(), stream.clone());
                found.push(Conflict::Behind { participant, stream, at, cut });
            }
            // What a source could be brought to is nowhere else, be it there yet or not.
            let at = if role == Role::Source { at.max(reach) } else { at };
            if at > cut || floor > cut {
                let participant = participant.clone();
                found.push(Conflict::Ahead { participant, stream, at, cut, floor });
            }
        }
    }
    found
}

/// Streams of which those that hold them have different digests at one cut.
pub(super) fn different_digests<'a>(
    proofs: impl IntoIterator<Item = (&'a Name, &'a Proof)>,
    cut: &BTreeMap<Stream, u64>,
) -> Vec<Conflict> {
    let mut by_stream: BTreeMap<&Stream, BTreeMap<Name, CutDigest>> = BTreeMap::new();
    for (name, proof) in proofs {
        for (stream, &digest) in proof {
            by_stream.entry(stream).or_default().insert(name.clone(), digest);
        }
    }
    let differ = |digests: &BTreeMap<Name, CutDigest>| {
        let mut each = digests.values();
        let first = each.next();
        each.any(|it| Some(it) != first)
    };
    let different = by_stream.into_iter().filter(|(_, digests)| differ(digests));
    different
        .map(|(stream, digests)| {
            let at = cut.get(stream).copied().unwrap_or(0);
            Conflict::DigestsDiffer { stream: stream.clone(), at, digests }
        })
        .collect()
}
