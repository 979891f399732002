//! The macro that declares a section of options: its struct, defaults, keys and reader in one
//! place.

/// Declares a struct of options, with [`Default`] and
/// [`SectionOptions`](crate::section::SectionOptions). The name of each field is the key of the
/// option, so that each option is named once.
///
/// A field is written `name: Type = default, reader;`. The reader is a function of the section, the
/// key and the default.
macro_rules! options {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $reader:expr;)*
        }
    ) => {
        $(#[$attribute])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::section::SectionOptions for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($field),)*];

            fn read(section: &mut $crate::section::Section<'_>) -> Self {
                let default = Self::default();
                Self { $($field: ($reader)(section, stringify!($field), default.$field),)* }
            }
        }
    };
}

pub(crate) use options;
