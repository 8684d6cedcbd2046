//! Between threads that wait and tasks that don't: one thread, which runs all tasks of a connection.
//! The only place here that makes a thread.

use std::future::Future;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use vexfs_replay::Error;

const NAME: &str = "etcd";

/// The thread that runs all tasks. Dropped, it ends all of them, and is joined.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    pub(crate) fn start() -> Result<Self, Error> {
        let failed = |reason: std::io::Error| Error::NoThread {
            name: NAME.to_owned(),
            reason: reason.to_string(),
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let body = move || {
            // That nobody is left to say so means the same.
            runtime.block_on(ended).unwrap_or_default();
        };
        #[expect(clippy::disallowed_methods, reason = "the one thread, joined when it is dropped")]
        let thread = thread::Builder::new().name(NAME.to_owned()).spawn(body).map_err(failed)?;
        Ok(Self { handle, end: Some(end), thread: Some(thread) })
    }

    /// Waits for something, on the caller's thread. Never to be called within a task.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the {NAME} thread panicked");
        }
    }
}
