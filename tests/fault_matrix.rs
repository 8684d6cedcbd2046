//! The fault matrix: every way to hurt a journal, its checkpoints or its storage, against every way to
//! recover, every validation mode and what may be lost; and what must come of it by a reader and a model
//! that share no code with the library.
//!
//! | what is hurt | held by |
//! |---|---|
//! | every byte, every length, regrown with zeros | `flips` |
//! | blocks and segments removed, doubled, swapped, moved, zeroed, cut, of another journal | `pieces` |
//! | sectors of every block | `torn` |
//! | reads that fail, are short, or come late; writes, syncs, renames that fail | `storage` |
//! | a crash at every operation of a recovery, with every fate; two at once | `crashes` |
//! | checkpoints: every byte, every length, missing, empty, of another past | `checkpoints` |
//!
//! | what tells what must come of it | where |
//! |---|---|
//! | the checks of the format, written a second time | `kinds`, `sums` |
//! | what a reader makes of the journal: holes, torn tail, what is kept | `reading` |
//! | what each way then comes to, under what is accepted | `expect` |
//! | the state: a model of the events that survived | `scribe` |
//!
//! The mode that looks at no checksum promises nothing where only a checksum tells: such runs are counted
//! apart, and only the journal must be as it was.

macro_rules! modules {
    ($($path:literal $name:ident),* $(,)?) => {$(
        #[cfg(test)]
        #[allow(dead_code, reason = "shared with other tests")]
        #[path = $path]
        mod $name;
    )*};
}

modules! {
    "fault_matrix/checkpoints.rs" checkpoints,
    "fault_matrix/crashes.rs" crashes,
    "support/crashing.rs" crashing,
    "fault_matrix/expect.rs" expect,
    "support/failing.rs" failing,
    "fault_matrix/flips.rs" flips,
    "support/keep_memory.rs" keep_memory,
    "fault_matrix/kinds.rs" kinds,
    "fault_matrix/matrix.rs" matrix,
    "fault_matrix/pieces.rs" pieces,
    "fault_matrix/reading.rs" reading,
    "fault_matrix/runs.rs" runs,
    "support/scribe.rs" scribe,
    "support/small_journal.rs" small_journal,
    "fault_matrix/storage.rs" storage,
    "fault_matrix/subject.rs" subject,
    "fault_matrix/sums.rs" sums,
    "fault_matrix/torn.rs" torn,
}
