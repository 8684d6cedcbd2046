//! The transactions of a semantic journal that it shares with others. Such a journal names its transactions by its
//! own LSNs; what a transaction is called everywhere is the session that its begin record carries.

use std::collections::{BTreeMap, HashMap};

use crate::coordination::report::{Place, Said};
use crate::coordination::terms::Sharing;
use crate::error::Error;
use crate::event::{Body, transaction_outcome};
use crate::journal::Journal;
use crate::replay::{ReplayOptions, StopPoint, visit_events};

/// What a journal says of shared transactions, and how far it says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// What it says of each.
    pub transactions: BTreeMap<u64, Said>,
    /// The last LSN before the end, the stop or the first damage.
    pub last_lsn: u64,
}

/// How often a sign of life is given, in events.
pub(super) const ALIVE_EVENTS: u64 = 65_536;

/// Reads a journal up to its first damage, its end or the stop of the options; calls `alive` now and then.
///
/// # Errors
/// What storage says; [`Error::Cancelled`] and [`Error::TimedOut`] by the options.
pub fn shared_transactions(
    journal: &Journal,
    options: &ReplayOptions,
    sharing: &Sharing,
    stream: &str,
    alive: &dyn Fn(),
) -> Result<Shared, Error> {
    let mut shared = Shared::default();
    let mut open: HashMap<u64, u64> = HashMap::new();
    let findings = visit_events(journal, options, &mut |event| {
        if event.lsn.is_multiple_of(ALIVE_EVENTS) {
            alive();
        }
        match event.body() {
            Ok(Some(Body::TransactionBegin(begin))) if sharing.is_shared(begin.session) => {
                open.insert(event.header.transaction, begin.session);
                shared.transactions.insert(begin.session, Said::Unfinished);
            }
            Ok(Some(Body::TransactionEnd(end))) => {
                let Some(session) = open.remove(&event.header.transaction) else { return Ok(()) };
                let said = match end.outcome {
                    transaction_outcome::COMMIT => {
                        Said::Committed(Place { stream: stream.to_owned(), at: event.lsn })
                    }
                    _ => Said::Aborted,
                };
                shared.transactions.insert(session, said);
            }
            _ => {}
        }
        Ok(())
    })?;
    // A stop is seen at the first event behind it, which may have been read.
    let stop = match options.until {
        Some(StopPoint::Lsn(lsn)) => lsn,
        _ => u64::MAX,
    };
    shared.last_lsn = findings.end.position.next_lsn.saturating_sub(1).min(stop);
    Ok(shared)
}
