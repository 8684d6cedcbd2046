//! The gate finds a stage that was slowed down on purpose, names it, and lets the same code pass without.
//!
//! Each of these measures until it is decided, which takes ten seconds on a machine that has nothing else to
//! do, and a minute or more beside builds.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    const GATE: &str = env!("CARGO_BIN_EXE_bench-harness");

    /// Long enough on any machine: what it measures until then is what it takes to be sure.
    const SECONDS_MAX: &str = "400";

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

    fn accepted(folder: &Path) -> PathBuf {
        let baseline = folder.join("baseline.json");
        let path = baseline.to_str().unwrap();
        let reason = ["--accept", "--reason", "a test", "--seconds", "30"];
        assert_ends(
            &gate(&[["--baseline", path].as_slice(), &reason].concat()),
            0,
            "is the baseline",
        );
        baseline
    }

    /// One test, so that no two of its parts run at once.
    #[test]
    #[cfg_attr(debug_assertions, ignore = "says nothing of a build without optimisations")]
    fn a_stage_that_is_slowed_on_purpose_is_found_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let baseline = accepted(folder.path());
        let with = ["--baseline", baseline.to_str().unwrap(), "--seconds", SECONDS_MAX];
        for stage in ["verify", "decode"] {
            let burden = format!("{stage}=0.15");
            let found = gate(&[with.as_slice(), &["--burden", &burden]].concat());
            assert_ends(&found, 3, "SLOWER");
            assert!(slower(&found).contains(&format!("stage {stage}")), "{}", slower(&found));
            let others = ["read", "verify", "decode"].into_iter().filter(|&other| other != stage);
            for other in others {
                assert!(!slower(&found).contains(&format!("stage {other}")), "{}", slower(&found));
            }
        }
        assert_ends(&gate(&with), 0, "passes");

        let with = ["--against", GATE, "--seconds", SECONDS_MAX];
        let found = gate(&[with.as_slice(), &["--burden", "verify=0.15"]].concat());
        assert_ends(&found, 3, "SLOWER");
        assert!(slower(&found).contains("stage verify"), "{}", slower(&found));
        assert_ends(&gate(&with), 0, "passes");

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
