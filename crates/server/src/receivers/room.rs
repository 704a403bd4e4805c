//! Room for the bodies that are longer than one piece: so much in all, and so much of it for the bodies of one Receiver.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How much there is in all, in bytes.
pub(crate) const ALL: usize = 8 * 1024 * 1024;

/// How much of it bodies for one Receiver may have, in bytes. Whoever fills it, with or without the secret, leaves the rest to others.
pub(crate) const FOR_ONE: usize = ALL / 4;

/// The room.
#[derive(Clone, Default)]
pub(crate) struct Room(Arc<Mutex<Taken>>);

/// What of it is taken: in all, and by the Receivers (UID) that have any.
#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<String, usize>,
}

/// What one body has of it, until it is dropped.
pub(crate) struct Share {
    room: Room,
    receiver_uid: String,
    bytes: usize,
}

impl Room {
    /// A share of a body for this Receiver, with nothing in it yet.
    pub(crate) fn share(&self, receiver_uid: &str) -> Share {
        Share { room: self.clone(), receiver_uid: receiver_uid.to_owned(), bytes: 0 }
    }
}

impl Share {
    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it as large as this; `false` when there is no room for that.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut taken = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_receiver = taken.by.get(&self.receiver_uid).copied().unwrap_or_default();
        if taken.all + more > ALL || of_receiver + more > FOR_ONE {
            return false;
        }
        taken.all += more;
        taken.by.insert(self.receiver_uid.clone(), of_receiver + more);
        self.bytes += more;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= self.bytes;
        let Some(of_receiver) = taken.by.get_mut(&self.receiver_uid) else { return };
        *of_receiver -= self.bytes;
        if *of_receiver == 0 {
            taken.by.remove(&self.receiver_uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_receiver_never_has_what_is_for_the_others() {
        let room = Room::default();
        let filled = |uid| {
            let mut share = room.share(uid);
            assert!(share.grow(FOR_ONE));
            share
        };
        let mut held = vec![filled("a")];
        assert!(!room.share("a").grow(1));
        held.extend(["b", "c", "d"].map(filled));
        assert!(!room.share("e").grow(1), "there is no more in all");
        drop(held);
        assert!(room.share("e").grow(1));
        let taken = room.0.lock().unwrap();
        assert!(taken.all == 0 && taken.by.is_empty());
    }
}
