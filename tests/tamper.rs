//! Signed journals under someone with write access, who makes every checksum, digest, link, LSN and seal
//! anew behind a change: the check tells what was done and where, by a model that knows the attack alone.

#[cfg(test)]
#[path = "tamper/attacker.rs"]
mod attacker;
#[cfg(test)]
#[path = "tamper/bytes.rs"]
mod bytes;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "tamper/crude.rs"]
mod crude;
#[cfg(test)]
#[path = "tamper/edits.rs"]
mod edits;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "tamper/growth.rs"]
mod growth;
#[cfg(test)]
#[path = "tamper/oracle.rs"]
mod oracle;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "command_line/program.rs"]
mod program;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[path = "tamper/signed.rs"]
mod signed;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "tamper/verbs.rs"]
mod verbs;
