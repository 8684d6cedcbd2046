//! SHA-256 over as many ranges as a vector has words: each word of the state is a vector, of which every
//! lane belongs to another range.
//!
//! What is the same for every width stands here; the operations are those of the module that says
//! `sha256_in_vectors!`.
//!
//! What runs for each block has loops in place of `map` and `from_fn`: these are compiled without the
//! instructions, and would be called.

/// Makes `compress_with_instructions`, which takes equally many blocks into the states of all lanes.
macro_rules! sha256_in_vectors {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        fn compress_with_instructions(states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
            let mut state = load(states);
            for index in (0..).take(blocks[0].len()) {
                let before = state;
                let mut words = words_of(&blocks, index);
                let [given, made @ ..] = ROUNDS.as_chunks().0 else { return };
                sixteen_rounds(&mut state, &words, given);
                for constants in made {
                    sixteen_rounds_and_words(&mut state, &mut words, constants);
                }
                for (word, before) in state.iter_mut().zip(before) {
                    *word = add(*word, before);
                }
            }
            store(state, states);
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn load(states: &[State; LANES]) -> [Vector; 8] {
            let mut lanes = [[0; LANES]; 8];
            for (lane, state) in states.iter().enumerate() {
                for (lanes, word) in lanes.iter_mut().zip(state) {
                    lanes[lane] = *word;
                }
            }
            bytemuck::must_cast(lanes)
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn store(vectors: [Vector; 8], states: &mut [State; LANES]) {
            let lanes: [[u32; LANES]; 8] = bytemuck::must_cast(vectors);
            for (lane, state) in states.iter_mut().enumerate() {
                for (word, lanes) in state.iter_mut().zip(&lanes) {
                    *word = lanes[lane];
                }
            }
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn sixteen_rounds(state: &mut [Vector; 8], words: &[Vector; 16], constants: &[u32; 16]) {
            macro_rules! each {
                ($t:literal) => {
                    round(state, add(words[$t], splat(constants[$t])))
                };
            }
            sixteen_times!(each);
        }

        /// Makes each word from the last sixteen (FIPS 180-4, 6.2.2) right before its round: rounds wait for each
        /// other, and that fills the gaps.
        #[target_feature(enable = $features)]
        #[inline]
        fn sixteen_rounds_and_words(
            state: &mut [Vector; 8],
            words: &mut [Vector; 16],
            constants: &[u32; 16],
        ) {
            macro_rules! each {
                ($t:literal) => {{
                    let (early, late) = (words[($t + 1) % 16], words[($t + 14) % 16]);
                    let early = xor(rotate::<7>(early), rotate::<18>(early), shift::<3>(early));
                    let late = xor(rotate::<17>(late), rotate::<19>(late), shift::<10>(late));
                    words[$t] = add(add(words[$t], words[($t + 9) % 16]), add(early, late));
                    round(state, add(words[$t], splat(constants[$t])));
                }};
            }
            sixteen_times!(each);
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn round(state: &mut [Vector; 8], word: Vector) {
            let [a, b, c, d, e, f, g, h] = *state;
            let given = add(word, h);
            let mixed = xor(rotate::<6>(e), rotate::<11>(e), rotate::<25>(e));
            let first = add(add(given, choose(e, f, g)), mixed);
            let mixed = xor(rotate::<2>(a), rotate::<13>(a), rotate::<22>(a));
            let second = add(mixed, majority(a, b, c));
            *state = [add(first, second), a, b, c, add(d, first), e, f, g];
        }
    };
}

/// Says something for 0 to 15, so that every index is known when it is compiled.
macro_rules! sixteen_times {
    ($each:ident) => {
        sixteen_times!($each 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($each:ident $($t:literal)*) => { $( $each!($t); )* };
}

pub(super) use {sha256_in_vectors, sixteen_times};
