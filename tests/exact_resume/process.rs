//! The real process, killed at any moment and started again in the same folder, until it comes to
//! its end.

use std::fs;
use std::path::Path;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::crashing::Dice;
use crate::program::{Made, program, succeed, text_of};

/// How many runs are killed.
const KILLS: u64 = if cfg!(debug_assertions) { 10 } else { 200 };

/// So many events take dozens of epochs, behind each of which there may be a checkpoint. Since the moments are
/// shares of a whole run, more would make the kills no others.
const JOURNAL: [&str; 4] = ["--recipe", "1M", "--events", "300000"];

/// A checkpoint behind nearly every epoch, however long it takes.
const OPTIONS: [&str; 6] =
    ["--checkpoint-events", "6000", "--checkpoint-share", "1000", "--threads", "2"];

/// Waits until the process ends, or kills it when so much time is over.
fn end_within(mut child: Child, time: Duration) -> Output {
    // The process writes its result at its end, and only its end closes the pipe.
    let stdout = child.stdout.as_ref().unwrap();
    let mut ended = [PollFd::new(stdout, PollFlags::IN)];
    poll(&mut ended, Some(&Timespec::try_from(time).unwrap())).unwrap();
    child.kill().unwrap();
    child.wait_with_output().unwrap()
}

/// The watermark in the name of the newest checkpoint, 0 for none.
fn newest(checkpoints: &Path) -> u64 {
    let entries = fs::read_dir(checkpoints).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let number = |name: String| name.split('-').nth(1).and_then(|number| number.parse().ok());
    names.filter_map(number).max().unwrap_or(0)
}

#[test]
fn a_killed_process_goes_on_where_it_was() {
    let started = Instant::now();
    let made = Made::by(&JOURNAL);
    let journal = made.path();
    let expected = succeed(&["replay", text_of(&journal)]);
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let arguments =
        [&["replay", text_of(&journal), "--checkpoints", text_of(&checkpoints)][..], &OPTIONS];
    let arguments = arguments.concat();
    let check = |result: &Value| {
        for what in ["state_digest", "head", "records", "inconsistencies", "transactions"] {
            assert_eq!(result[what], expected[what], "{what}");
        }
        result["started_from"].is_object()
    };
    let whole_run = Instant::now();
    assert!(!check(&succeed(&arguments)));
    let whole_run = whole_run.elapsed();
    fs::remove_dir_all(&checkpoints).unwrap();

    let mut dice = Dice(17);
    let (mut kills, mut came_through, mut resumed, mut watermark) = (0, 0, 0, 0);
    while kills < KILLS {
        let moment = whole_run.mul_f64((dice.roll() % 1_000) as f64 / 1_000.0);
        let child = program(&[&arguments[..], &["--json"]].concat()).spawn().unwrap();
        let output = end_within(child, moment);
        let result = serde_json::from_slice::<Value>(&output.stdout);
        match result {
            // It may have been killed between its result and its end.
            Ok(result) => {
                resumed += u64::from(check(&result));
                came_through += 1;
                watermark = 0;
                fs::remove_dir_all(&checkpoints).unwrap();
            }
            Err(_) => {
                assert_eq!(output.status.code(), None, "{output:?}");
                let now = newest(&checkpoints);
                assert!(now >= watermark, "{now} is left of {watermark}");
                watermark = now;
                kills += 1;
            }
        }
    }
    let last = succeed(&arguments);
    resumed += u64::from(check(&last));
    println!(
        "{kills} kills at moments of {:.2} s, {} runs came through, {resumed} of them resumed, {:.1} s",
        whole_run.as_secs_f64(),
        came_through + 1,
        started.elapsed().as_secs_f64()
    );
    assert!(resumed > 0, "some went on from a checkpoint");
}
