//! The time of day, as files carry it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in nanoseconds since 1970-01-01 UTC; 0 before that.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |elapsed| u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}
