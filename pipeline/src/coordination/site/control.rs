//! What somebody says to a coordinator that runs in another process: one JSON object on a line, one back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::conflict::Ruling;
use crate::error::{Error, IoContext as _};
use crate::flow;

/// No line is longer, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// How long whoever connects may take to say something.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Word {
    /// It is to come to nothing.
    Cancel,
    /// Something about a conflict that waits.
    Rule {
        /// The conflict's key.
        conflict: String,
        /// What is said about it.
        ruling: Ruling,
    },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Heard {
    Done,
    Refused(String),
}

/// Hears what is said, until it is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// On a socket at this path, over the one that a coordinator that died left there. Who calls leads, so that no
    /// other coordinator is there.
    ///
    /// # Errors
    /// When there is no socket, or no thread.
    pub fn listen(
        path: &Path,
        hear: impl Fn(Word) -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.context("remove", path, None)?,
        }
        let listener = UnixListener::bind(path).context("listen at", path, None)?;
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        let thread = flow::spawn_alone("control", move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                // Who goes in the middle of a word has said nothing.
                let heard = stream.and_then(|stream| answer(&stream, &hear));
                if let Err(error) = heard {
                    tracing::warn!(%error, "what was said could not be heard");
                }
            }
        })?;
        Ok(Self { path: path.to_owned(), ends, thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // It wakes up for this, and then sees that it ends.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn answer(stream: &UnixStream, hear: &dyn Fn(Word) -> Result<(), Error>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut line)?;
    let word = serde_json::from_str(&line).map_err(|error| error.to_string());
    let heard = match word.and_then(|word| hear(word).map_err(|error| error.to_string())) {
        Ok(()) => Heard::Done,
        Err(reason) => Heard::Refused(reason),
    };
    let mut answer = serde_json::to_vec(&heard)?;
    answer.push(b'\n');
    let mut stream = stream;
    stream.write_all(&answer)
}

/// Says something to the coordinator at this socket; gives whether one is there.
///
/// # Errors
/// [`Error::InvalidOption`] where it refuses, and what the socket says.
pub fn say(path: &Path, word: &Word) -> Result<bool, Error> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    let mut stream = match UnixStream::connect(path) {
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(false),
        connected => connected.context("connect to", path, None)?,
    };
    let bytes = serde_json::to_string(word).map(|text| text + "\n");
    let bytes = bytes.map_err(std::io::Error::from).context("write to", path, None)?;
    stream.write_all(bytes.as_bytes()).context("write to", path, None)?;
    let mut line = String::new();
    BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut line).context("read", path, None)?;
    match serde_json::from_str(&line).map_err(std::io::Error::from).context("read", path, None)? {
        Heard::Done => Ok(true),
        Heard::Refused(reason) => Err(Error::InvalidOption { option: "coordination", reason }),
    }
}
