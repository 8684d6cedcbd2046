//! The Rust twin of `shaders/sha256.wgsl`: the structs that host and shader share, the constants and the
//! bindings, under the same names. Its tests parse the shader and compare.

use bytemuck::{Pod, Zeroable};

/// The shader's text.
pub(super) const SOURCE: &str = include_str!("../../../shaders/sha256.wgsl");

/// Where it begins.
pub(super) const ENTRY: &str = "sha256";

/// The constant that says how many invocations a workgroup has.
pub(super) const WORKGROUP: &str = "WORKGROUP";

/// How many it has unless told otherwise: one subgroup of most devices, so that a thousand ranges reach
/// as many multiprocessors as possible.
pub(super) const WORKGROUP_DEFAULT: u32 = 32;

/// The variables of the shader, in the order of their bindings.
pub(super) const BINDINGS: [&str; 4] = ["dispatch", "ranges", "words", "digests"];

/// How long a vector of words is: what an invocation loads at a time.
pub(super) const VECTOR_BYTES: usize = 16;

/// What one dispatch is about.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Dispatch {
    /// How many ranges there are.
    pub(super) ranges: u32,
}

/// Where a range lies.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Range {
    /// Its first vector.
    pub(super) first: u32,
    /// How many blocks it has with its padding.
    pub(super) blocks: u32,
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use wgpu::naga::front::wgsl::parse_str;
    use wgpu::naga::{
        AddressSpace, Expression, Handle, Literal, Module, Override, Type, TypeInner,
    };

    use super::*;
    use crate::lanes::{Block, INITIAL, ROUNDS};

    fn module() -> Module {
        parse_str(SOURCE).map_err(|error| error.emit_to_string(SOURCE)).unwrap()
    }

    /// The members and the length of a struct.
    fn layout(module: &Module, name: &str) -> (Vec<(String, usize, usize)>, usize) {
        let found = module.types.iter().find(|(_, it)| it.name.as_deref() == Some(name)).unwrap().1;
        let TypeInner::Struct { members, span } = &found.inner else { panic!("{name}") };
        let length = |ty: Handle<Type>| module.types[ty].inner.size(module.to_ctx()) as usize;
        let members = members
            .iter()
            .map(|it| (it.name.clone().unwrap(), it.offset as usize, length(it.ty)))
            .collect();
        (members, *span as usize)
    }

    fn constant(module: &Module, name: &str) -> Vec<u32> {
        let found = module.constants.iter().find(|(_, it)| it.name.as_deref() == Some(name));
        let Expression::Compose { components, .. } =
            &module.global_expressions[found.unwrap().1.init]
        else {
            panic!("{name} is no array")
        };
        components.iter().map(|&it| number(module, it)).collect()
    }

    fn number(module: &Module, expression: Handle<Expression>) -> u32 {
        match module.global_expressions[expression] {
            Expression::Literal(Literal::U32(number)) => number,
            ref other => panic!("no number: {other:?}"),
        }
    }

    #[test]
    fn structs_lie_the_same_way() {
        let module = module();
        let dispatch = [("ranges".to_owned(), offset_of!(Dispatch, ranges), 4)];
        assert_eq!(layout(&module, "Dispatch"), (dispatch.to_vec(), size_of::<Dispatch>()));
        let range = [
            ("first".to_owned(), offset_of!(Range, first), 4),
            ("blocks".to_owned(), offset_of!(Range, blocks), 4),
        ];
        assert_eq!(layout(&module, "Range"), (range.to_vec(), size_of::<Range>()));
        assert_eq!(layout(&module, "Digest").1, size_of::<crate::Digest>());
        assert_eq!(layout(&module, "Block").1, size_of::<Block>());
    }

    #[test]
    fn constants_are_the_same() {
        let module = module();
        assert_eq!(constant(&module, "ROUNDS"), ROUNDS);
        assert_eq!(constant(&module, "INITIAL"), INITIAL);
        let (handle, Override { init, .. }): (Handle<Override>, &Override) =
            module.overrides.iter().find(|(_, it)| it.name.as_deref() == Some(WORKGROUP)).unwrap();
        assert_eq!(number(&module, init.unwrap()), WORKGROUP_DEFAULT);
        let [entry] = &module.entry_points[..] else { panic!("one entry point") };
        assert_eq!(entry.name, ENTRY);
        let sizes = entry.workgroup_size_overrides.unwrap();
        let size = &module.global_expressions[sizes[0].unwrap()];
        assert!(matches!(size, Expression::Override(it) if *it == handle), "{size:?}");
    }

    #[test]
    fn bindings_are_the_same() {
        let module = module();
        let mut found: Vec<_> = module
            .global_variables
            .iter()
            .map(|(_, it)| (it.binding.unwrap(), it.name.clone().unwrap(), it.space, it.ty))
            .collect();
        found.sort_by_key(|it| it.0.binding);
        let names: Vec<&str> = found.iter().map(|it| it.1.as_str()).collect();
        assert_eq!(names, BINDINGS);
        assert!(found.iter().zip(0..).all(|(it, at)| it.0.group == 0 && it.0.binding == at));
        assert_eq!(found[0].2, AddressSpace::Uniform);
        let words = &module.types[found[2].3].inner;
        assert!(
            matches!(words, TypeInner::Array { stride, .. } if *stride as usize == VECTOR_BYTES)
        );
    }
}
