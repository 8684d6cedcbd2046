//! `export semj` and `import semj` as a user runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs the program; gives its exit code, its result and what it complains of.
fn run(arguments: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs-replay-pipe"));
    let output = command.args(arguments).arg("--json").output().unwrap();
    let result = serde_json::from_slice(&output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), result, complaint)
}

fn succeed(arguments: &[&str]) -> Value {
    let (code, result, complaint) = run(arguments);
    assert_eq!((code, complaint.as_str()), (0, ""), "{arguments:?}: {result}");
    result
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A journal in the folder "journal".
    fn generate(&self, recipe: &str, events: &str) {
        let journal = self.text("journal");
        succeed(&["generate", &journal, "--recipe", recipe, "--events", events]);
    }

    fn export(&self) -> Value {
        succeed(&["export", "semj", &self.text("journal"), &self.text("file")])
    }
}

fn digest_of(journal: &str) -> Value {
    succeed(&["state", "digest", journal])["digest"].clone()
}

fn events_of(path: &Path) -> Vec<Vec<u8>> {
    let folder = vexfs_replay::storage::MemoryFolder::default();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        folder.put(entry.file_name().to_str().unwrap(), fs::read(entry.path()).unwrap());
    }
    crate::place::events_of(&folder)
}

#[test]
fn a_journal_of_each_workload_comes_back() {
    let recipes =
        ["1M", "hot-key", "huge-transaction", "tiny", "tiny-blocks", "unique-keys", "vectors-384"];
    for recipe in recipes {
        let place = Place::new();
        place.generate(recipe, "20000");
        let exported = place.export();
        assert_eq!((&exported["events"], &exported["verbatim"]), (&20_000.into(), &0.into()));
        assert_eq!(exported["bytes"], fs::metadata(place.path("file")).unwrap().len());
        let imported = succeed(&["import", "semj", &place.text("file"), &place.text("back")]);
        assert_eq!((&imported["events"], &imported["foreign"]), (&20_000.into(), &0.into()));
        let verified = succeed(&["verify", &place.text("back")]);
        assert_eq!(
            (&verified["head"], &verified["end"]["kind"]),
            (&imported["head"], &"sealed".into())
        );
        let [journal, back] = ["journal", "back"].map(|name| place.text(name));
        assert_eq!(digest_of(&journal), digest_of(&back), "{recipe}");
        assert!(events_of(&place.path("journal")) == events_of(&place.path("back")), "{recipe}");
    }
}

#[test]
fn what_is_not_sound_is_4_and_told_with_its_place() {
    let place = Place::new();
    place.generate("1k", "50");
    place.export();
    let mut bytes = fs::read(place.path("file")).unwrap();
    bytes[52 + 500] ^= 1;
    fs::write(place.path("file"), &bytes).unwrap();
    let (file, back) = (place.text("file"), place.text("back"));
    let (code, result, complaint) = run(&["import", "semj", &file, &back]);
    let message = result["error"]["message"].as_str().unwrap();
    assert_eq!(code, 4, "{message}");
    let begins = format!("{file}, event 1, at byte 136: the checksum of the event is 0x");
    assert!(message.starts_with(&begins), "{message}");
    assert_eq!(complaint, format!("vexfs-replay-pipe: {message}\n"));
    let left: Vec<_> = fs::read_dir(&back).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["LOCK"]);
    // What is no such file at all leaves no folder behind.
    fs::write(place.path("file"), b"no journal").unwrap();
    let (code, ..) = run(&["import", "semj", &file, &place.text("nothing")]);
    assert!(code == 4 && !place.path("nothing").exists());
    let (code, ..) = run(&["import", "semj", &place.text("nowhere"), &place.text("nothing")]);
    assert!(code == 8 && !place.path("nothing").exists());
}

#[test]
fn an_export_does_about_damage_what_it_is_told() {
    let place = Place::new();
    place.generate("1k", "1000");
    let segment = place.path("journal").join("segment-0000000000.vexj");
    let whole = fs::read(&segment).unwrap();
    let (journal, file) = (place.text("journal"), place.text("file"));
    let export =
        |arguments: &[&str]| run(&[&["export", "semj", &journal, &file], arguments].concat());
    // A byte of a block in the middle.
    let mut damaged = whole.clone();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fs::write(&segment, &damaged).unwrap();
    for policy in ["strict", "tail"] {
        let (code, ..) = export(&["--damage", policy]);
        assert!(code == 4 && !place.path("file").exists());
    }
    let (code, result, _) = export(&["--damage", "prefix"]);
    assert_eq!((code, result["damages"].as_array().unwrap().len()), (5, 1), "{result}");
    let imported = succeed(&["import", "semj", &file, &place.text("prefix")]);
    assert_eq!(imported["events"], result["events"]);
    assert!(result["events"].as_u64().unwrap() < 1000);
    // The end is cut off in the middle of a block.
    fs::write(&segment, &whole[..whole.len() - 4096 * 3 - 100]).unwrap();
    let (code, result, _) = export(&[]);
    assert_eq!((code, &result["end"]["kind"]), (3, &"torn_tail".into()), "{result}");
    let (code, ..) = export(&["--damage", "strict"]);
    assert_eq!(code, 4);
    let (code, ..) = export(&["--damage", "salvage"]);
    assert_eq!(code, 2);
}

#[test]
fn text_for_people_tells_the_kernels_own_events() {
    let place = Place::new();
    let own = crate::kernel::Kernel::plain(1, 1, 0x0701, 1, 0).encode();
    fs::write(place.path("file"), crate::kernel::file_with_index(&[own], &[1; 9])).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs-replay-pipe"));
    let output =
        command.args(["import", "semj", &place.text("file"), &place.text("back")]).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(text.contains("1 events, kept as they are; a replay passes them over"), "{text}");
    assert!(text.contains("the file's index, 9 bytes"), "{text}");
}
