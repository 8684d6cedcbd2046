//! The place of a socket: who may come to it, and whether somebody is there already.
//!
//! Whoever can connect can answer for a participant. So the socket is its owner's alone, and lies in a folder
//! that nobody else can enter: there is no moment at which somebody else comes in between.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::error::{Error, IoContext as _};

const OTHERS: u32 = 0o077;

/// A place that is held: whoever else wants it is told so until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    lock: File,
}

/// Takes the place, from a coordinator that died there if need be.
///
/// # Errors
/// [`Error::Locked`] when somebody listens there, [`Error::InvalidOption`] when others may enter its folder or it
/// is something else than a socket, [`Error::Io`] when the system says no.
pub(super) fn take(path: &Path) -> Result<(UnixListener, Place), Error> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    private(folder.unwrap_or(Path::new(".")))?;
    let lock = lock(path)?;
    make_way(path)?;
    let listener = UnixListener::bind(path).context("listen at", path, None)?;
    let place = Place { path: path.to_owned(), lock };
    let mode = Permissions::from_mode(0o600);
    fs::set_permissions(path, mode).context("set the mode of", path, None)?;
    listener.set_nonblocking(true).context("listen at", path, None)?;
    Ok((listener, place))
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever comes next takes it from the dead just as well. The lock's file stays: one that is taken away
        // may be locked by two.
        let _ = fs::remove_file(&self.path);
        // A process that is being started has all files open for a moment, and would keep the lock.
        let _ = self.lock.unlock();
    }
}

/// Makes the folder where it isn't there, and refuses one that others may enter.
fn private(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.context("create", folder, None)?;
    let mode = fs::metadata(folder).context("look at", folder, None)?.mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let folder = folder.display();
    let reason =
        format!("others may enter {folder}, whose mode is {mode:o}, and it has to be 700 at most");
    Err(Error::InvalidOption { option: "the socket", reason })
}

fn lock(path: &Path) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other);
    let flags = flags.context("open", &name, None)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let file = options.open(&name).context("open", &name, None)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(taken(path)),
        Err(TryLockError::Error(source)) => Err(source).context("lock", &name, None),
    }
}

/// Takes away the socket of a coordinator that died.
fn make_way(path: &Path) -> Result<(), Error> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.context("look at", path, None)?,
    };
    if !metadata.file_type().is_socket() {
        let reason = format!("{} is there, and is no socket", path.display());
        return Err(Error::InvalidOption { option: "the socket", reason });
    }
    // Somebody who knows nothing of the lock may listen there.
    if is_listened_to(path).context("connect to", path, None)? {
        return Err(taken(path));
    }
    fs::remove_file(path).context("remove", path, None)
}

/// Whether somebody listens. It isn't waited for: whoever is too busy to be connected to is there.
fn is_listened_to(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) | Err(rustix::io::Errno::AGAIN) => Ok(true),
        Err(rustix::io::Errno::CONNREFUSED | rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn taken(path: &Path) -> Error {
    Error::Locked { path: path.to_owned(), holder: "a coordinator listens there".to_owned() }
}
