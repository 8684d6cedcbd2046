//! The records of the state, as they lie in bytes: a fixed part, then bytes of any length.

use crate::wire;

wire! {
    /// An inode. A symbolic link's target follows.
    pub struct InodeRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// The time of that event, in nanoseconds since 1970-01-01 UTC.
        changed_ns: u64,
        /// Size in bytes.
        size: u64,
        /// How many names it has.
        links: u32,
        /// POSIX mode, file type bits included.
        mode: u32,
        /// POSIX user id.
        uid: u32,
        /// POSIX group id.
        gid: u32,
        /// What `content` is; see [`crate::event::content_kind`].
        content_kind: u32,
        /// The identity of its content.
        content: [u8; 32],
    }
}

wire! {
    /// A directory entry.
    pub struct EntryRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// The inode that it names.
        inode: u64,
    }
}

wire! {
    /// A graph node. Its content follows.
    pub struct NodeRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// How many edges leave it.
        out_degree: u64,
        /// How many edges enter it.
        in_degree: u64,
        /// Its kind, a number of the application.
        kind: u32,
    }
}

wire! {
    /// A graph edge. Its content follows.
    pub struct EdgeRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// The node that it leaves.
        from: u64,
        /// The node that it enters.
        to: u64,
        /// Its kind, a number of the application.
        kind: u32,
        /// Its weight.
        weight: f32,
    }
}

wire! {
    /// A property of a node. Its value follows.
    pub struct PropertyRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
    }
}

wire! {
    /// A vector. Its elements follow.
    pub struct VectorRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// The inode or node that it describes, 0 for none.
        source: u64,
        /// The model that made it, a number of the application.
        model: u64,
        /// The index that it is in, 0 for none.
        index: u64,
        /// Its place in the index.
        index_position: u64,
        /// The cluster that it is in, 0 for none.
        cluster: u64,
        /// The distance to the cluster's centre.
        cluster_distance: f32,
        /// How many elements it has.
        dimensions: u32,
        /// The type of an element, as the kernel numbers it.
        element: u32,
    }
}

wire! {
    /// An agent. What it last did or meant follows, in its words.
    pub struct AgentRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// What that was about.
        subject: u64,
        /// How many decisions it took.
        decisions: u64,
        /// How many orchestrations it made.
        orchestrations: u64,
        /// How many things it learnt.
        learnings: u64,
        /// How many intents of it were captured.
        intents: u64,
        /// How sure it was, last time.
        confidence: f32,
        /// The type of the last event.
        last_type: u16,
    }
}

wire! {
    /// A mount. Source and target follow.
    pub struct MountRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// Its flags.
        flags: u64,
        /// Its last checkpoint, 0 for none.
        checkpoint: u64,
        /// How many checkpoints it wrote.
        checkpoints: u64,
        /// Length of the source in bytes.
        source_bytes: u32,
    }
}

wire! {
    /// A measured value. Its text follows.
    pub struct MetricRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// The time of that event, in nanoseconds since 1970-01-01 UTC.
        changed_ns: u64,
        /// How often it was measured.
        count: u64,
        /// The last value.
        value: f64,
    }
}

wire! {
    /// A link. Its description follows.
    pub struct LinkRecord {
        /// The LSN of the last event that changed it.
        changed_lsn: u64,
        /// How often it was drawn.
        count: u64,
        /// How long the effect took, in nanoseconds.
        delay_ns: u64,
        /// Its kind, a number of the application.
        kind: u32,
        /// How strong it is, 0 to 100.
        strength: u32,
    }
}
