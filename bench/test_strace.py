"""Reading of strace's summary."""

from measure import strace

SUMMARY = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.11    0.061210           6      9500           io_uring_enter
 39.80    0.040520           8      5000         3 epoll_wait
  0.09    0.000092          46         2           accept4
------ ----------- ----------- --------- --------- ----------------
100.00    0.101822           7     14502         3 total
"""


def test_calls_are_counted_with_and_without_errors():
    assert strace.parse_summary(SUMMARY) == {
        "io_uring_enter": 9500, "epoll_wait": 5000, "accept4": 2}


def test_a_row_names_calls_of_requests_and_sums_up_the_rest():
    calls = strace.parse_summary(SUMMARY)
    assert strace.row("io_uring", "add", "sequential", 5000, calls) == (
        "| io_uring | add | sequential | 2.90 | io_uring_enter 1.90, epoll_wait 1.00 |")


def test_a_run_without_an_answer_is_marked():
    assert "no request was answered" in strace.row("epoll", "add", "sequential", 0, {})
