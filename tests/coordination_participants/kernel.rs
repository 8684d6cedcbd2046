//! A block journal and its image, and a semantic journal that shares transactions with it: what one lost, the other
//! gives up, and the image is what a plain map of blocks says, wherever the process is killed.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::block_journal::{
    JournalOptions, NewTransaction, Place, RedoOptions, Writer, redo, survey,
};
use vexfs_replay::coordination::participants::{
    CrossLayer, KernelJournal, Side, UserspaceJournal, shared_transactions,
};
use vexfs_replay::coordination::{
    End, Life as Lived, Member, Name, Need, Participant, ParticipantKind, Place as At, Plan,
    Policy, SHARED_FROM, Said, Sharing, Terms, Vote, Work,
};
use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{Journal, NewEvent, Writer as Semantic, WriterOptions};
use vexfs_replay::recovery::Places;
use vexfs_replay::replay::{DamagePolicy, ReplayOptions};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::failures::Fails;
use crate::limited::Life;
use crate::world::{World, accepting, content_of, hold, recovery_options, replay_options, segment};

const LONG: i64 = 1_000_000;
const BLOCK: usize = 4096;
const KEYS: usize = 8;
const COUNT: usize = 6;
/// What the image has before anything is written.
const BEFORE: u8 = 200;

/// Every folder.
#[derive(Clone, Debug, Default)]
struct Scene {
    disk: MemoryFolder,
    disk_staging: MemoryFolder,
    files: MemoryFolder,
    files_checkpoints: MemoryFolder,
    files_records: MemoryFolder,
    files_staging: MemoryFolder,
    decisions: MemoryFolder,
    /// At which LSN each shared transaction ends.
    ends: Vec<u64>,
}

/// What transaction `number` writes: to two blocks, one byte each. Some are written again and again.
fn blocks_of(number: usize) -> [(usize, u8); 2] {
    let byte = u8::try_from(number + 1).unwrap();
    let first = number % (KEYS / 2);
    [(first, byte), (first + KEYS / 2, byte + 100)]
}

/// The image after the first transactions, block by block, by the story alone.
fn image_after(kept: usize) -> BTreeMap<usize, u8> {
    let mut image: BTreeMap<usize, u8> = (0..KEYS).map(|block| (block, BEFORE)).collect();
    (0..kept).for_each(|number| image.extend(blocks_of(number)));
    image
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self::default();
        let options = JournalOptions { total_blocks: 64, ..JournalOptions::default() };
        let mut blocks = Writer::create(&scene.journal(), options).unwrap();
        scene.disk.put("image", vec![BEFORE; KEYS * BLOCK]);
        let options = WriterOptions { block_bytes: 4096, ..WriterOptions::default() };
        let files = Semantic::create(Arc::new(scene.files.clone()), options).unwrap();
        for number in 0..COUNT {
            let id = SHARED_FROM + number as u64;
            let content = blocks_of(number).map(|(block, byte)| (block as u64, [byte; BLOCK]));
            let (operation, uid, gid) = (0, 0, 0);
            let new = NewTransaction { id, operation, timestamp_ns: 0, uid, gid, blocks: &content };
            blocks.commit(&new).unwrap();
            let value = number.to_le_bytes();
            let body = Body::PropertySet(Property { node: 1, name: b"own", value: &value });
            files.append(&NewEvent::new(number as u64, body)).unwrap();
            let mut shared = files.begin(number as u64, id).unwrap();
            let body = Body::PropertySet(Property { node: 2, name: b"shared", value: &value });
            shared.append(&NewEvent::new(number as u64, body)).unwrap();
            scene.ends.push(shared.commit(number as u64).unwrap());
            files.commit().unwrap();
        }
        drop((blocks, files));
        scene
    }

    /// Of which the block journal has nothing from so many bytes behind a transaction's first block on.
    fn torn_disk(number: usize, bytes: usize) -> Self {
        let scene = Self::new();
        let mut journal = scene.disk.get("journal").unwrap();
        // Behind the superblock each has a descriptor, two blocks of data and a commit.
        journal[BLOCK * (1 + 4 * number) + bytes..].fill(0);
        scene.disk.put("journal", journal);
        scene
    }

    /// Of which the semantic journal ends before this transaction.
    fn torn_files(number: usize) -> Self {
        let scene = Self::new();
        match number {
            0 => {
                let first = scene.files.get(&segment()).unwrap();
                scene.files.put(&segment(), first[..BLOCK].to_vec());
            }
            _ => World::cut_off(&scene.files, scene.ends[number - 1]),
        }
        scene
    }

    fn journal(&self) -> Place {
        Place::new(Arc::new(self.disk.clone()), "journal")
    }

    fn image(&self) -> Place {
        Place::new(Arc::new(self.disk.clone()), "image")
    }

    fn folders(&self) -> [(&'static str, &MemoryFolder); 6] {
        [
            ("disk", &self.disk),
            ("disk_staging", &self.disk_staging),
            ("files", &self.files),
            ("files_checkpoints", &self.files_checkpoints),
            ("files_records", &self.files_records),
            ("files_staging", &self.files_staging),
        ]
    }

    fn content(&self) -> BTreeMap<String, Vec<u8>> {
        content_of(&self.folders())
    }

    /// Both journals, the image, and what the block journal keeps in mind.
    fn journals(&self) -> BTreeMap<String, Vec<u8>> {
        let mut content = self.content();
        content.retain(|name, _| name.starts_with("disk") || name.starts_with("files/"));
        content
    }

    /// A copy that shares nothing with it.
    fn copied(&self) -> Self {
        let copy = Self { ends: self.ends.clone(), ..Self::default() };
        for ((_, from), (_, to)) in self.folders().into_iter().zip(copy.folders()) {
            for name in from.list().unwrap() {
                to.put(&name, from.get(&name).unwrap());
            }
        }
        copy
    }

    fn kernel(&self, life: &Life) -> KernelJournal {
        let disk = life.folder(self.disk.clone());
        KernelJournal {
            stream: "disk".to_owned(),
            sharing: Sharing::default(),
            journal: Place::new(Arc::clone(&disk), "journal"),
            image: Place::new(disk, "image"),
            staging: life.folder(self.disk_staging.clone()),
        }
    }

    fn participants(&self, life: &Life) -> BTreeMap<Name, Box<dyn Participant>> {
        let folder = |folder: &MemoryFolder| life.folder(folder.clone());
        let files = UserspaceJournal {
            stream: "files".to_owned(),
            sharing: Sharing::default(),
            places: Places {
                journal: folder(&self.files),
                checkpoints: Some(folder(&self.files_checkpoints)),
                records: Some(folder(&self.files_records)),
            },
            staging: folder(&self.files_staging),
            options: recovery_options(),
        };
        BTreeMap::from([
            ("disk".to_owned(), Box::new(self.kernel(life)) as Box<dyn Participant>),
            ("files".to_owned(), Box::new(files)),
        ])
    }

    fn coordinate(&self, life: &Life) -> Result<Lived, Error> {
        self.coordinate_with(accepting(), life, self.participants(life))
    }

    fn coordinate_with(
        &self,
        policy: Policy,
        life: &Life,
        participants: BTreeMap<Name, Box<dyn Participant>>,
    ) -> Result<Lived, Error> {
        let member = |kind| Member { kind, need: Need::Required };
        let members = BTreeMap::from([
            ("disk".to_owned(), member(ParticipantKind::KernelJournal)),
            ("files".to_owned(), member(ParticipantKind::UserspaceJournal)),
        ]);
        let terms = Terms { members, policy, ..Terms::default() };
        hold(terms, life.folder(self.decisions.clone()), participants)
    }

    /// The image, block by block; each block holds one byte only.
    #[track_caller]
    fn blocks(&self) -> BTreeMap<usize, u8> {
        let image = self.disk.get("image").unwrap();
        let blocks = image.chunks(BLOCK).enumerate();
        blocks
            .map(|(number, block)| {
                assert!(block.iter().all(|byte| *byte == block[0]), "block {number} is torn");
                (number, block[0])
            })
            .collect()
    }

    #[track_caller]
    fn assert_at(&self, ended: &Lived, kept: usize) {
        let Lived::Ended(End::Consistent { plan }) = ended else { panic!("{ended:?}") };
        let ends = self.ends.iter().filter(|&&end| end <= plan.cut["files"]);
        assert_eq!(ends.count(), kept, "{plan:?}");
        assert_eq!(self.blocks(), image_after(kept));
        let places = [&self.files, &self.files_checkpoints, &self.files_records];
        let cut = plan.cut["files"];
        assert_eq!(World::recovered(places), (cut, World::expected(&self.files, cut)));
        let left: Vec<String> = self.disk_staging.list().unwrap();
        assert!(left.iter().all(|name| name == "given-up.json"), "{left:?}");
        assert_eq!(self.files_staging.list().unwrap(), Vec::<String>::new());
        // Whoever redoes it again brings nothing back of after the cut.
        let again = self.copied();
        redo(&again.journal(), &again.image(), &RedoOptions::default()).unwrap();
        assert_eq!(again.blocks(), image_after(kept));
    }
}

fn long() -> Life {
    Life::of(LONG)
}

#[test]
fn whichever_transactions_one_lost_are_out_of_the_image_too_and_stay_so_in_the_next_one() {
    for lost in 0..=COUNT {
        // In the descriptor, the data, the commit, and between two.
        let torn = [0, 50, BLOCK + 9, 3 * BLOCK, 3 * BLOCK + 40];
        let disk = torn.into_iter().filter(|_| lost < COUNT).map(|at| Scene::torn_disk(lost, at));
        for scene in disk.chain([Scene::torn_files(lost)]) {
            let ended = scene.coordinate(&long()).unwrap();
            scene.assert_at(&ended, lost);
            let stored = scene.journals();
            let again =
                scene.coordinate_with(Policy::default(), &long(), scene.participants(&long()));
            scene.assert_at(&again.unwrap(), lost);
            assert!(scene.journals() == stored, "{lost}");
        }
    }
}

#[test]
fn killed_at_every_change_it_goes_on_to_the_same_cut() {
    for (whole, kept) in [(Scene::torn_files(3), 3), (Scene::torn_disk(4, BLOCK), 4)] {
        let life = long();
        let scene = whole.copied();
        scene.assert_at(&scene.coordinate(&life).unwrap(), kept);
        let changes = LONG - life.left();
        assert!(changes > 30, "{changes}");
        let mut resumed = 0;
        for kill in 0..changes {
            let scene = whole.copied();
            let before = scene.content();
            let life = Life::of(kill);
            let killed = scene.coordinate(&life);
            assert!(life.left() <= 0, "{kill}: {killed:?}");
            let mut ended = scene.coordinate(&long()).unwrap();
            if matches!(ended, Lived::Ended(End::Refused { .. })) {
                assert!(scene.content() == before, "killed at {kill}");
                ended = scene.coordinate(&long()).unwrap();
            } else {
                resumed += 1;
            }
            scene.assert_at(&ended, kept);
        }
        assert!(resumed > 0);
    }
}

#[test]
fn where_one_fails_the_image_is_byte_for_byte_as_it_was() {
    for name in ["disk", "files"] {
        let scene = Scene::torn_files(3);
        let before = scene.content();
        let mut participants = scene.participants(&long());
        let fails = Fails(participants.remove(name).unwrap());
        participants.insert(name.to_owned(), Box::new(fails));
        let ended = scene.coordinate_with(accepting(), &long(), participants).unwrap();
        let Lived::Ended(End::Refused { reason }) = ended else { panic!("{name}: {ended:?}") };
        assert!(reason.to_string().contains(name), "{reason}");
        assert!(scene.content() == before, "{name}");
        scene.assert_at(&scene.coordinate(&long()).unwrap(), 3);
    }
}

/// A side, as the cross-layer manager sees it.
#[derive(Debug)]
struct Seen(Scene, &'static str);

impl Side for Seen {
    fn said(&self, alive: &dyn Fn()) -> Result<BTreeMap<u64, Said>, Error> {
        let Self(scene, stream) = self;
        if *stream == "files" {
            let journal = Journal::open(Arc::new(scene.files.clone()))?;
            let options = ReplayOptions { damage: DamagePolicy::Prefix, ..replay_options() };
            return Ok(shared_transactions(
                &journal,
                &options,
                &Sharing::default(),
                stream,
                alive,
            )?
            .transactions);
        }
        let place = |at| At { stream: (*stream).to_owned(), at };
        let survey = survey(&scene.journal())?;
        let committed = survey.committed().filter_map(|it| Some((it.id, it.commit?.sequence)));
        Ok(committed.map(|(id, at)| (id, Said::Committed(place(at)))).collect())
    }
}

#[test]
fn a_plan_that_splits_a_transaction_is_refused_and_no_other_is() {
    let scene = Scene::new();
    let side = |name: &'static str| {
        (name.to_owned(), Box::new(Seen(scene.clone(), name)) as Box<dyn Side>)
    };
    let mut layers = CrossLayer { sides: [side("disk"), side("files")].into() };
    let work = Work { epoch: 1, alive: &|| {} };
    let last = *scene.ends.last().unwrap();
    // Each takes two sequence numbers, the last of them of its commit.
    for disk in 0..=2 * COUNT as u64 {
        for files in 0..=last {
            let cut = [("disk".to_owned(), disk), ("files".to_owned(), files)].into();
            let plan = Plan { cut, ..Plan::default() };
            let in_disk = usize::try_from(disk / 2).unwrap();
            let in_files = scene.ends.iter().filter(|&&end| end <= files).count();
            match layers.prepare(&plan, &work).unwrap() {
                Vote::Yes(_) => assert_eq!(in_disk, in_files, "{plan:?}"),
                Vote::No(reason) => {
                    assert_ne!(in_disk, in_files, "{plan:?}");
                    let id = SHARED_FROM + in_disk.min(in_files) as u64;
                    assert!(reason.contains(&format!("transaction {id} would")), "{reason}");
                }
            }
        }
    }
}
