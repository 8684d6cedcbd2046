//! Paths that are no text: every verb that has paths in its result says all it has to say, in JSON that is
//! valid, with U+FFFD in the place of what is no text.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Made, Ran, program};

/// What a path without text looks like in a result.
const SHOWN: &str = "no-text-\u{FFFD}";

/// A folder whose own name is no text, with journals and all that verbs want.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(b"no-text-\xFF"));
        fs::create_dir(&path).unwrap();
        Self { _folder: folder, path }
    }

    fn with(name: &str, made: Made) -> Self {
        let place = Self::new();
        fs::rename(made.path(), place.path.join(name)).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Runs a verb on paths in here, those that begin with `@`; it must end with this code and a result.
    fn run(&self, arguments: &[&str], code: i32) -> (Ran, String) {
        let given = arguments.iter().map(|it| match it.strip_prefix('@') {
            Some(name) => self.at(name).into_os_string(),
            None => OsString::from(it),
        });
        let output = program(&[]).args(given).arg("--json").output().unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("what is printed is text"),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{arguments:?}: {ran:?}");
        let rows = serde_json::Deserializer::from_str(&ran.stdout).into_iter::<Value>();
        let rows: Vec<Value> = rows.map(|row| row.expect(&ran.stdout)).collect();
        assert!(!rows.is_empty(), "{arguments:?}");
        let all = rows.iter().map(Value::to_string).collect();
        (ran, all)
    }

    /// As [`Self::run`], where the result has the path.
    fn shows(&self, arguments: &[&str], code: i32) {
        let (ran, result) = self.run(arguments, code);
        assert!(result.contains(SHOWN), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn results_that_name_damage() {
    let place = Place::with("journal", Made::usual().flipped());
    for verb in [&["verify"][..], &["replay"], &["state", "digest"], &["state", "count"]] {
        place.shows(&[verb, &["@journal"]].concat(), 4);
    }
    place.shows(&["replay", "@journal", "--damage", "salvage"], 5);
    place.shows(&["recover", "@journal", "--plan"], 4);
    place.shows(&["recover", "@journal"], 4);
    place.shows(&["recover", "@journal", "--accept-loss", "holes"], 5);
    place.shows(&["recover", "@journal", "--history"], 0);
    place.run(&["recover", "@journal", "--cleanup", "1"], 0);
    place.shows(&["salvage", "@journal", "@new", "--manifest", "@evidence/manifest.json"], 5);
    for manifest in ["new/salvage.json", "evidence/manifest.json"] {
        let manifest = fs::read_to_string(place.at(manifest)).unwrap();
        assert!(manifest.contains(SHOWN), "{manifest}");
        serde_json::from_str::<Value>(&manifest).unwrap();
    }
    place.shows(&["inspect", "@journal"], 0);
    place.run(&["inspect", "@journal", "--blocks"], 4);
    place.run(&["scan", "@journal"], 4);
}

#[test]
fn results_that_name_what_was_made() {
    let place = Place::new();
    place.shows(&["generate", "@journal", "--recipe", "1k"], 0);
    place.shows(&["key", "generate", "@key.pem"], 0);
    place.shows(&["seal", "@journal", "--key", "@key.pem"], 0);
    place.run(&["verify", "@journal", "--trust", "@key.pem.pub"], 0);
    place.run(&["scan", "@."], 0);
    place.run(&["checkpoint", "create", "@journal", "@checkpoints"], 0);
    for verb in ["list", "show", "verify", "prune"] {
        place.run(&["checkpoint", verb, "@checkpoints"], 0);
    }
    place.run(&["checkpoint", "restore", "@checkpoints", "@restored"], 0);
    place.run(&["replay", "@journal", "--receipt", "@receipt.json"], 0);
    place.run(&["receipt", "check", "@receipt.json", "@journal"], 0);
    place.run(&["recover", "@journal"], 0);
    place.run(&["inspect", "@journal", "--events"], 0);
    place.run(&["replay", "@journal", "--store", "@store"], 0);
    place.shows(&["state", "count", "@store"], 0);
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments);
        assert!(git.current_dir(&place.path).output().unwrap().status.success());
    };
    git(&["init", "repository"]);
    git(&["-C", "repository", "commit", "--allow-empty", "-m", "first"]);
    place.shows(&["import", "git", "@repository", "@imported"], 0);
}

#[test]
fn results_that_name_what_is_wrong_with_a_path() {
    let place = Place::new();
    place.run(&["generate", "@journal", "--recipe", "1k"], 0);
    fs::create_dir(place.at("empty")).unwrap();
    for verb in ["verify", "replay", "inspect", "recover", "scan"] {
        place.shows(&[verb, "@empty"], 2);
    }
    place.shows(&["salvage", "@empty", "@new"], 2);
    place.shows(&["salvage", "@journal", "@journal"], 2);
    place.shows(&["generate", "@journal", "--recipe", "1k"], 2);
    // What is to be a file here must have a name that is text, and the refusal says so.
    let name = |given: &str| Path::new(given).join(OsStr::from_bytes(b"no-text-\xFF"));
    let given = [OsString::from("key"), "generate".into(), name("").into(), "--json".into()];
    let output = program(&[]).args(given).current_dir(&place.path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains(SHOWN) && message.contains("text"), "{message}");
}
