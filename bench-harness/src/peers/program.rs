//! The programs that are measured: building one, what it says of itself, a load that ends with SIGKILL, a
//! recovery.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Measured;
use crate::machine::free_bytes;

/// What somebody who is measured says of itself.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) name: String,
    pub(super) variant: String,
    pub(super) version: String,
    pub(super) loads: String,
    pub(super) verifies: String,
    pub(super) applies: String,
    /// `own`, `engine`, `pages` or `log`.
    pub(super) kind: String,
}

impl About {
    /// Its name, and the way in which it is used where there are several.
    pub(super) fn title(&self) -> String {
        match &*self.variant {
            "" => self.name.clone(),
            variant => format!("{}, {variant}", self.name),
        }
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(super) struct Failed(pub(super) String);

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl From<Failed> for Box<dyn std::error::Error> {
    fn from(failed: Failed) -> Self {
        failed.0.into()
    }
}

/// What came of a load.
pub(super) struct Loaded {
    pub(super) seconds: f64,
    pub(super) log_bytes: u64,
}

/// What came of a recovery.
pub(super) struct Recovered {
    pub(super) seconds: f64,
    pub(super) memory_peak_bytes: Option<u64>,
}

/// Somebody who is measured.
pub(super) trait Contender {
    fn about(&self) -> &About;

    /// Loads everything into an empty folder, in a process that is then killed.
    fn load(&self, folder: &Path) -> Result<Loaded, Failed>;

    /// Recovers what is in a folder, and checks it.
    fn recover(&self, folder: &Path) -> Result<Recovered, Failed>;
}

/// A peer's program, used in one of its ways.
pub(super) struct Peer {
    about: About,
    program: PathBuf,
    payloads: PathBuf,
}

impl Peer {
    /// The peer of this name in all its ways: in a folder of programs, or newly built.
    pub(super) fn find(
        name: &str,
        programs: Option<&Path>,
        payloads: &Path,
    ) -> Measured<Vec<Self>> {
        let program = format!("peer-{name}");
        let program = match programs {
            Some(programs) => programs.join(program),
            None => cargo_build(&repository().join("bench-peers"), [&program; 2])?,
        };
        let said = last_line(&Command::new(&program).arg("describe").output()?.stdout)?;
        if let Some(reason) = said["unavailable"].as_str() {
            return Err(reason.into());
        }
        let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
        let variants = said["variants"].as_array().ok_or("it names no variants")?;
        let variants = variants.iter().map(|variant| Self {
            about: About {
                name: text(&said, "name"),
                variant: text(variant, "name"),
                version: text(&said, "version"),
                loads: text(variant, "loads"),
                verifies: text(variant, "verifies"),
                applies: text(variant, "applies"),
                kind: text(variant, "kind"),
            },
            program: program.clone(),
            payloads: payloads.to_owned(),
        });
        Ok(variants.collect())
    }

    fn command(&self, verb: &str, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args([verb, &self.about.variant]).arg(&self.payloads).arg(folder);
        command
    }
}

impl Contender for Peer {
    fn about(&self) -> &About {
        &self.about
    }

    fn load(&self, folder: &Path) -> Result<Loaded, Failed> {
        load_and_kill(&mut self.command("load", folder))
    }

    fn recover(&self, folder: &Path) -> Result<Recovered, Failed> {
        let output = self.command("recover", folder).output()?;
        if !output.status.success() {
            return Err(Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let said = last_line(&output.stdout)?;
        Ok(Recovered {
            seconds: seconds(&said)?,
            memory_peak_bytes: said["memory_peak_bytes"].as_u64(),
        })
    }
}

/// Starts a load, waits until it says that all is written, and kills it.
pub(super) fn load_and_kill(command: &mut Command) -> Result<Loaded, Failed> {
    let mut process = command.stdout(Stdio::piped()).spawn()?;
    let out = process.stdout.take().ok_or_else(|| Failed("no output is there".to_owned()))?;
    let mut line = String::new();
    let read = BufReader::new(out).read_line(&mut line);
    // SIGKILL: nothing is closed.
    process.kill()?;
    process.wait()?;
    read?;
    let said = last_line(line.as_bytes())?;
    let log_bytes = said["log_bytes"].as_u64();
    let log_bytes = log_bytes.ok_or_else(|| Failed("it says no bytes".to_owned()))?;
    Ok(Loaded { seconds: seconds(&said)?, log_bytes })
}

fn last_line(output: &[u8]) -> Result<Value, Failed> {
    let lines = String::from_utf8_lossy(output);
    let line =
        lines.lines().last().ok_or_else(|| Failed("it ended and said nothing".to_owned()))?;
    Ok(serde_json::from_str(line)?)
}

fn seconds(said: &Value) -> Result<f64, Failed> {
    said["seconds"].as_f64().ok_or_else(|| Failed("it says no time".to_owned()))
}

/// The repository that this was built from.
pub(super) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds a package of the workspace in `folder`, and gives the path of its program.
pub(super) fn cargo_build(folder: &Path, [package, program]: [&str; 2]) -> Measured<PathBuf> {
    let target = folder.join("target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--package", package, "--target-dir"]);
    let built = cargo.arg(&target).current_dir(folder).stdout(Stdio::null()).status()?;
    if !built.success() {
        return Err(format!("cargo build --package {package} fails").into());
    }
    Ok(target.join("release").join(program))
}

/// Copies a folder with its owners, and waits until the copy is on disk: else writing it would go on while
/// what is copied is measured.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), Failed> {
    for (program, option, paths) in [("cp", "-a", &[from, to][..]), ("sync", "-f", &[to])] {
        let status = Command::new(program).arg(option).arg("--").args(paths).status()?;
        if !status.success() {
            return Err(Failed(format!("{program} ends with {status}")));
        }
    }
    Ok(())
}

/// Whether there is room for so many bytes where a folder is.
pub(super) fn check_room(folder: &Path, bytes: u64) -> Measured<()> {
    let available = free_bytes(folder)?;
    if available < bytes {
        let folder = folder.display();
        return Err(
            format!("{folder} has {available} bytes of room where {bytes} may be used").into()
        );
    }
    Ok(())
}
