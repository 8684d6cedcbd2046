//! Blocks of which some sectors are not what was written: zeros, anything, or another block's.

use crate::crashing::Dice;
use crate::pieces::{Injury, check_runs};
use crate::subject::Subject;

const SECTOR: usize = 512;

fn torn(subject: &Subject) -> Vec<Injury> {
    let (mut injuries, mut dice) = (Vec::new(), Dice(7));
    for (which, piece) in subject.pieces.iter().enumerate() {
        let old = &subject.pieces[(which + 1) % subject.pieces.len()];
        let old = subject.files[&old.segment][old.at..old.end].to_vec();
        for from in (piece.at..piece.end).step_by(SECTOR) {
            let noise: Vec<u8> = (0..SECTOR).map(|_| dice.roll().to_le_bytes()[0]).collect();
            let offset = from - piece.at;
            let theirs = old.get(offset..offset + SECTOR).map(<[u8]>::to_vec);
            let sectors = [("zeros", Some(vec![0; SECTOR])), ("noise", Some(noise)), ("old", theirs)];
            for (what, sector) in sectors {
                let Some(sector) = sector else { continue };
                let mut files = subject.files.clone();
                let file = files.get_mut(&piece.segment).unwrap();
                file[from..from + SECTOR].copy_from_slice(&sector);
                injuries.push((format!("{what} in sector {offset} of block {which}"), files.clone()));
                // All behind it as it was before: nothing.
                let file = files.get_mut(&piece.segment).unwrap();
                file[from + SECTOR..].fill(0);
                injuries.push((format!("{what} in {offset} of block {which}, then zeros"), files));
            }
        }
    }
    injuries.retain(|(_, files)| *files != subject.files);
    injuries
}

#[test]
fn sectors_that_are_torn() {
    check_runs("torn sectors", torn, 36);
}
