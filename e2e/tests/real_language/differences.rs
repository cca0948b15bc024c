//! The deliberate differences of the language's reference: each is one.

use weir_expr::reference::DIFFERENCES;

use super::{
    server::Server,
    weir::{self, Answer},
};

#[test]
fn every_listed_difference_is_one() {
    let mut server = Server::connect();
    let mut wrong = Vec::new();
    for row in DIFFERENCES {
        let own = weir::evaluate(&format!("_function {}", row.expression), "{}");
        let answer = server.evaluate(&[row.expression]).remove(0);
        let own_as_listed = match &own {
            Answer::Null => row.weir == "null",
            Answer::Number(text) | Answer::Text(text) => row.weir == text,
            Answer::Refused(said) => said.starts_with(row.weir),
        };
        let answer_as_listed = match &answer {
            Ok(None) => row.mysql == "NULL",
            Ok(Some(text)) => row.mysql == text,
            Err(refusal) => refusal.contains(&format!(": {} (", row.mysql)),
        };
        if own.is(&answer) || !own_as_listed || !answer_as_listed {
            wrong.push(format!("{}: Weir {own:?}, MariaDB {answer:?}", row.expression));
        }
    }
    assert!(wrong.is_empty(), "not as listed:\n{}", wrong.join("\n"));
}

/// `SYSDATE` is compared by no generated expression: the server's is the time of its clock.
#[test]
fn the_clock_never_shows() {
    assert_eq!(weir::evaluate("_function SYSDATE()", "{}"), Answer::Text("2024-03-14 16:00:00".into()));
}
