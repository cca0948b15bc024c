//! Kafka, the SQL server or the ERP away, at the start or in the middle: Weir waits, says so, and goes on.

use weir_sandbox::{Fault, Rule, When};
use weir_testkit::{broker::Broker, mariadb::MariaDb};

use crate::{
    judge::expect_complete,
    stand::{Setup, Stand},
    waiting::until,
};

const MOVEMENTS_API: &str = "queryinoutitemskusns";

fn wait_for_the_first_arrivals(stand: &Stand) {
    until("something has arrived", || {
        let (customers, movements) = stand.stored();
        customers + movements > 0
    });
}

#[test]
fn kafka_may_be_away_at_the_start_and_be_killed_in_the_middle() {
    let mut broker = Broker::start().unwrap();
    let mut setup = Setup::plain("no_kafka", 51).changing(60);
    setup.kafka = Some(broker.bootstrap());
    let stand = Stand::new(setup);
    broker.stop();
    let mut weir = stand.start("all", "one");
    let waits = weir.wait_for_line(&["WARN", "waiting for Kafka"]);
    broker.restart().unwrap();
    wait_for_the_first_arrivals(&stand);
    broker.kill();
    let says = weir.wait_for_line(&["WARN", "Kafka is away, waiting"]);
    broker.restart().unwrap();
    expect_complete(&stand, "Kafka away at the start, then killed once");
    weir.expect_running();
    println!("{waits}\n{says}");
}

#[test]
fn the_sql_server_and_the_erp_may_be_away_at_the_start_and_be_killed_in_the_middle() {
    let mut server = MariaDb::start().unwrap();
    let mut setup = Setup::plain("no_targets", 52).changing(120);
    setup.mysql = Some(server.url());
    setup.sandbox.knobs.set(Fault::Http5xx, Rule::new(When::Every(1)).on("kingdee"));
    let stand = Stand::new(setup);
    server.stop();
    let mut weir = stand.start("all", "one");
    let erp = weir.wait_for_line(&["WARN", "K-AWAY"]);
    let sql = weir.wait_for_line(&["WARN", "S-AWAY"]);
    server.restart().unwrap();
    until("movements are stored", || stand.stored().1 > 0);
    server.kill();
    let polls = stand.calls(MOVEMENTS_API);
    until("polling goes on", || stand.calls(MOVEMENTS_API) > polls + 2);
    let calls = stand.calls("kingdee");
    stand.sandbox.clear(Fault::Http5xx);
    server.restart().unwrap();
    expect_complete(
        &stand,
        &format!("{calls} calls while the ERP was away, the SQL server stopped and killed"),
    );
    weir.expect_running();
    println!("{erp}\n{sql}");
}
