//! Just enough of WAV to read what a speech engine writes into a pipe.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

/// Mono samples and their rate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wav {
    pub(crate) rate_hz: u32,
    pub(crate) samples: Vec<i16>,
}

/// Reads 16-bit mono PCM. Sizes are not believed beyond the bytes that are there: whoever writes into a pipe
/// does not know them beforehand.
pub(crate) fn decode(bytes: &[u8]) -> Result<Wav, &'static str> {
    let mut rest = bytes.get(12..).ok_or("it wrote no WAV header")?;
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12) != Some(b"WAVE".as_slice()) {
        return Err("it wrote something other than WAV");
    }
    let mut rate_hz = None;
    loop {
        let (kind, size) = chunk(rest).ok_or("its WAV has no data")?;
        let body = rest.get(8..).unwrap_or_default();
        let body = body.get(..size).unwrap_or(body);
        match kind {
            b"fmt " => rate_hz = Some(format(body)?),
            b"data" => {
                let rate_hz = rate_hz.ok_or("its WAV has data before their format")?;
                let pairs = body.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
                return Ok(Wav { rate_hz, samples: pairs.map(i16::from_le_bytes).collect() });
            }
            _ => {}
        }
        rest = rest.get(8 + size + size % 2..).ok_or("its WAV ends early")?;
    }
}

fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], usize)> {
    let (kind, rest) = bytes.split_first_chunk::<4>()?;
    let (size, _) = rest.split_first_chunk::<4>()?;
    Some((kind, usize::try_from(u32::from_le_bytes(*size)).ok()?))
}

fn format(body: &[u8]) -> Result<u32, &'static str> {
    let field =
        |at: usize| body.get(at..at + 2).and_then(|pair| pair.try_into().ok()).map(u16::from_le_bytes);
    if (field(0), field(2), field(14)) != (Some(1), Some(1), Some(16)) {
        return Err("its WAV is not 16-bit mono PCM");
    }
    let rate = body.get(4..8).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
    rate.filter(|rate| (4000..=192_000).contains(rate)).ok_or("its WAV has an unlikely sample rate")
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn wav(channels: u8, size: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\x01\0".to_vec();
        bytes.extend([channels, 0, 0x22, 0x56, 0, 0, 0x44, 0xac, 0, 0, 2, 0, 16, 0]);
        bytes.extend(b"LIST\x03\0\0\0abc\0data");
        bytes.extend(size.to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn reads_what_is_there_whatever_the_sizes_say() {
        let expected = Ok(Wav { rate_hz: 22_050, samples: vec![1, -1] });
        assert_eq!(decode(&wav(1, 4, &[1, 0, 255, 255])), expected);
        assert_eq!(decode(&wav(1, 0x7fff_f000, &[1, 0, 255, 255, 9])), expected);
    }

    #[test]
    fn anything_else_is_an_error() {
        assert!(decode(&wav(2, 0, &[])).is_err());
        let whole = wav(1, 4, &[1, 0, 255, 255]);
        for cut in 0..whole.len() - 4 {
            assert!(decode(&whole[..cut]).is_err() || cut >= whole.len() - 4, "{cut}");
        }
        assert!(decode(b"not a wav file at all, but long enough to be one, says the length").is_err());
    }
}
