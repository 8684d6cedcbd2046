//! `recover`: every exit code, the plan that changes nothing, going back and forth, and a process that
//! is killed again and again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

use serde_json::Value;

use crate::program::{Made, program, run, text_of};

/// How often the real process is killed.
const KILLS: usize = if cfg!(debug_assertions) { 5 } else { 50 };
const KILLED_EVENTS: &str = if cfg!(debug_assertions) { "30000" } else { "300000" };

fn recover(made: &Made, options: &[&str], code: i32) -> Value {
    let (ran, result) = made.run(&["recover"], options);
    assert_eq!(ran.code, Some(code), "{options:?}: {ran:?}");
    result
}

fn message(result: &Value) -> &str {
    result["error"]["message"].as_str().unwrap()
}

/// What a machine needs of a recovery that brought something back.
fn check_fields(result: &Value, state: &str) {
    assert_eq!(result["state"], state, "{result}");
    for field in ["strategy", "way", "state_digest", "journal_id"] {
        assert!(result[field].is_string(), "{field}: {result}");
    }
    for field in ["last_lsn", "events", "seconds", "initiation_seconds", "started_ns"] {
        assert!(result[field].is_number(), "{field}: {result}");
    }
    assert!(result["path"].is_array() && result["lost"].is_object(), "{result}");
    let last = result["path"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["way"], &last["failed"]), (&result["way"], &Value::Null));
}

/// All files below a folder, with what they hold and when they were changed.
fn tree(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let changed = fs::metadata(&folder).unwrap().modified().unwrap();
        found.insert(folder.clone(), (Vec::new(), changed));
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let changed = fs::metadata(&path).unwrap().modified().unwrap();
                found.insert(path.clone(), (fs::read(&path).unwrap(), changed));
            }
        }
    }
    found
}

fn records_of(made: &Made) -> PathBuf {
    made.path().with_extension("recovery")
}

#[test]
fn code_0_all_is_back() {
    let made = Made::usual();
    let result = recover(&made, &[], 0);
    check_fields(&result, "completed");
    assert_eq!(result["events"], 1_000);
    let replayed = made.succeed(&["replay"], &[]);
    assert_eq!(result["state_digest"], replayed["state_digest"]);
    let again = recover(&made, &[], 0);
    assert_eq!(again["state_digest"], result["state_digest"]);
    assert_eq!(again["outcome"]["started_from"]["watermark"], result["last_lsn"], "{again}");
}

/// The system gives no more memory: that is nobody's mistake in what was asked for.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "ulimit -v is Linux's")]
fn code_1_the_system_gives_no_memory() {
    let made = Made::by(&["--recipe", "100k"]);
    let path = made.path();
    // From so little that the program doesn't start, upwards. Where the system's own allocations fail
    // first, the process aborts; the large buffers are asked for in a way that may fail.
    let mut seen = Vec::new();
    for kib in (8_000..80_000).step_by(500) {
        let line = format!("ulimit -c 0; ulimit -v {kib}; exec \"$0\" \"$@\"");
        let binary = env!("CARGO_BIN_EXE_vexfs-replay-pipe");
        let arguments = ["recover", text_of(&path), "--threads", "1", "--json"];
        let output = Command::new("sh").args(["-c", &line, binary]).args(arguments).output();
        let output = output.unwrap();
        let code = output.status.code();
        seen.push((kib, code));
        let _ = fs::remove_dir_all(records_of(&made));
        if code == Some(1) {
            let result: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(result["exit_code"], 1, "{result}");
            // A thread needs memory, too.
            if message(&result).contains("thread could not be started") {
                continue;
            }
            assert!(message(&result).contains("a buffer for blocks needs"), "{result}");
            return;
        }
    }
    panic!("never 1: {seen:?}");
}

#[test]
fn code_2_what_is_asked_for_makes_no_sense() {
    let made = Made::usual();
    for options in [
        &["--strategy", "guess"][..],
        &["--redo", "--plan"],
        &["--rollback-to", "5", "--strategy", "full"],
        &["--memory-limit", "1KiB"],
    ] {
        let result = recover(&made, options, 2);
        assert!(!message(&result).is_empty());
    }
    let empty = tempfile::tempdir().unwrap();
    let ran = run(&["recover", text_of(&empty.path().join(".")), "--plan"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn code_3_a_torn_tail_was_dropped() {
    let made = Made::usual().torn();
    let planned = recover(&made, &["--plan"], 3);
    assert_eq!(planned["facts"]["ending"], "torn");
    let result = recover(&made, &[], 3);
    check_fields(&result, "completed");
    assert!(result["lost"]["torn_tail"]["first_lsn"].is_number(), "{result}");
    assert_eq!(result["failure"], "system_crash");
}

#[test]
fn codes_4_and_5_damage_is_refused_and_accepted_loss_is_told() {
    let made = Made::usual().flipped();
    let refused = recover(&made, &[], 4);
    assert!(message(&refused).contains("nothing is recovered"), "{refused}");
    assert!(message(&refused).contains("CRC32C"), "{refused}");
    let mut events = Vec::new();
    for (accepted, way) in [("suffix", "before_damage"), ("holes", "emergency")] {
        let made = Made::usual().flipped();
        let result = recover(&made, &["--accept-loss", accepted], 5);
        check_fields(&result, "partially_completed");
        assert_eq!(result["way"], way, "{result}");
        let range = &result["lost"]["ranges"][0];
        assert_eq!(range["kind"], "crc_mismatch");
        for field in ["segment", "offset", "end", "first_lsn", "last_lsn"] {
            assert!(range[field].is_number(), "{field}: {range}");
        }
        events.push(result["events"].as_u64().unwrap());
    }
    assert!(events[0] < events[1] && events[1] < 1_000, "{events:?}");
}

#[test]
fn code_6_the_anchor_is_not_found() {
    let made = Made::usual();
    let head = made.head.clone();
    check_fields(&recover(&made, &["--anchor", &head], 0), "completed");
    let (lsn, _) = head.split_once(':').unwrap();
    let other = format!("{lsn}:{}", "0".repeat(64));
    let made = Made::usual();
    let result = recover(&made, &["--anchor", &other], 6);
    assert!(message(&result).contains("kept outside"), "{result}");
}

#[test]
fn code_7_nobody_knows_yet() {
    let made = Made::usual();
    let inspected = made.succeed(&["replay"], &[]);
    let id = recover(&made, &[], 0)["journal_id"].as_str().unwrap().to_owned();
    assert_eq!(inspected["events"], 1_000);
    let decision = made.path().with_file_name("decision.json");
    let missing = ["--failure", "network-partition", "--decision", text_of(&decision)];
    recover(&made, &missing, 2);
    recover(&made, &[&missing[..], &["--plan"]].concat(), 2);
    let decide = |cut: u64, in_doubt: &str| {
        let text =
            format!(r#"{{"journal_id": "{id}", "cut_lsn": {cut}, "in_doubt": [{in_doubt}]}}"#);
        fs::write(&decision, text).unwrap();
    };
    let options =
        ["--failure", "network-partition", "--decision", text_of(&decision)].map(str::to_owned);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    decide(500, "17, 23");
    let result = recover(&made, &options, 7);
    assert!(message(&result).contains("transactions 17, 23"), "{result}");
    recover(&made, &[&options[..], &["--plan"]].concat(), 7);
    decide(500, "");
    let result = recover(&made, &options, 0);
    assert_eq!((&result["way"], &result["last_lsn"]), (&"coordinated".into(), &500.into()));
    decide(5_000, "");
    let result = recover(&made, &options, 4);
    assert!(message(&result).contains("LSN 5000"), "{result}");
    recover(&made, &[&options[..], &["--plan"]].concat(), 4);
    fs::write(&decision, "{}").unwrap();
    recover(&made, &options, 2);
}

#[test]
fn code_8_storage_says_no() {
    let made = Made::usual();
    let nowhere = made.path().join("nowhere");
    let ran = run(&["recover", text_of(&nowhere)]);
    assert_eq!(ran.code, Some(2), "no journal is no failure of storage: {ran:?}");
    assert!(!nowhere.exists() && !nowhere.with_extension("recovery").exists());
    // Records can't be where a file is.
    let file = made.path().with_file_name("file");
    fs::write(&file, "").unwrap();
    let result = recover(&made, &["--records", text_of(&file.join("records"))], 8);
    assert!(message(&result).contains("could not"), "{result}");
    // Nobody recovers what another process has.
    let lock = fs::File::create(made.path().join("LOCK")).unwrap();
    lock.lock().unwrap();
    let result = recover(&made, &[], 8);
    assert!(message(&result).contains("locked"), "{result}");
    recover(&made, &["--plan"], 8);
}

#[test]
fn code_130_time_runs_out_and_the_next_call_comes_to_the_end() {
    let made = Made::by(&["--recipe", "100k"]);
    let expected = made.succeed(&["replay"], &[]);
    let (mut limit, mut stopped) = (0.001, 0);
    let result = loop {
        let seconds = format!("{limit}");
        let (ran, result) = made.run(&["recover"], &["--threads", "1", "--time-limit", &seconds]);
        if ran.code == Some(0) {
            break result;
        }
        assert_eq!(ran.code, Some(130), "{ran:?}");
        assert!(message(&result).starts_with("it took longer than the "), "{result}");
        stopped += 1;
        limit *= 1.5;
    };
    assert!(stopped > 0 && result["resumed"] == true, "{stopped}: {result}");
    assert_eq!(result["state_digest"], expected["state_digest"]);
}

#[test]
fn a_plan_changes_nothing() {
    for made in [Made::usual(), Made::usual().torn(), Made::usual().flipped()] {
        recover(&made, &["--accept-loss", "suffix", "--strategy", "before-damage"], {
            // Some records and checkpoints to look at.
            made.run(&["recover"], &["--plan"])
                .0
                .code
                .filter(|&it| it == 3)
                .unwrap_or_else(|| if made.run(&["verify"], &[]).0.code == Some(4) { 5 } else { 0 })
        });
        let root = made.path().parent().unwrap().to_owned();
        let before = tree(&root);
        for options in [&["--plan"][..], &["--plan", "--accept-loss", "holes"], &["--history"]] {
            let (ran, result) = made.run(&["recover"], options);
            assert!(ran.stderr.is_empty(), "{ran:?}");
            if options[0] == "--plan" {
                for field in ["ways", "excluded", "estimates", "checkpoints"] {
                    assert!(result[field].is_array(), "{field}: {result}");
                }
                assert_eq!(result["estimates"].as_array().unwrap().len(), 7);
            }
        }
        assert_eq!(tree(&root), before);
    }
    // Where nothing was recovered yet, nothing is made.
    let made = Made::usual();
    recover(&made, &["--plan"], 0);
    recover(&made, &["--history"], 0);
    assert!(!records_of(&made).exists());
}

#[test]
fn back_and_forth_again() {
    let made = Made::usual();
    let whole = recover(&made, &[], 0);
    // Checkpoints to go back to.
    let checkpoints = records_of(&made).join("checkpoints");
    fs::remove_dir_all(&checkpoints).unwrap();
    for lsn in ["300", "600"] {
        let result = recover(&made, &["--until-lsn", lsn], 0);
        assert_eq!(result["last_lsn"].to_string(), lsn);
    }
    recover(&made, &[], 0);
    let back = recover(&made, &["--rollback-to", "300"], 5);
    check_fields(&back, "partially_completed");
    assert_eq!((&back["way"], &back["last_lsn"]), (&"rollback".into(), &300.into()));
    assert_eq!(back["lost"]["undone"]["first"], 301, "{back}");
    for name in back["aside"].as_array().unwrap() {
        assert!(records_of(&made).join(name.as_str().unwrap()).is_file(), "{name}");
    }
    let planned = recover(&made, &["--plan"], 5);
    assert_eq!(planned["estimates"][0]["keeps_to"], 300, "as the rollback has it: {planned}");
    let stays = recover(&made, &[], 5);
    assert_eq!((&stays["last_lsn"], &stays["state_digest"]), (&300.into(), &back["state_digest"]));
    let redone = recover(&made, &["--redo"], 0);
    assert_eq!(redone["state_digest"], whole["state_digest"]);
    let nothing = made.run(&["recover"], &["--redo"]);
    assert_eq!(nothing.0.code, Some(4), "{nothing:?}");

    let history = recover(&made, &["--history"], 0);
    let recoveries = history["recoveries"].as_array().unwrap().len();
    assert_eq!((recoveries, &history["statistics"]["recoveries"]), (7, &7.into()));
    let cleaned = recover(&made, &["--cleanup", "2"], 0);
    assert_eq!(cleaned["records"].as_array().unwrap().len(), 5, "{cleaned}");
    let history = recover(&made, &["--history"], 0);
    assert_eq!(history["recoveries"].as_array().unwrap().len(), 2);
    assert_eq!(recover(&made, &[], 0)["state_digest"], whole["state_digest"]);
}

#[test]
fn each_strategy_can_be_asked_for_alone() {
    let made = Made::usual();
    let digest = recover(&made, &[], 0)["state_digest"].clone();
    for (strategy, way) in
        [("full", "full"), ("partial", "partial"), ("incremental", "incremental")]
    {
        let result = recover(&made, &["--strategy", strategy], 0);
        assert_eq!((&result["way"], &result["state_digest"]), (&way.into(), &digest));
    }
    for strategy in ["before-damage", "emergency", "coordinated"] {
        let result = recover(&made, &["--strategy", strategy], 4);
        assert!(message(&result).contains("nothing is recovered"), "{result}");
    }
}

#[test]
fn a_killed_process_is_run_again_and_comes_to_the_same_end() {
    let made = Made::by(&["--recipe", "1M", "--events", KILLED_EVENTS]);
    let expected = made.succeed(&["replay"], &[]);
    let path = made.path();
    let records = records_of(&made);
    let arguments = ["recover", text_of(&path), "--threads", "2", "--strategy", "full", "--json"];
    let started = Instant::now();
    assert!(program(&arguments).output().unwrap().status.success());
    let mut whole_run = started.elapsed();
    let (mut seed, mut in_time, mut resumed) = (7_u64, 0, 0);
    for kill in 0..KILLS {
        fs::remove_dir_all(&records).unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = whole_run.mul_f64((seed >> 33) as f64 / f64::from(1_u32 << 31));
        let child = program(&arguments).spawn().unwrap();
        // It isn't waited for before that, so its number is still its own.
        let [seconds, id] = [moment.as_secs_f64().to_string(), child.id().to_string()];
        let mut killer = Command::new("sh");
        killer.args(["-c", "sleep $0; kill -9 $1", &seconds, &id]);
        assert!(killer.status().unwrap().success());
        match child.wait_with_output().unwrap().status.code() {
            None => in_time += 1,
            // Others kept the first one from being as quick.
            Some(_) => whole_run = whole_run.min(moment),
        }
        let (ran, result) = made.run(&["recover"], &["--threads", "2", "--strategy", "full"]);
        assert_eq!(ran.code, Some(0), "kill {kill} after {moment:?}: {ran:?}");
        assert_eq!(result["state_digest"], expected["state_digest"], "kill {kill}");
        assert_eq!(result["events"], expected["events"]);
        resumed += usize::from(result["resumed"] == true);
    }
    println!("{KILLS} kills within {whole_run:?}: {in_time} came in time, {resumed} went on");
    assert!(in_time > KILLS / 2 && resumed > KILLS / 4);
}
