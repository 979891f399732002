//! The type codes of messages and their names (basic profile, "Message Codes and Direction").

macro_rules! message_codes {
    ($($name:ident = $code:literal,)*) => {
        $(#[doc = stringify!($name)] pub const $name: u64 = $code;)*

        /// The name of the message with this code, in the specification's capitals. `the message`
        /// for a code that is not in the table.
        pub(crate) const fn name_of(code: u64) -> &'static str {
            match code {
                $($code => stringify!($name),)*
                _ => "the message",
            }
        }
    };
}

message_codes! {
    HELLO = 1,
    WELCOME = 2,
    ABORT = 3,
    CHALLENGE = 4,
    AUTHENTICATE = 5,
    GOODBYE = 6,
    ERROR = 8,
    PUBLISH = 16,
    PUBLISHED = 17,
    SUBSCRIBE = 32,
    SUBSCRIBED = 33,
    UNSUBSCRIBE = 34,
    UNSUBSCRIBED = 35,
    EVENT = 36,
    CALL = 48,
    CANCEL = 49,
    RESULT = 50,
    REGISTER = 64,
    REGISTERED = 65,
    UNREGISTER = 66,
    UNREGISTERED = 67,
    INVOCATION = 68,
    INTERRUPT = 69,
    YIELD = 70,
    EVENT_RECEIVED = 337,
}
