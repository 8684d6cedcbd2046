//! Explores all states, from several beginnings.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use vexfs_replay::coordination::{
    InDoubt, Loss, Member, Name, Need, ParticipantKind, Place, Policy, Report, Role, SHARED_FROM,
    Said, Sharing, Standing, Terms,
};

use crate::node::Node;
use crate::state::{Budget, State, Step, hash};

/// From no state it takes more steps to an end.
const STEPS_MAX: usize = 500;

/// All states that this one leads to; from each one the fair steps lead to an end.
fn explore(first: State) -> Result<usize, String> {
    let (mut seen, mut ends) = (HashSet::from([hash(&first)]), HashSet::new());
    let mut path: Vec<Step> = Vec::new();
    let mut open = vec![(first, 0, None::<Step>)];
    while let Some((state, depth, step)) = open.pop() {
        path.truncate(depth);
        path.extend(step);
        let told = |what: &str| format!("{what}\nafter {path:#?}\nin {state:#?}");
        if let Some(fault) = state.fault() {
            return Err(told(fault));
        }
        comes_to_an_end(&state, &mut ends).map_err(told)?;
        for step in state.steps() {
            let mut next = state.clone();
            next.take(&step);
            if seen.insert(hash(&next)) {
                open.push((next, path.len(), Some(step)));
            }
        }
    }
    Ok(seen.len())
}

fn comes_to_an_end(state: &State, ends: &mut HashSet<u64>) -> Result<(), &'static str> {
    let (mut state, mut way) = (state.clone(), Vec::new());
    while ends.insert(hash(&state)) {
        way.push(());
        let Some(step) = state.fair() else {
            return if state.is_over() { Ok(()) } else { Err("nothing is left to be done") };
        };
        if way.len() > STEPS_MAX {
            return Err("it doesn't come to an end");
        }
        state.take(&step);
    }
    Ok(())
}

fn name(number: usize) -> Name {
    format!("p{number}")
}

/// Journals with a transaction that all but one have committed, prepared or not heard of.
fn node(number: usize, said: Option<fn(Place) -> Said>) -> Node {
    let (stream, at) = (name(number), 2);
    let standing = Standing { role: Role::Source, floor: 0, at: 3, reach: 3 };
    let said = said.map(|said| (SHARED_FROM, said(Place { stream: stream.clone(), at })));
    let report = Report {
        standings: BTreeMap::from([(stream, standing)]),
        transactions: said.into_iter().collect(),
        ..Report::default()
    };
    Node { report, ..Node::default() }
}

fn terms(needs: &[Need], policy: Policy) -> Terms {
    let member = |need| Member { kind: ParticipantKind::UserspaceJournal, need };
    let members = needs.iter().enumerate();
    let members = members.map(|(number, &need)| (name(number), member(need))).collect();
    Terms { members, sharing: Sharing::default(), policy }
}

fn check(what: &str, terms: &Terms, nodes: Vec<Node>, budgets: &[Budget]) {
    let begun = Instant::now();
    let nodes: BTreeMap<Name, Node> =
        nodes.into_iter().enumerate().map(|(number, node)| (name(number), node)).collect();
    let states =
        budgets.par_iter().map(|&budget| explore(State::first(terms, nodes.clone(), budget)));
    let states: Result<Vec<usize>, String> = states.collect();
    let states = states.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    println!("{what}: {states:?} states in {:.1?}", begun.elapsed());
}

const POLICY: Policy = Policy { loss: Loss::Accept, in_doubt: InDoubt::PresumeAbort, retries: 1 };
const NONE: Budget =
    Budget { lost: 0, twice: 0, crashes: 0, killed: 0, record: 0, early: 0, late: 0, cancels: 0 };

/// What can go wrong together.
const PAIRS: [Budget; 9] = [
    Budget { killed: 2, ..NONE },
    Budget { killed: 1, lost: 1, ..NONE },
    Budget { killed: 1, crashes: 1, ..NONE },
    Budget { killed: 1, record: 1, ..NONE },
    Budget { killed: 1, cancels: 1, ..NONE },
    Budget { killed: 1, early: 1, ..NONE },
    Budget { twice: 1, crashes: 1, cancels: 1, ..NONE },
    Budget { lost: 1, late: 1, ..NONE },
    Budget { early: 1, cancels: 1, ..NONE },
];

#[test]
fn one_with_much_at_once() {
    let all = [
        Budget { lost: 2, killed: 1, crashes: 1, ..NONE },
        Budget { twice: 1, early: 1, crashes: 1, killed: 1, ..NONE },
        Budget { killed: 2, record: 1, cancels: 1, late: 1, ..NONE },
        Budget { killed: 1, early: 1, cancels: 1, late: 1, lost: 1, ..NONE },
    ];
    check("one", &terms(&[Need::Required], POLICY), vec![node(0, Some(Said::Committed))], &all);
}

#[test]
fn two_of_which_one_has_not_heard_of_a_transaction() {
    let nodes = vec![node(0, Some(Said::Committed)), node(1, None)];
    check("two", &terms(&[Need::Required; 2], POLICY), nodes, &PAIRS);
}

#[test]
fn two_in_doubt_with_somebody_who_rules() {
    let policy = Policy { in_doubt: InDoubt::Ask, retries: 0, ..POLICY };
    let nodes = vec![node(0, Some(Said::Prepared)), node(1, Some(Said::Prepared))];
    check("two in doubt", &terms(&[Need::Required; 2], policy), nodes, &PAIRS);
}

#[test]
fn two_of_which_one_is_optional() {
    let policy = Policy { retries: 0, ..POLICY };
    let nodes = vec![node(0, Some(Said::Committed)), node(1, Some(Said::Prepared))];
    check("two, one optional", &terms(&[Need::Required, Need::Optional], policy), nodes, &PAIRS);
}

#[test]
fn two_of_which_one_has_something_else_than_it_foresaw() {
    let mut nodes = vec![node(0, None), node(1, None)];
    nodes[1].lies = true;
    check("two, one lies", &terms(&[Need::Required; 2], POLICY), nodes, &PAIRS);
}

#[test]
fn three() {
    let policy = Policy { retries: 0, ..POLICY };
    let nodes = vec![node(0, Some(Said::Committed)), node(1, Some(Said::Prepared)), node(2, None)];
    let one = [
        Budget { lost: 1, ..NONE },
        Budget { crashes: 1, ..NONE },
        Budget { killed: 1, ..NONE },
        Budget { record: 1, cancels: 1, ..NONE },
        Budget { late: 1, ..NONE },
    ];
    check("three", &terms(&[Need::Required; 3], policy), nodes, &one);
}
