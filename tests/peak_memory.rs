//! The most memory that a recovery or a replay takes at once, counted in every case: whatever was done to a
//! journal or to its checkpoints, it is a small multiple of what is stored, and a constant.
//!
//! A test binary of its own, whose tests take turns: what others allocate meanwhile would count, too.

macro_rules! modules {
    ($($path:literal $name:ident),* $(,)?) => {$(
        #[cfg(test)]
        #[allow(dead_code, reason = "shared with other tests")]
        #[path = $path]
        mod $name;
    )*};
}

modules! {
    "peak_memory/counted.rs" counted,
    "exact_resume/craft.rs" craft,
    "peak_memory/injuries.rs" injuries,
    "fault_matrix/runs.rs" runs,
    "support/scribe.rs" scribe,
    "support/small_journal.rs" small_journal,
    "fault_matrix/subject.rs" subject,
}
