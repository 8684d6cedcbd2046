//! The agents that the contexts of one journal name: the kernel has room for 64.

use super::fault::{Refusal, SemjFault};
use super::layout::{AGENT_AT, AGENT_BYTES, AGENTS_MAX, SemjEventHeader};

/// The agents seen so far.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    seen: Vec<[u8; AGENT_BYTES]>,
}

impl Agents {
    /// Takes note of the agent of a kernel event; none is one whose id is all zeros.
    pub(crate) fn add(&mut self, event: &[u8]) -> Result<(), Refusal> {
        let at = SemjEventHeader::BYTES + AGENT_AT;
        let mut agent = [0; AGENT_BYTES];
        agent.copy_from_slice(&event[at..at + AGENT_BYTES]);
        if agent == [0; AGENT_BYTES] || self.seen.contains(&agent) {
            return Ok(());
        }
        self.seen.push(agent);
        let (claimed, limit) = (self.seen.len() as u64, AGENTS_MAX as u64);
        let fault = SemjFault::OverLimit { what: "the number of agents", claimed, limit };
        if claimed > limit { Err(Refusal { at, fault }) } else { Ok(()) }
    }
}
