//! The modes that git gives to what is in a tree.

/// A directory, as events name it; git's lists of changes have none.
pub(super) const DIRECTORY: u32 = 0o040_000;
const KIND_MASK: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// The bits that say what it is.
pub(super) fn kind(mode: u32) -> u32 {
    mode & KIND_MASK
}

pub(super) fn is_link(mode: u32) -> bool {
    kind(mode) == LINK
}

pub(super) fn is_submodule(mode: u32) -> bool {
    kind(mode) == SUBMODULE
}

/// Whether it is one of the things that a tree can hold beside directories.
pub(super) fn is_known(mode: u32) -> bool {
    matches!(kind(mode), FILE | LINK | SUBMODULE)
}
