//! Helpers for tests of all formats: a value as a tree, written and read token by token.

use std::ops::Range;

use super::{Token, TokenKind, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;
use crate::serializer::Serializer;
use crate::{with_token_reader, with_token_writer};

mod golden;
mod properties;
mod serde_values;
mod transcoding;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    Binary(Vec<u8>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// Parses hexadecimal digits with white space.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<_> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// Reads one value token by token. Fails if bytes follow.
pub(super) fn walk<'a, R: TokenReader<'a>>(input: &'a [u8]) -> Result<Vec<Token<'a>>, DecodeError> {
    let mut reader = R::new(input);
    let mut tokens = Vec::new();
    let mut depth = 0;
    loop {
        let token = reader.next()?;
        match token {
            Token::ListStart | Token::MapStart => depth += 1,
            Token::ListEnd | Token::MapEnd => depth -= 1,
            _ => {}
        }
        tokens.push(token);
        if depth == 0 {
            return reader.finish().map(|()| tokens);
        }
    }
}

/// Skips one value. Fails if bytes follow.
pub(super) fn pass<'a, R: TokenReader<'a>>(input: &'a [u8]) -> Result<Range<usize>, DecodeError> {
    let mut reader = R::new(input);
    let span = reader.skip()?;
    reader.finish().map(|()| span)
}

/// Reads the value token by token, again with `peek` before each token, and skips it. All must have
/// the same result, which is returned.
pub(super) fn agreed<'a, R: TokenReader<'a>>(
    input: &'a [u8],
) -> Result<Vec<Token<'a>>, DecodeError> {
    let walked = walk::<R>(input);
    assert_eq!(walked.clone().map(drop), pass::<R>(input).map(drop), "skip on {input:?}");
    let mut reader = R::new(input);
    for token in walked.iter().flatten() {
        let binary_text = reader.peek() == Ok(TokenKind::Text) && kind(token) == TokenKind::Binary;
        assert!(binary_text || reader.peek() == Ok(kind(token)), "peek before {token:?}");
        assert_eq!(reader.next().as_ref(), Ok(token));
    }
    walked
}

fn kind(token: &Token<'_>) -> TokenKind {
    match token {
        Token::Null | Token::Bool(_) => TokenKind::Scalar,
        Token::Unsigned(_) | Token::Negative(_) | Token::Float(_) => TokenKind::Scalar,
        Token::Text(_) | Token::Key(_) => TokenKind::Text,
        Token::Binary(_) => TokenKind::Binary,
        Token::ListStart => TokenKind::List,
        Token::MapStart => TokenKind::Map,
        Token::ListEnd | Token::MapEnd => TokenKind::End,
    }
}

/// Asserts that reading and skipping each input fails with this error.
pub(super) fn assert_fails<'a, R: TokenReader<'a>>(input: &'a [u8], error: &DecodeError) {
    assert_eq!(agreed::<R>(input).as_ref(), Err(error), "{input:?}");
}

/// Asserts that the maximum nesting is accepted, and that one level more and very many more are
/// rejected.
pub(super) fn assert_depth_is_bounded(
    read: impl Fn(&[u8]) -> Result<(), DecodeError>,
    [start, middle, end]: [&[u8]; 3],
) {
    let nested = |levels| [&start.repeat(levels), middle, &end.repeat(levels)].concat();
    assert_eq!(read(&nested(MAX_DEPTH)), Ok(()));
    assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(DecodeError::TooDeep));
    assert_eq!(read(&nested(100_000)), Err(DecodeError::TooDeep));
    assert_eq!(read(&start.repeat(100_000)), Err(DecodeError::TooDeep));
}

/// Writes a value in a format.
pub(super) fn encode(serializer: Serializer, tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    with_token_writer!(serializer, W => write(&mut W::new(&mut out), tree));
    out
}

/// Reads a value and checks that skipping agrees.
pub(super) fn decode(serializer: Serializer, input: &[u8]) -> Result<Tree, DecodeError> {
    let tokens = with_token_reader!(serializer, R => agreed::<R<'_>>(input))?;
    let mut tokens = tokens.into_iter();
    let first = tokens.next().unwrap();
    Ok(tree(first, &mut tokens))
}

fn write<W: TokenWriter>(writer: &mut W, tree: &Tree) {
    match tree {
        Tree::Null => writer.null(),
        Tree::Bool(value) => writer.bool(*value),
        Tree::Unsigned(value) => writer.unsigned(*value),
        Tree::Negative(value) => writer.signed(*value),
        Tree::Float(value) => writer.float(*value),
        Tree::Text(value) => writer.text(value),
        Tree::Binary(value) => writer.binary(value),
        Tree::List(entries) => {
            writer.list_start(entries.len());
            entries.iter().for_each(|entry| write(writer, entry));
            writer.list_end();
        }
        Tree::Map(entries) => {
            writer.map_start(entries.len());
            for (key, value) in entries {
                writer.key(key);
                write(writer, value);
            }
            writer.map_end();
        }
    }
}

fn tree<'a>(first: Token<'a>, rest: &mut impl Iterator<Item = Token<'a>>) -> Tree {
    match first {
        Token::Null => Tree::Null,
        Token::Bool(value) => Tree::Bool(value),
        Token::Unsigned(value) => Tree::Unsigned(value),
        Token::Negative(value) => Tree::Negative(value),
        Token::Float(value) => Tree::Float(value),
        Token::Text(value) => Tree::Text(value.into_owned()),
        Token::Binary(value) => Tree::Binary(value.into_owned()),
        Token::ListStart => {
            let mut entries = Vec::new();
            while let Some(token) = rest.next().filter(|token| *token != Token::ListEnd) {
                entries.push(tree(token, rest));
            }
            Tree::List(entries)
        }
        Token::MapStart => {
            let mut entries = Vec::new();
            while let Some(Token::Key(key)) = rest.next() {
                let value = rest.next().unwrap();
                entries.push((key.into_owned(), tree(value, rest)));
            }
            Tree::Map(entries)
        }
        Token::Key(_) | Token::ListEnd | Token::MapEnd => panic!("{first:?} is no value"),
    }
}
