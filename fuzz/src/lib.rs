//! Properties of the readers of all formats.

use cloverleaf_wamp::codec::{Token, TokenKind, TokenReader};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::limits::MAX_DEPTH;
use cloverleaf_wamp::serializer::Serializer;

/// Takes the choice of a serializer from the front of an input.
pub fn take_serializer(input: &[u8]) -> Option<(Serializer, &[u8])> {
    let (choice, rest) = input.split_first()?;
    Some((Serializer::ALL[usize::from(*choice) % Serializer::COUNT], rest))
}

/// Skipping a value ends like reading it token by token, with the same error if any. Peeking
/// changes nothing.
pub fn assert_all_ways_agree<'a, R: TokenReader<'a>>(input: &'a [u8]) {
    let walked = walk(R::new(input), false);
    assert_eq!(walk(R::new(input), true), walked);
    assert_eq!(pass(R::new(input)), walked);
}

fn pass<'a, R: TokenReader<'a>>(mut reader: R) -> Result<(), DecodeError> {
    reader.skip()?;
    reader.finish()
}

fn walk<'a, R: TokenReader<'a>>(mut reader: R, peeking: bool) -> Result<(), DecodeError> {
    let mut depth = 0;
    loop {
        let kind = if peeking { reader.peek().ok() } else { None };
        let token = reader.next()?;
        if peeking {
            assert_kind(kind, &token);
        }
        match token {
            Token::ListStart | Token::MapStart => depth += 1,
            Token::ListEnd | Token::MapEnd => depth -= 1,
            _ => {}
        }
        assert!(depth <= MAX_DEPTH);
        if depth == 0 {
            return reader.finish();
        }
    }
}

fn assert_kind(peeked: Option<TokenKind>, token: &Token<'_>) {
    let expected = match token {
        Token::Null | Token::Bool(_) => TokenKind::Scalar,
        Token::Unsigned(_) | Token::Negative(_) | Token::Float(_) => TokenKind::Scalar,
        Token::Text(_) | Token::Key(_) => TokenKind::Text,
        // Bytes in JSON are text at first sight.
        Token::Binary(_) if peeked == Some(TokenKind::Text) => TokenKind::Text,
        Token::Binary(_) => TokenKind::Binary,
        Token::ListStart => TokenKind::List,
        Token::MapStart => TokenKind::Map,
        Token::ListEnd | Token::MapEnd => TokenKind::End,
    };
    assert_eq!(peeked, Some(expected), "before {token:?}");
}
