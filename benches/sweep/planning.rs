//! Planning alone, from values in memory, on one core.

use std::time::{Duration, Instant};

use driftless::clock::{Clock, SystemClock};
use driftless::desired::Wish;
use driftless::doc::Doc;
use driftless::observed::{Existence, Observed, Reading};
use driftless::plan::{Context, NoBrakes, next_reads, plan};
use serde_json::json;

use crate::ours;
use crate::report::median;

const BUCKETS: usize = 2000;
const SETTINGS: usize = 4;
const LONG_ENOUGH: Duration = Duration::from_millis(1500);

/// A bucket as it was read: compliant, and perhaps with a tag that no other bucket has.
fn observed(wish: &Wish, own_tag: Option<usize>) -> Observed {
    let mut tags = json!({"Name": "AI Model Data Storage", "Purpose": "Distributed AI Model Training"});
    if let Some(n) = own_tag {
        tags["CostCenter"] = json!(n.to_string());
    }
    let block = json!({
        "blockPublicAcls": true, "ignorePublicAcls": true, "blockPublicPolicy": true, "restrictPublicBuckets": true,
    });
    let mut observed = Observed::new(Existence::Here(wish.region.clone()));
    for (setting, value) in [
        ("publicAccessBlock", block),
        ("versioning", json!({"status": "Enabled"})),
        ("encryption", json!({"algorithm": "AES256", "blockedEncryptionTypes": []})),
        ("tags", tags),
    ] {
        let whole = driftless::settings::named(setting).canonical(&Doc::of(&value));
        observed.note(setting, Reading::Known(whole));
    }
    observed
}

pub fn measure() {
    let desired = ours::desired(BUCKETS);
    let wishes: Vec<&Wish> = desired.buckets.values().map(|wish| &**wish).collect();
    println!("\n### Planning from values in memory, one core\n");
    println!("| fleet | settings/s |");
    println!("| --- | --: |");
    for (fleet, own) in [("buckets alike", false), ("every bucket with a tag of its own", true)] {
        let seen: Vec<Observed> = wishes.iter().enumerate().map(|(n, wish)| observed(wish, own.then_some(n))).collect();
        let now = SystemClock.now();
        let context = Context { now, approvals: &desired.approvals, brakes: &NoBrakes };
        let mut rates = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < LONG_ENOUGH || rates.len() < 3 {
            let round = Instant::now();
            for (wish, seen) in wishes.iter().zip(&seen) {
                assert!(next_reads(wish, seen, now).is_empty(), "everything was read");
                let planned = std::hint::black_box(plan(wish, seen, &context));
                assert!(planned.in_sync(), "the fleet complies");
            }
            rates.push((wishes.len() * SETTINGS) as f64 / round.elapsed().as_secs_f64());
        }
        println!("| {fleet} | {:.0} |", median(rates.into_iter()));
    }
}
