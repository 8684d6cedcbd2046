//! The gate finds a stage that was slowed down on purpose, names it, and lets the same code pass without.
//!
//! Each of these measures until it is decided, which takes ten seconds on a machine that has nothing else to
//! do, and a minute or more beside builds. A gate that can't decide says so. Then more of a slowdown is tried,
//! so that neighbours are no failure; that none is found is one.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    const GATE: &str = env!("CARGO_BIN_EXE_bench-harness");

    /// How long a gate may measure that is to find something, each time.
    const SECONDS_MAX: &str = "20";
    /// How long one may measure that is to find nothing, and doesn't even where that is undecided.
    const SECONDS_WITHOUT: &str = "10";
    /// By which share a stage is slowed down, one after the other until it is found.
    const BURDENS: [f64; 3] = [0.15, 0.3, 0.6];

    fn gate(arguments: &[&str]) -> Output {
        let journals = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gate");
        let mut command = Command::new(GATE);
        command.arg("gate").args(arguments).arg("--workloads").arg(journals);
        command.output().unwrap()
    }

    #[track_caller]
    fn assert_ends(output: &Output, code: i32, says: &str) {
        let text = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        let [out, error] = text;
        assert_eq!(output.status.code(), Some(code), "{out}\n{error}");
        assert!(out.contains(says) || error.contains(says), "no {says:?} in:\n{out}\n{error}");
    }

    /// What is said to be slower.
    fn slower(output: &Output) -> String {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("SLOWER: "));
        line.unwrap_or_default().to_owned()
    }

    /// A baseline of this program on this machine; measured anew where others were in the way.
    fn accepted(folder: &Path) -> PathBuf {
        let baseline = folder.join("baseline.json");
        let path = baseline.to_str().unwrap();
        let accept =
            ["--baseline", path, "--accept", "--reason", "a test", "--seconds", SECONDS_MAX];
        let in_the_way = |output: &Output| {
            String::from_utf8_lossy(&output.stderr).contains("others were in the way")
        };
        let mut tries = (0..3).map(|_| gate(&accept));
        let done = tries.find(|output| !in_the_way(output)).expect("a moment without others");
        assert_ends(&done, 0, "is the baseline");
        baseline
    }

    /// Slows a stage down until it is found, and names it and no other that it can be told from.
    #[track_caller]
    fn assert_found(with: &[&str], stage: &str) {
        for share in BURDENS {
            let burden = format!("{stage}={share}");
            let found = gate(&[with, &["--burden", &burden]].concat());
            if found.status.code() == Some(0) {
                assert_ends(&found, 0, "undecided");
                eprintln!("{burden} could not be told from what others do here");
                continue;
            }
            assert_ends(&found, 3, "SLOWER");
            let slower = slower(&found);
            for other in ["read", "verify", "decode"].into_iter().filter(|&other| other != stage) {
                assert!(!slower.contains(&format!("stage {other}")), "{slower}");
            }
            if !slower.contains(&format!("stage {stage}")) {
                eprintln!("{burden} was found in what has the stage as a part: {slower}");
                continue;
            }
            return;
        }
        panic!("no slowdown of {stage} was found and named, the largest not");
    }

    /// One test, so that no two of its parts run at once.
    #[test]
    #[cfg_attr(debug_assertions, ignore = "says nothing of a build without optimisations")]
    fn a_stage_that_is_slowed_on_purpose_is_found_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let baseline = accepted(folder.path());
        for (with, stage) in [
            (["--baseline", baseline.to_str().unwrap()], "verify"),
            (["--against", GATE], "decode"),
        ] {
            assert_found(&[&with[..], &["--seconds", SECONDS_MAX]].concat(), stage);
            let without = gate(&[&with[..], &["--seconds", SECONDS_WITHOUT]].concat());
            assert_ends(&without, 0, "passes");
        }

        let mut others: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&baseline).unwrap()).unwrap();
        others["accepted"][0]["machine"]["cores"] = 1000.into();
        std::fs::write(&baseline, others.to_string()).unwrap();
        let with = ["--baseline", baseline.to_str().unwrap(), "--seconds", "0"];
        assert_ends(&gate(&with), 4, "nothing was compared");
    }

    #[test]
    fn what_cant_be_compared_has_an_exit_code_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        let with = ["--baseline", path.to_str().unwrap()];
        assert_ends(&gate(&[]), 2, "--baseline");
        assert_ends(&gate(&[with.as_slice(), &["--accept"]].concat()), 2, "--reason");
        assert_ends(&gate(&[with.as_slice(), &["--burden", "apply"]].concat()), 2, "apply");
        std::fs::write(&path, "{}").unwrap();
        assert_ends(&gate(&with), 1, "is no baseline");
    }
}
