//! A small vector of what a text says, by feature hashing; see [`embed`].

use xxhash_rust::xxh3::xxh3_64;

/// How many elements a vector has.
pub const DIMENSIONS: usize = 32;
/// The number of this way of making vectors, as vector events carry it.
pub const MODEL: u64 = 1;
/// The number of f32 among the element types.
pub(super) const ELEMENT_F32: u32 = 1;

/// As far as git looks for a NUL to tell binary from text, in bytes.
const TEXT_PROBE_BYTES: usize = 8000;

/// Whether `content` is text, by the rule that git has: no NUL in its first 8,000 bytes.
#[must_use]
pub fn is_text(content: &[u8]) -> bool {
    !content[..content.len().min(TEXT_PROBE_BYTES)].contains(&0)
}

/// The vector of a text.
///
/// Tokens are the longest runs of ASCII letters, digits, underscores and bytes from 0x80 on. The
/// XXH3 hash (64 bits, seed 0) of a token's bytes chooses an element by its low five bits and a
/// sign by its highest one; the element counts up or down by one. At the end the vector is scaled
/// to the length 1; that of a text whose counts are all 0 stays 0.
#[must_use]
pub fn embed(text: &[u8]) -> [f32; DIMENSIONS] {
    let mut counts = [0_i32; DIMENSIONS];
    for token in text.split(|byte| !in_token(*byte)).filter(|token| !token.is_empty()) {
        let hash = xxh3_64(token);
        let element = usize::from(hash.to_le_bytes()[0]) % DIMENSIONS;
        counts[element] += if hash >> 63 == 0 { 1 } else { -1 };
    }
    let squares: i64 = counts.iter().map(|&count| i64::from(count) * i64::from(count)).sum();
    #[expect(clippy::cast_precision_loss, reason = "texts are of at most 1 MiB")]
    let length = (squares as f64).sqrt().max(1.0);
    #[expect(clippy::cast_possible_truncation, reason = "f32 is what is wanted")]
    counts.map(|count| (f64::from(count) / length) as f32)
}

/// The elements as a vector event's data holds them: little-endian.
#[must_use]
pub fn encode(vector: &[f32; DIMENSIONS]) -> [u8; DIMENSIONS * 4] {
    let mut data = [0; DIMENSIONS * 4];
    for (bytes, element) in data.chunks_exact_mut(4).zip(vector) {
        bytes.copy_from_slice(&element.to_le_bytes());
    }
    data
}

fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_length_one_or_zero_and_ignores_spacing() {
        let vector = embed(b"fn main() { println!(\"hello\"); }");
        let length: f32 = vector.iter().map(|element| element * element).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        assert_eq!(vector, embed(b"fn\tmain\n( println hello"));
        assert_ne!(vector, embed(b"fn other"));
        assert_eq!(embed(b" \n.;!"), [0.0; DIMENSIONS]);
        assert_eq!(embed(b""), [0.0; DIMENSIONS]);
    }

    #[test]
    fn binary_is_what_git_calls_binary() {
        assert!(is_text(b""));
        assert!(is_text(b"\xff\xfe words"));
        assert!(!is_text(b"a\0b"));
        let mut late = vec![b'a'; 8001];
        late[8000] = 0;
        assert!(is_text(&late));
        late[7999] = 0;
        assert!(!is_text(&late));
    }
}
