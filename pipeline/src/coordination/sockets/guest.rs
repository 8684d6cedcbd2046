//! A connection: bytes in, lines out, and the other way round. It knows how much of each is too much, and not
//! what the lines say. Nothing here ever waits.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::coordination::protocol::{HELLO_BYTES_MAX, LINE_BYTES_MAX};
use crate::coordination::report::Name;

/// As much is read at once, so that everyone gets its turn.
const READ_BYTES: usize = 64 * 1024;

/// Somebody who is connected.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) stream: UnixStream,
    /// Who it is, once it was welcomed.
    pub(super) name: Option<Name>,
    /// Until when it must have said who it is, or have taken what it is sent before it is hung up on.
    pub(super) until: Option<Instant>,
    incoming: Vec<u8>,
    /// So much of what came in has no end of a line in it.
    searched: usize,
    outgoing: Vec<u8>,
    sent: usize,
}

/// Why nothing more comes from a guest.
#[derive(Debug)]
pub(super) enum Gone {
    /// It hung up, or its connection broke.
    Left,
    /// It doesn't read what it is sent.
    Slow,
}

impl Guest {
    pub(super) fn new(stream: UnixStream, until: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        let until = Some(until);
        Ok(Self { stream, name: None, until, incoming, searched: 0, outgoing, sent: 0 })
    }

    /// Reads some of what there is.
    pub(super) fn read(&mut self) -> Result<(), Gone> {
        let before = self.incoming.len();
        self.incoming.resize(before + READ_BYTES, 0);
        let read = self.stream.read(&mut self.incoming[before..]);
        self.incoming.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(Gone::Left),
            Ok(_) => Ok(()),
            Err(error) if passes(&error) => Ok(()),
            Err(_) => Err(Gone::Left),
        }
    }

    /// The next line that is there as a whole, without its end.
    ///
    /// # Errors
    /// When it is too long.
    pub(super) fn next_line(&mut self) -> Result<Option<Vec<u8>>, usize> {
        let max = if self.name.is_some() { LINE_BYTES_MAX } else { HELLO_BYTES_MAX };
        let end = self.incoming[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.incoming.len();
            return if self.searched >= max { Err(self.searched) } else { Ok(None) };
        };
        if end >= max {
            return Err(end + 1);
        }
        let rest = self.incoming.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.incoming, rest);
        line.truncate(end);
        self.searched = 0;
        Ok(Some(line))
    }

    /// Sends a line, as far as it is taken at once; the rest goes when it can.
    pub(super) fn send(&mut self, line: &[u8]) -> Result<(), Gone> {
        if self.is_sending() && self.outgoing.len() - self.sent + line.len() > LINE_BYTES_MAX {
            return Err(Gone::Slow);
        }
        self.outgoing.drain(..self.sent);
        self.sent = 0;
        self.outgoing.extend_from_slice(line);
        self.write()
    }

    /// Sends on.
    pub(super) fn write(&mut self) -> Result<(), Gone> {
        while self.is_sending() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if passes(&error) => return Ok(()),
                Err(_) => return Err(Gone::Left),
            }
        }
        // One long call doesn't keep its memory.
        (self.outgoing, self.sent) = (Vec::new(), 0);
        Ok(())
    }

    pub(super) fn is_sending(&self) -> bool {
        self.sent < self.outgoing.len()
    }
}

fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
