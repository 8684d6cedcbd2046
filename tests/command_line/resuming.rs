//! Replays with checkpoints that are interrupted or run out of time, and those that go on from there.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output};

use serde_json::Value;

use crate::program::{Made, program, text_of};

/// How often a replay may end before the interrupt comes.
const TRIES_MAX: usize = 20;

fn interrupt(child: &Child) {
    let id = child.id().to_string();
    // One that has ended in the meantime was not waited for, so its number is still its own.
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

/// Starts a replay, waits until it tells of its first events, and interrupts it until `enough` says so.
fn interrupted(arguments: &[&str], enough: impl Fn(&mut Child, usize) -> bool) -> Output {
    let mut child =
        program(&[arguments, &["--progress", "json", "--json"]].concat()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    stderr.read_line(&mut told).unwrap();
    let mut times = 0;
    while !enough(&mut child, times) {
        interrupt(&child);
        times += 1;
    }
    stderr.read_to_string(&mut told).unwrap();
    let output = child.wait_with_output().unwrap();
    Output { stderr: told.into_bytes(), ..output }
}

fn once(_: &mut Child, times: usize) -> bool {
    times == 1
}

#[test]
fn an_interrupt_leaves_a_checkpoint_behind_and_the_next_replay_goes_on_from_it() {
    let made = Made::by(&["--recipe", "100k"]);
    let path = made.path();
    let whole = made.succeed(&["replay"], &[]);
    for number in 0..TRIES_MAX {
        let folder = path.with_file_name(format!("checkpoints-{number}"));
        let with = ["--threads", "1", "--checkpoints", text_of(&folder)];
        let output = interrupted(&[&["replay", text_of(&path)], &with[..]].concat(), once);
        if output.status.code() == Some(0) {
            // On a busy machine it may have been through when the interrupt came.
            continue;
        }
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&result["exit_code"], &result["state_digest"]), (&130.into(), &Value::Null));
        let sentence = String::from_utf8(output.stderr).unwrap();
        let sentence = sentence.lines().last().unwrap();
        let begins = "vexfs-replay-pipe: cancelled; a checkpoint holds the state at LSN ";
        let rest = sentence.strip_prefix(begins).expect(sentence);
        let (lsn, rest) = rest.split_once(',').unwrap();
        assert_eq!(rest, " and the same replay goes on from there");
        let next = made.succeed(&["replay"], &with);
        assert_eq!(next["started_from"]["watermark"], lsn.parse::<u64>().unwrap());
        assert_eq!(
            (&next["state_digest"], &next["events"]),
            (&whole["state_digest"], &whole["events"])
        );
        return;
    }
    panic!("none of the interrupts came in time");
}

/// The first one lets the replay save what it has; the second one ends it at once, without a result.
#[test]
fn a_second_interrupt_ends_it_at_once() {
    let made = Made::by(&["--recipe", "100k"]);
    let path = made.path();
    for number in 0..TRIES_MAX {
        let folder = path.with_file_name(format!("checkpoints-{number}"));
        let arguments =
            ["replay", text_of(&path), "--threads", "1", "--checkpoints", text_of(&folder)];
        let until_it_ends = |child: &mut Child, _: usize| child.try_wait().unwrap().is_some();
        let output = interrupted(&arguments, until_it_ends);
        let code = output.status.code();
        assert!(code == Some(130) || code == Some(0), "{output:?}");
        if code == Some(130) && output.stdout.is_empty() {
            // Whatever it left, the next one comes to the end.
            let next = made.succeed(&["replay"], &["--checkpoints", text_of(&folder)]);
            assert_eq!(next["events"], 100_000);
            return;
        }
    }
    panic!("no second interrupt came before the first one had its way");
}

#[test]
fn a_time_limit_leaves_a_checkpoint_behind_and_the_next_replay_goes_on_from_it() {
    let made = Made::by(&["--recipe", "100k"]);
    let path = made.path();
    let whole = made.succeed(&["replay"], &[]);
    // From far too short to long enough, whatever machine this is.
    let mut limit = 0.001;
    let mut stopped = 0;
    let folder = path.with_file_name("checkpoints");
    let with = ["--threads", "1", "--checkpoints", text_of(&folder)];
    loop {
        let seconds = format!("{limit}");
        let (ran, result) =
            made.run(&["replay"], &[&with[..], &["--time-limit", &seconds]].concat());
        if ran.code == Some(0) {
            assert_eq!(result["state_digest"], whole["state_digest"]);
            assert_eq!(result["events"], whole["events"]);
            assert_eq!(result["started_from"].is_object(), stopped > 0, "{result}");
            break;
        }
        assert_eq!(ran.code, Some(130), "{ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("it took longer than the "), "{message}");
        stopped += usize::from(message.contains("; a checkpoint holds the state at LSN "));
        limit *= 1.5;
    }
    assert!(stopped > 0, "one of them had come far enough to leave something");
}
