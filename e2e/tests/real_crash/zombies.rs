//! Zombies: processes stopped for longer than their session, which wake up after their work was taken over.

use std::{thread, time::Duration};

use weir_testkit::{process::resume, proxy::Moment};

use crate::{
    chaos::changing,
    crew::Crew,
    points::Step,
    stand::Stand,
    verdict::expect_exact,
    waiting::{LIMIT, until},
};

/// Longer than a session, and time for the successors to work on what changes. Not a wait for anything.
const SUCCESSION: Duration = Duration::from_secs(16);

/// Where they are stopped: with a page in hand, between a commit and its answer, right before and after a call that
/// Kafka cannot fence, with rows committed that have no receipts yet.
const ROUNDS: [[(Step, Moment); 3]; 3] = [
    [
        (Step::AskSource, Moment::Answered),
        (Step::CommitDocuments, Moment::Heard),
        (Step::CommitSending, Moment::Heard),
    ],
    [
        (Step::CommitRecords, Moment::Sent),
        (Step::CommitDocuments, Moment::Sent),
        (Step::CommitDatabase, Moment::Sent),
    ],
    [
        (Step::CommitRecords, Moment::Heard),
        (Step::CommitDocuments, Moment::Answered),
        (Step::SaveGalaxy, Moment::Answered),
    ],
];

#[test]
fn a_process_that_wakes_up_after_its_work_was_taken_over_writes_nothing_stale_or_double() {
    let stand = Stand::new(changing(91));
    let mut crew = Crew::start(&stand);
    for round in ROUNDS {
        let before = crew.takeovers();
        let traps = round.map(|(step, moment)| {
            (step, stand.ambush.halt(moment, 0, move |sender, call| step.is(sender, call)))
        });
        let zombies = traps.map(|(step, trap)| {
            let zombie = trap.sprung(LIMIT).unwrap_or_else(|| panic!("nobody came to {step:?}"));
            println!("{step:?}: {zombie} is stopped");
            (step, zombie)
        });
        thread::sleep(SUCCESSION);
        for (step, zombie) in &zombies {
            until(&format!("the work of {zombie} is taken over"), || {
                let is_other = |name: &str| name.starts_with(step.stage()) && name != zombie;
                crew.takeovers().iter().any(|(name, now)| is_other(name) && *now > before[name])
            });
        }
        let asleep = crew.takeovers();
        zombies.iter().filter_map(|(_, zombie)| crew.id(zombie)).for_each(resume);
        // One that owns nothing could not be relieved in the next round.
        for (_, zombie) in &zombies {
            until(&format!("{zombie} is at work again"), || {
                crew.takeovers()[zombie.as_str()] > asleep[zombie.as_str()]
            });
        }
    }
    println!("{}", expect_exact(&stand, &mut crew));
}
