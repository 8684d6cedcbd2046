//! Kills the example again and again, in the middle of what it does, and looks what it kept.
//!
//! The process is this test program, started anew to do nothing but serve.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const FOLDER: &str = "KV_STORE_FOLDER";
/// How often the process is killed.
const KILLS: usize = 40;
const KEYS: u64 = 30;

/// A generator of numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Serves, where it was started to.
#[test]
fn serve() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    crate::kv_store::serve(Path::new(&folder), io::stdin().lock(), io::stdout()).unwrap();
}

/// The running store.
struct Served {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Served {
    /// Starts it, and waits until it is ready, where it comes to that.
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::serve", "--nocapture", "--test-threads", "1"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, commands, answers }
    }

    /// The next line of its answers; none where it died. What the test program says is passed over.
    fn answer(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.answers.read_line(&mut line).unwrap();
            let line = line.strip_suffix('\n')?;
            // The harness writes the test's name before what the test says.
            let line = line.rsplit_once("... ").map_or(line, |(_, said)| said);
            let known = ["ready ", "ok ", "= ", "none", "end", "? "];
            if known.iter().any(|start| line.starts_with(start)) {
                return Some(line.to_owned());
            }
        }
    }

    fn wait_until_ready(&mut self) {
        if self.answer().is_none_or(|line| !line.starts_with("ready ")) {
            let mut told = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("it doesn't start: {told}");
        }
    }

    fn ask(&mut self, command: &str) -> Option<String> {
        writeln!(self.commands, "{command}").ok()?;
        self.answer()
    }

    fn all(&mut self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut line = self.ask("list").unwrap();
        while line != "end" {
            let (key, value) = line.strip_prefix("= ").unwrap().split_once(' ').unwrap();
            all.insert(key.to_owned(), value.to_owned());
            line = self.answer().unwrap();
        }
        all
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Lets another process kill this one after so many microseconds. It isn't waited for before that, so
/// its number is still its own.
fn kill_after(microseconds: u64, child: &Child) -> Child {
    let seconds = format!("{}", microseconds as f64 / 1e6);
    let line = "sleep $0; kill -9 $1";
    Command::new("sh").args(["-c", line, &seconds, &child.id().to_string()]).spawn().unwrap()
}

/// A change, and what the keys are once it has happened.
fn changed(
    known: &BTreeMap<String, String>,
    dice: &mut Dice,
    number: u64,
) -> (String, BTreeMap<String, String>) {
    let mut after = known.clone();
    let key = format!("key-{}", dice.below(KEYS));
    if dice.below(3) == 0 {
        after.remove(&key);
        return (format!("del {key}"), after);
    }
    let value = format!("{number}-{}", ".".repeat(usize::try_from(dice.below(2_000)).unwrap()));
    after.insert(key.clone(), value.clone());
    (format!("put {key} {value}"), after)
}

#[test]
fn what_was_acknowledged_outlives_every_kill_and_nothing_else_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(29);
    let mut known = BTreeMap::new();
    let (mut acknowledged, mut in_flight, mut of_them_there) = (0_u64, 0, 0);
    for kill in 0..KILLS {
        let mut served = Served::start(folder.path());
        served.wait_until_ready();
        assert_eq!(served.all(), known, "after {kill} kills");

        // Somebody else kills it while it is busy.
        let mut killer = kill_after(dice.below(60_000), &served.child);
        let pending = loop {
            let (command, next) = changed(&known, &mut dice, acknowledged);
            let Some(answer) = served.ask(&command) else { break next };
            assert!(answer.starts_with("ok ") || answer == "none", "{answer}");
            known = next;
            acknowledged += 1;
        };
        assert!(killer.wait().unwrap().success());
        drop(served);

        // Now and then it is killed while it recovers, too.
        while dice.below(2) == 0 {
            let served = Served::start(folder.path());
            assert!(kill_after(dice.below(8_000), &served.child).wait().unwrap().success());
        }
        // What was in flight is there or not, and stays as it is found now.
        let mut served = Served::start(folder.path());
        served.wait_until_ready();
        let found = served.all();
        assert!(found == known || found == pending, "after {kill} kills: {found:?}");
        in_flight += usize::from(known != pending);
        of_them_there += usize::from(found == pending && known != pending);
        known = found;
    }
    println!(
        "{KILLS} kills: {acknowledged} changes acknowledged, {in_flight} in flight, of which \
         {of_them_there} are there"
    );
    assert!(acknowledged > 100 && in_flight > KILLS / 2);
}
