//! One replay that waits, and those who steer it.

use std::time::Duration;

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::control::Control;

/// How often a thread is interrupted at most where there are three of them and more.
const INTERRUPTIONS: usize = 3;

/// Has every interleaving of one who waits while paused and of others who steer; all must come to an end.
fn each_order(steer: &'static [fn(&Control)]) {
    let mut model = Builder::new();
    model.preemption_bound = (steer.len() > 1).then_some(INTERRUPTIONS);
    model.check(move || {
        let control = Control::default();
        control.pause();
        let (waiting, enough) = (control.clone(), AtomicBool::new(false));
        let replay = thread::spawn(move || {
            waiting.wait_while_paused(None, &enough);
            waiting.is_cancelled()
        });
        let others: Vec<_> = steer
            .iter()
            .map(|&steer| {
                let control = control.clone();
                thread::spawn(move || steer(&control))
            })
            .collect();
        others.into_iter().for_each(|it| it.join().unwrap());
        let saw_cancel = replay.join().unwrap();
        assert!(!saw_cancel || control.is_cancelled());
    });
}

#[test]
fn a_paused_replay_goes_on_when_it_is_resumed() {
    each_order(&[Control::resume]);
}

#[test]
fn a_paused_replay_ends_when_it_is_cancelled() {
    each_order(&[Control::cancel]);
}

#[test]
fn a_paused_replay_ends_when_it_is_cancelled_and_paused_again_meanwhile() {
    each_order(&[Control::cancel, Control::pause]);
}

#[test]
fn whoever_comes_first_of_two_who_let_it_go_on() {
    each_order(&[Control::cancel, Control::resume]);
}

#[test]
fn a_wait_before_a_retry_ends_when_it_is_cancelled() {
    loom::model(|| {
        let control = Control::default();
        let waiting = control.clone();
        let retry = thread::spawn(move || waiting.wait(Duration::from_secs(3_600), None));
        control.cancel();
        retry.join().unwrap();
    });
}

/// What was done before a replay was resumed has happened for it.
#[test]
fn who_goes_on_sees_what_was_done_before() {
    loom::model(|| {
        let control = Control::default();
        control.pause();
        let done = Arc::new(AtomicBool::new(false));
        let (waiting, seen) = (control.clone(), Arc::clone(&done));
        let replay = thread::spawn(move || {
            waiting.wait_while_paused(None, &AtomicBool::new(false));
            assert!(seen.load(Ordering::Relaxed));
        });
        done.store(true, Ordering::Relaxed);
        control.resume();
        replay.join().unwrap();
    });
}
