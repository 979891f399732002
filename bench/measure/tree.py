"""A server of several processes, with the CPU time and memory of all of them."""

import os
from pathlib import Path

from measure.processes import Server, parse_cpu_seconds

# A process that ends while it is read is left out.
GONE = (FileNotFoundError, ProcessLookupError)


class Tree(Server):
    """A server with all processes that it started, as long as they run."""

    def cpu_seconds(self):
        """CPU time, user and system, of all processes of the tree."""
        ticks = os.sysconf("SC_CLK_TCK")
        return sum(parse_cpu_seconds(stat, ticks) for stat in self.each("stat"))

    def resident_kib(self):
        """Resident memory of the tree, in KiB. Shared memory counts once, divided among the
        processes (Linux calls it the proportional set size)."""
        return sum(parse_share_kib(rollup) for rollup in self.each("smaps_rollup"))

    def each(self, file):
        """The content of a file in /proc of every process of the tree."""
        for pid in sorted(descendants(parents(), self.process.pid)):
            try:
                yield Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8")
            except GONE:
                pass


def parents():
    """`{pid: pid of its parent}` of all processes."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                found[int(folder.name)] = parse_parent((folder / "stat").read_text("utf-8"))
            except GONE:
                pass
    return found


def parse_parent(stat):
    """The parent's pid of a line of /proc/<pid>/stat; see `parse_cpu_seconds` for the name in
    it."""
    return int(stat.rsplit(")", 1)[1].split()[1])


def descendants(parent_of, root):
    """`root` and all its descendants."""
    found, unseen = {root}, {pid: parent for pid, parent in parent_of.items() if pid != root}
    while new := {pid for pid, parent in unseen.items() if parent in found} - found:
        found |= new
    return found


def parse_share_kib(rollup):
    """Pss of /proc/<pid>/smaps_rollup; 0 for a process that has ended."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
