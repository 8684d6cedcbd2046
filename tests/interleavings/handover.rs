//! The hand-over of epochs: one who reads, one who verifies, one who applies, and the pool whose spaces the
//! epochs are in. Whoever hangs up, and whenever: everybody comes to an end, and every space comes home.

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use crate::pool::{Epoch, Pool};
use crate::sync::{Receiver, Sender, bounded};

/// How many spaces there are, as in the flow on few cores, and how many epochs.
const SPACES: usize = 3;
const EPOCHS: usize = 4;
/// How often a thread is interrupted at most.
const INTERRUPTIONS: usize = 2;

/// Reads epochs into the pool's spaces, until there are no more or nobody takes them.
fn read(pool: &Pool, epochs: &Sender<Epoch>) {
    for number in 0..EPOCHS {
        let mut epoch = pool.lend().unwrap();
        epoch.stretch.segment = number;
        if epochs.send(epoch).is_err() {
            break;
        }
    }
}

/// Hands epochs on, so many at most. One that was decoded is settled while the next one is decoded, where that
/// is there.
fn verify(epochs: &Receiver<Epoch>, verified: &Sender<Epoch>, most: usize) {
    let (mut decoded, mut handed_on) = (None, 0);
    while handed_on < most {
        let next = match decoded {
            Some(_) => epochs.try_recv().ok(),
            None => epochs.recv().ok(),
        };
        if next.is_none() && decoded.is_none() {
            break;
        }
        if let Some(epoch) = std::mem::replace(&mut decoded, next) {
            if verified.send(epoch).is_err() {
                break;
            }
            handed_on += 1;
        }
    }
}

/// Takes epochs, so many at most, which must come in their order; gives how many came.
fn apply(verified: &Receiver<Epoch>, most: usize) -> usize {
    let mut came = 0;
    while came < most {
        let Ok(epoch) = verified.recv() else { break };
        assert_eq!(epoch.stretch.segment, came);
        came += 1;
    }
    came
}

/// Has every interleaving of the three, where the last two of them take so many epochs at most.
fn each_order(verify_most: usize, apply_most: usize) {
    let mut model = Builder::new();
    model.preemption_bound = Some(INTERRUPTIONS);
    model.check(move || {
        let pool = Arc::new(Pool::new(SPACES, 1, None));
        let mut lent: Vec<Epoch> = (0..SPACES).map(|_| pool.lend().unwrap()).collect();
        lent.iter_mut().for_each(|epoch| epoch.space.grow(1).unwrap());
        drop(lent);
        let (read_sender, read_receiver) = bounded(1);
        let (verified_sender, verified_receiver) = bounded(1);
        let reading = Arc::clone(&pool);
        let reader = thread::spawn(move || read(&reading, &read_sender));
        let verifier = thread::spawn(move || verify(&read_receiver, &verified_sender, verify_most));
        let came = apply(&verified_receiver, apply_most);
        drop(verified_receiver);
        reader.join().unwrap();
        verifier.join().unwrap();
        assert_eq!(came, EPOCHS.min(verify_most).min(apply_most));
        assert_eq!(pool.buffer_bytes(), SPACES, "every space has come home");
    });
}

#[test]
fn all_epochs_come_in_their_order_and_their_spaces_come_home() {
    each_order(EPOCHS, EPOCHS);
}

#[test]
fn everybody_ends_where_the_applier_hangs_up() {
    each_order(EPOCHS, 0);
    each_order(EPOCHS, 1);
}

#[test]
fn everybody_ends_where_the_verifier_hangs_up() {
    each_order(0, EPOCHS);
    each_order(1, EPOCHS);
}

/// What the model has of crossbeam: what is on its way when the receiver goes holds its space as long as the
/// sender is there.
#[test]
fn crossbeam_keeps_what_nobody_will_receive_until_the_sender_goes() {
    let message = std::sync::Arc::new(());
    let (sender, receiver) = crossbeam_channel::bounded(1);
    sender.send(std::sync::Arc::clone(&message)).unwrap();
    drop(receiver);
    assert!(sender.send(std::sync::Arc::clone(&message)).is_err());
    assert_eq!(std::sync::Arc::strong_count(&message), 2);
    drop(sender);
    assert_eq!(std::sync::Arc::strong_count(&message), 1);
}
