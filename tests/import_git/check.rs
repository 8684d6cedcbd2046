//! Imports a repository into a journal in memory, reads the journal back, and holds it against what
//! git says of the repository: the tree after every commit, the graph, the authors, the vectors.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use vexfs_replay::event::{Body, Event, EventIter, content_kind, transaction_outcome};
use vexfs_replay::import::git::{
    EDGE_FIRST_PARENT, EDGE_OTHER_PARENT, NODE_COMMIT, NODE_SIDE_PARENT, embed, encode, is_text,
};
use vexfs_replay::import::{GitOutcome, GitProgress, import_git};
use vexfs_replay::journal::layout::MAX_BLOCK_BYTES;
use vexfs_replay::journal::{
    Durability, EndKind, Fill, Journal, PastDamage, Segment, TransactionDigest, Validation, Walk,
    Writer, WriterOptions, block,
};
use vexfs_replay::storage::MemoryFolder;
use vexfs_replay::{Error, event};

use super::model::Model;
use super::repository::Repository;

/// Imports into a new journal in memory.
pub(super) fn import(path: &Path, revision: &str) -> Result<(GitOutcome, MemoryFolder), Error> {
    let folder = MemoryFolder::default();
    let durability = Durability::None;
    let options = WriterOptions {
        durability,
        journal_id: Some([7; 16]),
        created_ns: Some(1),
        ..Default::default()
    };
    let writer = Writer::create(Arc::new(folder.clone()), options)?;
    let mut last = GitProgress { commits: 0, commits_total: 0 };
    let outcome = import_git(path, revision, &writer, &mut |progress| {
        assert_eq!(progress.commits, last.commits + 1);
        last = *progress;
    })?;
    assert_eq!((last.commits, last.commits_total), (outcome.commits, outcome.commits));
    writer.close()?;
    Ok((outcome, folder))
}

/// Applies a journal to a model; tells `at_commit` the model after each transaction.
pub(super) fn replay(folder: &MemoryFolder, mut at_commit: impl FnMut(&Model)) -> Model {
    let (mut model, mut open) = (Model::default(), None);
    for_each_event(folder, |event, body| match body {
        Body::TransactionBegin(_) => {
            assert!(open.is_none());
            open = Some((event.lsn, event.header.timestamp_ns, TransactionDigest::default()));
        }
        Body::TransactionEnd(end) => {
            let (transaction, _, digest) = open.take().unwrap();
            assert_eq!(event.header.transaction, transaction);
            assert_eq!(end.outcome, transaction_outcome::COMMIT);
            assert_eq!((end.events, end.digest), (digest.events(), digest.finish()));
            at_commit(&model);
        }
        body => {
            let (transaction, timestamp_ns, digest) = open.as_mut().unwrap();
            assert_eq!(event.header.transaction, *transaction);
            assert_eq!(event.header.timestamp_ns, *timestamp_ns);
            digest.add(event.lsn, vexfs_kernels::crc32c(event.bytes()));
            model.apply(body);
        }
    });
    assert!(open.is_none());
    model
}

pub(super) fn for_each_event(folder: &MemoryFolder, mut visit: impl FnMut(&Event<'_>, &Body<'_>)) {
    let journal = Journal::open(Arc::new(folder.clone())).unwrap();
    let mut walk = Walk::new(&journal, Validation::Full, PastDamage::Stop);
    let mut buffer = vec![0; 2 * MAX_BLOCK_BYTES];
    let fill: Fill<'_> = &Segment::read;
    while let Some(stretch) = walk.next(&mut buffer, fill).unwrap() {
        assert!(stretch.damage.is_none());
        for frame in &stretch.frames {
            let bytes = frame.block(&buffer);
            block::check_contents(&frame.header, bytes).unwrap();
            let payload = block::payload(&frame.header, bytes);
            let (first_lsn, count) = (frame.header.first_lsn, frame.header.event_count);
            for event in EventIter::new(payload, first_lsn, count) {
                let event = event.unwrap();
                visit(&event, &event.body().unwrap().unwrap());
            }
        }
    }
    assert_eq!(walk.end().unwrap().kind, EndKind::Sealed);
}

/// What git says of a repository, asked for once.
struct Oracle<'r> {
    repository: &'r Repository,
    /// The vector of each blob that should have one.
    vectors: HashMap<String, Option<Vec<u8>>>,
}

impl Oracle<'_> {
    /// Holds the tree of the model against that of a commit.
    fn compare(&mut self, model: &Model, commit: &str) {
        let long = self.repository.git(&["ls-tree", "-r", "-l", "-z", commit]);
        let (mut listed, mut sizes, mut vectors) = (Vec::new(), Vec::new(), 0);
        let files = model.files();
        self.learn(files.values().filter_map(|inode| text_candidate(model, *inode)).collect());
        for (path, number) in &files {
            let inode = &model.inodes[number];
            let id = id_of(inode);
            let is_submodule = inode.mode == 0o160_000;
            let kind = if is_submodule { "commit" } else { "blob" };
            listed.extend(format!("{:06o} {kind} {id}\t", inode.mode).bytes());
            let size = if is_submodule { "-".to_owned() } else { inode.size.to_string() };
            sizes.extend(format!("{:06o} {kind} {id} {size:>7}\t", inode.mode).bytes());
            for list in [&mut listed, &mut sizes] {
                list.extend(path);
                list.push(0);
            }
            if inode.mode == 0o120_000 {
                assert_eq!(inode.target.len() as u64, inode.size);
            }
            let candidate = text_candidate(model, *number);
            let expected = candidate.and_then(|id| self.vectors[&id].as_ref());
            assert_eq!(model.vectors.get(number), expected, "{:?}", path.escape_ascii());
            vectors += usize::from(expected.is_some());
        }
        assert_eq!(model.vectors.len(), vectors);
        let show = |list: &[u8]| {
            list.split(|byte| *byte == 0)
                .map(|line| line.escape_ascii().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(show(&sizes), show(&long), "at {commit}");
        assert_eq!(sizes, long);
        assert_eq!(listed, self.repository.git(&["ls-tree", "-r", "-z", commit]));
    }

    fn learn(&mut self, ids: Vec<String>) {
        let new: Vec<_> = ids.into_iter().filter(|id| !self.vectors.contains_key(id)).collect();
        if new.is_empty() {
            return;
        }
        for (id, content) in new.iter().zip(self.repository.blobs(&new)) {
            let vector = is_text(&content).then(|| encode(&embed(&content)).to_vec());
            self.vectors.insert(id.clone(), vector);
        }
    }
}

fn id_of(inode: &super::model::Inode) -> String {
    let length = match inode.content_kind {
        content_kind::GIT_SHA1 => 20,
        content_kind::GIT_SHA256 => 32,
        other => panic!("content kind {other}"),
    };
    assert!(inode.content[length..].iter().all(|byte| *byte == 0));
    hex::encode(&inode.content[..length])
}

/// The id of the content, where it should have a vector if it is text.
fn text_candidate(model: &Model, number: u64) -> Option<String> {
    let inode = &model.inodes[&number];
    let is_file = matches!(inode.mode, 0o100_644 | 0o100_755);
    (is_file && inode.size <= 1024 * 1024).then(|| id_of(inode))
}

/// Imports the whole history of `HEAD` and compares everything; the tree at every `every`th commit.
pub(super) fn check(repository: &Repository, every: usize) -> (GitOutcome, Model) {
    let (outcome, folder) = import(&repository.path, "HEAD").unwrap();
    let revisions = ["rev-list", "--first-parent", "--parents", "--reverse", "HEAD"];
    let history = repository.git_text(&revisions);
    let history: Vec<Vec<&str>> = history.lines().map(|line| line.split(' ').collect()).collect();
    let mut oracle = Oracle { repository, vectors: HashMap::new() };
    let mut commits = 0;
    let model = replay(&folder, |model| {
        if commits % every == 0 || commits + 1 == history.len() {
            oracle.compare(model, history[commits][0]);
        }
        commits += 1;
    });
    assert_eq!(commits, history.len());
    compare_graph(&model, &history);
    compare_authors(&model, repository);
    assert_eq!(outcome.commits, history.len() as u64);
    assert_eq!(outcome.head, history[commits - 1][0]);
    assert_eq!(outcome.files, model.files().len() as u64);
    let events: u64 = model.counts.values().sum();
    assert_eq!(outcome.events, events + 2 * outcome.commits);
    (outcome, model)
}

fn compare_graph(model: &Model, history: &[Vec<&str>]) {
    let number = |id: &str| u64::from_str_radix(&id[..16], 16).unwrap();
    let (mut nodes, mut edges) = (HashMap::new(), Vec::new());
    for commit in history {
        for (position, id) in commit.iter().enumerate() {
            let kind = if position == 0 { NODE_COMMIT } else { NODE_SIDE_PARENT };
            let node = nodes.entry(number(id)).or_insert((kind, hex::decode(id).unwrap()));
            assert_eq!(node.1, hex::decode(id).unwrap());
            if position > 0 {
                let kind = if position == 1 { EDGE_FIRST_PARENT } else { EDGE_OTHER_PARENT };
                edges.push((number(commit[0]), number(id), kind));
            }
        }
    }
    assert_eq!(model.nodes, nodes);
    assert_eq!(model.edges.values().copied().collect::<Vec<_>>(), edges);
    assert!(model.edges.keys().copied().eq(1..=edges.len() as u64));
}

fn compare_authors(model: &Model, repository: &Repository) {
    let format = [
        "log",
        "--first-parent",
        "--reverse",
        "-z",
        "--encoding=UTF-8",
        "--no-show-signature",
        "--format=%H%x00%ae%x00%s",
    ];
    let log = repository.git(&format);
    let mut fields = log.split(|byte| *byte == 0);
    for (node, agent, text) in &model.decisions {
        let id = str::from_utf8(fields.next().unwrap()).unwrap();
        assert_eq!(*node, u64::from_str_radix(&id[..16], 16).unwrap());
        assert_eq!(&agent[..], fields.next().unwrap());
        let subject = fields.next().unwrap();
        assert_eq!(&text[..], &subject[..subject.len().min(8192)]);
    }
    assert!(fields.next().is_none_or(<[u8]>::is_empty));
}

/// The bodies of all events of a type.
pub(super) fn count(model: &Model, event_type: event::EventType) -> u64 {
    model.counts.get(event_type.name()).copied().unwrap_or(0)
}
