//! `--backend`: every backend that the machine has comes to the same, and what it hasn't is told.

use serde_json::Value;
use vexfs_replay::{Backend, Kernel};

use crate::program::{Made, program, run, text_of};

#[test]
fn every_backend_comes_to_the_same() {
    let made = Made::by(&["--events", "20000"]);
    let expected = made.succeed(&["replay"], &["--backend", "portable"]);
    for kernel in Kernel::all() {
        let name = kernel.backend().name();
        let replayed = made.succeed(&["replay"], &["--backend", name]);
        assert_eq!(replayed["state_digest"], expected["state_digest"], "{name}");
        assert_eq!(replayed["backend"], name);
        let verified = made.succeed(&["verify"], &["--backend", name]);
        assert_eq!((&verified["head"], &verified["backend"]), (&expected["head"], &name.into()));
    }
}

#[test]
fn every_backend_finds_the_same_damage() {
    let made = Made::usual().flipped();
    let found = |name: &str| made.run(&["verify"], &["--backend", name]).1["damages"].clone();
    let expected = found("portable");
    assert!(expected.as_array().is_some_and(|it| !it.is_empty()), "{expected}");
    Kernel::all().for_each(|kernel| assert_eq!(found(kernel.backend().name()), expected));
}

#[test]
fn a_backend_that_is_not_there_is_told() {
    let made = Made::usual();
    for backend in Backend::ALL.into_iter().filter(|it| it.kernel().is_err()) {
        let (ran, result) = made.run(&["verify"], &["--backend", backend.name()]);
        let message = result["error"]["message"].as_str().unwrap();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(message.contains(&format!("{backend} needs ")), "{message}");
    }
    let refused =
        [("sha-3", "there is no backend sha-3; there are auto, "), ("cpu:1", "no backend cpu:1")];
    let without = ("gpu", "built without the feature gpu");
    for (name, why) in refused.into_iter().chain((!cfg!(feature = "gpu")).then_some(without)) {
        let ran = run(&["verify", text_of(&made.path()), "--backend", name]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}

/// What is masked off is as if it weren't there.
#[test]
fn masked_instructions_are_not_used() {
    let made = Made::usual();
    let masked = |arguments: &[&str]| {
        let path = made.path();
        let all = [&["verify", text_of(&path), "--json"], arguments].concat();
        let mut program = program(&all);
        let output = program.env("VEXFS_CPU_MASK", "sha, avx2,avx512f,sha2").output().unwrap();
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), result)
    };
    let (code, result) = masked(&[]);
    assert_eq!((code, &result["backend"]), (Some(0), &"portable".into()));
    for backend in Backend::ALL.into_iter().filter(|it| *it != Backend::Portable) {
        assert_eq!(masked(&["--backend", backend.name()]).0, Some(2), "{backend}");
    }
}
