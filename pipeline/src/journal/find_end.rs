//! Where a writer may go on.

use super::block;
use super::damage::Damage;
use super::judge::Judge;
use super::layout::MAX_BLOCK_BYTES;
use super::reader::{Journal, Segment};
use super::stretch::{End, EndKind};
use super::validation::Validation;
use super::walk::{Fill, PastDamage, Walk};
use crate::error::Error;

impl Journal {
    /// Finds where a writer may go on, checking the blocks of the newest segment whole.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is more wrong than a torn tail, [`Error::Io`] when storage
    /// fails.
    pub fn find_end(&self) -> Result<End, Error> {
        let mut walk = Walk::new(self, Validation::Full, PastDamage::Stop);
        let mut buffer = vec![0; self.buffer_bytes(2 * MAX_BLOCK_BYTES)];
        let fill: Fill<'_> = &Segment::read;
        let refuse = |first: Damage| Err(Error::Damaged { first: Box::new(first), others: 0 });
        while let Some(stretch) = walk.next(&mut buffer, fill)? {
            let newest = stretch.segment + 1 == self.segments.len();
            for frame in stretch.frames.iter().filter(|_| newest) {
                if let Err(fault) = block::check_contents(&frame.header, frame.block(&buffer)) {
                    let position = frame.position();
                    let judged = Judge::new(self).judge(stretch.segment, &position, fault)?;
                    let end = End::at(position, judged.damage);
                    return match end.tail {
                        Some(damage) if end.kind == EndKind::Damaged => refuse(damage),
                        _ => Ok(end),
                    };
                }
            }
            if let Some(damage) = stretch.damage {
                return refuse(damage);
            }
        }
        walk.end().ok_or(Error::Cancelled)
    }
}
