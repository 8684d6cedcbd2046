//! Journals in memory that are signed, and what a check says of them.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};

use vexfs_replay::Error;
use vexfs_replay::journal::WriterOptions;
use vexfs_replay::replay::{Outcome, ReplayOptions, Shared};
use vexfs_replay::storage::{Folder, MemoryFolder};
use vexfs_replay::trust::{
    Difference, Earlier, Place, SecretKey, Trust, TrustVerdict, TrustedKey, What, check, seal,
    signature_name,
};

use crate::scribe::Step;
use crate::small_journal::{OPTIONS, copy_of, journal_of};

/// A key that every test knows.
pub(crate) static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().unwrap());

/// Workers that are made once: a check is made many thousand times here.
static CREW: LazyLock<Arc<Shared>> =
    LazyLock::new(|| Arc::new(Shared::new(NonZero::<usize>::MIN, None).unwrap()));

pub(crate) fn options() -> ReplayOptions {
    ReplayOptions {
        shared: Some(Arc::clone(&CREW)),
        threads: NonZero::<usize>::MIN,
        ..ReplayOptions::default()
    }
}

/// A journal with its signature.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) folder: MemoryFolder,
}

impl Signed {
    pub(crate) fn by(steps: &[Step]) -> Self {
        Self::with(steps, OPTIONS)
    }

    pub(crate) fn with(steps: &[Step], options: WriterOptions) -> Self {
        let signed = Self { folder: journal_of(steps, options).0 };
        signed.seal(Earlier::MustHold).unwrap();
        signed
    }

    pub(crate) fn copy(&self) -> Self {
        Self { folder: copy_of(&self.folder) }
    }

    pub(crate) fn shared(&self) -> Arc<dyn Folder> {
        Arc::new(self.folder.clone())
    }

    pub(crate) fn place(&self) -> Place {
        Place::beside(&self.shared(), KEY.public().id()).unwrap()
    }

    pub(crate) fn seal(&self, earlier: Earlier) -> Result<Option<Trust>, Error> {
        let (folder, place) = (self.shared(), self.place());
        seal(&folder, &KEY, &place, earlier, &options(), &mut |_| {}).map(|sealed| sealed.earlier)
    }

    pub(crate) fn check(&self) -> Result<(Outcome, Trust), Error> {
        self.check_by(&KEY.public())
    }

    pub(crate) fn check_by(&self, key: &TrustedKey) -> Result<(Outcome, Trust), Error> {
        check(&self.shared(), &self.place(), key, &options(), &mut |_| {})
    }

    /// What a check says, which comes to an end.
    pub(crate) fn trust(&self) -> Trust {
        self.check().unwrap().1
    }

    /// Whether a check lets the journal pass as what was signed.
    pub(crate) fn is_accepted(&self) -> bool {
        self.check().is_ok_and(|(_, trust)| trust.verdict == TrustVerdict::Intact)
    }

    pub(crate) fn signature(&self) -> Vec<u8> {
        self.folder.get(&name()).unwrap()
    }

    pub(crate) fn put_signature(&self, bytes: Vec<u8>) {
        self.folder.put(&name(), bytes);
    }
}

/// The name of the signature's file.
pub(crate) fn name() -> String {
    signature_name(KEY.public().id())
}

/// The differences of one sort.
pub(crate) fn of_what(trust: &Trust, what: What) -> Vec<Difference> {
    trust.differences.iter().filter(|it| it.what == what).copied().collect()
}
