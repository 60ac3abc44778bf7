//! ITU-T G.711 (11/88) as tables, computed when the crate is compiled.
//!
//! Linear samples are 16-bit, the law's 14 (mu) or 13 (A) bits on top, as in the ITU's reference software
//! (G.191). Low bits cannot change an octet, so the tables are indexed without them and stay small enough
//! for the cache: 16 kB and 4 kB.

const MU_LAW_BIAS: i32 = 33;
const MU_LAW_CLIP: i32 = 0x1fff;

static MU_LAW_ENCODED: [u8; 1 << 14] = mu_law_encode_table();
static A_LAW_ENCODED: [u8; 1 << 12] = a_law_encode_table();
static MU_LAW_DECODED: [i16; 256] = mu_law_decode_table();
static A_LAW_DECODED: [i16; 256] = a_law_decode_table();

#[inline]
pub(super) fn encode_mu_law(sample: i16) -> u8 {
    MU_LAW_ENCODED[usize::from(sample as u16 >> 2)]
}

#[inline]
pub(super) fn encode_a_law(sample: i16) -> u8 {
    A_LAW_ENCODED[usize::from(sample as u16 >> 4)]
}

#[inline]
pub(super) fn decode_mu_law(octet: u8) -> i16 {
    MU_LAW_DECODED[usize::from(octet)]
}

#[inline]
pub(super) fn decode_a_law(octet: u8) -> i16 {
    A_LAW_DECODED[usize::from(octet)]
}

const fn mu_law_encode_table() -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < table.len() {
        // The index is the sample's upper 14 bits, so shifting it back up restores the sign.
        let sample = ((index as u16) << 2) as i16 as i32;
        table[index] = mu_law_octet(sample);
        index += 1;
    }
    table
}

const fn a_law_encode_table() -> [u8; 1 << 12] {
    let mut table = [0; 1 << 12];
    let mut index = 0;
    while index < table.len() {
        let sample = ((index as u16) << 4) as i16 as i32;
        table[index] = a_law_octet(sample);
        index += 1;
    }
    table
}

/// Sign, three bits of segment, four of place inside it; all bits inverted on the line.
const fn mu_law_octet(sample: i32) -> u8 {
    let magnitude = if sample < 0 { !sample } else { sample };
    let biased = {
        let biased = (magnitude >> 2) + MU_LAW_BIAS;
        if biased > MU_LAW_CLIP { MU_LAW_CLIP } else { biased }
    };
    let segment = 26 - biased.leading_zeros() as i32;
    let place = (biased >> (segment + 1)) & 0x0f;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (segment << 4) | place) as u8
}

/// As mu-law, without the bias; the even bits are inverted on the line and positive has the sign bit set.
const fn a_law_octet(sample: i32) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) >> 4;
    let value = if magnitude < 32 {
        magnitude
    } else {
        let shift = 27 - magnitude.leading_zeros() as i32;
        ((shift + 1) << 4) | ((magnitude >> shift) & 0x0f)
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    ((value | sign) ^ 0x55) as u8
}

const fn mu_law_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = !(octet as i32) & 0xff;
        let segment = (code >> 4) & 7;
        let magnitude = ((((code & 0x0f) << 1) + MU_LAW_BIAS) << segment) - MU_LAW_BIAS;
        let linear = magnitude << 2;
        table[octet] = (if code & 0x80 == 0 { linear } else { -linear }) as i16;
        octet += 1;
    }
    table
}

const fn a_law_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = octet as i32 ^ 0x55;
        let segment = (code >> 4) & 7;
        let place = code & 0x0f;
        let magnitude = if segment == 0 { 2 * place + 1 } else { (2 * place + 33) << (segment - 1) };
        let linear = magnitude << 3;
        table[octet] = (if code & 0x80 == 0 { -linear } else { linear }) as i16;
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    // The four routines of the ITU's reference software (G.191, g711.c), statement by statement.
    fn reference_mu_law_compress(sample: i16) -> u8 {
        let mut absolute = if sample < 0 { (!sample >> 2) + 33 } else { (sample >> 2) + 33 };
        if absolute > 0x1fff {
            absolute = 0x1fff;
        }
        let mut i = absolute >> 6;
        let mut segment = 1;
        while i != 0 {
            segment += 1;
            i >>= 1;
        }
        let high = 8 - segment;
        let low = 0x0f - ((absolute >> segment) & 0x0f);
        let octet = (high << 4) | low;
        (if sample >= 0 { octet | 0x80 } else { octet }) as u8
    }

    fn reference_mu_law_expand(octet: u8) -> i16 {
        let sign: i32 = if octet < 0x80 { -1 } else { 1 };
        let inverted = !i32::from(octet);
        let exponent = (inverted >> 4) & 7;
        let mantissa = inverted & 0x0f;
        let step = 4 << (exponent + 1);
        (sign * ((0x80 << exponent) + step * mantissa + step / 2 - 4 * 33)) as i16
    }

    fn reference_a_law_compress(sample: i16) -> u8 {
        let mut ix = if sample < 0 { !sample >> 4 } else { sample >> 4 };
        if ix > 15 {
            let mut exponent = 1;
            while ix > 16 + 15 {
                ix >>= 1;
                exponent += 1;
            }
            ix -= 16;
            ix += exponent << 4;
        }
        if sample >= 0 {
            ix |= 0x80;
        }
        (ix ^ 0x55) as u8
    }

    fn reference_a_law_expand(octet: u8) -> i16 {
        let mut ix = i32::from(octet ^ 0x55) & 0x7f;
        let exponent = ix >> 4;
        ix &= 0x0f;
        if exponent > 0 {
            ix += 16;
        }
        ix = (ix << 4) + 8;
        if exponent > 1 {
            ix <<= exponent - 1;
        }
        (if octet > 127 { ix } else { -ix }) as i16
    }

    #[test]
    fn every_linear_value_is_encoded_as_the_itu_software_does() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode_mu_law(sample), reference_mu_law_compress(sample), "mu-law {sample}");
            assert_eq!(encode_a_law(sample), reference_a_law_compress(sample), "A-law {sample}");
        }
    }

    #[test]
    fn every_octet_is_decoded_as_the_itu_software_does() {
        for octet in 0..=255 {
            assert_eq!(decode_mu_law(octet), reference_mu_law_expand(octet), "mu-law {octet:#x}");
            assert_eq!(decode_a_law(octet), reference_a_law_expand(octet), "A-law {octet:#x}");
        }
    }

    #[test]
    fn the_values_of_the_recommendation_s_tables() {
        // G.711 tables 1a and 2a: value at decoder output number 128, 113, 1 (16-bit scale: 8 and 4 times).
        assert_eq!(decode_a_law(0b1111_1111 ^ 0x55), 4032 * 8);
        assert_eq!(decode_a_law(0b1000_0000 ^ 0x55), 8);
        assert_eq!(decode_mu_law(0b1000_0000), 8031 * 4);
        assert_eq!(decode_mu_law(0b1111_1111), 0);
        assert_eq!(decode_mu_law(0b0000_0000), -8031 * 4);
    }

    #[test]
    fn decoding_and_encoding_again_changes_no_octet() {
        for octet in 0..=255 {
            assert_eq!(encode_a_law(decode_a_law(octet)), octet);
            // Minus zero has a code of its own in mu-law, and comes back as plus zero.
            let expected = if octet == 0x7f { 0xff } else { octet };
            assert_eq!(encode_mu_law(decode_mu_law(octet)), expected);
        }
    }
}
