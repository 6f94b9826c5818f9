//! Files of the data directory that were cut, turned round, lost, or are of a newer format: told by name, and never served.

use super::*;
use crate::store::Store;

const METADATA: (&str, &str) = ("__cluster_metadata-0", "00000000000000000000.log");

fn change(store: &Shared, (directory, file): (&str, &str), change: impl FnOnce(&mut Vec<u8>)) {
    let mut files = store.lock();
    change(files.file_mut(directory, file).expect("a file"));
}

fn whole(store: &Shared, (directory, file): (&str, &str)) -> Vec<u8> {
    store.lock().file_mut(directory, file).expect("a file").clone()
}

fn refused(store: &Shared) -> String {
    open(store, 9).map(drop).expect_err("refused").to_string()
}

/// Two topics, one record in each; stopped in order, or not.
fn filled(clean: bool) -> Shared {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    create(&mut node, vec![topic("t", 1), topic("u", 1)]);
    for name in ["t", "u"] {
        node.append_records(&tp(name, 0), &[(None, Some("a".into()))], NOW)
            .expect("appended");
    }
    if clean {
        node.close();
    }
    store
}

#[test]
fn metadata_damaged_in_their_middle_are_not_cut_whether_the_stop_was_clean_or_not() {
    for clean in [true, false] {
        let store = filled(clean);
        let at = whole(&store, METADATA).len() / 2;
        change(&store, METADATA, |bytes| bytes[at] ^= 1);
        let damaged = whole(&store, METADATA);
        for _ in 0..2 {
            let told = refused(&store);
            assert!(told.contains("__cluster_metadata-0/00000000000000000000.log"), "{told}");
        }
        assert_eq!(whole(&store, METADATA), damaged);
    }
}

#[test]
fn metadata_torn_by_a_crash_end_before_and_that_is_told() {
    let store = filled(false);
    change(&store, METADATA, |bytes| bytes.truncate(bytes.len() - 3));
    let mut node = open(&store, 2).expect("what a crash leaves");
    let told = node.take_complaints();
    assert!(
        told.iter()
            .any(|line| line.contains("__cluster_metadata-0/00000000000000000000.log is cut")),
        "{told:?}"
    );
}

/// Where its batches begin.
fn batches(bytes: &[u8]) -> Vec<usize> {
    let length = |at: usize| u32::from_be_bytes(bytes[at + 8..at + 12].try_into().expect("four")) as usize;
    let next = |at: &usize| Some(*at + 12 + length(*at)).filter(|next| *next < bytes.len());
    std::iter::successors(Some(0), next).collect()
}

#[test]
fn what_a_torn_batch_holds_is_no_batch_behind_it() {
    let store = filled(false);
    change(&store, METADATA, |bytes| {
        let last = *batches(bytes).last().expect("a batch");
        let mut inner = bytes[last..].to_vec();
        inner[6] += 2;
        let mut torn = inner[..70].to_vec();
        torn[6] -= 1;
        torn[9] = 0xf;
        bytes.extend(torn.into_iter().chain(inner));
    });
    assert!(
        !open(&store, 2)
            .expect("what a crash leaves")
            .take_complaints()
            .is_empty()
    );
}

#[test]
fn metadata_whose_length_was_damaged_are_not_taken_for_torn() {
    for (at, clean) in [(8, false), (9, false), (11, false), (9, true)] {
        let store = filled(clean);
        change(&store, METADATA, |bytes| {
            let all = batches(bytes);
            bytes[all[all.len() - 2] + at] ^= 0x11;
        });
        assert!(refused(&store).contains("topics would be lost"));
    }
}

#[test]
fn metadata_damaged_at_their_front_are_found_after_a_crash_and_a_clean_stop() {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    for at in 0..60 {
        create(&mut node, vec![topic(&format!("t{at}"), 1)]);
    }
    drop(node);
    open(&store, 2).expect("what a crash leaves").close();
    drop(open(&store, 3).expect("what a clean stop leaves"));
    open(&store, 4).expect("what a crash leaves").close();
    change(&store, METADATA, |bytes| {
        let at = batches(bytes)[3] + 70;
        bytes[at] ^= 1;
    });
    assert!(refused(&store).contains("topics would be lost"));
}

#[test]
fn metadata_that_lost_their_end_or_all_are_refused_and_no_topic_is_set_aside() {
    let ways: [fn(&Shared); 3] = [
        |store| change(store, METADATA, |bytes| bytes.truncate(bytes.len() - 3)),
        |store| {
            let batch = |bytes: &[u8]| 12 + u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize;
            change(store, METADATA, |bytes| bytes.truncate(batch(bytes)));
        },
        |store| store.clone().remove_directory(METADATA.0).expect("removed"),
    ];
    for damage in ways {
        let store = filled(true);
        damage(&store);
        for _ in 0..2 {
            let told = refused(&store);
            assert!(
                told.contains("__cluster_metadata-0") && told.contains("topics would be lost"),
                "{told}"
            );
        }
        assert!(!store.files("t-0").expect("listed").is_empty());
    }
}

#[test]
fn metadata_of_a_newer_kafka_are_refused_by_the_feature_that_says_so() {
    let store = filled(false);
    let mut node = open(&store, 2).expect("its own directory");
    let newer = crate::records::FeatureLevelRecord {
        name: "metadata.version".into(),
        feature_level: 33,
    };
    node.append_metadata(&[MetadataRecord::from(newer).encode(0).expect("encoded")], NOW)
        .expect("appended");
    node.close();
    assert!(refused(&store).contains("metadata.version is at level 33"));
}

#[test]
fn a_partition_of_a_newer_format_is_out_of_service_alone_and_keeps_its_bytes() {
    let store = filled(true);
    let log = ("t-0", "00000000000000000000.log");
    change(&store, log, |bytes| bytes[16] = 3);
    let before = whole(&store, log);
    let mut node = open(&store, 2).expect("the rest serves");
    let told = node.take_complaints();
    assert!(
        told.iter()
            .any(|line| line.contains("t-0/00000000000000000000.log: magic 3")),
        "{told:?}"
    );
    let error = node.partition(&tp("t", 0)).map(|log| log.log_end());
    assert_eq!(error, Err(ErrorCode::KafkaStorageError));
    assert_eq!(node.partition(&tp("u", 0)).map(|log| log.log_end()), Ok(Offset(1)));
    assert_eq!(whole(&store, log), before);
}

#[test]
fn a_log_that_was_cut_is_told_by_its_file() {
    let store = filled(false);
    change(&store, ("t-0", "00000000000000000000.log"), |bytes| bytes[66] ^= 1);
    let mut node = open(&store, 2).expect("the rest serves");
    let told = node.take_complaints();
    assert!(
        told.iter()
            .any(|line| line.contains("t-0/00000000000000000000.log is cut to 0 of")),
        "{told:?}"
    );
    assert_eq!(node.partition(&tp("t", 0)).map(|log| log.log_end()), Ok(Offset(0)));
}
