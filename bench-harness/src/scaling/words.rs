//! What a sweep shows, in words: flat, or from where it isn't.

use super::bend::{self, Fit, Measure, Settled, Shape, TOLERANCE, Verdict};
use super::vary::{Candidate, Varied};
use crate::figure::number;
use crate::machine::cores;
use crate::measuring::Replayed;

/// Memory that is less than this isn't told apart, in bytes: the allocator takes it or leaves it.
const MEMORY_FLOOR_BYTES: f64 = 4e6;

/// What is to be said of a sweep.
pub(super) fn of(varied: Varied, candidates: &[Candidate], all: &[Vec<Replayed>]) -> Vec<String> {
    let points: Vec<(&Candidate, &[Replayed])> =
        candidates.iter().zip(all.iter().map(Vec::as_slice)).collect();
    match varied {
        Varied::Threads => threads(&points),
        Varied::Validation | Varied::Checkpoints | Varied::Store => beside_the_first(&points),
        Varied::Events => {
            let time = judged(&points, Shape::Line, 0.0, |it| it.seconds * 1e9);
            vec![time_of_size(&points, &time), memory(&points)]
        }
        Varied::Payload => {
            let time = judged(&points, Shape::Line, 0.0, nanoseconds_per_event);
            vec![time_of_payload(&points, &time), memory(&points)]
        }
        Varied::Skew | Varied::Transactions => {
            let time = judged(&points, Shape::Level, 0.0, nanoseconds_per_event);
            let level = |fit: Fit| format!("{} ns", number(fit.fixed));
            vec![said("Time an event", &points, &time, level), memory(&points)]
        }
    }
}

fn nanoseconds_per_event(replayed: &Replayed) -> f64 {
    replayed.seconds * 1e9 / replayed.events as f64
}

type Points<'a> = [(&'a Candidate, &'a [Replayed])];

/// Judges a figure over the points whose value is a number.
fn judged(
    points: &Points<'_>,
    shape: Shape,
    floor: f64,
    figure: impl Fn(&Replayed) -> f64,
) -> Verdict {
    let measures: Vec<Measure> = numbered(points)
        .map(|(x, _, replayed)| Measure { x, rounds: replayed.iter().map(&figure).collect() })
        .collect();
    bend::judge(&measures, shape, floor)
}

fn numbered<'a>(points: &'a Points<'_>) -> impl Iterator<Item = (f64, &'a str, &'a [Replayed])> {
    points.iter().filter_map(|(it, replayed)| Some((it.value?, it.label.as_str(), *replayed)))
}

fn memory(points: &Points<'_>) -> String {
    let verdict = judged(points, Shape::Level, MEMORY_FLOOR_BYTES, |it| it.pipeline_bytes() as f64);
    let level = |fit: Fit| format!("{} MB", number(fit.fixed / 1e6));
    said("Memory beside the state", points, &verdict, level)
}

fn time_of_size(points: &Points<'_>, verdict: &Verdict) -> String {
    let line = |fit: Fit| {
        let (fixed, slope) = (number(fit.fixed / 1e6), number(fit.slope));
        format!("{slope} ns an event, beside {fixed} ms that any replay takes")
    };
    said("Time an event", points, verdict, line)
}

fn time_of_payload(points: &Points<'_>, verdict: &Verdict) -> String {
    // A nanosecond a byte is a gigabyte a second.
    let line = |fit: Fit| {
        let [fixed, rate] = [fit.fixed, 1.0 / fit.slope.max(f64::MIN_POSITIVE)].map(number);
        format!("{fixed} ns and what its payload takes at {rate} GB/s")
    };
    said("Time an event", points, verdict, line)
}

fn said(
    what: &str,
    points: &Points<'_>,
    verdict: &Verdict,
    words: impl Fn(Fit) -> String,
) -> String {
    let within = |off: f64| format!("within {} %", number((off * 100.0).ceil()));
    match *verdict {
        Verdict::TooFew => format!("{what}: too few points to say whether it is flat."),
        Verdict::Even { fit, off } => format!("{what} is flat: {}, {}.", words(fit), within(off)),
        Verdict::Bends { settled: Some(Settled { from, fit, off }), .. } => {
            let tolerance = number(TOLERANCE * 100.0);
            format!(
                "{what} isn't flat within {tolerance} % and the spread of rounds below {}; from there on it \
                 is: {}, {}.",
                label(points, from),
                words(fit),
                within(off)
            )
        }
        Verdict::Bends { at, before, after, off, .. } => {
            let (before, after) = (words(before), words(after));
            let tolerance = number(TOLERANCE * 100.0);
            format!(
                "{what} isn't flat within {tolerance} % and the spread of rounds: it bends at {}, from \
                 {before} to {after}, {}.",
                label(points, at),
                within(off)
            )
        }
    }
}

/// What the point is called, of those that are numbers.
fn label<'a>(points: &'a Points<'_>, at: usize) -> &'a str {
    numbered(points).nth(at).map_or("", |(_, label, _)| label)
}

fn median_seconds(replayed: &[Replayed]) -> f64 {
    bend::median(&replayed.iter().map(|it| it.seconds).collect::<Vec<_>>())
}

fn beside_the_first(points: &Points<'_>) -> Vec<String> {
    let Some(((first, replayed), others)) = points.split_first() else { return Vec::new() };
    let seconds = median_seconds(replayed);
    let times = |(it, replayed): &(&Candidate, &[Replayed])| {
        let times = number(median_seconds(replayed) / seconds);
        format!("{}: {times} times the time of {}.", it.label, first.label)
    };
    others.iter().map(times).collect()
}

fn threads(points: &Points<'_>) -> Vec<String> {
    let cores = cores();
    let mut said = vec![format!("The machine has {cores} cores.")];
    let serial = points.iter().find(|(it, _)| it.value.is_none());
    let one = points.iter().find(|(it, _)| it.value == Some(1.0));
    let least = |seconds: &(f64, f64), other: &(f64, f64)| seconds.1.total_cmp(&other.1);
    let all = numbered(points).map(|(threads, _, replayed)| (threads, median_seconds(replayed)));
    if let (Some((_, serial)), Some((_, one)), Some((threads, seconds))) =
        (serial, one, all.min_by(least))
    {
        let of = |replayed| number(median_seconds(replayed) / seconds);
        said.push(format!(
            "It is quickest on {threads} threads: {} times as quick as on one, {} times as quick as \
             the serial replay.",
            of(one),
            of(serial)
        ));
    }
    let beyond = |(threads, ..): &(f64, &str, &[Replayed])| *threads >= cores as f64;
    let beyond: Vec<f64> =
        numbered(points).filter(beyond).map(|(.., replayed)| median_seconds(replayed)).collect();
    let [most, least] = [f64::max, f64::min].map(|pick| beyond.iter().copied().reduce(pick));
    if let (Some(most), Some(least), true) = (most, least, beyond.len() > 1) {
        let percent = number(((most / least - 1.0) * 100.0).ceil());
        said.push(format!("From {cores} threads on, times differ by {percent} % at the most."));
    }
    said
}
