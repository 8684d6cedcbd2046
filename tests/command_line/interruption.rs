//! An interrupt ends a pass with its own exit code and no state.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;

use crate::program::{Made, program, text_of};

/// How often a pass may end before the interrupt comes.
pub(crate) const TRIES_MAX: usize = 20;

/// Waits until the process has the file open; tells whether it came to that.
pub(crate) fn wait_until_open(child: &mut Child, file: &Path) -> bool {
    let open_files = format!("/proc/{}/fd", child.id());
    while child.try_wait().unwrap().is_none() {
        let entries = fs::read_dir(&open_files).into_iter().flatten().flatten();
        if entries.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| path == file) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

pub(crate) fn interrupt(child: &Child) {
    let id = child.id().to_string();
    // A pass that has ended in the meantime was not waited for, so its number is still its own.
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "open files are looked for in /proc")]
fn an_interrupt_ends_a_pass_with_130() {
    let made = Made::by(&["--recipe", "100k"]);
    let segment = made.segments().remove(0).canonicalize().unwrap();
    let path = made.path();
    for pass in [&["verify"][..], &["replay"], &["state", "digest"]] {
        let arguments = [pass, &[text_of(&path), "--threads", "1", "--json"]].concat();
        let interrupted = (0..TRIES_MAX).find_map(|_| {
            let mut child = program(&arguments).spawn().unwrap();
            if wait_until_open(&mut child, &segment) {
                interrupt(&child);
            }
            let output = child.wait_with_output().unwrap();
            // On a busy machine the pass may have been through when the interrupt came.
            (output.status.code() != Some(0)).then_some(output)
        });
        let output = interrupted.expect("one of the interrupts comes in time");
        assert_eq!(output.status.code(), Some(130), "{pass:?}: {output:?}");
        assert_eq!(output.stderr, b"vexfs-replay-pipe: cancelled\n");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&result["exit_code"], &result["state_digest"]), (&130.into(), &Value::Null));
    }
}
