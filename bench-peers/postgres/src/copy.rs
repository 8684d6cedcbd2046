//! The binary format of PostgreSQL's COPY.

use peer_protocol::{Payloads, Result};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xFF\r\n\0";

/// Flags and the length of an extension, both none.
const REST_OF_HEADER: [u8; 8] = [0; 8];

/// Where a tuple would say how many fields it has.
const END: [u8; 2] = (-1_i16).to_be_bytes();

/// Tuples of a number that counts up, the key and the value.
pub(crate) fn encode(payloads: &Payloads) -> Result<Vec<u8>> {
    let mut bytes = [&SIGNATURE[..], &REST_OF_HEADER].concat();
    for (number, (key, value)) in payloads.iter().enumerate() {
        bytes.extend_from_slice(&3_i16.to_be_bytes());
        let number = i32::try_from(number)?.to_be_bytes();
        for field in [&number, key, value] {
            bytes.extend_from_slice(&i32::try_from(field.len())?.to_be_bytes());
            bytes.extend_from_slice(field);
        }
    }
    bytes.extend_from_slice(&END);
    Ok(bytes)
}

/// Gives the tuples, which have a key and a value each.
pub(crate) fn decode(bytes: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<()> {
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or("what was copied has no signature")?;
    take(&mut rest, REST_OF_HEADER.len())?;
    loop {
        match take(&mut rest, 2)? {
            end if end == END => return Ok(()),
            [0, 2] => {}
            other => return Err(format!("a tuple has {other:?} fields, not 2").into()),
        }
        let key = field(&mut rest)?;
        let value = field(&mut rest)?;
        see(key, value);
    }
}

fn field<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8]> {
    let (length, after) = rest.split_first_chunk().ok_or("a field's length is cut off")?;
    *rest = after;
    take(rest, usize::try_from(i32::from_be_bytes(*length))?)
}

fn take<'b>(rest: &mut &'b [u8], bytes: usize) -> Result<&'b [u8]> {
    let (taken, after) = rest.split_at_checked(bytes).ok_or("what was copied is cut off")?;
    *rest = after;
    Ok(taken)
}
