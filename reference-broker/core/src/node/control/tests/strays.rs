//! Directories that are nobody's: what a deletion that was cut short leaves, and what was never Kafka's.

use super::*;
use crate::store::Store;

const MINUTE_LATER: Now = Now {
    monotonic_ms: NOW.monotonic_ms + 60_000,
    ..NOW
};

fn named(store: &Shared, ends: &str) -> Vec<String> {
    let all = store.clone().directories().expect("listed");
    all.into_iter().filter(|name| name.ends_with(ends)).collect()
}

#[test]
fn a_topic_made_anew_does_not_serve_the_records_of_a_deleted_one_whose_directory_stayed() {
    let (old, new) = (Shared::default(), Shared::default());
    let mut node = open(&old, 1).expect("an empty directory");
    create(&mut node, vec![topic("t", 1)]);
    let tp = TopicPartition::new("t", 0);
    node.append_records(&tp, &[(None, Some("of the old topic".into()))], NOW)
        .expect("appended");
    node.close();
    let mut node = open(&new, 9).expect("an empty directory");
    create(&mut node, vec![topic("t", 1)]);
    node.close();
    // The kill came between the record that the topic is gone and the new name of its directory.
    let mut left = new.clone();
    left.remove_directory("t-0").expect("removed");
    left.create_directory("t-0").expect("made");
    for (file, size) in old.files("t-0").expect("listed") {
        let mut bytes = vec![0; usize::try_from(size).expect("small")];
        old.read("t-0", &file, 0, &mut bytes).expect("read");
        left.append("t-0", &file, &[&bytes]).expect("written");
    }
    let node = open(&new, 2).expect("the same directory");
    let log = node.log(&tp).expect("its log");
    assert_eq!(
        (log.log_end(), log.topic_id()),
        (Offset(0), node.image().topic("t").expect("known").id)
    );
    assert_eq!(named(&new, "-stray").len(), 1);
}

#[test]
fn a_directory_of_someone_else_stays_whatever_its_name() {
    let store = Shared::default();
    for name in ["photos-delete", "a-0.0123-delete", "notes-2024"] {
        store.clone().create_directory(name).expect("made");
    }
    store
        .clone()
        .create_directory("t-0.0123456789abcdef0123456789abcdef-delete")
        .expect("made");
    let mut node = open(&store, 1).expect("a directory without Kafka's logs");
    assert_eq!(named(&store, "-delete").len(), 3);
    node.tick(MINUTE_LATER);
    assert_eq!(named(&store, "-delete"), ["a-0.0123-delete", "photos-delete"]);
    assert_eq!(named(&store, "-2024").len(), 1);
}

#[test]
fn what_was_deleted_before_a_stop_gets_the_delay_of_the_broker_anew() {
    let store = Shared::default();
    open(&store, 1).expect("an empty directory").close();
    let discarded = "t-0.0123456789abcdef0123456789abcdef-delete";
    store.clone().create_directory(discarded).expect("made");
    let mut node = open_with(&store, 2, &[("log.segment.delete.delay.ms", "600000")]).expect("the same directory");
    let later = |ms| Now {
        monotonic_ms: NOW.monotonic_ms + ms,
        ..NOW
    };
    node.tick(later(599_999));
    assert_eq!(named(&store, "-delete").len(), 1);
    node.tick(later(600_000));
    assert_eq!(named(&store, "-delete").len(), 0);
}

#[test]
fn a_directory_that_is_refused_is_left_as_it_was() {
    let store = Shared::default();
    open(&store, 1).expect("an empty directory").close();
    let discarded = "t-0.0123456789abcdef0123456789abcdef-delete";
    store.clone().create_directory(discarded).expect("made");
    let before = store.files("").expect("listed");
    assert!(open_with(&store, 2, &[("node.id", "7")]).is_err());
    assert_eq!(
        (store.files("").expect("listed"), named(&store, "-delete").len()),
        (before, 1)
    );
}

#[test]
fn the_directory_of_a_deleted_topic_has_a_name_that_file_systems_take() {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    let longest = "n".repeat(249);
    create(&mut node, vec![topic(&longest, 1)]);
    let topic = TopicRef {
        name: Some(longest),
        id: TopicId::ZERO,
    };
    let deleted = node.delete_topics(vec![topic], NOW).expect("written");
    assert!(deleted.iter().all(|(_, result)| result.is_ok()));
    let discarded = named(&store, "-delete");
    assert_eq!(discarded.iter().map(String::len).collect::<Vec<_>>(), [255]);
    open(&store, 2).expect("the same directory").tick(MINUTE_LATER);
    assert_eq!(named(&store, "-delete").len(), 0);
}

#[test]
fn a_partition_that_the_metadata_do_not_know_is_set_aside_and_a_log_without_its_file_begins_anew() {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    create(&mut node, vec![topic("t", 1), topic("whole", 1)]);
    node.close();
    let mut files = store.clone();
    files.rename_directory("t-0", "t-7").expect("renamed");
    files.remove("whole-0", "00000000000000000000.log").expect("removed");
    drop(open(&store, 2).expect("the same directory"));
    assert_eq!(named(&store, "-stray").len(), 1);
    for directory in ["t-0", "whole-0"] {
        let found = store.files(directory).expect("listed");
        assert!(
            found.iter().any(|(file, _)| file == "00000000000000000000.log"),
            "{directory}: {found:?}"
        );
    }
}
