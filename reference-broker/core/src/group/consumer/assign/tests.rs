use super::*;

const A: TopicId = TopicId([1; 16]);
const B: TopicId = TopicId([2; 16]);

/// Members with their topics and what they had; the assignor's answer.
fn run(assignor: Assignor, members: &[(&str, &[TopicId], &Partitions)], counts: &[(TopicId, i32)]) -> Vec<Partitions> {
    let ids: Vec<MemberId> = members.iter().map(|(id, ..)| MemberId::from(*id)).collect();
    let participants: Vec<Participant<'_>> = members
        .iter()
        .zip(&ids)
        .map(|((_, topics, before), id)| Participant {
            id,
            instance: None,
            topics: topics.iter().copied().collect(),
            before,
        })
        .collect();
    assign(assignor, &participants, &counts.iter().copied().collect())
}

fn sizes(targets: &[Partitions]) -> Vec<usize> {
    targets.iter().map(|target| pairs(target).count()).collect()
}

#[track_caller]
fn is_complete(targets: &[Partitions], counts: &[(TopicId, i32)]) {
    let mut all: Vec<_> = targets.iter().flat_map(pairs).collect();
    all.sort_unstable();
    let wanted: Vec<_> = counts
        .iter()
        .flat_map(|(topic, count)| (0..*count).map(move |partition| (*topic, partition)))
        .collect();
    assert_eq!(all, wanted);
}

#[test]
fn uniform_shares_differ_by_one_at_most() {
    let none = Partitions::new();
    let counts = [(A, 5), (B, 3)];
    let targets = run(
        Assignor::Uniform,
        &[("a", &[A, B], &none), ("b", &[A, B], &none), ("c", &[A, B], &none)],
        &counts,
    );
    is_complete(&targets, &counts);
    assert_eq!(sizes(&targets), [3, 3, 2]);
}

#[test]
fn uniform_keeps_no_partition_that_there_is_not() {
    let (had, none): (Partitions, Partitions) = ([(A, [-1, 0, 2].into())].into(), Partitions::new());
    let counts = [(A, 2), (B, 1)];
    let targets = run(Assignor::Uniform, &[("a", &[A], &had), ("b", &[A, B], &none)], &counts);
    is_complete(&targets, &counts);
}

#[test]
fn uniform_moves_no_more_than_it_must() {
    let (all, none): (Partitions, Partitions) = ([(A, (0..6).collect())].into(), Partitions::new());
    let counts = [(A, 6)];
    let targets = run(Assignor::Uniform, &[("a", &[A], &all), ("b", &[A], &none)], &counts);
    is_complete(&targets, &counts);
    assert_eq!(targets[0], [(A, (0..3).collect())].into());
    let again = run(
        Assignor::Uniform,
        &[("a", &[A], &targets[0]), ("b", &[A], &targets[1])],
        &counts,
    );
    assert_eq!(again, targets);
}

#[test]
fn uniform_takes_the_last_partition_from_nobody_for_somebody_without_subscription() {
    let none = Partitions::new();
    let counts = [(A, 4), (B, 2)];
    let targets = run(
        Assignor::Uniform,
        &[("a", &[A], &none), ("b", &[A, B], &none), ("c", &[], &none)],
        &counts,
    );
    is_complete(&targets, &counts);
    assert_eq!(sizes(&targets), [3, 3, 0]);
}

#[test]
fn range_gives_the_same_partitions_of_equal_topics() {
    let none = Partitions::new();
    let counts = [(A, 3), (B, 3)];
    let targets = run(
        Assignor::Range,
        &[("a", &[A, B], &none), ("b", &[A, B], &none)],
        &counts,
    );
    is_complete(&targets, &counts);
    assert_eq!(targets[0], [(A, [0, 1].into()), (B, [0, 1].into())].into());
}
