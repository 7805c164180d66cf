//! What is taken for a plugin and what is not.

use std::sync::Arc;

use proptest::prelude::*;
use vigie::plugin::describe::describe;
use vigie::plugin::engine::EPOCH;
use vigie::plugin::{Engine, EngineSettings, Role, StartError};

use super::rig::{Rig, engine};
use crate::guests::guest;

#[tokio::test]
async fn a_components_roles_and_digest_are_read() {
    let loaded = engine().load(guest("checker")).await.unwrap();
    assert_eq!(loaded.description.roles, [Role::HealthCheck].into());
    assert_eq!(loaded.digest, vigie::plugin::engine::digest(&guest("checker")));
}

#[tokio::test]
async fn the_same_bytes_are_compiled_once_even_at_the_same_time() {
    let (one, two) = tokio::join!(engine().load(guest("noop")), engine().load(guest("noop")));
    assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()));
}

#[tokio::test]
async fn a_compiled_component_comes_from_the_cache() {
    let directory = tempfile::tempdir().unwrap();
    let settings = EngineSettings { cache: Some(directory.path().join("cache")), ..EngineSettings::default() };
    for _ in 0..2 {
        Engine::new(&settings).unwrap().load(guest("noop")).await.unwrap();
    }
    let code = std::fs::read_dir(directory.path().join("cache")).unwrap().count();
    assert_eq!(code, 3, "key, code and seal");
}

#[tokio::test]
async fn an_init_that_does_not_end_well_is_told() {
    let mut rig = Rig::new("initial");
    for (config, message) in [
        (r#"{"init":"error"}"#, "`init` failed: the page `sales` does not exist"),
        (r#"{"init":"panic"}"#, "`init` aborted: plugin panicked: no such page"),
    ] {
        rig.settings.config = config.into();
        let error = rig.try_start().await.unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn an_init_that_loops_is_stopped() {
    let mut rig = Rig::new("initial");
    rig.settings.config = r#"{"init":"loop"}"#.into();
    rig.settings.cpu_at_start = 5 * EPOCH;
    assert_eq!(rig.try_start().await.unwrap_err(), StartError::Stopped { bound: "cpu of 50ms".into() });
}

#[tokio::test]
async fn init_is_given_the_configuration() {
    let mut rig = Rig::new("initial");
    rig.settings.config = r#"{"page":"sales"}"#.into();
    let handle = rig.start().await;
    let line = &handle.log().lines()[0];
    assert_eq!((line.message.as_str(), line.fields[0].1.as_str()), (r#"{"page":"sales"}"#, "init"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_damaged_component_is_refused_or_described_but_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = guest("noop");
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = describe(&bytes);
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_an_error_or_runs() {
    let whole = guest("noop");
    for at in (8..whole.len()).step_by(whole.len() / 24) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        if let Err(error) = engine().load(bytes).await {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
