//! A kill at every chosen point: each is met at least once while records change and answers are lost.

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    chaos::changing, crew::Crew, points::Point, stand::Stand, verdict::expect_exact, waiting::LIMIT,
};

/// How long one trap is watched before the next.
const LOOK: Duration = Duration::from_millis(20);

#[test]
fn a_kill_at_every_point_loses_and_doubles_nothing() {
    let stand = Stand::new(changing(81));
    let mut crew = Crew::start(&stand);
    let mut dice = StdRng::seed_from_u64(81);
    // Three at a time, one of each third: processes of several stages lie at once. Each is replaced as it falls, for
    // all three may be of one stage, and then nobody would be left to come to the last point.
    let points: Vec<Point> = Point::all().collect();
    let third = points.len().div_ceil(3);
    for round in 0..third {
        let mut traps: Vec<_> = points
            .iter()
            .skip(round)
            .step_by(third)
            .map(|point| {
                let step = point.step;
                let matches = move |sender: &str, call: &_| step.is(sender, call);
                (point, stand.ambush.kill(point.moment, dice.random_range(0..2), matches))
            })
            .collect();
        let deadline = Instant::now() + LIMIT;
        while !traps.is_empty() {
            traps.retain(|(point, trap)| {
                let Some(victim) = trap.sprung(LOOK) else { return true };
                println!("{point}: {victim}");
                crew.replace(&victim);
                false
            });
            let left: Vec<_> = traps.iter().map(|(point, _)| point.to_string()).collect();
            assert!(left.is_empty() || Instant::now() < deadline, "nobody came to {left:?}");
        }
    }
    let result = expect_exact(&stand, &mut crew);
    println!("{} kills at {} points; {result}", points.len(), points.len());
}
