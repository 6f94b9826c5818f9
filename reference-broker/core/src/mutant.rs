//! Known-wrong variants of the rules, by name. Each proves that a case fails when the rule is broken; a rule asks
//! `mutant::on(Mutant::…)` at the very spot where the wrong broker would go wrong.
//!
//! Without the cargo feature `mutants` the question is a constant `false` and compiles to nothing.

macro_rules! mutants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A known-wrong variant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $($(#[$doc])* $variant,)* }

        impl Mutant {
            /// Every mutant, in order of name.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

mutants! {
    /// No reader is told which transactions were aborted.
    AbortedIndexDropped = "aborted-index-dropped",
    /// Readers are told of transactions too that were aborted before what they read.
    AbortedIndexUnbounded = "aborted-index-unbounded",
    /// Offsets of a transaction that was aborted are committed.
    AbortedOffsetsRevealed = "aborted-offsets-revealed",
    /// Produce with acks=all is answered before anyone else has the records.
    AcknowledgedUnreplicated = "acknowledged-unreplicated",
    /// Produce with acks=0 is answered.
    AcksZeroAnswered = "acks-zero-answered",
    /// APPEND to a list config replaces the list.
    AppendReplaces = "append-replaces",
    /// A clean stop leaves no mark.
    CleanStopUnmarked = "clean-stop-unmarked",
    /// Compaction takes records that nothing supersedes.
    CompactionDropsLive = "compaction-drops-live",
    /// A setting of the broker that changes takes effect at the next start.
    ConfigNeedsRestart = "config-needs-restart",
    /// A batch whose CRC is wrong is taken.
    CrcUnchecked = "crc-unchecked",
    /// A feature goes down although the request only allows up.
    DowngradeUnasked = "downgrade-unasked",
    /// A retried batch is answered with the offset that it would get now.
    DuplicateNewOffset = "duplicate-new-offset",
    /// Who left the in-sync replicas last, with all that was acknowledged, is not eligible.
    EligibleForgotten = "eligible-forgotten",
    /// Who has read everything is told that its offset is outside the log.
    EndOutOfRange = "end-out-of-range",
    /// An incremental fetch answers what the session saw before.
    FetchSessionStale = "fetch-session-stale",
    /// Whatever partition is read, the records are those of its topic's first one.
    FirstPartitionServed = "first-partition-served",
    /// A follower's batches do not say in which epoch they were written, but for those of Kafka's own topics.
    FollowerEpochUnstamped = "follower-epoch-unstamped",
    /// A follower goes on asking who led before.
    FollowsOldLeader = "follows-old-leader",
    /// The group coordinator's partition is the hash modulo 50 without Kafka's abs.
    GroupHashWithoutAbs = "group-hash-without-abs",
    /// What a replica asks for moves the high watermark whatever epoch it follows.
    HighWatermarkEpochUnchecked = "high-watermark-epoch-unchecked",
    /// The sparse index points one entry too far.
    IndexOffByOne = "index-off-by-one",
    /// The controller takes in-sync replicas that build on what is no more.
    IsrGrownUnchecked = "isr-grown-unchecked",
    /// Readers of what is committed are given what is not decided.
    LastStableIgnored = "last-stable-ignored",
    /// Every member of a classic group is given what its leader is.
    LeadersAssignmentForAll = "leaders-assignment-for-all",
    /// A member that leaves stays.
    LeaveIgnored = "leave-ignored",
    /// A long poll answers at once, however little there is.
    LongPollIgnored = "long-poll-ignored",
    /// A marker ends a transaction whatever its producer's epoch.
    MarkerEpochUnchecked = "marker-epoch-unchecked",
    /// Of the markers of a transaction only the first is written.
    MarkerLost = "marker-lost",
    /// A transaction completes although a partition refuses its marker.
    MarkerRefusalIgnored = "marker-refusal-ignored",
    /// A group of the consumer protocol never becomes a classic one again while it has members.
    MigrationOneWay = "migration-one-way",
    /// Records are acknowledged and shown with fewer replicas in sync than `min.insync.replicas`.
    MinInsyncIgnored = "min-insync-ignored",
    /// The group coordinator's records have no codec, whatever is configured.
    OffsetsCodecIgnored = "offsets-codec-ignored",
    /// Committed offsets are forgotten at a restart.
    OffsetsForgotten = "offsets-forgotten",
    /// A restarted broker hands out producer ids again that it has handed out before.
    ProducerIdsReused = "producer-ids-reused",
    /// Consumers are given what the replicas in sync do not all have.
    ReadsPastHighWatermark = "reads-past-high-watermark",
    /// A pipelined request overtakes one that waits.
    ResponseOutOfOrder = "response-out-of-order",
    /// Retention takes every segment as soon as it takes one, the active one too.
    RetentionTakesActive = "retention-takes-active",
    /// A member of the consumer protocol keeps and gets partitions whoever holds them.
    RevocationSkipped = "revocation-skipped",
    /// Readers that go on to another segment are not given its first record.
    SegmentHeadSkipped = "segment-head-skipped",
    /// Producer state is forgotten when a segment rolls.
    SequenceForgottenAtRoll = "sequence-forgotten-at-roll",
    /// A commit of an earlier generation is taken.
    StaleGenerationAccepted = "stale-generation-accepted",
    /// Who no longer leads a partition serves it on.
    StaleLeaderServes = "stale-leader-serves",
    /// A member of the consumer protocol may report and commit in any epoch.
    StaleMemberEpochAccepted = "stale-member-epoch-accepted",
    /// Directories of partitions that there are not keep their names.
    StraysKept = "strays-kept",
    /// Members of the consumer protocol never learn of new topics and partitions.
    TopicChangesUnseen = "topic-changes-unseen",
    /// A topic may have any name.
    TopicNameUnchecked = "topic-name-unchecked",
    /// Recovery keeps a batch that was torn by a crash.
    TornTailKept = "torn-tail-kept",
    /// A follower is cut to its high watermark, not where its history leaves the leader's.
    TruncatesToHighWatermark = "truncates-to-high-watermark",
    /// A follower keeps what its leader never had.
    TruncationSkipped = "truncation-skipped",
    /// A replica that is out of sync leads although its topic forbids that.
    UncleanLeaderElected = "unclean-leader-elected",
    /// A request that is only to be validated is carried out.
    ValidateOnlyCommits = "validate-only-commits",
}

#[cfg(feature = "mutants")]
static ACTIVE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(usize::MAX);

/// Turns this process into the named mutant. False where the feature or the name is missing.
#[must_use]
pub fn become_mutant(name: &str) -> bool {
    let index = Mutant::ALL.iter().position(|mutant| mutant.name() == name);
    #[cfg(feature = "mutants")]
    if let Some(index) = index {
        ACTIVE.store(index, std::sync::atomic::Ordering::SeqCst);
    }
    cfg!(feature = "mutants") && index.is_some()
}

/// Is this process that mutant?
#[inline]
#[must_use]
pub fn on(mutant: Mutant) -> bool {
    #[cfg(feature = "mutants")]
    {
        ACTIVE.load(std::sync::atomic::Ordering::Relaxed) == mutant as usize
    }
    #[cfg(not(feature = "mutants"))]
    {
        let _ = mutant;
        false
    }
}
