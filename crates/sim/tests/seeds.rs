//! Ten fixed seeds, small: broken rules show here first. Long searches are for `cargo run -p sim -- --seeds A..B`.

use sim::{Disk, Options, Report, run};

const SEEDS: [u64; 10] = [1, 2, 4, 6, 8, 9, 10, 12, 14, 15];
const STEPS: u64 = 8_000;

fn small(seed: u64) -> Report {
    run(seed, &Options { steps: STEPS, ..Options::default() })
}

#[test]
fn no_rule_is_broken() {
    let mut settled = 0;
    for seed in SEEDS {
        let report = small(seed);
        assert_eq!(report.violation, None, "{report}\n{}", report.lines.join("\n"));
        settled += report.totals.settled;
    }
    assert!(settled > 1_000, "only {settled} messages were owed: the runs test little");
}

#[test]
fn disks_that_lie_or_rot_cost_no_more_than_what_they_lose() {
    for disk in [Disk::Lying, Disk::Rotting] {
        let mut crashes = 0;
        for seed in SEEDS {
            let report = run(seed, &Options { steps: STEPS, disk, ..Options::default() });
            assert_eq!(report.violation, None, "{disk:?}: {report}\n{}", report.lines.join("\n"));
            crashes += report.totals.crashes;
        }
        assert!(crashes > 5, "only {crashes} crashes: the runs test little");
    }
}

#[test]
fn a_seed_gives_the_same_run_each_time_and_another_seed_another() {
    let (one, again, other) = (small(3), small(3), small(5));
    assert_eq!((one.hash, one.steps, one.totals), (again.hash, again.steps, again.totals));
    assert_ne!(one.hash, other.hash);
}

#[test]
fn the_size_of_a_run_can_be_chosen() {
    let options = Options { steps: 500, clients: Some(2), shards: Some(1), ..Options::default() };
    assert_eq!(run(1, &options).size, (1, 2));
}
