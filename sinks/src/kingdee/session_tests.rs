//! The session of a login against the sandbox: one login for all who share the connection, one renewal, nothing twice.

use serde_json::{Value, json};
use weir_model::settings::Problems;
use weir_model::target::{Batch, Delivery, Ownership, Target as _, TargetError};
use weir_sandbox::When::{Every, Next};
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox};

use super::tests::{connection, delivery, flow, short};
use super::{Clients, GalaxyTarget};

/// Two flows on one connection.
struct Site {
    running: Running,
    targets: [GalaxyTarget; 2],
}

fn by_session(running: &Running, password: &str) -> Value {
    let mut connection = connection(&running.base_url());
    connection["auth"] = json!("session");
    connection["password"] = json!(password);
    connection
}

impl Site {
    async fn start(password: &str) -> Self {
        let options = Options { customers: 1, movements: 1, ..Options::default() };
        let running = Sandbox::start(options, "127.0.0.1:0").await.unwrap();
        let connection = by_session(&running, password);
        let clients = Clients::default();
        let mut problems = Problems::new("weir.yaml");
        let targets = ["{}", "{batch_documents: 5}"].map(|settings| {
            let target = flow(settings).target;
            GalaxyTarget::build(&target, &connection, "connections.k", &clients, &mut problems).unwrap()
        });
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        Self { running, targets }
    }

    async fn deliver(&self, flow: usize, deliveries: &[Delivery]) -> String {
        let batch =
            Batch { partition: 0, deliveries, settled: &[], next_offset: 0, ownership: Ownership::sole() };
        short(&self.targets[flow].deliver(batch).await.unwrap())
    }

    fn logins(&self) -> u64 {
        let counts = self.running.handle().state().calls;
        counts.get("kingdee ValidateUser").map_or(0, |count| count.received)
    }

    /// How often a document was created and updated.
    fn writes(&self, number: &str) -> (usize, u32) {
        let state = self.running.handle().state();
        let document = state.kingdee.store.document("BD_Customer", number).unwrap();
        (document.creates, document.updates)
    }
}

#[tokio::test]
async fn two_flows_of_a_connection_share_one_login_also_side_by_side() {
    let site = Site::start("demo-password").await;
    let (one, two) = ([delivery("1", "甲")], [delivery("2", "乙")]);
    let (first, second) = tokio::join!(site.deliver(0, &one), site.deliver(1, &two));
    assert_eq!((first.as_str(), second.as_str()), ("delivered", "delivered"));
    assert!(site.targets[0].probe().await.unwrap().problems.is_empty());
    assert_eq!(site.logins(), 1);
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_of_a_batch_is_renewed_once() {
    let site = Site::start("demo-password").await;
    assert_eq!(site.deliver(0, &[delivery("1", "甲")]).await, "delivered");
    // The look-up is the batch's first call, the save its second: each ends the session once.
    for operation in ["ExecuteBillQuery", "BatchSave"] {
        site.running.handle().set(Fault::ExpiredToken, Rule::new(Next(1)).on(operation));
        let logins = site.logins();
        let known = Delivery { unresolved: true, ..delivery("1", "甲") };
        let number = format!("of-{operation}");
        assert_eq!(site.deliver(0, &[known, delivery(&number, "乙")]).await, "delivered, delivered");
        assert_eq!((site.logins() - logins, site.writes(&number)), (1, (1, 0)), "{operation}");
    }
    assert_eq!(site.writes("1"), (1, 0));
}

#[tokio::test]
async fn a_session_that_two_batches_find_lost_is_renewed_once() {
    let site = Site::start("demo-password").await;
    assert_eq!(site.deliver(0, &[delivery("1", "甲")]).await, "delivered");
    site.running.handle().expire_kingdee_sessions();
    let (one, two) = ([delivery("2", "乙")], [delivery("3", "丙")]);
    let (first, second) = tokio::join!(site.deliver(0, &one), site.deliver(1, &two));
    assert_eq!((first.as_str(), second.as_str()), ("delivered", "delivered"));
    assert_eq!((site.logins(), site.writes("2"), site.writes("3")), (2, (1, 0), (1, 0)));
}

#[tokio::test]
async fn a_session_that_never_lives_halts_and_a_wrong_password_is_told_in_the_sites_words() {
    let site = Site::start("demo-password").await;
    site.running.handle().set(Fault::ExpiredToken, Rule::new(Every(1)).on("BatchSave"));
    assert_eq!(site.deliver(0, &[delivery("1", "甲")]).await, "halt K-CREDENTIAL");
    assert_eq!(site.logins(), 2, "one login, one repeat");

    let site = Site::start("wrong").await;
    let Err(TargetError::Halted(refusal)) = site.targets[0].probe().await else {
        panic!("a wrong password must halt");
    };
    assert!(!refusal.message.contains("wrong"), "{}", refusal.message);
    assert!(refusal.message.contains("LoginResultType"), "{}", refusal.message);
    assert_eq!(site.deliver(1, &[delivery("1", "甲")]).await, "halt K-CREDENTIAL");
    assert_eq!(site.logins(), 1, "a refused password is not tried again at once");
}
