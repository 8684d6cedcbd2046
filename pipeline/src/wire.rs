//! How fixed-size structures lie in bytes: little-endian fields, one after the other, no padding.
//!
//! Every layout of the journal and of the state's records is declared once with [`crate::wire!`], and the
//! tables of `docs/journal-format.md` are held against these declarations by a test. Fields are
//! read by value from unaligned bytes, so nothing here depends on the host's byte order, and
//! hostile bytes can't be anything worse than wrong numbers.

/// A structure that lies in bytes.
pub trait Structure {
    /// Its length in bytes.
    const BYTES: usize;
    /// Writes it over the front of `bytes`.
    fn write(&self, bytes: &mut [u8]);
}

/// A scalar or byte array that can stand in a wire structure.
pub trait Field: Copy {
    /// Its length in bytes.
    const BYTES: usize;
    /// Its name in the format's tables.
    const NAME: &'static str;
    /// Reads it from exactly [`Self::BYTES`] bytes.
    fn read(bytes: &[u8]) -> Self;
    /// Writes it into exactly [`Self::BYTES`] bytes.
    fn write(self, bytes: &mut [u8]);
}

macro_rules! scalar_fields {
    ($($scalar:ident)*) => { $(
        impl Field for $scalar {
            const BYTES: usize = size_of::<$scalar>();
            const NAME: &'static str = stringify!($scalar);

            #[inline(always)]
            fn read(bytes: &[u8]) -> Self {
                let mut raw = [0; size_of::<$scalar>()];
                raw.copy_from_slice(bytes);
                Self::from_le_bytes(raw)
            }

            #[inline(always)]
            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
        }
    )* };
}

scalar_fields!(u8 u16 u32 u64 f32 f64);

macro_rules! array_fields {
    ($($length:literal)*) => { $(
        impl Field for [u8; $length] {
            const BYTES: usize = $length;
            const NAME: &'static str = concat!("u8[", $length, "]");

            #[inline(always)]
            fn read(bytes: &[u8]) -> Self {
                let mut raw = [0; $length];
                raw.copy_from_slice(bytes);
                raw
            }

            #[inline(always)]
            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self);
            }
        }
    )* };
}

array_fields!(8 12 16 32 60 64 128 256 512 4096);

/// One row of a layout's table: name, offset in bytes, type.
pub type FieldRow = (&'static str, usize, &'static str);

/// The rows of a table from the name, length in bytes and type of each field in turn.
#[must_use]
pub fn rows_of(fields: &[(&'static str, usize, &'static str)]) -> Vec<FieldRow> {
    let mut at = 0;
    let row = |&(name, bytes, kind): &(&'static str, usize, &'static str)| {
        at += bytes;
        (name, at - bytes, kind)
    };
    fields.iter().map(row).collect()
}

/// Declares a structure and its layout; see the module's documentation.
#[macro_export]
#[doc(hidden)]
macro_rules! wire {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident {
        $($(#[$field_attribute:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        $visibility struct $name { $($(#[$field_attribute])* pub $field: $type,)* }

        impl $crate::wire::Structure for $name {
            const BYTES: usize = Self::BYTES;

            #[inline(always)]
            fn write(&self, bytes: &mut [u8]) {
                self.write(bytes);
            }
        }

        impl $name {
            /// The length of the structure in bytes.
            pub const BYTES: usize = 0 $(+ <$type as $crate::wire::Field>::BYTES)*;

            /// Reads the structure from the front of `bytes`, which hold at least [`Self::BYTES`].
            #[must_use]
            #[inline(always)]
            pub fn read(bytes: &[u8]) -> Self {
                let at = 0;
                $(
                    let end = at + <$type as $crate::wire::Field>::BYTES;
                    let $field = <$type as $crate::wire::Field>::read(&bytes[at..end]);
                    let at = end;
                )*
                let _ = at;
                Self { $($field),* }
            }

            /// Writes the structure over the front of `bytes`.
            #[inline(always)]
            pub fn write(&self, bytes: &mut [u8]) {
                let at = 0;
                $(
                    let end = at + <$type as $crate::wire::Field>::BYTES;
                    $crate::wire::Field::write(self.$field, &mut bytes[at..end]);
                    let at = end;
                )*
                let _ = at;
            }

            /// The layout as rows of a table, in the order of the bytes.
            #[must_use]
            pub fn rows() -> Vec<$crate::wire::FieldRow> {
                let fields = [$((
                    stringify!($field),
                    <$type as $crate::wire::Field>::BYTES,
                    <$type as $crate::wire::Field>::NAME,
                )),*];
                $crate::wire::rows_of(&fields)
            }
        }
    };
}
