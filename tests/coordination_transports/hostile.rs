//! Peers that say what they shouldn't, too much, or nothing, and those that don't listen: each is dealt with, and
//! the next one is served as if nothing had been.

use proptest::prelude::*;
use serde_json::{Value, json};
use vexfs_replay::coordination::protocol::{HELLO_BYTES_MAX, LINE_BYTES_MAX};
use vexfs_replay::coordination::{Call, Plan, Reply, Request, SocketOptions};

use crate::peer::{Peer, Side, call, done, hello};

#[test]
fn who_does_not_come_in_properly_is_told_why() {
    let mut side = Side::new(SocketOptions::default());
    let with = |field: &str, value: Value| {
        let mut hello = hello("orders");
        hello["hello"][field] = value;
        hello.to_string()
    };
    let long = "x".repeat(HELLO_BYTES_MAX);
    let nested = "[".repeat(HELLO_BYTES_MAX - 1);
    let cases: [(&str, Vec<u8>); 14] = [
        ("other_protocol", with("protocol", 2.into()).into()),
        ("unknown_name", with("name", "".into()).into()),
        ("unknown_name", with("name", "nobody\0\n".into()).into()),
        ("other_kind", with("kind", "replay_engine".into()).into()),
        ("bad_line", with("kind", "a lamp".into()).into()),
        ("bad_line", with("protocol", (-1).into()).into()),
        ("bad_line", b"".into()),
        ("bad_line", b"not JSON".into()),
        ("bad_line", b"\xff\xfe".into()),
        ("bad_line", b"\"ended\"".into()),
        ("bad_line", nested.into()),
        ("bad_line", done(1, 1).to_string().into()),
        ("bad_line", json!({"alive": {"epoch": 1}}).to_string().into()),
        ("line_too_long", long.into()),
    ];
    for (reason, line) in cases {
        let mut peer = Peer::connect(&side);
        peer.say_bytes(&[&line[..], b"\n"].concat()).unwrap();
        peer.is_turned_away(reason);
    }
    // A later version may say more of itself.
    let mut peer = Peer::connect(&side);
    peer.say_bytes(format!("{}\n", with("colour", "green".into())).as_bytes()).unwrap();
    assert_eq!(peer.hear()["welcome"]["protocol"], 1);
    let mut second = Peer::connect(&side);
    second.say(&hello("orders"));
    second.is_turned_away("name_taken");
    drop(peer);
    side.serves("orders");
}

#[test]
fn who_says_what_it_should_not_has_failed() {
    let mut side = Side::new(SocketOptions::default());
    let too_long = vec![b' '; LINE_BYTES_MAX];
    let nested = [b"{\"answer\":".as_slice(), &[b'['; 100_000], b"\n"].concat();
    let cases: [(&str, &[u8]); 6] = [
        ("bad_line", b"{}\n"),
        ("bad_line", b"{\"answer\":{}}\n"),
        (
            "bad_line",
            b"{\"hello\":{\"protocol\":1,\"name\":\"other\",\"kind\":\"external_system\"}}\n",
        ),
        ("bad_line", b"{\"answer\":{\"epoch\":1,\"round\":1,\"reply\":\"done\",\"colour\":1}}\n"),
        ("bad_line", &nested),
        ("line_too_long", &too_long),
    ];
    for (round, (reason, line)) in (1..).zip(cases) {
        let mut peer = Peer::welcome(&side, "orders");
        side.send("orders", call(1, round));
        assert_eq!(peer.hear()["call"]["round"], round);
        // It may be hung up on before all is said.
        let _ = peer.say_bytes(line);
        let (name, answer) = side.answer();
        assert_eq!((name.as_str(), answer.epoch, answer.round), ("orders", 1, round));
        assert!(matches!(answer.reply, Reply::Failed(_)), "{answer:?}");
        peer.is_turned_away(reason);
    }
    side.serves("orders");
}

#[test]
fn who_says_nothing_or_comes_too_often_keeps_nobody_out() {
    let options = SocketOptions { hello_ms: 50, connections_max: 4, ..SocketOptions::default() };
    let mut side = Side::new(options);
    let mut silent: Vec<Peer> = (0..4).map(|_| Peer::connect(&side)).collect();
    let mut fifth = Peer::connect(&side);
    fifth.is_turned_away("too_many");
    for peer in &mut silent {
        // Half a line is no line.
        let _ = peer.say_bytes(b"{\"hello\":");
        peer.is_turned_away("no_hello");
    }
    side.serves("orders");
}

#[test]
fn only_what_was_asked_is_answered_and_once() {
    let mut side = Side::new(SocketOptions::default());
    let mut peer = Peer::welcome(&side, "orders");
    peer.say(&done(1, 1));
    side.send("orders", call(1, 1));
    peer.hear();
    side.send("orders", call(1, 2));
    peer.hear();
    for answer in [done(1, 1), done(2, 2), done(1, 2), done(1, 2), done(1, 1)] {
        peer.say(&answer);
    }
    let (_, answer) = side.answer();
    assert_eq!((answer.epoch, answer.round), (1, 2));
    side.send("orders", call(1, 3));
    peer.hear();
    peer.say(&done(1, 3));
    let (_, answer) = side.answer();
    assert_eq!((answer.epoch, answer.round), (1, 3));
    assert!(side.events.is_empty());
}

#[test]
fn the_newest_call_is_delivered_to_who_comes_late_or_back() {
    let mut side = Side::new(SocketOptions::default());
    side.send("orders", call(1, 1));
    side.send("orders", call(1, 2));
    for _ in 0..3 {
        let mut peer = Peer::welcome(&side, "orders");
        assert_eq!(peer.hear(), json!({"call": {"epoch": 1, "round": 2, "request": "assess"}}));
    }
    let mut peer = Peer::welcome(&side, "orders");
    peer.hear();
    peer.say(&done(1, 2));
    assert_eq!(side.answer().1.round, 2);
    drop(peer);
    // What was answered isn't asked again.
    let mut peer = Peer::welcome(&side, "orders");
    side.send("orders", call(1, 3));
    assert_eq!(peer.hear()["call"]["round"], 3);
    assert_eq!(side.hub.connected(), ["orders"]);
    side.hub.dismiss();
    assert_eq!(peer.hear(), "ended");
    assert_eq!(peer.hear(), Value::Null);
    let mut late = Peer::welcome(&side, "orders");
    assert_eq!(late.hear(), "ended");
}

#[test]
fn who_does_not_listen_holds_up_nobody() {
    let mut side = Side::new(SocketOptions::default());
    let slow = Peer::welcome(&side, "orders");
    let owners = [("x".repeat(LINE_BYTES_MAX / 4), "y".to_owned())].into();
    let large = Request::Execute(Plan { owners, ..Plan::default() });
    for round in 1..=20 {
        side.send("orders", Call { epoch: 1, round, request: large.clone() });
    }
    side.serves("other");
    // It was hung up on, and comes back to the newest one.
    let mut back = Peer::welcome(&side, "orders");
    assert_eq!(back.hear()["call"]["round"], 20);
    drop((slow, back));
    side.serves("orders");
}

#[test]
fn a_call_that_is_too_long_has_failed() {
    let mut side = Side::new(SocketOptions::default());
    let owners = [("x".repeat(LINE_BYTES_MAX), "y".to_owned())].into();
    let request = Request::Execute(Plan { owners, ..Plan::default() });
    side.send("orders", Call { epoch: 1, round: 1, request });
    assert!(matches!(side.answer().1.reply, Reply::Failed(_)));
    side.send("nobody", call(1, 1));
    assert!(matches!(side.answer().1.reply, Reply::Failed(_)));
    side.serves("orders");
}

#[test]
fn signs_of_life_without_end_take_no_room_from_answers() {
    let mut side = Side::new(SocketOptions::default());
    let mut loud = Peer::welcome(&side, "orders");
    let alive = json!({"alive": {"epoch": 1}}).to_string() + "\n";
    loud.say_bytes(alive.repeat(20_000).as_bytes()).unwrap();
    // Until it has been heard.
    side.send("orders", call(1, 1));
    loud.hear();
    loud.say(&done(1, 1));
    side.answer();
    loud.say_bytes(alive.repeat(20_000).as_bytes()).unwrap();
    drop(loud);
    // Once it is seen to be gone, all has been heard.
    while !side.hub.connected().is_empty() {}
    assert_eq!(side.events.len(), 1024 / 2);
    side.serves("other");
}

#[test]
fn a_line_may_come_in_pieces() {
    let mut side = Side::new(SocketOptions::default());
    let mut peer = Peer::connect(&side);
    for byte in format!("{}\n", hello("orders")).as_bytes() {
        peer.say_bytes(&[*byte]).unwrap();
    }
    assert_eq!(peer.hear()["welcome"]["heartbeat_ms"], 5000);
    side.send("orders", call(1, 1));
    peer.hear();
    let text = format!("{}\n{}\n{}", json!({"alive": {"epoch": 1}}), done(1, 1), "{\"al");
    peer.say_bytes(text.as_bytes()).unwrap();
    assert_eq!(side.answer().1.round, 1);
    peer.say_bytes(b"ive\":{\"epoch\":1}}\n").unwrap();
    drop(peer);
    side.serves("orders");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_said_the_next_is_served(
        welcomed: bool,
        bytes in prop::collection::vec(
            prop_oneof![
                any::<u8>(),
                prop::sample::select(&b"\n\n{}[]\":,answerholivep0123456789"[..]),
            ],
            0..2000,
        ),
        cut in 0_usize..200,
    ) {
        let mut side = Side::new(SocketOptions::default());
        let mut peer = Peer::connect(&side);
        if welcomed {
            peer.say(&hello("orders"));
        }
        side.send("orders", call(1, 1));
        let answer = format!("{}\n", done(1, 1));
        let start = &answer.as_bytes()[..cut.min(answer.len())];
        let _ = peer.say_bytes(&[start, &bytes].concat());
        drop(peer);
        side.serves("orders");
    }
}
