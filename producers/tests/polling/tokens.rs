//! Renewed tokens: kept sealed before they are used, handed from owner to owner, and dropped when a person configures
//! another one.

use bytes::Bytes;
use jiff::Timestamp;
use weir_clients::{
    jushuitan::Token,
    seal::{SealError, SealingKey},
};
use weir_model::{secret::Secret, token::SealedToken};
use weir_runtime::poll::Inheritance;
use weir_sandbox::Sandbox;

use crate::sandbox::{SEAL_KEY, account, account_with, complete, options, poll_from, settings, source};

/// What the configured pair is called in the topic.
fn lineage() -> String {
    Token::configured(Secret::new("demo-token"), Some(Secret::new("demo-refresh"))).lineage
}

fn key(secret: &str) -> SealingKey {
    SealingKey::derive(&Secret::new(secret)).unwrap()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_token_is_kept_sealed_and_serves_the_next_owner() {
    let sandbox = Sandbox::start(options(11), "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    let sources = [source("customers"), source("movements")];
    handle.expire_jushuitan_token();
    let first = account(&sandbox, "demo-secret", &sources);
    let (committed, halts) =
        poll_from(Inheritance::default(), first, |committed| complete(committed, &handle)).await;
    assert!(halts.is_empty(), "{halts:?}");
    assert_eq!(handle.state().jushuitan.tokens_issued, 1, "two sources, one renewal");

    let kept = committed.token.clone().expect("a token was kept");
    assert_eq!((kept.account.as_str(), kept.system.as_str(), kept.lineage), ("shop", "jushuitan", lineage()));
    let renewed = Token::open(&key(SEAL_KEY), "shop", &lineage(), &kept.sealed).unwrap();
    assert_ne!(renewed.access_token.expose(), "demo-token");
    for secret in [&renewed.access_token, renewed.refresh_token.as_ref().unwrap()] {
        assert!(!contains(&kept.sealed, secret.expose()));
    }

    let inheritance = Inheritance { cursors: committed.cursors(), token: committed.token };
    let next = account(&sandbox, "demo-secret", &sources);
    let (polled, halts) = poll_from(inheritance, next, |committed| committed.windows.len() >= 2).await;
    assert!(halts.is_empty(), "{halts:?}");
    assert_eq!(polled.token, None, "the next owner renews nothing");
    assert_eq!(handle.state().jushuitan.tokens_issued, 1);

    // Without what was kept the configured pair is dead.
    let forgetful = account(&sandbox, "demo-secret", &sources);
    let (_, halts) = poll_from(Inheritance::default(), forgetful, |_| false).await;
    assert!(halts.iter().all(|halt| halt.refusal.code.as_str() == "P-CREDENTIAL"), "{halts:?}");
    assert_eq!(halts.len(), 2);
    sandbox.shutdown().await;
}

/// A kept token that opens with no key of ours.
fn foreign(lineage: &str) -> Inheritance {
    let other = Token::configured(Secret::new("other-token"), None);
    let token = SealedToken {
        account: "shop".into(),
        system: "jushuitan".to_owned(),
        lineage: lineage.to_owned(),
        sealed: Bytes::from(other.seal(&key("another key than ours"), "shop").unwrap()),
        at: Timestamp::UNIX_EPOCH,
    };
    Inheritance { token: Some(token), ..Inheritance::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newly_configured_token_wins_over_the_kept_one_even_if_that_does_not_open() {
    let sandbox = Sandbox::start(options(12), "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    let sources = [source("customers"), source("movements")];
    let account = account(&sandbox, "demo-secret", &sources);
    let (_, halts) =
        poll_from(foreign("of a former pair"), account, |committed| complete(committed, &handle)).await;
    assert!(halts.is_empty(), "{halts:?}");
    assert_eq!(handle.state().jushuitan.tokens_issued, 0);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_token_that_another_key_sealed_halts_before_any_call_and_says_what_to_do() {
    let sandbox = Sandbox::start(options(13), "127.0.0.1:0").await.unwrap();
    let account = account(&sandbox, "demo-secret", &[source("customers")]);
    let (_, halts) = poll_from(foreign(&lineage()), account, |_| false).await;
    let [halt] = halts.as_slice() else { panic!("{halts:?}") };
    assert_eq!(halt.refusal.code.as_str(), "P-CREDENTIAL");
    assert!(halt.refusal.message.contains(&SealError::Foreign.to_string()), "{}", halt.refusal.message);
    assert!(sandbox.handle().state().calls.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_own_the_account_renews_nothing() {
    let sandbox = Sandbox::start(options(14), "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    let account = account(&sandbox, "demo-secret", &[source("customers")]);
    handle.expire_jushuitan_token();
    let error = account.probe().await.unwrap_err();
    assert!(error.explanation().contains("only the process that polls"), "{}", error.explanation());
    assert_eq!(handle.state().jushuitan.tokens_issued, 0);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_refresh_token_without_a_key_is_refused_at_build() {
    let sandbox = Sandbox::start(options(15), "127.0.0.1:0").await.unwrap();
    let built = account_with(settings(&sandbox, "demo-secret"), None, &[source("customers")]);
    let Err(error) = built else { panic!("it was built") };
    assert!(error.to_string().contains("seal_key"), "{error}");
    sandbox.shutdown().await;
}
