//! Avro's binary encoding (Avro 1.12 specification, "Binary Encoding"): the few forms that Weir's schemas use.
//!
//! Reading trusts nothing: every length is held against what is there before it is used.

use bytes::Bytes;

use crate::error::Malformed;

/// Writes Avro binary data.
pub struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    /// Starts with `frame` and room for `capacity` bytes in all.
    pub(crate) fn new(frame: &[u8], capacity: usize) -> Self {
        let mut out = Vec::with_capacity(capacity);
        out.extend_from_slice(frame);
        Self { out }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// `int` and `long`: zigzag, seven bits a byte, the lowest first.
    pub(crate) fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        loop {
            let low = (rest & 0x7f) as u8;
            rest >>= 7;
            if rest == 0 {
                self.out.push(low);
                return;
            }
            self.out.push(low | 0x80);
        }
    }

    /// `bytes` and `string`: the length, then the bytes.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        // A slice is never longer than isize::MAX.
        self.long(value.len() as i64);
        self.out.extend_from_slice(value);
    }

    /// `fixed` and `boolean`: the bytes alone.
    pub(crate) fn fixed(&mut self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }
}

/// Reads Avro binary data from a value, without copying its byte fields.
pub struct Decoder<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl<'a> Decoder<'a> {
    /// Reads `bytes` from their start.
    pub(crate) fn new(bytes: &'a Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    /// That the last read met something it cannot take.
    pub(crate) fn fail<T>(&self, problem: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, problem })
    }

    /// Requires that everything was read.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() { Ok(()) } else { self.fail("bytes are left over") }
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<N>() {
            Some(found) => {
                self.at += N;
                Ok(*found)
            }
            None => self.fail("the value ends too early"),
        }
    }

    pub(crate) fn long(&mut self) -> Result<i64, Malformed> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.fixed::<1>()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return self.fail("a number of more than 64 bits");
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        self.fail("a number of more than ten bytes")
    }

    /// How many items the next block of an array holds; 0 ends it. Never more than bytes are left: no item of
    /// ours takes none.
    pub(crate) fn block(&mut self) -> Result<usize, Malformed> {
        let count = self.long()?;
        if count < 0 {
            // A negative count is followed by the block's size in bytes, for readers that skip it.
            self.long()?;
        }
        match usize::try_from(count.unsigned_abs()) {
            Ok(count) if count <= self.bytes.len().saturating_sub(self.at) => Ok(count),
            _ => self.fail("a list that goes past the end"),
        }
    }

    /// The next `bytes` or `string`, sharing the value's memory.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let range = self.range()?;
        Ok(self.bytes.slice(range))
    }

    /// The next `string`.
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let range = self.range()?;
        match self.bytes.get(range).map(std::str::from_utf8) {
            Some(Ok(text)) => Ok(text),
            _ => self.fail("a text that is not UTF-8"),
        }
    }

    fn range(&mut self) -> Result<std::ops::Range<usize>, Malformed> {
        let length = usize::try_from(self.long()?);
        let start = self.at;
        match length.ok().and_then(|length| start.checked_add(length)) {
            Some(end) if end <= self.bytes.len() => {
                self.at = end;
                Ok(start..end)
            }
            _ => self.fail("a length that goes past the end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: i64) -> Bytes {
        let mut out = Encoder::new(&[], 0);
        out.long(value);
        Bytes::from(out.finish())
    }

    #[test]
    fn numbers_are_written_as_the_specification_shows() {
        for (value, expect) in
            [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (-64, vec![0x7f]), (64, vec![0x80, 1])]
        {
            assert_eq!(encoded(value), expect, "{value}");
        }
    }

    #[test]
    fn numbers_are_read_back() {
        for value in [0, 1, -1, 63, 64, -65, 1 << 40, i64::MAX, i64::MIN] {
            assert_eq!(Decoder::new(&encoded(value)).long(), Ok(value));
        }
    }

    #[test]
    fn what_claims_too_much_is_refused() {
        for bad in [vec![0x80; 11], vec![0xff; 10], vec![0x80], vec![], vec![0x08, b'a'], vec![0x01]] {
            let bytes = Bytes::from(bad.clone());
            assert!(Decoder::new(&bytes).bytes().is_err(), "{bad:02x?}");
        }
        let no_text = Bytes::from_static(&[2, 0xff]);
        assert!(Decoder::new(&no_text).text().is_err());
    }
}
