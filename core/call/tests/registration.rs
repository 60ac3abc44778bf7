//! Phones that register and refresh over a bad network, with three shards, and now and then lose their
//! connection. Each scenario runs `RINGWAY_SEEDS` times (1000); a failure prints its seed.

mod registration_world;

use registration_world::World;

#[expect(clippy::disallowed_methods, reason = "how many seeds run is the choice of whoever runs the tests")]
fn seeds() -> u64 {
    std::env::var("RINGWAY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1000)
}

#[test]
fn every_phone_stays_registered_through_loss_copies_disorder_and_lost_connections() {
    let mut repeated = 0;
    let mut flows_lost = 0;
    for seed in 0..seeds() {
        let mut world = World::new(seed);
        world.run();
        world.check();
        repeated += world.repeated_answers();
        flows_lost += world.flows_lost();
    }
    assert!(repeated > seeds() / 4, "only {repeated} answers came again");
    assert!(flows_lost > seeds() / 4, "only {flows_lost} connections were lost");
}
