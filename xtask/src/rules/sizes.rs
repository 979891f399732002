//! Functions and files that may be longer than the rest.

/// Most lines of a function, from its signature to its last brace.
pub(crate) const MAX_FUNCTION_LINES: usize = 80;

/// Most lines of a file.
pub(crate) const MAX_FILE_LINES: usize = 600;

/// A function or a file that may be longer, and why.
#[derive(Debug)]
pub(crate) struct LongCode {
    /// The path of the file from the repository's root.
    pub(crate) file: &'static str,
    /// The name of the function; none for the file itself.
    pub(crate) function: Option<&'static str>,
    /// Why it is not divided.
    pub(crate) reason: &'static str,
}

/// Functions and files that may be longer.
pub(crate) const LONG_CODE: &[LongCode] = &[
    LongCode {
        file: "crates/node/tests/wire/order.rs",
        function: Some("calls_of_each_caller_arrive_in_order_while_registered_and_end_once"),
        reason: "one scenario: its threads share the state that it checks",
    },
    LongCode {
        file: "crates/wamp/src/websocket/receiver/tests.rs",
        function: Some("violations"),
        reason: "a table with one row for each violation",
    },
];
