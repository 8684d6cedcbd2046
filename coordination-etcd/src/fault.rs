//! What goes wrong with etcd, and what that is for the library.

use std::time::Duration;

use vexfs_replay::Error;

/// Codes of gRPC that say no for good: asked again, etcd says the same.
const FOR_GOOD: [i32; 9] = [
    3,  // invalid argument: a value that is too large, too
    5,  // not found: a lease that is over
    6,  // already exists
    7,  // permission denied
    9,  // failed precondition
    11, // out of range: compacted, or too large to be read
    12, // unimplemented
    15, // data loss
    16, // unauthenticated
];

/// What gRPC says of a request of several MiB, under the code for what may be asked again later.
const TOO_LARGE: &str = "larger than max";

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// etcd said no: nothing has happened.
    Refused(String),
    /// Nothing certain is known: it may have happened, or not.
    Unanswered(String),
}

impl Fault {
    /// What one attempt came to.
    pub(crate) fn of(error: &etcd_client::Error) -> Self {
        use etcd_client::Error as E;
        let reason = error.to_string();
        match error {
            E::GRpcStatus(status)
                if !FOR_GOOD.contains(&i32::from(status.code()))
                    && !status.message().contains(TOO_LARGE) =>
            {
                Self::Unanswered(reason)
            }
            E::IoError(_)
            | E::TransportError(_)
            | E::WatchError(_)
            | E::LeaseKeepAliveError(_)
            | E::EndpointError(_)
            | E::Internal(_) => Self::Unanswered(reason),
            _ => Self::Refused(reason),
        }
    }

    /// The last one, once patience is over.
    pub(crate) fn after(self, patience: Duration) -> Self {
        let reason = match self {
            Self::Refused(reason) => return Self::Refused(reason),
            Self::Unanswered(reason) => reason,
        };
        Self::Unanswered(format!(
            "nothing certain is known after {} s of asking; at last: {reason}",
            patience.as_secs_f64()
        ))
    }

    /// Says what was tried, and where.
    pub(crate) fn into_error(self, operation: &'static str, ground: &str) -> Error {
        let (Self::Refused(reason) | Self::Unanswered(reason)) = self;
        Error::Ground { operation, ground: ground.to_owned(), reason }
    }
}
