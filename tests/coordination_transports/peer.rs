//! A peer that speaks by hand, line by line, and a hub for it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crossbeam_channel::Receiver;
use serde_json::{Value, json};
use tempfile::TempDir;
use vexfs_replay::coordination::{
    Answer, Call, Event, Mail, ParticipantKind, Reply, Request, SocketHub, SocketOptions,
    SocketTransport, Transport as _,
};

/// A coordinator's side, at which `orders` and `other` are invited.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) folder: TempDir,
    pub(crate) hub: SocketHub,
    pub(crate) way: SocketTransport,
    pub(crate) events: Receiver<Event>,
}

pub(crate) fn call(epoch: u64, round: u32) -> Call {
    Call { epoch, round, request: Request::Assess }
}

impl Side {
    pub(crate) fn new(options: SocketOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = SocketHub::listen(&folder.path().join("run/socket"), options).unwrap();
        let names = ["orders", "other"];
        for name in names {
            hub.invite(name, ParticipantKind::ExternalSystem);
        }
        let mail = Mail::default();
        let events = mail.events();
        let way = hub.way_to(names.map(str::to_owned), mail).unwrap();
        Self { folder, hub, way, events }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("run/socket")
    }

    pub(crate) fn send(&mut self, name: &str, call: Call) {
        self.way.send(&name.to_owned(), call);
    }

    /// The next answer, whatever signs of life come before it.
    pub(crate) fn answer(&self) -> (String, Answer) {
        loop {
            if let Event::Answered(name, answer) = self.events.recv().unwrap() {
                return (name, answer);
            }
        }
    }

    /// Whatever came before, a good peer is served.
    pub(crate) fn serves(&mut self, name: &str) {
        let mut peer = Peer::welcome(self, name);
        self.send(name, call(u64::MAX, u32::MAX));
        // An earlier call may come again first.
        while peer.hear()["call"]["epoch"] != u64::MAX {}
        peer.say(&done(u64::MAX, u32::MAX));
        loop {
            let (from, Answer { epoch, reply, .. }) = self.answer();
            if epoch == u64::MAX {
                assert_eq!((from.as_str(), reply), (name, Reply::Done));
                return;
            }
        }
    }
}

pub(crate) fn done(epoch: u64, round: u32) -> Value {
    json!({"answer": {"epoch": epoch, "round": round, "reply": "done"}})
}

pub(crate) fn hello(name: &str) -> Value {
    json!({"hello": {"protocol": 1, "name": name, "kind": "external_system", "about": "a peer"}})
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Peer {
    pub(crate) fn connect(side: &Side) -> Self {
        let stream = UnixStream::connect(side.socket()).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    pub(crate) fn welcome(side: &Side, name: &str) -> Self {
        // One that has just gone may still seem to be there.
        loop {
            let mut peer = Self::connect(side);
            peer.say(&hello(name));
            let heard = peer.hear();
            match heard["turned_away"]["reason"].as_str() {
                Some("name_taken" | "too_many") => {}
                _ => {
                    assert_eq!(heard["welcome"]["protocol"], 1, "{heard}");
                    return peer;
                }
            }
        }
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.say_bytes(format!("{message}\n").as_bytes()).unwrap();
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next message; null once it was hung up on.
    pub(crate) fn hear(&mut self) -> Value {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) | Err(_) => Value::Null,
            Ok(_) => serde_json::from_str(&line).unwrap(),
        }
    }

    /// It is told that it is turned away for this reason, and hung up on.
    pub(crate) fn is_turned_away(&mut self, reason: &str) {
        let heard = self.hear();
        assert_eq!(heard["turned_away"]["reason"], reason, "{heard}");
        assert_eq!(self.hear(), Value::Null);
    }
}
