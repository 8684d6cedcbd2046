//! Orders a commit's changes, which all happen at once, into steps that can be taken one after the
//! other, each of which finds what it presupposes.
//!
//! What goes makes room first; then what moves moves; then what comes or changes does; directories
//! that are left empty go last. A file whose new place is still taken when it should move (two that
//! change places, a directory that becomes the file that was in it) can't move there directly; if
//! there is one, all the moves of that commit go by way of names in the root directory that nothing
//! else has.

use super::Sink;
use super::blobs::Content;
use super::log::{Action, Change, Commit};
use super::mode;
use super::tree::{Tree, Wanted};
use crate::error::Error;

/// What the names begin with by way of which files move that can't move directly.
const WAY_NAME: &str = ".vexfs-rename-";

/// Makes the commit's changes in `tree`, and tells `sink` the events. `contents` says for each
/// change what is known of the content that it brings.
pub(super) fn apply(
    tree: &mut Tree,
    commit: &Commit,
    contents: &[Content],
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    for change in &commit.changes {
        check_modes(commit, change)?;
        if change.action == Action::Delete || is_replaced(change) {
            tree.delete(commit.old_path(change), sink)?;
        }
    }
    move_files(tree, commit, sink)?;
    for (change, content) in commit.changes.iter().zip(contents) {
        let path = commit.new_path(change);
        let wanted = Wanted { mode: change.new_mode, id: change.new, content };
        match change.action {
            Action::Delete => {}
            Action::Modify | Action::Rename if !is_replaced(change) => {
                tree.change_mode(path, wanted.mode, sink)?;
                if change.old != change.new {
                    tree.write(path, &wanted, sink)?;
                }
            }
            Action::Add | Action::Modify | Action::Rename => tree.create(path, &wanted, sink)?,
        }
    }
    tree.prune(sink)
}

/// Whether what was there is removed and something new made: a thing doesn't change its type, nor a
/// link where it points to.
fn is_replaced(change: &Change) -> bool {
    let kind = (mode::kind(change.old_mode), mode::kind(change.new_mode));
    let stays = kind.0 == kind.1 && !(mode::is_link(kind.0) && change.old != change.new);
    matches!(change.action, Action::Modify | Action::Rename) && !stays
}

fn move_files(tree: &mut Tree, commit: &Commit, sink: &mut dyn Sink) -> Result<(), Error> {
    let moves = |change: &&Change| change.action == Action::Rename && !is_replaced(change);
    let moved = || commit.changes.iter().filter(moves);
    if moved().all(|change| tree.is_free(commit.new_path(change))) {
        for change in moved() {
            tree.rename(commit.old_path(change), commit.new_path(change), sink)?;
        }
        return Ok(());
    }
    let mut ways = Vec::new();
    let mut number = 0_u64;
    for change in moved() {
        let way = loop {
            let name = format!("{WAY_NAME}{number}").into_bytes();
            number += 1;
            if !tree.exists(&name) && !commit.changes.iter().any(|it| is_below(commit, it, &name)) {
                break name;
            }
        };
        tree.rename(commit.old_path(change), &way, sink)?;
        ways.push(way);
    }
    for (change, way) in moved().zip(&ways) {
        tree.rename(way, commit.new_path(change), sink)?;
    }
    Ok(())
}

/// Whether a change's new path is `name` in the root directory, or below it.
fn is_below(commit: &Commit, change: &Change, name: &[u8]) -> bool {
    commit.new_path(change).split(|byte| *byte == b'/').next() == Some(name)
}

fn check_modes(commit: &Commit, change: &Change) -> Result<(), Error> {
    let old = change.action == Action::Add || mode::is_known(change.old_mode);
    let new = change.action == Action::Delete || mode::is_known(change.new_mode);
    if old && new {
        return Ok(());
    }
    let path = commit.new_path(change).escape_ascii();
    let (old, new) = (change.old_mode, change.new_mode);
    Err(Error::Import(format!("\"{path}\" has a mode that is not known: {old:o} or {new:o}")))
}

#[cfg(test)]
mod tests;
