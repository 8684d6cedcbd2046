//! What the writers of the crash tests do.

use crate::scribe::Step::{self, *};

/// Every workload, by name.
pub(crate) const WORKLOADS: &[(&str, &[Step])] = &[
    ("commits of several blocks each", GROUPS),
    ("segments that fill up", ROTATION),
    ("transactions over blocks and segments", TRANSACTIONS),
    ("processes that die and come back", REOPENING),
    ("journals that are closed and opened", CLOSING),
];

const GROUPS: &[Step] = &[
    Set(100),
    Commit,
    Set(2_000),
    Set(2_500),
    Set(3_000),
    Commit,
    Set(5_000),
    Set(10),
    Set(3_900),
    Commit,
    Commit,
    Set(1),
];

const ROTATION: &[Step] = &[
    Set(3_000),
    Set(3_000),
    Commit,
    Set(3_000),
    Set(3_000),
    Set(3_000),
    Commit,
    Set(9_000),
    Commit,
    Set(3_000),
    Set(200),
    Commit,
    Set(3_000),
    Close,
];

const TRANSACTIONS: &[Step] = &[
    Transaction(3, 900),
    Commit,
    Aborted(2),
    Transaction(1, 10),
    Set(3_000),
    Commit,
    Transaction(5, 1_500),
    Unfinished(2),
    Commit,
    Close,
];

const REOPENING: &[Step] = &[
    Set(1_000),
    Unfinished(2),
    Commit,
    Set(3_000),
    Set(3_000),
    Reopen,
    Set(2_000),
    Commit,
    Transaction(2, 2_000),
    Reopen,
    Reopen,
    Set(100),
    Commit,
];

const CLOSING: &[Step] =
    &[Set(500), Close, Reopen, Reopen, Set(3_000), Set(3_000), Commit, Close, Reopen, Close];
