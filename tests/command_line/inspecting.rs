//! `inspect`: rows of segments, blocks and events, and what is picked of them.

use serde_json::Value;

use crate::program::{Made, run, text_of};

fn rows(made: &Made, options: &[&str]) -> Vec<Value> {
    made.succeed(&["inspect"], options)["rows"].as_array().unwrap().clone()
}

fn lsns(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["lsn"].as_u64().unwrap()).collect()
}

#[test]
fn segments_blocks_and_events_hang_together() {
    let made = Made::by(&["--recipe", "10k", "--segment-size", "512KiB"]);
    let segments = rows(&made, &["--segments"]);
    assert_eq!(segments.len(), made.segments().len());
    assert!(segments.len() > 2 && segments == rows(&made, &[]), "segments are the default");
    let blocks = rows(&made, &["--blocks"]);
    let mut next = 1;
    for block in &blocks {
        assert_eq!((&block["first_lsn"], &block["fault"]), (&next.into(), &Value::Null));
        next = block["last_lsn"].as_u64().unwrap() + 1;
    }
    assert_eq!(next, 10_001);
    assert_eq!(lsns(&rows(&made, &["--events"])), (1..=10_000).collect::<Vec<_>>());
}

#[test]
fn a_range_of_lsns_picks_events_and_the_blocks_they_are_in() {
    let made = Made::usual();
    for (range, from, to) in [
        ("100..103", 100, 103),
        ("..3", 1, 3),
        ("998..", 998, 1_000),
        ("7", 7, 7),
        ("..", 1, 1_000),
    ] {
        let events = rows(&made, &["--events", "--lsn", range]);
        assert_eq!(lsns(&events), (from..=to).collect::<Vec<_>>(), "{range}");
        for block in rows(&made, &["--blocks", "--lsn", range]) {
            let number = |field: &str| block[field].as_u64().unwrap();
            assert!(number("first_lsn") <= to && from <= number("last_lsn"), "{range}: {block}");
        }
    }
    assert!(rows(&made, &["--events", "--lsn", "2000.."]).is_empty());
    assert_eq!(rows(&made, &["--blocks", "--lsn", "7"]).len(), 1);
}

#[test]
fn a_type_picks_events_by_name_or_number() {
    let made = Made::usual();
    let all = rows(&made, &["--events"]);
    let of_type = |name: &str| -> Vec<Value> {
        all.iter().filter(|row| row["type"] == name).cloned().collect()
    };
    for (name, code) in [("filesystem.create", "0x0101"), ("observability.metric", "0x0801")] {
        let expected = of_type(name);
        assert!(!expected.is_empty() && expected.len() < all.len(), "{name}");
        for given in [name, code] {
            assert_eq!(rows(&made, &["--events", "--type", given]), expected);
        }
        let within = rows(&made, &["--events", "--type", name, "--lsn", "..500"]);
        assert_eq!(
            lsns(&within),
            lsns(&expected).into_iter().filter(|&it| it <= 500).collect::<Vec<_>>()
        );
    }
}

#[test]
fn text_is_one_object_a_line() {
    let made = Made::usual();
    let ran = run(&["inspect", text_of(&made.path()), "--events", "--lsn", "1..5"]);
    let lines: Vec<Value> =
        ran.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!((ran.code, ran.stderr.as_str(), lines.len()), (Some(0), "", 6));
    assert_eq!(lines[..5], rows(&made, &["--events", "--lsn", "1..5"]));
    assert_eq!(lines[5]["end"]["kind"], "sealed");
}

#[test]
fn damage_is_shown_and_in_the_exit_code() {
    let torn = Made::usual().torn();
    let flipped = Made::usual().flipped();
    for rows in ["--blocks", "--events"] {
        let (ran, result) = torn.run(&["inspect"], &[rows]);
        assert_eq!(ran.code, Some(3), "{rows}");
        assert_eq!(result["journal"]["end"]["kind"], "torn_tail");
        let (ran, result) = flipped.run(&["inspect"], &[rows]);
        assert_eq!(ran.code, Some(4), "{rows}");
        let rows = result["rows"].as_array().unwrap();
        let faults: Vec<_> = rows.iter().filter(|row| !row["fault"].is_null()).collect();
        assert_eq!((faults.len(), &faults[0]["block"]), (1, &1.into()), "{faults:?}");
    }
}
