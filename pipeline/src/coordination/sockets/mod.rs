//! Participants in other processes, over a Unix socket: `docs/coordination-protocol.md` has what is said there.
//!
//! One thread holds the socket and all connections, and never waits for one of them: whoever doesn't read what it
//! is sent is hung up on, and comes again. A call is kept until it is answered or a newer one takes its place,
//! and is sent again to whoever comes back under the name; so whoever was killed in the middle of its work needs
//! nobody to ask it again. That somebody isn't there is no answer: it may be on its way back, and how long that
//! may take the times of the coordination say. That nobody of a name is invited is one.

mod desk;
mod guest;
mod place;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::engine::Event;
use super::ground::Transport;
use super::kind::ParticipantKind;
use super::mail::Mail;
use super::message::Call;
use super::report::Name;
use crate::error::{Error, IoContext as _};
use crate::flow::spawn_alone;

use desk::{Command, Desk};

/// What a [`SocketHub`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// How often participants at work are to give a sign of life, in milliseconds.
    pub heartbeat_ms: u64,
    /// As many may be connected at once.
    pub connections_max: usize,
    /// How long one that connects may take to say who it is, in milliseconds.
    pub hello_ms: u64,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { heartbeat_ms: 5_000, connections_max: 64, hello_ms: 5_000 }
    }
}

/// A Unix socket at which participants come in, for as many coordinations as there are. Dropped, it hangs up on
/// all, and those who weren't [dismissed](Self::dismiss) come again.
#[derive(Debug)]
pub struct SocketHub {
    line: Line,
    thread: Option<JoinHandle<()>>,
}

/// Commands to the thread of a hub, and what wakes it up.
#[derive(Debug)]
struct Line {
    commands: Sender<Command>,
    waker: UnixStream,
}

/// As many commands may be on the way.
const COMMANDS_MAX: usize = 256;

impl SocketHub {
    /// Listens at this path, whose folder is made if need be. The socket of a coordinator that died is replaced.
    ///
    /// # Errors
    /// [`Error::Locked`] when somebody listens there, [`Error::InvalidOption`] when others may enter its folder or
    /// it is something else than a socket, [`Error::Io`] when the system says no.
    pub fn listen(path: &Path, options: SocketOptions) -> Result<Self, Error> {
        let (listener, place) = place::take(path)?;
        let (waker, woken) = UnixStream::pair().context("listen at", path, None)?;
        for end in [&waker, &woken] {
            end.set_nonblocking(true).context("listen at", path, None)?;
        }
        let (commands, receiver) = bounded(COMMANDS_MAX);
        let desk = Desk::new(listener, (receiver, woken), options);
        let thread = spawn_alone("sockets", move || {
            desk.serve();
            drop(place);
        })?;
        Ok(Self { line: Line { commands, waker }, thread: Some(thread) })
    }

    /// Who may come in under which name from now on; of one that may already, what it is.
    pub fn invite(&self, name: impl Into<Name>, kind: ParticipantKind) {
        // The thread lives as long as the hub.
        let _ = self.line.send(Command::Invite(name.into(), kind));
    }

    /// Who is connected.
    #[must_use]
    pub fn connected(&self) -> Vec<Name> {
        let (sender, receiver) = bounded(1);
        let _ = self.line.send(Command::Who(sender));
        receiver.recv().unwrap_or_default()
    }

    /// The way to these participants, for one coordination, until it is dropped. What they say comes into `mail`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when one of them isn't invited, or takes part in another coordination;
    /// [`Error::Io`] when the system says no.
    pub fn way_to(
        &self,
        names: impl IntoIterator<Item = Name>,
        mail: Mail,
    ) -> Result<SocketTransport, Error> {
        let names: Vec<Name> = names.into_iter().collect();
        let waker = self.line.waker.try_clone().context("reach", "the sockets' thread", None)?;
        let line = Line { commands: self.line.commands.clone(), waker };
        let (sender, receiver) = bounded(1);
        let _ = line.send(Command::Attach(names.clone(), mail.clone(), sender));
        match receiver.recv() {
            Ok(Ok(())) => Ok(SocketTransport { names, line, mail }),
            Ok(Err(reason)) => Err(Error::InvalidOption { option: "a participant", reason }),
            Err(_) => Err(gone()),
        }
    }

    /// Tells all who are connected, and all who come later, that nothing more is asked.
    pub fn dismiss(&self) {
        let _ = self.line.send(Command::Dismiss);
    }
}

fn gone() -> Error {
    Error::Panicked { message: "the thread of the sockets has ended".to_owned() }
}

impl Drop for SocketHub {
    fn drop(&mut self) {
        let _ = self.line.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Line {
    /// Gives the command back where nobody is there any more. The thread waits for nobody, so it takes each soon.
    fn send(&self, command: Command) -> Option<Command> {
        if let Err(error) = self.commands.send(command) {
            return Some(error.0);
        }
        // Where there is no room it has been woken up, and hasn't looked yet.
        let _ = (&self.waker).write(&[1]);
        None
    }
}

/// The way to participants that come in at a [`SocketHub`].
#[derive(Debug)]
pub struct SocketTransport {
    names: Vec<Name>,
    line: Line,
    mail: Mail,
}

impl Transport for SocketTransport {
    fn send(&mut self, to: &Name, call: Call) {
        if !self.names.contains(to) {
            return self.mail.failed(to, &call, format!("nobody of the name {to} is invited"));
        }
        if let Some(Command::Send(name, call)) = self.line.send(Command::Send(to.clone(), call)) {
            self.mail.failed(&name, &call, "nobody listens for participants any more".to_owned());
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.mail.events()
    }
}

impl Drop for SocketTransport {
    fn drop(&mut self) {
        let _ = self.line.send(Command::Detach(std::mem::take(&mut self.names)));
    }
}

/// Who is invited and what it is.
type Invited = BTreeMap<Name, desk::Seat>;
