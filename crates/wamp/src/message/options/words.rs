//! Options whose values are a few fixed words.

use compact_str::CompactString;

use super::{FieldReader, OptionValue};
use crate::codec::{EncodeError, Token, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::serializer::Serializer;
use crate::uri::MatchPolicy;

/// A word of a fixed set, or one that this router does not know: a well-formed request that can't
/// be served gets ERROR, where a value of the wrong type is a protocol violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<T> {
    /// A word of the set.
    Known(T),
    /// Any other.
    Unknown(CompactString),
}

impl<T> From<T> for Word<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

impl<T: Copy> Word<T> {
    /// The word, if it is known.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Unknown(_) => None,
        }
    }
}

/// A fixed set of words.
pub trait Vocabulary: Copy {
    /// The words, as they stand in a sentence.
    const WORDS: &'static str;

    /// The value that a word stands for.
    fn from_word(word: &str) -> Option<Self>;

    /// The word on the wire.
    fn word(self) -> &'static str;
}

impl<T: Vocabulary> OptionValue for Word<T> {
    const EXPECTED: &'static str = "a string";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        match first {
            Token::Text(word) => Ok(T::from_word(&word)
                .map_or_else(|| Self::Unknown(CompactString::new(word)), Self::Known)),
            _ => Err(field.wrong::<Self>()),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Known(_) => 0,
            Self::Unknown(word) => word.size(),
        }
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        match self {
            Self::Known(word) => writer.text(word.word()),
            Self::Unknown(word) => writer.text(word),
        }
        Ok(())
    }
}

/// An option whose values are a few fixed words.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident, $expected:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$word_doc])* $word),* }

        impl $name {
            /// The word on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $text),* }
            }

            /// The value that a word stands for.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$word),)* _ => None }
            }
        }

        impl Vocabulary for $name {
            const WORDS: &'static str = $expected;

            fn from_word(word: &str) -> Option<Self> {
                Self::from_name(word)
            }

            fn word(self) -> &'static str {
                self.name()
            }
        }

        word_value!($name, $expected);
    };
}

macro_rules! word_value {
    ($name:ident, $expected:literal) => {
        impl OptionValue for $name {
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

word_value!(MatchPolicy, "'exact', 'prefix' or 'wildcard'");

words! {
    /// What CANCEL and INTERRUPT do (advanced profile, "Call Canceling").
    CancelMode, "'skip', 'kill' or 'killnowait'" {
        /// The caller hears at once; the callee is left alone.
        Skip = "skip",
        /// The callee is interrupted and its answer passed on.
        Kill = "kill",
        /// The callee is interrupted and the caller hears at once.
        KillNoWait = "killnowait",
    }
}

words! {
    /// How one of several callees is chosen (advanced profile, "Shared Registration").
    ///
    /// The last four are this router's own.
    InvokePolicy,
    "'single', 'first', 'last', 'random', 'roundrobin', 'load', 'hash', 'sticky' or 'all'" {
        /// Nobody else may register.
        Single = "single",
        /// The one that registered first.
        First = "first",
        /// The one that registered last.
        Last = "last",
        /// Any of them.
        Random = "random",
        /// One after the other.
        RoundRobin = "roundrobin",
        /// The one with the fewest unanswered calls.
        Load = "load",
        /// The one that CALL.Options.rkey always falls to.
        Hash = "hash",
        /// The one that the caller's session always falls to.
        Sticky = "sticky",
        /// All of them; the answers are collected.
        All = "all",
    }
}

words! {
    /// Which of the endpoints of a sharded registration a call goes to (advanced profile, "Sharded
    /// Registration").
    RunMode, "'all' or 'partition'" {
        /// All of them; the answers are collected.
        All = "all",
        /// The one that CALL.Options.rkey falls to.
        Partition = "partition",
    }
}

words! {
    /// The unit in which CALL.Options.timeout and INVOCATION.Details.timeout count: as the
    /// specification says ("Call Timeouts"), or as Crossbar.io does.
    CallTimeoutUnit, "'s' or 'ms'" {
        /// Whole seconds, as with Crossbar.io.
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

    /// The milliseconds that so many units are; at most the largest number.
    pub const fn to_millis(self, units: u64) -> u64 {
        units.saturating_mul(self.millis_per_unit())
    }

    /// So many milliseconds in this unit, rounded up: a call never gets less time than was asked
    /// for, and never 0, which stands for no timeout.
    pub const fn of_millis(self, millis: u64) -> u64 {
        millis.div_ceil(self.millis_per_unit())
    }
}

words! {
    /// Legacy passthru: the scheme by which a payload is encrypted, opaque to the router.
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
    fn a_time_in_seconds_is_rounded_up() {
        assert_eq!([1, 999, 1_000, 1_001].map(|millis| Seconds.of_millis(millis)), [1, 1, 1, 2]);
        assert_eq!([0, 1, 1_500].map(|millis| Milliseconds.of_millis(millis)), [0, 1, 1_500]);
        assert_eq!(
            (Seconds.of_millis(0), Seconds.of_millis(u64::MAX)),
            (0, 18_446_744_073_709_552)
        );
    }

    #[test]
    fn seconds_beyond_all_milliseconds_are_the_largest_number() {
        assert_eq!((Seconds.to_millis(30), Milliseconds.to_millis(30)), (30_000, 30));
        assert_eq!(Seconds.to_millis(u64::MAX), u64::MAX);
    }
}
