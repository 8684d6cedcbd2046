//! A server of PostgreSQL: its programs, its processes, and what it says in its log.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use peer_protocol::{Error, Result, memory_peak_bytes};

/// No checkpoint but those that are asked for, everything in memory, and nothing of a load that skips the log.
const SETTINGS: [&str; 10] = [
    "shared_buffers=2GB",
    "wal_buffers=64MB",
    "max_wal_size=64GB",
    "checkpoint_timeout=1d",
    "wal_level=replica",
    "work_mem=1GB",
    "autovacuum=off",
    "listen_addresses=",
    "log_min_messages=log",
    "max_connections=10",
];

/// It says hundredths of a second: none is taken for half of one.
const SECONDS_LEAST: f64 = 0.005;

/// The programs of an installed server, and as whom they run.
pub(crate) struct Installation {
    programs: PathBuf,
    /// A server refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Installation {
    pub(crate) fn find() -> Result<Self> {
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
        // Debian keeps them elsewhere, by version.
        if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
            folders.extend(versions.flatten().map(|version| version.path().join("bin")));
        }
        let found = folders.iter().find_map(|folder| folder.join("postgres").canonicalize().ok());
        let programs = found.as_deref().and_then(Path::parent).map(Path::to_owned);
        let programs = programs.ok_or("no PostgreSQL is installed (postgres isn't found)")?;
        for program in ["initdb", "psql"] {
            if !programs.join(program).exists() {
                return Err(format!("{} has no {program}", programs.display()).into());
            }
        }
        let root = std::fs::metadata("/proc/self")?.uid() == 0;
        Ok(Self { programs, user: if root { Some(unprivileged()?) } else { None } })
    }

    pub(crate) fn version(&self) -> Result<String> {
        let output = self.command("postgres", Path::new("/")).arg("--version").output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.split_whitespace().nth(2).unwrap_or_default().to_owned())
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(folder).env("LC_ALL", "C");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Somebody who isn't root, by number: user and group.
fn unprivileged() -> Result<(u32, u32)> {
    let all = std::fs::read_to_string("/etc/passwd")?;
    let numbers_of = |name: &str| {
        let mut fields = all
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
        fields.next()?;
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ["postgres", "nobody"].into_iter().find_map(numbers_of);
    found.ok_or_else(|| Error::from("there is no user postgres or nobody to run a server as"))
}

/// What the server says of its redo.
pub(crate) struct Redo {
    pub(crate) seconds: f64,
    /// Of the process that did it.
    pub(crate) memory_peak_bytes: Option<u64>,
}

/// A server that runs.
pub(crate) struct Server {
    process: Child,
    log: BufReader<ChildStderr>,
    psql: PathBuf,
    data: PathBuf,
}

impl Server {
    /// Makes a new cluster and starts it.
    pub(crate) fn create(
        installation: &Installation,
        folder: &Path,
    ) -> Result<(Self, Option<Redo>)> {
        if let Some((user, group)) = installation.user {
            chown(folder, Some(user), Some(group))?;
        }
        let mut initdb = installation.command("initdb", folder);
        initdb.args(["--username=peer", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.arg("--pgdata").arg(data(folder));
        checked(initdb.output()?)?;
        Self::start(installation, folder)
    }

    /// Starts what is in `folder`, and waits until it takes connections.
    pub(crate) fn start(
        installation: &Installation,
        folder: &Path,
    ) -> Result<(Self, Option<Redo>)> {
        let data = data(folder);
        let mut command = installation.command("postgres", folder);
        command.arg("-D").arg(&data).arg("-k").arg(&data);
        SETTINGS.iter().for_each(|setting| {
            command.args(["-c", setting]);
        });
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = process.stderr.take().ok_or("the server's log isn't there")?;
        let psql = installation.programs.join("psql");
        let mut server = Self { process, log: BufReader::new(stderr), psql, data };
        let redo = server.wait_until_ready()?;
        Ok((server, redo))
    }

    fn wait_until_ready(&mut self) -> Result<Option<Redo>> {
        let mut redo = None;
        let (mut line, mut all) = (String::new(), String::new());
        loop {
            line.clear();
            if self.log.read_line(&mut line)? == 0 {
                return Err(format!("the server ended:\n{all}").into());
            }
            all.push_str(&line);
            if line.contains("redo done at") {
                let elapsed =
                    line.split("elapsed: ").nth(1).and_then(|rest| rest.split(' ').next());
                let seconds = elapsed.ok_or("the server doesn't say how long redo took")?;
                let seconds = seconds.parse::<f64>()?.max(SECONDS_LEAST);
                let children = self.children();
                let memory = children.iter().filter_map(|child| memory_peak_bytes(child)).max();
                redo = Some(Redo { seconds, memory_peak_bytes: memory });
            }
            if line.contains("ready to accept connections") {
                return Ok(redo);
            }
        }
    }

    fn children(&self) -> Vec<String> {
        let id = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        children.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    pub(crate) fn log_folder(&self) -> PathBuf {
        self.data.join("pg_wal")
    }

    /// Runs statements, each for itself.
    pub(crate) fn run(&self, statements: &str) -> Result<()> {
        self.psql(&["--file", "-"], statements.as_bytes()).map(drop)
    }

    pub(crate) fn copy_in(&self, table: &str, bytes: &[u8]) -> Result<()> {
        let copy = format!("COPY {table} FROM STDIN (FORMAT binary)");
        self.psql(&["--command", &copy], bytes).map(drop)
    }

    pub(crate) fn copy_out(&self, query: &str) -> Result<Vec<u8>> {
        self.psql(&["--command", &format!("COPY ({query}) TO STDOUT (FORMAT binary)")], b"")
    }

    fn psql(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.psql);
        command.args(["--no-psqlrc", "--quiet", "--username=peer", "--dbname=postgres"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--host"]).arg(&self.data).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        // It says nothing before it has read everything.
        process.stdin.take().ok_or("psql has no input")?.write_all(input)?;
        checked(process.wait_with_output()?)
    }

    /// Kills the server and its children with SIGKILL, and waits until all are gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        let children = self.children();
        self.process.kill()?;
        // Some may be gone already: they watch for that.
        Command::new("kill").arg("-KILL").args(children).stderr(Stdio::null()).status()?;
        self.process.wait()?;
        // All of them hold the log.
        self.log.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

impl Drop for Server {
    /// Whatever goes wrong, no server stays behind: its children end when they find it gone.
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        if let Err(error) = ended {
            eprintln!("the server can't be killed: {error}");
        }
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn checked(output: Output) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}
