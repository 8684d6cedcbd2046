//! Finds the journals in a tree of folders, by what is named or begins as a segment. Opens no journal,
//! goes into no journal's own folder, and follows no link.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::report::{LeftOut, LeftOutBecause};
use crate::error::{Error, IoContext as _};
use crate::journal::layout::SEGMENT_MAGIC;
use crate::journal::segment;
use crate::recovery::is_put_aside;
use crate::replay::Control;
use crate::staging::{is_of_import, is_of_salvage};
use crate::storage::{DiskFolder, Folder, UNFINISHED, tree};
use crate::wire::Field as _;

/// How many bytes tell whether a file begins as a segment does: magic and major version.
const BEGINNING_BYTES: usize = 8;

/// What may be a journal, or could not be looked at.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Where it is, from the root on; empty for the root itself.
    relative: PathBuf,
    place: PathBuf,
    /// The length of its files, in bytes.
    pub(super) file_bytes: u64,
    /// What storage said when it was looked at, where that failed.
    failure: Option<io::Error>,
}

impl Candidate {
    /// Its path in the report.
    pub(super) fn shown(&self) -> String {
        shown(&self.relative)
    }

    /// Opens its folder, or its file as a folder.
    pub(super) fn open(self) -> Result<Arc<dyn Folder>, Error> {
        let opened = match self.failure {
            Some(failure) => Err(failure),
            None => DiskFolder::open(&self.place),
        };
        Ok(Arc::new(opened.context("open", &self.place, None)?))
    }
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order of their paths.
    pub(super) candidates: Vec<Candidate>,
    /// Likewise.
    pub(super) left_out: Vec<LeftOut>,
    /// Whether all of the tree was looked through, and not left because it was cancelled.
    pub(super) is_whole: bool,
}

/// Looks through the tree under `root`, or at that one file.
pub(super) fn find(root: &Path, control: &Control) -> Result<Found, Error> {
    let mut search = Search { root, found: Found::default(), folders: vec![PathBuf::new()] };
    if root.is_file() {
        let name = root.file_name().map(PathBuf::from).unwrap_or_default();
        let (place, file_bytes) = (root.to_owned(), tree::length(root));
        let only = Candidate { relative: name, place, file_bytes, failure: None };
        return Ok(Found { candidates: vec![only], is_whole: true, ..search.found });
    }
    while let Some(folder) = search.folders.pop() {
        if control.is_cancelled() {
            return Ok(search.found);
        }
        match tree::list(&search.place(&folder)) {
            Ok(listing) => search.folder(&folder, &listing),
            Err(error) if folder.as_os_str().is_empty() => {
                return Err(error).context("list", root, None);
            }
            // It was there a moment ago, and held no journal for longer than that.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => search.add(folder, 0, Some(error)),
        }
    }
    let Found { mut candidates, mut left_out, .. } = search.found;
    candidates.sort_by(|one, other| one.relative.cmp(&other.relative));
    left_out.sort_by(|one, other| Path::new(&one.path).cmp(Path::new(&other.path)));
    Ok(Found { candidates, left_out, is_whole: true })
}

struct Search<'r> {
    root: &'r Path,
    found: Found,
    /// The folders that are still to be looked into, from the root on.
    folders: Vec<PathBuf>,
}

impl Search<'_> {
    fn place(&self, relative: &Path) -> PathBuf {
        // Joined with nothing, a path would end with a slash.
        if relative.as_os_str().is_empty() {
            self.root.to_owned()
        } else {
            self.root.join(relative)
        }
    }

    fn add(&mut self, relative: PathBuf, file_bytes: u64, failure: Option<io::Error>) {
        let place = self.place(&relative);
        self.found.candidates.push(Candidate { relative, place, file_bytes, failure });
    }

    fn leave_out(&mut self, relative: &Path, because: LeftOutBecause) {
        self.found.left_out.push(LeftOut { path: shown(relative), because });
    }

    fn folder(&mut self, folder: &Path, listing: &tree::Listing) {
        let names = || listing.files.iter().filter_map(|name| name.to_str());
        let mut segments = names().filter(|name| segment::number_of(name).is_some()).peekable();
        let is_journal = segments.peek().is_some();
        let begins = || names().any(|name| segment::number_of(name) == Some(0));
        if names().any(is_of_salvage) && !begins() {
            return self.leave_out(folder, LeftOutBecause::UnfinishedSalvage);
        }
        if names().any(is_of_import) && !begins() {
            return self.leave_out(folder, LeftOutBecause::UnfinishedImport);
        }
        if is_journal {
            let lengths = segments.map(|name| tree::length(&self.place(&folder.join(name))));
            let file_bytes = lengths.fold(0, u64::saturating_add);
            self.add(folder.to_owned(), file_bytes, None);
            for name in &listing.folders {
                self.leave_out(&folder.join(name), LeftOutBecause::InsideJournal);
            }
            return;
        }
        self.folders.extend(listing.folders.iter().map(|name| folder.join(name)));
        for name in &listing.files {
            self.file(&folder.join(name), name);
        }
    }

    /// Looks at a file that lies in no journal's folder.
    fn file(&mut self, relative: &Path, name: &OsStr) {
        if name == segment::UNFINISHED_NAME {
            return;
        }
        let place = self.place(relative);
        match tree::first_bytes::<BEGINNING_BYTES>(&place) {
            Ok(bytes) if !segment::is_named_as_one(name) && !begins_a_segment(&bytes) => {}
            Ok(_) if name.to_str().is_some_and(was_put_aside) => {
                self.leave_out(relative, LeftOutBecause::PutAside);
            }
            Ok(_) => self.add(relative.to_owned(), tree::length(&place), None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Whether it is a journal can't be told, so it is not kept quiet.
            Err(error) => self.add(relative.to_owned(), 0, Some(error)),
        }
    }
}

/// Whether a rollback put this aside, or was about to when it was killed.
fn was_put_aside(name: &str) -> bool {
    is_put_aside(name.strip_suffix(UNFINISHED).unwrap_or(name))
}

/// Whether a file that begins with these bytes is a segment, of whatever version. Text may begin with the
/// magic by chance, and has no zeros behind it.
fn begins_a_segment(bytes: &[u8]) -> bool {
    bytes.len() == BEGINNING_BYTES
        && u32::read(&bytes[..4]) == SEGMENT_MAGIC
        && u32::read(&bytes[4..]) <= u32::from(u16::MAX)
}

/// A path from the root on, as it is reported.
fn shown(relative: &Path) -> String {
    if relative.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        relative.to_string_lossy().into_owned()
    }
}
