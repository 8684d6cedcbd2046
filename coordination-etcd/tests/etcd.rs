//! Coordinations on a real etcd of three members, in a temporary folder and on loopback: whoever is killed, cut off
//! or comes late, there is one outcome. Where there is no etcd, or no network namespace may be made, what needs
//! one shows as ignored, with the reason, or fails where `VEXFS_ETCD_TESTS=required` is set.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a check fails by panicking"
)]

#[path = "etcd/cluster.rs"]
mod cluster;
#[path = "etcd/cut_off.rs"]
mod cut_off;
#[path = "../../tests/support/ground_laws.rs"]
mod ground_laws;
#[path = "etcd/kills.rs"]
mod kills;
#[path = "etcd/laws.rs"]
mod laws;
#[path = "etcd/members.rs"]
mod members;
#[path = "etcd/model.rs"]
mod model;
#[path = "etcd/process.rs"]
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};

use cluster::Cluster;

/// A test, on members that others use, too: under keys of its own.
type OnShared = fn(&[String], &str);

fn main() {
    if let Some(role) = process::role() {
        return process::play(role);
    }
    let arguments = Arguments::from_args();
    let missing = cluster::missing().map(Missing::Etcd);
    // It dies with the thread that started it, so that is this one.
    let shared = (missing.is_none() && !arguments.list).then(|| Arc::new(Cluster::start()));
    let on_shared: [(&str, OnShared); 11] = [
        ("laws::every_life_finds_what_was_appended", laws::every_life_finds_what_was_appended),
        ("laws::one_leads", laws::one_leads),
        ("laws::who_does_not_lead_appends_nothing", laws::who_does_not_lead_appends_nothing),
        ("laws::what_is_sent_is_answered", laws::what_is_sent_is_answered),
        ("laws::of_many_at_once_one_leads", laws::of_many_at_once_one_leads),
        ("laws::who_was_superseded_does_nothing", laws::who_was_superseded_does_nothing),
        ("laws::a_fence_only_rises", laws::a_fence_only_rises),
        ("members::who_comes_late_is_waited_for", members::who_comes_late_is_waited_for),
        ("members::who_is_killed_is_seen_to_be_gone", members::who_is_killed_is_seen_to_be_gone),
        ("members::a_name_is_held_by_one", members::a_name_is_held_by_one),
        ("members::too_long_an_answer_is_a_failure", members::too_long_an_answer_is_a_failure),
    ];
    let trial = |name: String, test: Box<dyn FnOnce() + Send>, missing: &Option<Missing>| {
        let Some(missing) = missing else {
            return Trial::test(name, || {
                test();
                Ok(())
            });
        };
        let (Missing::Etcd(why) | Missing::Namespaces(why)) = missing.clone();
        if matches!(missing, Missing::Etcd(_)) && is_etcd_required() {
            return Trial::test(name, || Err(why.into()));
        }
        Trial::test(format!("{name} ({why})"), || Ok(())).with_ignored_flag(true)
    };
    let mut trials = Vec::new();
    for (name, test) in on_shared {
        let (shared, prefix) = (shared.clone(), name.to_owned());
        let body = move || test(&shared.unwrap().endpoints(), &prefix);
        trials.push(trial(name.to_owned(), Box::new(body), &missing));
    }
    for (step, refuses) in kills::CASES {
        let name = format!("kills::of_the_coordinator_in_{step:?}_refused_{refuses}");
        let (shared, prefix) = (shared.clone(), name.clone());
        let body =
            move || kills::of_the_coordinator(&shared.unwrap().endpoints(), &prefix, step, refuses);
        trials.push(trial(name, Box::new(body), &missing));
    }
    let own: [(&str, fn()); 1] =
        [("kills::of_the_member_that_leads", kills::of_the_member_that_leads)];
    for (name, test) in own {
        trials.push(trial(name.to_owned(), Box::new(test), &missing));
    }
    let no_namespace = missing.or_else(|| cut_off::missing().map(Missing::Namespaces));
    let name = "cut_off::the_majority_decides".to_owned();
    trials.push(trial(name, Box::new(cut_off::the_majority_decides), &no_namespace));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit();
}

/// What a test needs and this machine hasn't, and why.
#[derive(Clone)]
enum Missing {
    Etcd(String),
    Namespaces(String),
}

/// Whether a machine without etcd fails the tests.
fn is_etcd_required() -> bool {
    std::env::var("VEXFS_ETCD_TESTS").is_ok_and(|it| it == "required")
}

/// Waits until something is so: by looking, as often as looking takes.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not in half a minute: {what}");
    }
}
