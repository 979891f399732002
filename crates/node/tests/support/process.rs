//! What the operating system says about processes, and signals to them.

use std::fs;
use std::process::Command;

/// Sends a signal, by its name without `SIG`. A negative number is a process group.
pub(crate) fn send_signal(name: &str, process: i64) {
    // The shell's own, since the command of this name is not everywhere.
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s "$0" -- "$1""#, name, &process.to_string()]);
    assert!(kill.status().expect("a shell").success(), "SIG{name} to {process}");
}

/// The resident memory of a process.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    bytes_in_status(process, "VmRSS:")
}

/// The most resident memory that a process has had so far.
pub(crate) fn peak_resident_bytes(process: u32) -> u64 {
    bytes_in_status(process, "VmHWM:")
}

fn bytes_in_status(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}
