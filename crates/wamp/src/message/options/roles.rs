//! The roles of HELLO and WELCOME: `{role: {"features": {feature: true}}}`.

use super::{FieldReader, OptionValue};
use crate::codec::{Token, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::features::{ClientRoles, Feature, Features, RouterRoles};
use crate::heap_size::HeapSize;
use crate::payload::EncodeError;
use crate::serializer::Serializer;

impl OptionValue for ClientRoles {
    const EXPECTED: &'static str = "a dictionary of roles";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        let mut roles = Self::default();
        read_roles::<Self, R>(&first, field, |name, features| {
            match name {
                "publisher" => roles.publisher = Some(features),
                "subscriber" => roles.subscriber = Some(features),
                "caller" => roles.caller = Some(features),
                "callee" => roles.callee = Some(features),
                _ => {}
            };
        })?;
        Ok(roles)
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        write_roles(
            &[
                ("publisher", self.publisher),
                ("subscriber", self.subscriber),
                ("caller", self.caller),
                ("callee", self.callee),
            ],
            writer,
        );
        Ok(())
    }
}

impl OptionValue for RouterRoles {
    const EXPECTED: &'static str = "a dictionary of roles";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        let mut roles = Self::default();
        read_roles::<Self, R>(&first, field, |name, features| {
            match name {
                "broker" => roles.broker = Some(features),
                "dealer" => roles.dealer = Some(features),
                _ => {}
            };
        })?;
        Ok(roles)
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        write_roles(&[("broker", self.broker), ("dealer", self.dealer)], writer);
        Ok(())
    }
}

impl HeapSize for ClientRoles {
    fn heap_size(&self) -> usize {
        0
    }
}

impl HeapSize for RouterRoles {
    fn heap_size(&self) -> usize {
        0
    }
}

/// Reads `{role: {"features": {feature: true}}}`.
fn read_roles<'f, T: OptionValue, R: TokenReader<'f>>(
    first: &Token<'f>,
    field: &mut FieldReader<'_, 'f, R>,
    mut found: impl FnMut(&str, Features),
) -> Result<(), DecodeError> {
    if *first != Token::MapStart {
        return Err(field.wrong::<T>());
    }
    loop {
        match field.reader.next()? {
            Token::Key(role) => found(&role, read_role::<T, R>(field)?),
            _ => return Ok(()),
        }
    }
}

fn read_role<'f, T: OptionValue, R: TokenReader<'f>>(
    field: &mut FieldReader<'_, 'f, R>,
) -> Result<Features, DecodeError> {
    if field.reader.next()? != Token::MapStart {
        return Err(field.wrong::<T>());
    }
    let mut features = Features::NONE;
    loop {
        match field.reader.next()? {
            Token::Key(key) if key == "features" => features = read_features::<T, R>(field)?,
            Token::Key(_) => field.skip()?,
            _ => return Ok(features),
        }
    }
}

fn read_features<'f, T: OptionValue, R: TokenReader<'f>>(
    field: &mut FieldReader<'_, 'f, R>,
) -> Result<Features, DecodeError> {
    match field.reader.next()? {
        Token::Null => return Ok(Features::NONE),
        Token::MapStart => {}
        _ => return Err(field.wrong::<T>()),
    }
    let mut features = Features::NONE;
    loop {
        let Token::Key(name) = field.reader.next()? else { return Ok(features) };
        match Feature::from_name(&name) {
            Some(feature) => match field.reader.next()? {
                Token::Bool(true) => features.insert(feature),
                Token::Bool(false) | Token::Null => {}
                _ => return Err(field.wrong::<T>()),
            },
            None => field.skip()?,
        }
    }
}

/// A role without features is an empty dictionary (basic profile).
fn write_role<W: TokenWriter>(features: Features, writer: &mut W) {
    let count = features.iter().count();
    writer.map_start(usize::from(count > 0));
    if count > 0 {
        writer.key("features");
        writer.map_start(count);
        for feature in features.iter() {
            writer.key(feature.name());
            writer.bool(true);
        }
        writer.map_end();
    }
    writer.map_end();
}

fn write_roles<W: TokenWriter>(roles: &[(&str, Option<Features>)], writer: &mut W) {
    let present = roles.iter().filter_map(|(name, features)| features.map(|f| (*name, f)));
    writer.map_start(present.clone().count());
    for (name, features) in present {
        writer.key(name);
        write_role(features, writer);
    }
    writer.map_end();
}
