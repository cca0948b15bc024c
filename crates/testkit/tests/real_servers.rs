//! The throw-away servers themselves: they start, survive a kill with their data, and leave nothing behind.

use std::net::TcpStream;

use weir_testkit::broker::Broker;
use weir_testkit::mariadb::MariaDb;

fn listens(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

#[test]
fn a_broker_comes_back_after_a_kill_and_ends_with_its_value() {
    let mut broker = Broker::start().unwrap();
    let bootstrap = broker.bootstrap();
    broker.kill();
    assert!(!listens(&bootstrap));
    broker.restart().unwrap();
    assert_eq!(broker.bootstrap(), bootstrap);
    broker.stop();
    assert!(!listens(&bootstrap));
    broker.restart().unwrap();
    drop(broker);
    assert!(!listens(&bootstrap));
}

#[test]
fn a_database_comes_back_after_a_kill_and_ends_with_its_value() {
    let mut database = MariaDb::start().unwrap();
    let url = database.url();
    let address = url.split(['@', '/']).nth(3).unwrap().to_owned();
    assert!(listens(&address), "{address}");
    database.kill();
    assert!(!listens(&address));
    database.restart().unwrap();
    assert_eq!(database.url(), url);
    drop(database);
    assert!(!listens(&address));
}
