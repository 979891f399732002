//! Options whose values are the names of a fixed set.

use compact_str::CompactString;

use super::{FieldReader, OptionValue};
use crate::codec::{Token, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::heap_size::HeapSize;
use crate::payload::EncodeError;
use crate::serializer::Serializer;
use crate::uri::MatchPolicy;

/// An enum whose values are written by name.
pub trait OptionEnum: Copy {
    /// All names, as an error message lists them.
    const NAMES: &'static str;

    /// The value with this name.
    fn parse_name(name: &str) -> Option<Self>;

    /// The name on the wire.
    fn as_name(self) -> &'static str;
}

/// A value of an enum, or a name that this router does not know.
///
/// A request with an unknown name is answered with ERROR. A value of another type than a string is
/// a protocol violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenEnum<T> {
    /// A value of the enum.
    Known(T),
    /// Any other name.
    Unknown(CompactString),
}

impl<T> From<T> for OpenEnum<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Copy> OpenEnum<T> {
    /// The value, if its name is known.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T: OptionEnum> OptionValue for OpenEnum<T> {
    const EXPECTED: &'static str = "a string";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        match first {
            Token::Text(name) => Ok(T::parse_name(&name)
                .map_or_else(|| Self::Unknown(CompactString::new(name)), Self::Known)),
            _ => Err(field.wrong::<Self>()),
        }
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        match self {
            Self::Known(value) => writer.text(value.as_name()),
            Self::Unknown(name) => writer.text(name),
        }
        Ok(())
    }
}

impl<T> HeapSize for OpenEnum<T> {
    fn heap_size(&self) -> usize {
        match self {
            Self::Known(_) => 0,
            Self::Unknown(name) => name.heap_size(),
        }
    }
}

/// Declares an enum with the names of its values.
macro_rules! option_enum {
    (
        $(#[$doc:meta])*
        $enum:ident, $expected:literal {
            $($(#[$value_doc:meta])* $value:ident = $name:literal),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$value_doc])* $value),* }

        impl $enum {
            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$value),)* _ => None }
            }
        }

        impl HeapSize for $enum {
            fn heap_size(&self) -> usize {
                0
            }
        }

        option_enum_value!($enum, $expected);
    };
}

/// Makes an enum with `name` and `from_name` the type of an option.
macro_rules! option_enum_value {
    ($enum:ident, $expected:literal) => {
        impl OptionEnum for $enum {
            const NAMES: &'static str = $expected;

            fn parse_name(name: &str) -> Option<Self> {
                Self::from_name(name)
            }

            fn as_name(self) -> &'static str {
                self.name()
            }
        }

        impl OptionValue for $enum {
            const EXPECTED: &'static str = $expected;

            fn read<'f, R: TokenReader<'f>>(
                first: Token<'f>,
                field: &mut FieldReader<'_, 'f, R>,
            ) -> Result<Self, DecodeError> {
                match first {
                    Token::Text(name) => {
                        Self::from_name(&name).ok_or_else(|| field.wrong::<Self>())
                    }
                    _ => Err(field.wrong::<Self>()),
                }
            }

            fn write<W: TokenWriter>(
                &self,
                _: Serializer,
                writer: &mut W,
            ) -> Result<(), EncodeError> {
                writer.text(self.name());
                Ok(())
            }
        }
    };
}

option_enum_value!(MatchPolicy, "'exact', 'prefix' or 'wildcard'");

option_enum! {
    /// What CANCEL and INTERRUPT do (advanced profile, "Call Canceling").
    CancelMode, "'skip', 'kill' or 'killnowait'" {
        /// The caller gets ERROR at once. The callee is not interrupted.
        Skip = "skip",
        /// The callee is interrupted, and its answer is passed on to the caller.
        Kill = "kill",
        /// The callee is interrupted, and the caller gets ERROR at once.
        KillNoWait = "killnowait",
    }
}

option_enum! {
    /// How the router chooses one of several callees (advanced profile, "Shared Registration").
    ///
    /// The last four are this router's own.
    InvokePolicy,
    "'single', 'first', 'last', 'random', 'roundrobin', 'load', 'hash', 'sticky' or 'all'" {
        /// One callee at most: further registrations are refused.
        Single = "single",
        /// The callee that registered first.
        First = "first",
        /// The callee that registered last.
        Last = "last",
        /// A random callee.
        Random = "random",
        /// One callee after the other.
        RoundRobin = "roundrobin",
        /// The callee with the fewest unanswered calls.
        Load = "load",
        /// The callee that the hash of CALL.Options.rkey selects.
        Hash = "hash",
        /// The callee that the hash of the caller's session selects.
        Sticky = "sticky",
        /// All callees. Their answers are collected.
        All = "all",
    }
}

option_enum! {
    /// Which endpoints of a sharded registration a call goes to (advanced profile, "Sharded
    /// Registration").
    RunMode, "'all' or 'partition'" {
        /// All endpoints. Their answers are collected.
        All = "all",
        /// The endpoint that CALL.Options.rkey selects.
        Partition = "partition",
    }
}

option_enum! {
    /// The unit of CALL.Options.timeout and INVOCATION.Details.timeout: that of the specification
    /// ("Call Timeouts") or that of Crossbar.io.
    CallTimeoutUnit, "'s' or 'ms'" {
        /// Whole seconds, as in Crossbar.io.
        Seconds = "s",
        /// Milliseconds, as in the specification.
        Milliseconds = "ms",
    }
}

impl CallTimeoutUnit {
    const fn millis_per_unit(self) -> u64 {
        match self {
            Self::Seconds => 1_000,
            Self::Milliseconds => 1,
        }
    }

    /// Converts from this unit to milliseconds. Saturates at the largest number.
    pub const fn to_millis(self, units: u64) -> u64 {
        units.saturating_mul(self.millis_per_unit())
    }

    /// Converts milliseconds to this unit, rounded up: a call never gets less time than was asked
    /// for, and never 0, which stands for no timeout.
    pub const fn from_millis(self, millis: u64) -> u64 {
        millis.div_ceil(self.millis_per_unit())
    }
}

option_enum! {
    /// Legacy passthru: the scheme by which a payload is encrypted. The router does not use it.
    EncAlgo, "'cryptobox', 'mqtt' or 'xbr'" {
        /// NaCl crypto box.
        Cryptobox = "cryptobox",
        /// A raw MQTT payload.
        Mqtt = "mqtt",
        /// XBR.
        Xbr = "xbr",
    }
}

#[cfg(test)]
mod tests {
    use super::CallTimeoutUnit::{Milliseconds, Seconds};

    #[test]
    fn milliseconds_are_rounded_up_to_seconds() {
        assert_eq!([1, 999, 1_000, 1_001].map(|millis| Seconds.from_millis(millis)), [1, 1, 1, 2]);
        assert_eq!([0, 1, 1_500].map(|millis| Milliseconds.from_millis(millis)), [0, 1, 1_500]);
        assert_eq!(
            (Seconds.from_millis(0), Seconds.from_millis(u64::MAX)),
            (0, 18_446_744_073_709_552)
        );
    }

    #[test]
    fn seconds_that_overflow_saturate_as_milliseconds() {
        assert_eq!((Seconds.to_millis(30), Milliseconds.to_millis(30)), (30_000, 30));
        assert_eq!(Seconds.to_millis(u64::MAX), u64::MAX);
    }
}
