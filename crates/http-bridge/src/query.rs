//! The query parameters of a signed request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The first value of each field, decoded. Other parameters are ignored.
#[derive(Debug, Default)]
pub(crate) struct SignatureFields<'q> {
    pub(crate) key: Option<Cow<'q, [u8]>>,
    pub(crate) timestamp: Option<Cow<'q, [u8]>>,
    pub(crate) seq: Option<Cow<'q, [u8]>>,
    pub(crate) nonce: Option<Cow<'q, [u8]>>,
    pub(crate) signature: Option<Cow<'q, [u8]>>,
}

impl<'q> SignatureFields<'q> {
    pub(crate) fn parse(query: &'q str) -> Self {
        let mut fields = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let field = match name {
                "key" => &mut fields.key,
                "timestamp" => &mut fields.timestamp,
                "seq" => &mut fields.seq,
                "nonce" => &mut fields.nonce,
                "signature" => &mut fields.signature,
                _ => continue,
            };
            field.get_or_insert_with(|| decode(value));
        }
        fields
    }
}

/// Resolves `+` and `%XX` as in `application/x-www-form-urlencoded`; a percent sign that no two
/// hexadecimal digits follow stands for itself.
fn decode(value: &str) -> Cow<'_, [u8]> {
    if !value.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(value.as_bytes());
    }
    let spaced = value.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_as_a_form_is() {
        let decoded = |value| String::from_utf8_lossy(&decode(value)).into_owned();
        assert_eq!(decoded("2011-10-14T16%3A59%3a51.123Z"), "2011-10-14T16:59:51.123Z");
        assert_eq!(decoded("a+b%20c"), "a b c");
        assert_eq!(decoded("%"), "%");
        assert_eq!(decoded("%4"), "%4");
        assert_eq!(decoded("%zz%41"), "%zzA");
        assert_eq!(decoded("%C3%BC"), "ü");
        assert_eq!(decoded("abc="), "abc=");
    }

    #[test]
    fn the_first_of_several_values_counts_and_other_fields_do_not() {
        let fields = SignatureFields::parse("x=1&seq=2&&nonce&seq=3&signature=a=&key=");
        assert_eq!(fields.seq.as_deref(), Some(&b"2"[..]));
        assert_eq!(fields.signature.as_deref(), Some(&b"a="[..]));
        assert_eq!(fields.key.as_deref(), Some(&b""[..]));
        assert_eq!((fields.nonce, fields.timestamp), (None, None));
    }
}
