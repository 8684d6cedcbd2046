//! The desk between who takes work out of the flow and the thread that does it meanwhile: one piece at a time is
//! handed over, and what is left of it comes back to be filled again. Knows nothing of the work.

use crate::sync::{Arc, AtomicBool, Ordering, Receiver, Sender, bounded};

/// The side that hands over, which must never wait.
#[derive(Debug)]
pub(super) struct Giver<T, R> {
    work: Sender<T>,
    returned: Receiver<R>,
    /// Whether the other side waits for work.
    idle: Arc<AtomicBool>,
}

/// The side that works.
#[derive(Debug)]
pub(super) struct Taker<T, R> {
    work: Receiver<T>,
    returned: Sender<R>,
    idle: Arc<AtomicBool>,
}

/// Both sides.
pub(super) fn desk<T, R>() -> (Giver<T, R>, Taker<T, R>) {
    let (work_sender, work) = bounded(1);
    let (returned, returned_receiver) = bounded(1);
    let idle = Arc::new(AtomicBool::new(true));
    let giver = Giver { work: work_sender, returned: returned_receiver, idle: Arc::clone(&idle) };
    (giver, Taker { work, returned, idle })
}

impl<T, R> Giver<T, R> {
    /// Whether the other side waits, or is gone: then handing over doesn't wait.
    pub(super) fn is_free(&self) -> bool {
        self.idle.load(Ordering::Acquire)
    }

    /// What came back.
    pub(super) fn returned(&self) -> Option<R> {
        self.returned.try_recv().ok()
    }

    /// Hands over. False when nobody works any more.
    pub(super) fn hand_over(&self, work: T) -> bool {
        self.idle.store(false, Ordering::Release);
        self.work.send(work).is_ok()
    }
}

impl<T, R> Taker<T, R> {
    /// Works until there will be no more to do, or something fails.
    pub(super) fn serve<E>(self, mut work: impl FnMut(T) -> Result<R, E>) -> Result<(), E> {
        while let Ok(piece) = self.work.recv() {
            match work(piece) {
                Ok(left) => {
                    // Nobody there, or enough there: then it goes.
                    let _ = self.returned.try_send(left);
                    self.idle.store(true, Ordering::Release);
                }
                Err(error) => {
                    // First hang up: whoever sees that nobody is busy any more then fails to hand over.
                    drop(self.work);
                    self.idle.store(true, Ordering::Release);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
