//! Who sits where: the thread that holds the socket, all connections, and the calls that aren't answered.
//!
//! Laws: it waits for everything at once and for nothing else. A name has one connection at most. What one
//! participant does costs the others nothing but their turn.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::guest::{Gone, Guest};
use super::{Invited, SocketOptions};
use crate::coordination::kind::ParticipantKind;
use crate::coordination::mail::Mail;
use crate::coordination::message::{Answer, Call};
use crate::coordination::protocol::{
    AwayReason, Hello, PROTOCOL, ToCoordinator, ToParticipant, TurnedAway, Welcome, line, parse,
    too_long,
};
use crate::coordination::report::Name;

/// How long nobody is let in after the system had no room for one more.
const NO_ROOM: Duration = Duration::from_secs(1);

/// What the hub's thread is told.
#[derive(Debug)]
pub(super) enum Command {
    Invite(Name, ParticipantKind),
    Who(Sender<Vec<Name>>),
    Attach(Vec<Name>, Mail, Sender<Result<(), String>>),
    Send(Name, Call),
    Detach(Vec<Name>),
    Dismiss,
    Stop,
}

/// The seat of one who is invited.
#[derive(Debug)]
pub(super) struct Seat {
    kind: ParticipantKind,
    /// Of the coordination that it takes part in.
    mail: Option<Mail>,
    unanswered: Option<Call>,
    guest: Option<u64>,
}

/// What there is to be done.
#[derive(Debug, Default)]
struct Ready {
    commands: bool,
    knocks: bool,
    guests: Vec<(u64, PollFlags)>,
}

/// Why a guest is hung up on.
enum Away {
    /// It is told.
    Told(AwayReason, String),
    Gone(Gone),
}

impl From<Gone> for Away {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

#[derive(Debug)]
pub(super) struct Desk {
    listener: UnixListener,
    commands: Receiver<Command>,
    woken: UnixStream,
    options: SocketOptions,
    seats: Invited,
    /// By when they came: whoever is gone is seen to be before the next one of its name says hello.
    guests: BTreeMap<u64, Guest>,
    guests_so_far: u64,
    /// Until when nobody is let in.
    closed_until: Option<Instant>,
    dismissed: bool,
}

impl Desk {
    pub(super) fn new(
        listener: UnixListener,
        (commands, woken): (Receiver<Command>, UnixStream),
        options: SocketOptions,
    ) -> Self {
        let (seats, guests) = (BTreeMap::new(), BTreeMap::new());
        Self {
            listener,
            commands,
            woken,
            options,
            seats,
            guests,
            guests_so_far: 0,
            closed_until: None,
            dismissed: false,
        }
    }

    /// Until it is told to stop.
    pub(super) fn serve(mut self) {
        loop {
            let Some(ready) = self.wait() else { return };
            for (id, flags) in ready.guests {
                self.attend(id, flags);
            }
            if ready.commands && self.follow().is_none() {
                return;
            }
            if ready.knocks {
                self.let_in();
            }
            self.hang_up_late(Instant::now());
        }
    }

    /// Waits until something happens or time runs out for somebody.
    fn wait(&mut self) -> Option<Ready> {
        let now = Instant::now();
        self.closed_until = self.closed_until.filter(|&until| until > now);
        let times = self.guests.values().filter_map(|guest| guest.until);
        let next = times.chain(self.closed_until).min();
        let timeout =
            next.and_then(|at| Timespec::try_from(at.saturating_duration_since(now)).ok());
        let knocks = if self.closed_until.is_some() { PollFlags::empty() } else { PollFlags::IN };
        let mut fds =
            vec![PollFd::new(&self.woken, PollFlags::IN), PollFd::new(&self.listener, knocks)];
        fds.extend(self.guests.values().map(|guest| {
            let sends = if guest.is_sending() { PollFlags::OUT } else { PollFlags::empty() };
            PollFd::new(&guest.stream, PollFlags::IN | sends)
        }));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Some(Ready::default()),
            Err(error) => {
                tracing::error!(%error, "participants can't be waited for any more");
                return None;
            }
        }
        let mut flags = fds.iter().map(PollFd::revents);
        let mut is_ready = || flags.next().is_some_and(|it| !it.is_empty());
        let (commands, knocks) = (is_ready(), is_ready());
        let guests = self.guests.keys().copied().zip(flags).filter(|(_, it)| !it.is_empty());
        Some(Ready { commands, knocks, guests: guests.collect() })
    }

    /// Does what it was told; nothing once that is to stop.
    fn follow(&mut self) -> Option<()> {
        let mut bytes = [0; 64];
        while self.woken.read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Invite(name, kind) => self.invite(name, kind),
                Command::Who(reply) => {
                    let here = self.seats.iter().filter(|(_, seat)| seat.guest.is_some());
                    let _ = reply.send(here.map(|(name, _)| name.clone()).collect());
                }
                Command::Attach(names, mail, reply) => {
                    let _ = reply.send(self.attach(&names, &mail));
                }
                Command::Send(name, call) => self.send(&name, call),
                Command::Detach(names) => {
                    for name in &names {
                        if let Some(seat) = self.seats.get_mut(name) {
                            (seat.mail, seat.unanswered) = (None, None);
                        }
                    }
                }
                Command::Dismiss => self.dismiss(),
                Command::Stop => return None,
            }
        }
        Some(())
    }

    fn invite(&mut self, name: Name, kind: ParticipantKind) {
        let seat = Seat { kind, mail: None, unanswered: None, guest: None };
        self.seats.entry(name).or_insert(seat).kind = kind;
    }

    fn attach(&mut self, names: &[Name], mail: &Mail) -> Result<(), String> {
        for name in names {
            match self.seats.get(name) {
                None => return Err(format!("{name} isn't invited")),
                Some(Seat { mail: Some(_), .. }) => {
                    return Err(format!("{name} takes part in another coordination"));
                }
                Some(_) => {}
            }
        }
        for name in names {
            if let Some(seat) = self.seats.get_mut(name) {
                seat.mail = Some(mail.clone());
            }
        }
        Ok(())
    }

    fn send(&mut self, name: &Name, call: Call) {
        let Some(seat) = self.seats.get_mut(name) else { return };
        let bytes = match line(&ToParticipant::Call(call.clone())) {
            Ok(bytes) => bytes,
            Err(length) => {
                if let Some(mail) = &seat.mail {
                    mail.failed(name, &call, too_long("the call", length));
                }
                return;
            }
        };
        seat.unanswered = Some(call);
        if let Some(id) = seat.guest {
            self.say(id, &bytes);
        }
    }

    fn dismiss(&mut self) {
        self.dismissed = true;
        let here: Vec<u64> = self.seats.values().filter_map(|seat| seat.guest).collect();
        for id in here {
            self.see_off(id);
        }
    }

    /// Tells one that nothing more is asked, and hangs up once it has that or time runs out.
    fn see_off(&mut self, id: u64) {
        let Ok(bytes) = line(&ToParticipant::Ended) else { return };
        self.say(id, &bytes);
        let until = Instant::now() + Duration::from_millis(self.options.hello_ms);
        match self.guests.get_mut(&id) {
            Some(guest) if guest.is_sending() => guest.until = Some(until),
            _ => self.hang_up(id, Away::Gone(Gone::Left)),
        }
    }

    fn say(&mut self, id: u64, bytes: &[u8]) {
        if let Some(guest) = self.guests.get_mut(&id)
            && let Err(gone) = guest.send(bytes)
        {
            self.hang_up(id, gone.into());
        }
    }

    /// Lets in whoever knocks.
    fn let_in(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.seat(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "nobody can be let in for a moment");
                    self.closed_until = Some(Instant::now() + NO_ROOM);
                    return;
                }
            }
        }
    }

    fn seat(&mut self, stream: UnixStream) {
        let until = Instant::now() + Duration::from_millis(self.options.hello_ms);
        let Ok(guest) = Guest::new(stream, until) else { return };
        let id = self.guests_so_far;
        self.guests_so_far += 1;
        self.guests.insert(id, guest);
        if self.guests.len() > self.options.connections_max {
            let text =
                format!("{} are connected, and no more may be", self.options.connections_max);
            self.hang_up(id, Away::Told(AwayReason::TooMany, text));
        }
    }

    /// Reads from one, and writes to it, as far as it can be done at once.
    fn attend(&mut self, id: u64, flags: PollFlags) {
        let Some(guest) = self.guests.get_mut(&id) else { return };
        let mut done = Ok(());
        if flags.contains(PollFlags::OUT) {
            done = guest.write().map_err(Away::from);
        }
        if done.is_ok() && flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            let read = guest.read();
            // What it said before it left was said.
            done = self.hear(id).and(read.map_err(Away::from));
        }
        if let Err(away) = done {
            self.hang_up(id, away);
        }
    }

    /// Takes in each line that is there.
    fn hear(&mut self, id: u64) -> Result<(), Away> {
        while let Some(guest) = self.guests.get_mut(&id) {
            let bytes = match guest.next_line() {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Ok(()),
                Err(length) => {
                    let text = format!("a line of {length} bytes or more is too long");
                    return Err(Away::Told(AwayReason::LineTooLong, text));
                }
            };
            let said = parse(&bytes).map_err(|text| Away::Told(AwayReason::BadLine, text))?;
            match (guest.name.clone(), said) {
                (None, ToCoordinator::Hello(hello)) => self.welcome(id, hello)?,
                (Some(name), ToCoordinator::Answer(answer)) => self.answered(&name, answer),
                (Some(name), ToCoordinator::Alive(alive)) => {
                    if let Some(mail) = self.seats.get(&name).and_then(|seat| seat.mail.as_ref()) {
                        mail.alive(&name, alive.epoch);
                    }
                }
                (None, _) => return Err(bad("whoever comes says hello first")),
                (Some(_), ToCoordinator::Hello(_)) => return Err(bad("hello is said once")),
            }
        }
        Ok(())
    }

    fn welcome(&mut self, id: u64, hello: Hello) -> Result<(), Away> {
        let away = |reason, text: String| Err(Away::Told(reason, text));
        let Hello { protocol, name, kind, about } = hello;
        if protocol != PROTOCOL {
            let text = format!("protocol {PROTOCOL} is spoken here, and not {protocol}");
            return away(AwayReason::OtherProtocol, text);
        }
        let (Some(seat), Some(guest)) = (self.seats.get_mut(&name), self.guests.get_mut(&id))
        else {
            return away(
                AwayReason::UnknownName,
                format!("nobody of the name {name:?} takes part"),
            );
        };
        if seat.kind != kind {
            let text = format!("{name} takes part as {:?}, and not as {kind:?}", seat.kind);
            return away(AwayReason::OtherKind, text);
        }
        if seat.guest.is_some() {
            return away(
                AwayReason::NameTaken,
                format!("somebody of the name {name} is connected"),
            );
        }
        tracing::info!(participant = name, about, "a participant has come in");
        seat.guest = Some(id);
        (guest.name, guest.until) = (Some(name), None);
        let heartbeat_ms = self.options.heartbeat_ms;
        let welcome = ToParticipant::Welcome(Welcome { protocol: PROTOCOL, heartbeat_ms });
        let call = seat.unanswered.clone().map(ToParticipant::Call).filter(|_| !self.dismissed);
        for message in [Some(welcome), call].into_iter().flatten() {
            self.say(id, &line(&message).unwrap_or_default());
        }
        if self.dismissed {
            self.see_off(id);
        }
        Ok(())
    }

    /// Passes on the answer to what is asked now, and no other one: so whatever is said, nobody reads more
    /// answers than there were questions.
    fn answered(&mut self, name: &Name, answer: Answer) {
        let Some(seat) = self.seats.get_mut(name) else { return };
        let asked = |call: &mut Call| (call.epoch, call.round) == (answer.epoch, answer.round);
        if seat.unanswered.take_if(asked).is_some()
            && let Some(mail) = &seat.mail
        {
            mail.answered(name, answer);
        }
    }

    /// Hangs up on those whose time is over.
    fn hang_up_late(&mut self, now: Instant) {
        let late = |guest: &Guest| guest.until.is_some_and(|until| until <= now);
        let late: Vec<u64> =
            self.guests.iter().filter(|(_, guest)| late(guest)).map(|(id, _)| *id).collect();
        for id in late {
            let away = match self.guests.get(&id) {
                Some(Guest { name: Some(_), .. }) => Away::Gone(Gone::Slow),
                _ => {
                    let text = format!("nothing was said for {} ms", self.options.hello_ms);
                    Away::Told(AwayReason::NoHello, text)
                }
            };
            self.hang_up(id, away);
        }
    }

    fn hang_up(&mut self, id: u64, away: Away) {
        let Some(mut guest) = self.guests.remove(&id) else { return };
        let seat = guest.name.as_ref().and_then(|name| self.seats.get_mut(name));
        let told = match away {
            Away::Told(reason, text) => Some(TurnedAway { reason, text }),
            Away::Gone(gone) => {
                tracing::info!(participant = guest.name, ?gone, "a participant is gone");
                None
            }
        };
        if let Some(told) = &told {
            tracing::warn!(participant = guest.name, reason = ?told.reason, text = told.text, "turned away");
            // It is told as far as it listens.
            let bytes = line(&ToParticipant::TurnedAway(told.clone())).unwrap_or_default();
            let _ = guest.send(&bytes);
        }
        let Some(seat) = seat else { return };
        seat.guest = None;
        // Whoever breaks the protocol doesn't answer. Whoever is gone may come back and do so.
        if let (Some(told), Some(name)) = (told, &guest.name)
            && let (Some(mail), Some(call)) = (&seat.mail, seat.unanswered.take())
        {
            mail.failed(name, &call, format!("it was hung up on: {}", told.text));
        }
    }
}

fn bad(text: &str) -> Away {
    Away::Told(AwayReason::BadLine, text.to_owned())
}
