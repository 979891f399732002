//! Long lists of numbers, encoded while they are collected.

use super::Encoded;
use crate::serializer::Serializer;

/// A growing list of integers in JSON.
#[derive(Debug, Default)]
pub struct NumberList(Vec<u8>);

impl NumberList {
    /// Appends a number.
    pub fn push(&mut self, number: u64) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Whether the list is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<NumberList> for Encoded {
    fn from(NumberList(mut bytes): NumberList) -> Self {
        if bytes.is_empty() {
            bytes.push(b'[');
        }
        bytes.push(b']');
        Self { serializer: Serializer::Json, bytes: bytes.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::NumberList;
    use crate::payload::Encoded;

    #[test]
    fn a_list_is_written_as_a_serializer_would() {
        for numbers in [vec![], vec![0], vec![1, 23, 1 << 53]] {
            let mut list = NumberList::default();
            numbers.iter().for_each(|number| list.push(*number));
            assert_eq!(list.is_empty(), numbers.is_empty());
            assert_eq!(Encoded::from(list).to_value::<Vec<u64>>().unwrap(), numbers);
        }
    }
}
