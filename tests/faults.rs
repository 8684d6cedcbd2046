//! The ways in which storage engines have lost data in recovery, each as a test that is named
//! after its number and holds the outcome that is right, under every damage policy that there is.
//!
//! | number | fault | proven by |
//! |---|---|---|
//! | 1 | bit flip in a middle block | `fault_01_*`; every bit: `bit_flips` |
//! | 2 | wrong length field | `fault_02_*` |
//! | 3 | huge length or count with a valid CRC | `fault_03_*` |
//! | 5 | segment cut short before an intact one | `fault_05_*`; every length: `bit_flips` |
//! | 6 | segment missing | `fault_06_*` |
//! | 7 | torn last block | `fault_07_*`; every length: `bit_flips` |
//! | 8 | torn bytes left, then appended after | `fault_08_*`; `crash_points` |
//! | 9 | several blocks in flight, more than one torn | `fault_09_*`; `crash_points` |
//! | 10 | old block comes back to life | `fault_10_*` |
//! | 11 | stale blocks | `fault_11_*` |
//! | 12 | zeros at the end or in the middle | `fault_12_*`; every length: `bit_flips` |
//! | 13 | out of memory | `fault_13_*` |
//! | 14 | read error | `fault_14_*`, `faults_14_to_17_*` |
//! | 15 | failed sync | `fault_15_*` |
//! | 16 | no space, short write | `fault_16_*` |
//! | 17 | failed write is there all the same | `fault_17_*` |
//! | 18 | recovery trusts the page cache | `fault_18_*`; `crash_points` |
//! | 19 | crash during recovery | `crash_points`, where the second life crashes, too |
//! | 20 | renamed, folder not synced | `crash_points`, for segments |
//! | 21 | events replayed twice | `fault_21_*` |
//! | 26 | transaction without a commit | `fault_26_*`; `crash_points` |
//! | 27 | transaction id reused | `fault_27_*` |
//! | 28 | commit there, a block of its transaction damaged | `fault_28_*` |
//! | 29 | deletes lost by stopping early | `fault_29_*` |
//! | 36 | cut by another process | `fault_36_*` |
//! | 37 | grows while it is read | `fault_37_*` |
//! | 38 | two processes | `fault_38_*` |
//! | 39 | offset cycle, crafted file | `fault_39_*` |
//! | 40 | CRC recomputed | `fault_40_*` |
//! | 41 | tail removed on a block boundary | `fault_41_*`; with a signature: `tamper` |
//! | 42 | suffix chained anew | `fault_42_*`; with a signature: `tamper`, which also tells what was done |
//! | 43 | newer format, unknown kinds | `fault_43_*` |
//! | 44 | parallel order, worker panics | `fault_44_*`; every test here replays both ways; `agreement` |
//! | 46 | append rewrites acknowledged bytes | `fault_46_*` |
//! | 47 | index entry points to another record | `fault_47_*` |
//! | 48 | no regular file, huge sparse file | `fault_48_*` |
//! | 49 | cancel in the middle | `fault_49_*` |
//! | 50 | valid block in a wrong place | `fault_50_*` |
//!
//! Not here: 4 (nothing in a journal is compressed) and 22 to 25 (a journal alone has no checkpoints):
//! `exact_resume` and `fault_matrix`; 19 and 38 for whole recoveries: `fault_matrix`; 31: `recovery`,
//! as far as one participant goes; 45 (nothing is fetched) and the rest of 30 to 35, which concern several
//! participants. The damage policies are strict, tail, prefix and salvage; the strategies of recovery are
//! held in `recovery` and `fault_matrix`.

#[cfg(test)]
#[path = "faults/blocks.rs"]
mod blocks;
#[cfg(test)]
#[path = "faults/crafted.rs"]
mod crafted;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "support/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "faults/harness.rs"]
mod harness;
#[cfg(test)]
#[path = "faults/in_flight.rs"]
mod in_flight;
#[cfg(test)]
#[path = "faults/living.rs"]
mod living;
#[cfg(test)]
#[path = "faults/on_disk.rs"]
mod on_disk;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/scribe.rs"]
mod scribe;
#[cfg(test)]
#[path = "faults/segments.rs"]
mod segments;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/small_journal.rs"]
mod small_journal;
#[cfg(test)]
#[path = "faults/storage_errors.rs"]
mod storage_errors;
#[cfg(test)]
#[path = "faults/transactions.rs"]
mod transactions;
#[cfg(test)]
#[path = "support/watched.rs"]
mod watched;
