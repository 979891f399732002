//! The macros that declare the keys of sections, so that each key is named once.

/// Declares a struct of options, with [`Default`] and
/// [`SectionOptions`](crate::section::SectionOptions). The name of each field is the key of the
/// option, so that each option is named once.
///
/// A field is written `name: Type = default, reader;`. The reader is a function of the section, the
/// key and the default. A field with another key is written `name as KEY: Type = default, reader;`.
macro_rules! options {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $(
                $(#[$doc:meta])*
                $field:ident $(as $key:ident)?: $type:ty = $default:expr, $reader:expr;
            )*
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
            const KEYS: &'static [&'static str] =
                &[$($crate::options::key!($field $(= $key)?),)*];

            fn read(section: &mut $crate::section::Section<'_>) -> Self {
                let default = Self::default();
                Self {
                    $($field: ($reader)(
                        section,
                        $crate::options::key!($field $(= $key)?),
                        default.$field,
                    ),)*
                }
            }
        }
    };
}

/// Declares the keys of a section whose reader is a function: a const with a field for each key,
/// by which the reader refers to the key, and the list `ALL` for
/// [`SectionKeys`](crate::section::SectionKeys). A key that is not declared cannot be read; for a
/// key that is not read the compiler gives a warning.
///
/// The name of a field is the key. A field with another key is written `name = "key"`.
macro_rules! keys {
    (
        $(#[$attribute:meta])*
        const $const:ident: $name:ident = { $($field:ident $(= $key:literal)?),* $(,)? };
    ) => {
        $(#[$attribute])*
        struct $name {
            $($field: &'static str,)*
        }

        impl $name {
            const ALL: &'static [&'static str] =
                &[$($crate::options::key!($field $(= $key)?),)*];
        }

        const $const: $name = $name {
            $($field: $crate::options::key!($field $(= $key)?),)*
        };
    };
}

/// The key of a field: the given one, or the name of the field.
macro_rules! key {
    ($field:ident = $key:expr) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

pub(crate) use {key, keys, options};
