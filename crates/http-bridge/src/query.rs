//! The query parameters of a signed request.

use std::borrow::Cow;

/// The first value of each parameter, decoded. Other parameters are ignored.
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

/// Decodes `+` and `%XX` as in `application/x-www-form-urlencoded`. A percent sign without two
/// hexadecimal digits behind it is kept.
fn decode(value: &str) -> Cow<'_, [u8]> {
    if !value.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(value.as_bytes());
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, after @ ..]) => match octet(*high, *low) {
                Some(byte) => (byte, after),
                None => (b'%', &rest[1..]),
            },
            _ => (first, after),
        };
        decoded.push(byte);
        rest = after;
    }
    Cow::Owned(decoded)
}

fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_form_decoded() {
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
    fn the_first_value_counts_and_other_parameters_are_ignored() {
        let fields = SignatureFields::parse("x=1&seq=2&&nonce&seq=3&signature=a=&key=");
        assert_eq!(fields.seq.as_deref(), Some(&b"2"[..]));
        assert_eq!(fields.signature.as_deref(), Some(&b"a="[..]));
        assert_eq!(fields.key.as_deref(), Some(&b""[..]));
        assert_eq!((fields.nonce, fields.timestamp), (None, None));
    }
}
