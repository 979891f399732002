//! Distances of back references, read from the blocks themselves: an inflater accepts more than was
//! negotiated.

use super::super::{Deflater, MemoryLevel, WindowBits};

/// The bits of a compressed message (RFC 1951, section 3.1.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> usize {
        let bit = self.bytes[self.at / 8] >> (self.at % 8) & 1;
        self.at += 1;
        bit.into()
    }

    /// A number, lowest bit first.
    fn number(&mut self, count: usize) -> usize {
        (0..count).fold(0, |number, place| number | self.bit() << place)
    }

    /// Bits of a code, highest first.
    fn code(&mut self, count: usize) -> usize {
        (0..count).fold(0, |code, _| code << 1 | self.bit())
    }

    /// A literal or length of the fixed codes (section 3.2.6).
    fn symbol(&mut self) -> usize {
        let seven = self.code(7);
        if seven < 0b001_1000 {
            return 256 + seven;
        }
        match seven << 1 | self.bit() {
            eight @ 0b0011_0000..0b1100_0000 => eight - 0b0011_0000,
            eight @ 0b1100_0000..0b1100_1000 => 280 + eight - 0b1100_0000,
            eight => 144 + (eight << 1 | self.bit()) - 0b1_1001_0000,
        }
    }

    /// Skips the extra bits of a length and reads the distance (section 3.2.5).
    fn distance(&mut self, length: usize) -> usize {
        self.number(if (265..285).contains(&length) { (length - 261) / 4 } else { 0 });
        match self.code(5) {
            near @ 0..4 => near + 1,
            far => {
                let extra = far / 2 - 1;
                ((2 + far % 2) << extra) + 1 + self.number(extra)
            }
        }
    }

    /// The farthest reference in a block with the fixed codes.
    fn farthest_of_block(&mut self) -> usize {
        let mut farthest = 0;
        loop {
            match self.symbol() {
                0..256 => {}
                256 => return farthest,
                length => farthest = farthest.max(self.distance(length)),
            }
        }
    }
}

/// The farthest reference of a compressed message.
fn farthest(message: &[u8]) -> usize {
    let mut bits = Bits { bytes: message, at: 0 };
    let mut farthest = 0;
    loop {
        assert_eq!(bits.bit(), 0, "no block is the final one");
        match bits.number(2) {
            // The stored block at the end of a flush, without its lengths.
            0 => return farthest,
            1 => farthest = farthest.max(bits.farthest_of_block()),
            kind => panic!("blocks of kind {kind} are not made at this level"),
        }
    }
}

/// Repeated words at any distance, among new ones.
fn words(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut words: Vec<[u8; 6]> = Vec::new();
    for _ in 0..count {
        let earlier = next() % (words.len() + 1);
        let word = [next(), next(), next(), next(), next(), next()].map(|byte| byte as u8);
        words.push(if next() % 2 == 0 { *words.get(earlier).unwrap_or(&word) } else { word });
    }
    words.concat()
}

#[test]
fn no_message_refers_back_beyond_the_negotiated_window() {
    let words = words(20_000);
    for bits in 8..=15 {
        let window_bits = WindowBits::new(bits).expect("8 to 15");
        for memory_level in [1, 8, 9] {
            let memory_level = MemoryLevel::new(memory_level).expect("1 to 9");
            let mut deflater = Deflater::new(window_bits, true, memory_level);
            for message in words.chunks(5000) {
                let reach = farthest(&deflater.deflate(message).expect("long enough"));
                assert!(reach <= 1 << bits, "{reach} bytes, {bits} bits");
            }
            let reach = farthest(&deflater.deflate(&words).expect("long enough"));
            assert!(3 * reach > 1 << bits, "{reach} bytes, {bits} bits: the window is not used");
        }
    }
}
