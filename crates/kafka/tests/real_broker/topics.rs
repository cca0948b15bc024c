//! Topics: made, compared, merged, never re-partitioned.

use weir_kafka::{Admin, Error, TopicChange, TopicSpec};

use super::{cluster, unique};

#[test]
fn settings_are_merged_with_those_already_set() {
    let cluster = cluster();
    let admin = Admin::open(&cluster).unwrap();
    let name = unique("merged");
    let spec = |settings: &[(&str, &str)]| {
        settings.iter().fold(TopicSpec::new(&name, 2), |spec, (key, value)| spec.with(*key, *value))
    };
    let first = spec(&[("cleanup.policy", "compact"), ("segment.ms", "3600000")]);
    assert_eq!(
        admin.check(std::slice::from_ref(&first)).unwrap().len(),
        1,
        "checking reports the missing topic"
    );
    assert!(!admin.partition_counts().unwrap().contains_key(&name), "checking creates nothing");
    admin.apply(std::slice::from_ref(&first), 1).unwrap();
    assert_eq!(admin.apply(std::slice::from_ref(&first), 1).unwrap(), []);

    let second = spec(&[("segment.ms", "1800000"), ("max.message.bytes", "4194304")]);
    let changes = admin.apply(&[second], 1).unwrap();
    assert!(changes.contains(&TopicChange::Set {
        topic: name.clone(),
        setting: "segment.ms".to_owned(),
        from: Some("3600000".to_owned()),
        to: "1800000".to_owned(),
    }));
    let kept =
        spec(&[("cleanup.policy", "compact"), ("segment.ms", "1800000"), ("max.message.bytes", "4194304")]);
    assert_eq!(admin.check(&[kept]).unwrap(), [], "a setting that was not named again stays");

    let error = admin.apply(&[TopicSpec::new(&name, 3)], 1).unwrap_err();
    assert!(matches!(error, Error::PartitionCount { wanted: 3, found: 2, .. }), "{error:?}");
    admin.delete(&[&name]).unwrap();
}

#[test]
fn a_setting_the_broker_refuses_is_reported() {
    let cluster = cluster();
    let admin = Admin::open(&cluster).unwrap();
    let error =
        admin.apply(&[TopicSpec::new(unique("refused"), 1).with("segment.bytes", "1")], 1).unwrap_err();
    assert_eq!(error.class(), weir_kafka::Class::Refused, "{error:?}");
}

#[test]
fn the_cluster_names_itself() {
    assert!(!Admin::open(&cluster()).unwrap().cluster_id().unwrap().is_empty());
}

#[test]
fn who_creates_the_same_topics_at_the_same_moment_has_them_too() {
    let cluster = cluster();
    let specs: Vec<TopicSpec> = (0..8).map(|_| TopicSpec::new(unique("shared"), 2)).collect();
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        let apply = || {
            let admin = Admin::open(&cluster).unwrap();
            barrier.wait();
            admin.apply(&specs, 1)
        };
        let started: Vec<_> = (0..4).map(|_| scope.spawn(apply)).collect();
        started.into_iter().for_each(|thread| drop(thread.join().unwrap().unwrap()));
    });
    let admin = Admin::open(&cluster).unwrap();
    assert_eq!(admin.check(&specs).unwrap(), []);
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    admin.delete(&names).unwrap();
}
