//! Thousands of generated expressions, compared; a failing one is made as small as it can be.

use proptest::{
    strategy::{Strategy as _, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    generate::expressions,
    node::{Case, Node},
    server::{self, Server},
    size::is_comparable,
    weir,
};

/// The number that the cases follow from, or `random`.
const SEED: &str = "WEIR_SEED";
/// Where nothing is said, every run compares the same cases: a server has oddities of its own, and no build should fail
/// by chance.
const USUAL_SEED: u64 = 20_240_314;
const CASES: usize = 8_000;
/// Expressions in one round trip.
const BATCH: usize = 100;
/// Failures that are told; one cause has many.
const TOLD: usize = 10;

/// Steps on the way to a smaller case.
const MOST_STEPS: usize = 400;

type Tree = Box<dyn ValueTree<Value = Node>>;

#[test]
fn expressions_give_the_same_text() {
    let seed = match std::env::var(SEED).as_deref() {
        Err(_) => USUAL_SEED,
        Ok("random") => rand::random(),
        Ok(text) => text.parse().unwrap(),
    };
    println!("{SEED}={seed} repeats this run");
    let mut runner = runner(seed);
    let (strategy, mut server) = (expressions(), Server::connect());
    let (mut compared, mut divided, mut told) = (0, 0, Vec::<String>::new());
    while compared < CASES && told.len() < TOLD {
        let mut batch: Vec<(Tree, Case)> = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let tree = strategy.new_tree(&mut runner).unwrap();
            let node = tree.current();
            if is_comparable(&node) {
                batch.push((Box::new(tree), Case::of(&node)));
            }
        }
        let texts: Vec<&str> = batch.iter().map(|(_, case)| case.sql.as_str()).collect();
        let answers = server.evaluate(&texts);
        for ((tree, case), answer) in batch.into_iter().zip(answers) {
            match judge(&tree.current(), &case, &answer, &mut server) {
                Verdict::Same => compared += 1,
                Verdict::DividesByZero => divided += 1,
                Verdict::Differs => told.push(describe(&smallest(tree, &mut server), &mut server)),
            }
        }
    }
    assert!(told.is_empty(), "{SEED}={seed}: {} expressions differ\n\n{}", told.len(), told.join("\n\n"));
    println!("{compared} expressions give the same text, {divided} divide by zero on both sides");
    assert!(divided < compared / 4, "too many cases end in a division by zero to say much");
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Same,
    /// Weir refuses what MySQL makes NULL: see `differences`.
    DividesByZero,
    Differs,
}

fn judge(node: &Node, case: &Case, answer: &server::Answer, server: &mut Server) -> Verdict {
    let own = weir::evaluate(&case.expression, &case.record);
    if own.is(answer) {
        return Verdict::Same;
    }
    // The server may leave out a division that cannot change the whole: then the division alone tells.
    let mut divisions = node.divisions().into_iter().map(Case::of);
    if own.divides_by_zero() && divisions.any(|division| server.divides_by_zero(&division.sql)) {
        Verdict::DividesByZero
    } else {
        Verdict::Differs
    }
}

/// The smallest case found that still differs.
fn smallest(mut tree: Tree, server: &mut Server) -> Case {
    let mut found = Case::of(&tree.current());
    let mut goes_on = tree.simplify();
    for _ in 0..MOST_STEPS {
        if !goes_on {
            break;
        }
        let node = tree.current();
        let case = Case::of(&node);
        let differs = is_comparable(&node) && {
            let answer = server.evaluate(&[&case.sql]).remove(0);
            judge(&node, &case, &answer, server) == Verdict::Differs
        };
        goes_on = if differs { tree.simplify() } else { tree.complicate() };
        if differs {
            found = case;
        }
    }
    found
}

fn describe(case: &Case, server: &mut Server) -> String {
    let answer = server.evaluate(&[&case.sql]).remove(0);
    let own = weir::evaluate(&case.expression, &case.record);
    let Case { expression, record, sql } = case;
    format!("{expression}\n  record {record}\n  as SQL {sql}\n  Weir {own:?}\n  MariaDB {answer:?}")
}
