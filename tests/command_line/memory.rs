//! How much memory a replay says that it takes, how much it takes, and that a limit is kept.

use serde_json::Value;

use crate::program::Made;

/// Built without optimisation, the larger journal takes minutes.
const RECIPES: &[&str] = if cfg!(debug_assertions) { &["100k"] } else { &["100k", "1M"] };

/// What buffers take grows with the threads, and of those for many a short journal doesn't touch all.
const THREADS: [&str; 2] = ["--threads", "2"];

fn bytes(result: &Value, field: &str) -> f64 {
    result[field].as_f64().unwrap()
}

/// Options of a replay that may take so many bytes.
fn limited_to(bytes: f64) -> [String; 4] {
    let [threads, two] = THREADS;
    [threads.into(), two.into(), "--memory-limit".into(), bytes.to_string()]
}

/// How much the program itself takes before it replays anything, which it says when it is refused.
fn resident_at_start(made: &Made) -> f64 {
    let (_, refused) = made.run(&["replay"], &["--memory-limit", "1KiB"]);
    let message = refused["error"]["message"].as_str().unwrap();
    let mut words = message.split(' ').skip_while(|word| *word != "needs");
    words.nth(1).unwrap().parse().unwrap()
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux tells how much memory is resident")]
fn what_is_counted_is_what_is_taken_and_a_limit_is_kept() {
    for recipe in RECIPES {
        let made = Made::by(&["--recipe", recipe]);
        let start = resident_at_start(&made);
        let free = made.succeed(&["replay"], &THREADS);
        let (peak, counted) =
            (bytes(&free, "peak_memory_bytes"), bytes(&free, "counted_memory_bytes"));
        let told = start + counted;
        println!("{recipe}: {peak} bytes at most, {counted} counted, {start} at start");
        assert!((peak / told - 1.0).abs() <= 0.1, "{recipe}: {peak} is not {told}");

        // What is counted must keep the limit as well as what is resident.
        let enough = (peak.max(told) * 1.03).ceil();
        let limited = made.succeed(&["replay"], &limited_to(enough).each_ref().map(String::as_str));
        assert!(bytes(&limited, "peak_memory_bytes") <= enough * 1.1, "{recipe}: {limited}");
        assert_eq!(limited["state_digest"], free["state_digest"]);
        // Under a limit epochs are shorter, so it is what is needed with these that is too much.
        let least = start + bytes(&limited, "counted_memory_bytes");
        let too_little = (bytes(&limited, "peak_memory_bytes").max(least) * 0.9).floor();
        let (ran, refused) =
            made.run(&["replay"], &limited_to(too_little).each_ref().map(String::as_str));
        assert_eq!(ran.code, Some(2), "{recipe}: {ran:?}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("needs") && message.contains("are allowed"), "{message}");
    }
}
