//! The joining side: a participant that comes in at a coordinator's socket, answers what it is asked, and comes
//! again when the connection goes, until it is told that nothing more is asked.

use std::cell::RefCell;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::beat::Beat;
use super::ground::Clock;
use super::message::{Answer, Call};
use super::protocol::{
    Alive, Hello, LINE_BYTES_MAX, PROTOCOL, ToCoordinator, ToParticipant, TurnedAway, Welcome,
    answer_line, line, parse,
};
use super::threads::{Local, answered};
use crate::error::{Error, IoContext as _};

/// How long a coordinator may take to welcome who comes, and to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a participant comes again when the connection goes, or nobody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejoin {
    /// How long it waits the first time, and twice as long each time after that until it is welcome; in
    /// milliseconds.
    pub again_ms: u64,
    /// How long it waits at most, in milliseconds.
    pub again_ms_max: u64,
    /// How often it comes again without being welcome before it gives up; without end where none is said.
    pub tries_max: Option<u32>,
}

impl Default for Rejoin {
    fn default() -> Self {
        Self { again_ms: 100, again_ms_max: 10_000, tries_max: None }
    }
}

/// What happens to a participant that joined.
#[derive(Clone, Copy, Debug)]
pub enum JoinEvent<'e> {
    /// It was welcomed.
    Welcomed,
    /// It was asked something.
    Asked(&'e Call),
    /// It has answered.
    Answered(&'e Answer),
    /// It isn't connected, and comes again.
    Lost(&'e Error),
}

/// Comes in at `path` as `hello`, and answers for the participant until it is told that nothing more is asked.
/// `watch` sees what happens.
///
/// The participant works on this thread. While it does, a sign of life goes out whenever it calls
/// [`Work::alive`](super::Work), as often as the coordinator asks for. When the connection goes meanwhile, it
/// works on to its end, and is asked again.
///
/// # Errors
/// [`Error::TurnedAway`] when it isn't welcome, [`Error::Io`] when it has come often enough to no avail.
pub fn join(
    path: &Path,
    hello: &Hello,
    local: &mut Local,
    rejoin: Rejoin,
    clock: &dyn Clock,
    watch: &mut dyn FnMut(JoinEvent<'_>),
) -> Result<(), Error> {
    let mut tries: u32 = 0;
    loop {
        let connected = connect(path, hello).and_then(|(mut connection, welcome)| {
            tries = 0;
            watch(JoinEvent::Welcomed);
            connection.serve(local, welcome, clock, watch)
        });
        let lost = match connected {
            Ok(()) => return Ok(()),
            Err(lost) => lost,
        };
        if !may_pass(&lost) || rejoin.tries_max.is_some_and(|max| tries >= max) {
            return Err(lost);
        }
        watch(JoinEvent::Lost(&lost));
        let factor = 1_u64.checked_shl(tries).unwrap_or(u64::MAX);
        let wait = rejoin.again_ms.saturating_mul(factor).min(rejoin.again_ms_max);
        tries = tries.saturating_add(1);
        let _ = clock.alarm(Some(clock.now() + Duration::from_millis(wait))).recv();
    }
}

/// Whether it is worthwhile to come again.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::TurnedAway { reason, .. } => reason.may_pass(),
        Error::Io { source, .. } => source.kind() != io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// A connection to a coordinator.
#[derive(Debug)]
struct Connection<'p> {
    path: &'p Path,
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

fn connect<'p>(path: &'p Path, hello: &Hello) -> Result<(Connection<'p>, Welcome), Error> {
    let stream = UnixStream::connect(path).context("connect to", path, None)?;
    let patient = |stream: UnixStream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Connection { path, stream, reader })
    };
    let mut connection = patient(stream).context("connect to", path, None)?;
    let bytes = line(&ToCoordinator::Hello(hello.clone())).unwrap_or_default();
    // Who is turned away at once may find nobody to say hello to, and reads why.
    let said = connection.stream.write_all(&bytes);
    let message = connection.next();
    let welcome = match message {
        Ok(ToParticipant::Welcome(welcome)) if welcome.protocol == PROTOCOL => welcome,
        Ok(ToParticipant::TurnedAway(away)) => return Err(turned_away(path, away)),
        Ok(other) => return Err(not_understood(path, &format!("it began with {other:?}"))),
        Err(error) => return said.context("write to", path, None).and(Err(error)),
    };
    // A coordinator may have nothing to ask for as long as it likes.
    connection.stream.set_read_timeout(None).context("read from", path, None)?;
    Ok((connection, welcome))
}

impl Connection<'_> {
    /// Answers until nothing more is asked.
    fn serve(
        &mut self,
        local: &mut Local,
        welcome: Welcome,
        clock: &dyn Clock,
        watch: &mut dyn FnMut(JoinEvent<'_>),
    ) -> Result<(), Error> {
        loop {
            match self.next()? {
                ToParticipant::Call(call) => {
                    watch(JoinEvent::Asked(&call));
                    let every = Duration::from_millis(welcome.heartbeat_ms);
                    let beat = Beat::new(clock, every);
                    let answer = self.answer(local, &call, &beat)?;
                    watch(JoinEvent::Answered(&answer));
                }
                ToParticipant::Ended => return Ok(()),
                ToParticipant::TurnedAway(away) => return Err(turned_away(self.path, away)),
                ToParticipant::Welcome(_) => {
                    return Err(not_understood(self.path, "it said welcome twice"));
                }
            }
        }
    }

    fn answer(&mut self, local: &mut Local, call: &Call, beat: &Beat<'_>) -> Result<Answer, Error> {
        let alive = ToCoordinator::Alive(Alive { epoch: call.epoch });
        let alive = line(&alive).unwrap_or_default();
        let broken = RefCell::new(None);
        let say = || {
            // Half a line may be out: nothing can follow it.
            if broken.borrow().is_none() && beat.is_due() {
                *broken.borrow_mut() = (&self.stream).write_all(&alive).err();
            }
        };
        let answer = answered(local, call, &say);
        let written = match broken.into_inner() {
            Some(error) => Err(error),
            None => self.stream.write_all(&answer_line(answer.clone())),
        };
        written.context("write to", self.path, None)?;
        Ok(answer)
    }

    fn next(&mut self) -> Result<ToParticipant, Error> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.reader).take(LINE_BYTES_MAX as u64);
        limited.read_until(b'\n', &mut bytes).context("read from", self.path, None)?;
        if bytes.pop_if(|byte| *byte == b'\n').is_none() {
            if bytes.len() >= LINE_BYTES_MAX {
                return Err(not_understood(self.path, "its line is too long"));
            }
            let source = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(source).context("read from", self.path, None);
        }
        parse(&bytes).map_err(|reason| not_understood(self.path, &reason))
    }
}

fn turned_away(path: &Path, away: TurnedAway) -> Error {
    let TurnedAway { reason, text } = away;
    Error::TurnedAway { path: path.to_owned(), reason, text }
}

/// What listens there is no coordinator that could be understood, now or later.
fn not_understood(path: &Path, reason: &str) -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    Error::Io { operation: "understand", path: path.to_owned(), offset: None, source }
}
