//! Signals to processes, and their memory as the operating system reports it.

use std::fs;
use std::process::Command;

/// Sends a signal, named without `SIG`. A negative number is a process group.
pub(crate) fn send_signal(name: &str, process: i64) {
    // Uses the built-in of the shell, since some systems have no command `kill`.
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s "$0" -- "$1""#, name, &process.to_string()]);
    assert!(kill.status().expect("a shell").success(), "SIG{name} to {process}");
}

/// The resident memory of a process in bytes.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    bytes_in_status(process, "VmRSS:")
}

/// The peak of the resident memory of a process in bytes.
pub(crate) fn peak_resident_bytes(process: u32) -> u64 {
    bytes_in_status(process, "VmHWM:")
}

fn bytes_in_status(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}
