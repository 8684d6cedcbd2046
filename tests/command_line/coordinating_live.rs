//! `coordinate run` in one process, and others that look, say something, take part, or kill it.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::coordination_system::{System, key_of};
use crate::program::{program, run_json, text_of};

const KILLS: u32 = 15;

fn start(system: &System, options: &[&str]) -> Child {
    let path = text_of(system.path());
    program(&[&["coordinate", "run", path, "--json"], options].concat()).spawn().unwrap()
}

/// Ends by itself; gives its exit code, and its result.
fn ended(child: Child) -> (Option<i32>, Value) {
    let output = child.wait_with_output().unwrap();
    let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), result)
}

/// Looks until it waits for somebody, or ends.
fn wait_until_it_waits(system: &System, child: &mut Child) -> Value {
    loop {
        let over = child.try_wait().unwrap().is_some();
        let status = system.expect(0, "status", &[]);
        if status["coordination"]["state"] == "waiting" {
            return status;
        }
        assert!(!over, "{status}");
    }
}

#[test]
fn one_that_waits_hears_what_is_said_and_goes_by_it() {
    let system = System::without_end_of_files(15);
    let mut child = start(&system, &["--wait"]);
    let key = key_of(&wait_until_it_waits(&system, &mut child));
    // There is one at a time.
    let second = system.expect(8, "run", &[]);
    let message = second["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("process {}", child.id())), "{message}");
    let wrong = system.expect(2, "resolve", &[&key, "--by", "commit"]);
    let message = wrong["error"]["message"].as_str().unwrap();
    assert!(message.contains("can't be resolved by commit"), "{message}");
    system.expect(2, "resolve", &["nothing", "--by", "stop"]);
    let said = system.expect(0, "resolve", &[&key, "--by", "rollback"]);
    assert_eq!(said["running"], true);
    let (code, result) = ended(child);
    assert_eq!(code, Some(5), "{result}");
    system.assert_at(15, &result);
}

#[test]
fn one_that_waits_is_cancelled_from_outside() {
    let system = System::without_end_of_disk(9);
    let before = system.stored();
    let mut child = start(&system, &["--wait"]);
    wait_until_it_waits(&system, &mut child);
    assert_eq!(system.expect(0, "cancel", &[])["running"], true);
    let (code, result) = ended(child);
    assert_eq!(code, Some(4), "{result}");
    let reason = &result["coordination"]["end"]["reason"];
    assert_eq!(reason, &json!({ "refused": "cancelled" }));
    assert_eq!(system.stored(), before);
}

/// What is said at the moment at which one ends that doesn't wait counts as well, whoever hears it.
#[test]
fn what_is_said_while_one_ends_is_not_lost() {
    for _ in 0..5 {
        let system = System::without_end_of_files(15);
        let mut child = start(&system, &[]);
        let key = key_of(&wait_until_it_waits(&system, &mut child));
        let path = text_of(system.path());
        // In the short time between the two the record is led by the one that ends.
        let said = loop {
            let say = ["coordinate", "resolve", path, &key, "--by", "rollback"];
            let (ran, _) = run_json(&say);
            match ran.code {
                Some(8) => {}
                code => break code,
            }
        };
        assert_eq!(said, Some(0));
        let (code, result) = ended(child);
        if code == Some(5) {
            system.assert_at(15, &result);
        } else {
            assert_eq!(code, Some(7), "{result}");
            let done = system.expect(5, "run", &[]);
            system.assert_at(15, &done);
        }
    }
}

/// Whether the record of decisions ends with the end of a coordination.
fn has_ended(system: &System) -> bool {
    let record = fs::read_to_string(system.path().join("decisions/decisions.jsonl"));
    record.is_ok_and(|lines| lines.lines().last().is_some_and(|line| line.contains("\"ended\"")))
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_cut_and_tells_the_same() {
    let whole = System::without_end_of_files(15);
    let began = Instant::now();
    let expected = whole.expect(5, "run", &["--accept-loss"]);
    let takes = began.elapsed();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut planned, mut resumed) = (0, 0);
    for number in 0..KILLS {
        let system = System::without_end_of_files(15);
        let mut child = start(&system, &["--accept-loss"]);
        let (began, lives) = (Instant::now(), takes.mul_f64(random.random_range(0.0..1.0)));
        while began.elapsed() < lives {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let record = fs::read_to_string(system.path().join("decisions/decisions.jsonl"));
        planned += usize::from(record.is_ok_and(|lines| lines.contains("\"planned\"")));
        let told = system.expect(0, "status", &[]);
        let has_ended = has_ended(&system);
        if has_ended {
            assert_eq!(told["coordination"]["state"], "ended", "{number}: {told}");
        } else {
            resumed += 1;
        }
        let over = told["coordination"]["state"] == "ended" && child_told(&system);
        let done = system.expect(if over { 0 } else { 5 }, "run", &["--accept-loss"]);
        system.assert_at(15, &done);
        let plan = |result: &Value| result["coordination"]["plan"]["cut"].clone();
        if !has_ended {
            assert_eq!(plan(&done), plan(&expected));
        }
        if !over {
            assert_eq!(losses(&done), losses(&expected), "{number}");
        }
        system.expect(0, "run", &[]);
    }
    assert!(resumed > 0, "{planned} had a plan");
}

/// Whether what is on disk says that the last one told of its end.
fn child_told(system: &System) -> bool {
    let status = fs::read(system.path().join("status.json")).unwrap();
    let status: Value = serde_json::from_slice(&status).unwrap();
    status["state"] == "ended"
}

fn losses(result: &Value) -> Vec<Value> {
    let all = result["coordination"]["conflicts"].as_array().unwrap();
    all.iter().filter(|it| it["loses"] == true).map(|it| it["key"].clone()).collect()
}

/// One that was killed after it had a plan tells what is lost by it, though it finds nothing any more.
#[test]
fn what_is_lost_is_told_by_whoever_brings_it_to_its_end() {
    let whole = System::without_end_of_files(15);
    let done = whole.expect(5, "run", &["--accept-loss"]);
    let read = |name: &str| fs::read_to_string(whole.path().join(name)).unwrap();
    let record = read("decisions/decisions.jsonl");
    let mut told: Value = serde_json::from_str(&read("status.json")).unwrap();
    (told["state"], told["end"]) = ("running".into(), Value::Null);
    let put = |system: &System, lines: &str| {
        fs::create_dir_all(system.path().join("decisions")).unwrap();
        fs::write(system.path().join("decisions/decisions.jsonl"), lines).unwrap();
        fs::write(system.path().join("status.json"), told.to_string()).unwrap();
    };
    // Killed when nobody had been told of the plan, when all was done, and when even that was written down.
    let lines: Vec<&str> = record.split_inclusive('\n').collect();
    let planned = lines.iter().position(|line| line.contains("\"planned\"")).unwrap();
    let fresh = System::without_end_of_files(15);
    put(&fresh, &lines[..=planned].concat());
    put(&whole, &lines[..lines.len() - 1].concat());
    let after = System::without_end_of_files(15);
    after.expect(5, "run", &["--accept-loss"]);
    put(&after, &record);
    let status = after.expect(0, "status", &[]);
    assert_eq!(status["coordination"]["end"], done["coordination"]["end"]);
    for system in [&fresh, &whole, &after] {
        let again = system.expect(5, "run", &["--accept-loss"]);
        system.assert_at(15, &again);
        assert_eq!(losses(&again), losses(&done));
        assert_eq!(losses(&again).len(), 1);
        system.expect(0, "run", &[]);
    }
}

/// A state in another folder and another process follows the semantic journal.
#[test]
fn another_process_takes_part_until_it_has_ended() {
    let system = System::without_end_of_files(15);
    let path = system.path().join("coordination.json");
    let mut terms: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    terms["members"]["app"] = json!({ "kind": "external_system" });
    let with = ["disk", "files"];
    terms["sharing"] = json!([{ "first": 1_u64 << 63, "last": u64::MAX, "with": with }]);
    fs::write(&path, terms.to_string()).unwrap();
    let own = tempfile::tempdir().unwrap();
    let member = own.path().join("member.json");
    let journal = system.path().join("files");
    let about = json!({
        "kind": "replay_engine", "stream": "files", "journal": journal, "state": "state",
    });
    fs::write(&member, about.to_string()).unwrap();
    let socket = system.path().join("sockets").join("participants");
    let arguments = ["coordinate", "join", text_of(&socket), "--name", "app", "--json"];
    let with_member = ["--member", text_of(&member)];
    // It comes before anybody listens, and comes again.
    let app = program(&[&arguments[..], &with_member].concat()).spawn().unwrap();
    let done = system.expect(5, "run", &["--accept-loss"]);
    system.assert_at(15, &done);
    assert_eq!(done["coordination"]["members"]["app"]["kind"], "external_system");
    let (code, result) = ended(app);
    assert_eq!((code, &result["schema"], &result["name"]), (Some(0), &1.into(), &"app".into()));
    assert!(result["questions"].as_u64().unwrap() >= 5, "{result}");
    let (_, states) = run_json(&["checkpoint", "list", text_of(&own.path().join("state"))]);
    let cut = &done["coordination"]["plan"]["cut"]["files"];
    assert_eq!(&states["checkpoints"][0]["watermark"], cut, "{states}");
}

/// Garbage in what it says of itself, and a coordinator that is nowhere.
#[test]
fn who_joins_says_what_it_is_and_where() {
    let own = tempfile::tempdir().unwrap();
    let (member, socket) = (own.path().join("member.json"), own.path().join("participants"));
    let join = |text: &str| {
        fs::write(&member, text).unwrap();
        let (socket, member) = (text_of(&socket), text_of(&member));
        let join = ["coordinate", "join", socket, "--name", "app", "--member", member];
        let began = Instant::now();
        let (ran, result) = run_json(&[&join[..], &["--tries", "1"]].concat());
        assert!(began.elapsed() < Duration::from_secs(20));
        (ran.code, result["error"]["message"].as_str().unwrap().to_owned())
    };
    let (code, message) = join("{");
    assert!(code == Some(2) && message.contains("member.json"), "{message}");
    let (code, message) = join("{\"kind\": \"external_system\"}");
    assert!(code == Some(2) && message.contains("can't be joined for"), "{message}");
    let (code, message) = join("{\"kind\": \"cross_layer_manager\", \"sides\": [\"disk\"]}");
    assert!(code == Some(2) && message.contains("disk"), "{message}");
    let (code, message) = join("{\"kind\": \"cross_layer_manager\", \"sides\": []}");
    assert!(code == Some(8) && message.contains("participants"), "{message}");
}
