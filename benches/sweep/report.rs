//! What was measured, as tables for `docs/benchmarks.md`.

use std::collections::BTreeMap;

use crate::process::Usage;
use crate::{CONTESTANTS, READS};

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

fn name(contestant: &str) -> &str {
    match contestant {
        "sdk" => "bare loop of `aws-sdk-s3`",
        "driftless" => "**driftless**",
        "bare" => "bare HTTP/1.1, signed and parsed",
        "boto3" => "boto3, thread pool",
        "custodian" => "Cloud Custodian, four policies",
        other => other,
    }
}

/// One scenario. Ratios are of one round each, so that what else the machine does at the time
/// strikes both sides; the table shows their median.
pub fn sweeps(buckets: usize, latency: u64, concurrency: usize, measured: &BTreeMap<&str, Vec<Usage>>) {
    let rounds = measured.values().map(Vec::len).max().unwrap_or(0);
    println!("\n### {buckets} buckets, latency {latency} ms, {concurrency} at once, {rounds} rounds\n");
    println!(
        "| client | wall, s | buckets/s | CPU, s | CPU a read, µs | CPU × bare SDK loop | wall × ideal | peak, MB |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: |");
    let reads = (buckets * READS) as f64;
    let ideal = reads * latency as f64 / 1000.0 / concurrency as f64;
    for contestant in CONTESTANTS {
        let Some(usages) = measured.get(contestant) else { continue };
        let wall = median(usages.iter().map(|it| it.wall));
        let cpu = median(usages.iter().map(|it| it.cpu));
        let peak = median(usages.iter().map(|it| it.peak_kib as f64 / 1024.0));
        let sdk = measured.get("sdk").into_iter().flatten();
        let ratio = median(usages.iter().zip(sdk).map(|(it, sdk)| it.cpu / sdk.cpu));
        let ratio = if ratio.is_nan() { "–".to_owned() } else { format!("{ratio:.2}") };
        let to_ideal = if latency == 0 { "–".to_owned() } else { format!("{:.2}", wall / ideal) };
        println!(
            "| {} | {wall:.2} | {:.0} | {cpu:.2} | {:.1} | {ratio} | {to_ideal} | {peak:.1} |",
            name(contestant),
            buckets as f64 / wall,
            cpu / reads * 1e6,
        );
    }
}
