//! What the kernel says of this process. Outside Linux there is nothing to say.

use super::text::Exposition;

/// The kernel tells user space times in hundredths of a second on every architecture (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Adds the process's own metrics, as far as they can be read.
pub(super) fn write(out: &mut Exposition) {
    let Some((cpu, started)) = std::fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(stat) else {
        return;
    };
    out.family("driftless_process_cpu_seconds_total").series(&[], cpu);
    if let Ok(fds) = std::fs::read_dir("/proc/self/fd") {
        out.family("driftless_process_open_fds").series(&[], fds.count() as f64);
    }
    if let Some(bytes) = std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident) {
        out.family("driftless_process_resident_memory_bytes").series(&[], bytes);
    }
    if let Some(boot) = std::fs::read_to_string("/proc/stat").ok().as_deref().and_then(boot) {
        out.family("driftless_process_start_time_seconds").series(&[], boot + started);
    }
}

/// CPU seconds, and the start in seconds after boot (proc(5), fields 14, 15 and 22).
fn stat(text: &str) -> Option<(f64, f64)> {
    // The name of the program may hold spaces and parentheses; numbers begin after the last one.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some(((ticks(14)? + ticks(15)?) / TICKS, ticks(22)? / TICKS))
}

fn resident(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

fn boot(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        let text = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 12345 1 2 3";
        assert_eq!(stat(text), Some((3.0, 123.45)));
        assert_eq!(resident("VmPeak: 9 kB\nVmRSS:\t  10 kB\n"), Some(10240.0));
        assert_eq!(boot("cpu 1\nbtime 1700000000\n"), Some(1.7e9));
    }
}
