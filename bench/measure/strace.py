"""Reads the counts of `strace -c`. Starts nothing."""

# Rarer calls belong to starting and accepting, not to requests.
RARE = 0.02


def parse_summary(text):
    """`{call: count}` of a summary: `% time, seconds, usecs/call, calls, [errors,] syscall`."""
    counts = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[0].replace(".", "").isdigit() and words[-1] != "total":
            counts[words[-1]] = int(words[3])
    return counts


def row(way, procedure, load, requests, calls):
    """One row of the table: each call divided by the number of requests."""
    if not requests:
        return f"| {way} | {procedure} | {load} | – | no request was answered |"
    shares = sorted(((count / requests, name) for name, count in calls.items()), reverse=True)
    named = ", ".join(f"{name} {share:.2f}" for share, name in shares if share >= RARE)
    total = sum(calls.values()) / requests
    return f"| {way} | {procedure} | {load} | {total:.2f} | {named} |"
