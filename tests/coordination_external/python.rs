//! Processes that run `docs/participant.py`, and ways to kill them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Kills its own process before or after a call that the n-th time of all matters, then is the participant.
const KILLED_AT: &str = r#"
import os, runpy, signal, socket, sys
at, count = int(os.environ["KILL_AT"]), 0
def deadly(owner, name):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        global count
        count += 1
        if count == at: os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        count += 1
        if count == at: os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, call)
for name in ("fsync", "replace", "unlink"): deadly(os, name)
deadly(socket.socket, "sendall")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"#;

/// Python 3, where there is one; else why there is none.
pub(crate) fn find() -> Result<&'static Path, &'static str> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        // What is found on the path may be a script that starts it.
        let code = "import sys; assert sys.version_info >= (3, 8); print(sys.executable)";
        let output = Command::new("python3").args(["-c", code]).output().ok()?;
        let path = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| PathBuf::from(path.trim()))
    });
    found.as_deref().ok_or("there is no Python 3.8 or later")
}

/// What a participant is started with.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) socket: PathBuf,
    pub(crate) name: &'static str,
    pub(crate) folder: PathBuf,
}

/// A participant's process. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Start {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(find().unwrap());
        self.arguments(command.arg(script())).stderr(Stdio::null());
        command
    }

    pub(crate) fn start(&self) -> Process {
        Process(self.command().spawn().unwrap())
    }

    /// Starts one that kills itself at its n-th call that writes or says something, or after it, and is started
    /// again then; it leaves a file `killed` in its folder when it was.
    pub(crate) fn start_killed_at(&self, call: u32) -> Process {
        let shell = r#"
            "$PYTHON" -c "$KILLED_AT" "$@" && exit 0
            echo killed > "$FOLDER/killed"
            exec "$PYTHON" "$@"
        "#;
        let mut command = Command::new("sh");
        command.args(["-c", shell, "sh"]).arg(script());
        command.env("PYTHON", find().unwrap()).env("KILLED_AT", KILLED_AT);
        command.env("KILL_AT", call.to_string()).env("FOLDER", &self.folder);
        Process(self.arguments(&mut command).stderr(Stdio::null()).spawn().unwrap())
    }

    fn arguments<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.arg("--socket").arg(&self.socket).arg("--folder").arg(&self.folder);
        command.args(["--name", self.name, "--stream", "orders"])
    }
}

impl Process {
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until it ends by itself, and well.
    pub(crate) fn ends(mut self) {
        let status = self.0.wait().unwrap();
        assert!(status.success(), "a participant ended with {status}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/participant.py")
}
