// SHA-256 (FIPS 180-4) of many ranges, one invocation a range. Its Rust twin is
// kernels/src/gpu/shader.rs: structs, constants and bindings bear the same names there, and a test holds
// the two together. The padding is the host's, so there is no length here that isn't whole blocks.
//
// Everything that a round needs has a fixed place: an array with an index that is known only when the
// shader runs would lie in memory instead of registers. Hence the rounds that are written out.

// How many invocations a workgroup has.
override WORKGROUP: u32 = 32u;

// What one dispatch is about.
struct Dispatch {
    // How many ranges there are: the last workgroup may have invocations to spare.
    ranges: u32,
}

// Where a range lies.
struct Range {
    // Its first vector in `words`.
    first: u32,
    // How many blocks it has with its padding, four vectors each; at least one.
    blocks: u32,
}

// A digest, byte by byte as the host wants it; also a state between blocks.
struct Digest {
    abcd: vec4<u32>,
    efgh: vec4<u32>,
}

// Sixteen words of a block.
struct Block {
    a: vec4<u32>,
    b: vec4<u32>,
    c: vec4<u32>,
    d: vec4<u32>,
}

@group(0) @binding(0) var<uniform> dispatch: Dispatch;
@group(0) @binding(1) var<storage, read> ranges: array<Range>;
@group(0) @binding(2) var<storage, read> words: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> digests: array<Digest>;

const INITIAL = array<u32, 8>(
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
    0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
);

const ROUNDS = array<u32, 64>(
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
);

@compute @workgroup_size(WORKGROUP)
fn sha256(@builtin(global_invocation_id) id: vec3<u32>) {
    let number = id.x;
    if number >= dispatch.ranges {
        return;
    }
    let range = ranges[number];
    var state = Digest(
        vec4(INITIAL[0], INITIAL[1], INITIAL[2], INITIAL[3]),
        vec4(INITIAL[4], INITIAL[5], INITIAL[6], INITIAL[7]),
    );
    // The next block is on its way from memory while this one is compressed.
    var next = load(range.first);
    for (var block = 1u; block <= range.blocks; block++) {
        let current = next;
        next = load(range.first + 4u * min(block, range.blocks - 1u));
        state = compress(state, current);
    }
    digests[number] = Digest(swap(state.abcd), swap(state.efgh));
}

fn load(first: u32) -> Block {
    return Block(words[first], words[first + 1u], words[first + 2u], words[first + 3u]);
}

// From big-endian words to the processor's, or back.
fn swap(it: vec4<u32>) -> vec4<u32> {
    return (it << vec4(24u)) | ((it & vec4(0xff00u)) << vec4(8u)) | ((it >> vec4(8u)) & vec4(0xff00u)) | (it >> vec4(24u));
}

fn rotate(it: u32, bits: u32) -> u32 {
    return (it >> bits) | (it << (32u - bits));
}

// The six functions of FIPS 180-4, 4.1.2.
fn choose(x: u32, y: u32, z: u32) -> u32 {
    return z ^ (x & (y ^ z));
}

fn majority(x: u32, y: u32, z: u32) -> u32 {
    return (x & y) | (z & (x | y));
}

fn large_0(x: u32) -> u32 {
    return rotate(x, 2u) ^ rotate(x, 13u) ^ rotate(x, 22u);
}

fn large_1(x: u32) -> u32 {
    return rotate(x, 6u) ^ rotate(x, 11u) ^ rotate(x, 25u);
}

fn small_0(x: u32) -> u32 {
    return rotate(x, 7u) ^ rotate(x, 18u) ^ (x >> 3u);
}

fn small_1(x: u32) -> u32 {
    return rotate(x, 17u) ^ rotate(x, 19u) ^ (x >> 10u);
}

// Takes a block into the state (6.2.2). The names of the working variables rotate, not their values.
fn compress(before: Digest, block: Block) -> Digest {
    let first = swap(block.a);
    let second = swap(block.b);
    let third = swap(block.c);
    let fourth = swap(block.d);
    var w0 = first.x;
    var w1 = first.y;
    var w2 = first.z;
    var w3 = first.w;
    var w4 = second.x;
    var w5 = second.y;
    var w6 = second.z;
    var w7 = second.w;
    var w8 = third.x;
    var w9 = third.y;
    var w10 = third.z;
    var w11 = third.w;
    var w12 = fourth.x;
    var w13 = fourth.y;
    var w14 = fourth.z;
    var w15 = fourth.w;
    var a = before.abcd.x;
    var b = before.abcd.y;
    var c = before.abcd.z;
    var d = before.abcd.w;
    var e = before.efgh.x;
    var f = before.efgh.y;
    var g = before.efgh.z;
    var h = before.efgh.w;

    // Rounds 0 to 15.
    h += large_1(e) + choose(e, f, g) + ROUNDS[0] + w0;
    d += h;
    h += large_0(a) + majority(a, b, c);
    g += large_1(d) + choose(d, e, f) + ROUNDS[1] + w1;
    c += g;
    g += large_0(h) + majority(h, a, b);
    f += large_1(c) + choose(c, d, e) + ROUNDS[2] + w2;
    b += f;
    f += large_0(g) + majority(g, h, a);
    e += large_1(b) + choose(b, c, d) + ROUNDS[3] + w3;
    a += e;
    e += large_0(f) + majority(f, g, h);
    d += large_1(a) + choose(a, b, c) + ROUNDS[4] + w4;
    h += d;
    d += large_0(e) + majority(e, f, g);
    c += large_1(h) + choose(h, a, b) + ROUNDS[5] + w5;
    g += c;
    c += large_0(d) + majority(d, e, f);
    b += large_1(g) + choose(g, h, a) + ROUNDS[6] + w6;
    f += b;
    b += large_0(c) + majority(c, d, e);
    a += large_1(f) + choose(f, g, h) + ROUNDS[7] + w7;
    e += a;
    a += large_0(b) + majority(b, c, d);
    h += large_1(e) + choose(e, f, g) + ROUNDS[8] + w8;
    d += h;
    h += large_0(a) + majority(a, b, c);
    g += large_1(d) + choose(d, e, f) + ROUNDS[9] + w9;
    c += g;
    g += large_0(h) + majority(h, a, b);
    f += large_1(c) + choose(c, d, e) + ROUNDS[10] + w10;
    b += f;
    f += large_0(g) + majority(g, h, a);
    e += large_1(b) + choose(b, c, d) + ROUNDS[11] + w11;
    a += e;
    e += large_0(f) + majority(f, g, h);
    d += large_1(a) + choose(a, b, c) + ROUNDS[12] + w12;
    h += d;
    d += large_0(e) + majority(e, f, g);
    c += large_1(h) + choose(h, a, b) + ROUNDS[13] + w13;
    g += c;
    c += large_0(d) + majority(d, e, f);
    b += large_1(g) + choose(g, h, a) + ROUNDS[14] + w14;
    f += b;
    b += large_0(c) + majority(c, d, e);
    a += large_1(f) + choose(f, g, h) + ROUNDS[15] + w15;
    e += a;
    a += large_0(b) + majority(b, c, d);

    // Rounds 16 to 31.
    w0 += small_0(w1) + w9 + small_1(w14);
    h += large_1(e) + choose(e, f, g) + ROUNDS[16] + w0;
    d += h;
    h += large_0(a) + majority(a, b, c);
    w1 += small_0(w2) + w10 + small_1(w15);
    g += large_1(d) + choose(d, e, f) + ROUNDS[17] + w1;
    c += g;
    g += large_0(h) + majority(h, a, b);
    w2 += small_0(w3) + w11 + small_1(w0);
    f += large_1(c) + choose(c, d, e) + ROUNDS[18] + w2;
    b += f;
    f += large_0(g) + majority(g, h, a);
    w3 += small_0(w4) + w12 + small_1(w1);
    e += large_1(b) + choose(b, c, d) + ROUNDS[19] + w3;
    a += e;
    e += large_0(f) + majority(f, g, h);
    w4 += small_0(w5) + w13 + small_1(w2);
    d += large_1(a) + choose(a, b, c) + ROUNDS[20] + w4;
    h += d;
    d += large_0(e) + majority(e, f, g);
    w5 += small_0(w6) + w14 + small_1(w3);
    c += large_1(h) + choose(h, a, b) + ROUNDS[21] + w5;
    g += c;
    c += large_0(d) + majority(d, e, f);
    w6 += small_0(w7) + w15 + small_1(w4);
    b += large_1(g) + choose(g, h, a) + ROUNDS[22] + w6;
    f += b;
    b += large_0(c) + majority(c, d, e);
    w7 += small_0(w8) + w0 + small_1(w5);
    a += large_1(f) + choose(f, g, h) + ROUNDS[23] + w7;
    e += a;
    a += large_0(b) + majority(b, c, d);
    w8 += small_0(w9) + w1 + small_1(w6);
    h += large_1(e) + choose(e, f, g) + ROUNDS[24] + w8;
    d += h;
    h += large_0(a) + majority(a, b, c);
    w9 += small_0(w10) + w2 + small_1(w7);
    g += large_1(d) + choose(d, e, f) + ROUNDS[25] + w9;
    c += g;
    g += large_0(h) + majority(h, a, b);
    w10 += small_0(w11) + w3 + small_1(w8);
    f += large_1(c) + choose(c, d, e) + ROUNDS[26] + w10;
    b += f;
    f += large_0(g) + majority(g, h, a);
    w11 += small_0(w12) + w4 + small_1(w9);
    e += large_1(b) + choose(b, c, d) + ROUNDS[27] + w11;
    a += e;
    e += large_0(f) + majority(f, g, h);
    w12 += small_0(w13) + w5 + small_1(w10);
    d += large_1(a) + choose(a, b, c) + ROUNDS[28] + w12;
    h += d;
    d += large_0(e) + majority(e, f, g);
    w13 += small_0(w14) + w6 + small_1(w11);
    c += large_1(h) + choose(h, a, b) + ROUNDS[29] + w13;
    g += c;
    c += large_0(d) + majority(d, e, f);
    w14 += small_0(w15) + w7 + small_1(w12);
    b += large_1(g) + choose(g, h, a) + ROUNDS[30] + w14;
    f += b;
    b += large_0(c) + majority(c, d, e);
    w15 += small_0(w0) + w8 + small_1(w13);
    a += large_1(f) + choose(f, g, h) + ROUNDS[31] + w15;
    e += a;
    a += large_0(b) + majority(b, c, d);

    // Rounds 32 to 47.
    w0 += small_0(w1) + w9 + small_1(w14);
    h += large_1(e) + choose(e, f, g) + ROUNDS[32] + w0;
    d += h;
    h += large_0(a) + majority(a, b, c);
    w1 += small_0(w2) + w10 + small_1(w15);
    g += large_1(d) + choose(d, e, f) + ROUNDS[33] + w1;
    c += g;
    g += large_0(h) + majority(h, a, b);
    w2 += small_0(w3) + w11 + small_1(w0);
    f += large_1(c) + choose(c, d, e) + ROUNDS[34] + w2;
    b += f;
    f += large_0(g) + majority(g, h, a);
    w3 += small_0(w4) + w12 + small_1(w1);
    e += large_1(b) + choose(b, c, d) + ROUNDS[35] + w3;
    a += e;
    e += large_0(f) + majority(f, g, h);
    w4 += small_0(w5) + w13 + small_1(w2);
    d += large_1(a) + choose(a, b, c) + ROUNDS[36] + w4;
    h += d;
    d += large_0(e) + majority(e, f, g);
    w5 += small_0(w6) + w14 + small_1(w3);
    c += large_1(h) + choose(h, a, b) + ROUNDS[37] + w5;
    g += c;
    c += large_0(d) + majority(d, e, f);
    w6 += small_0(w7) + w15 + small_1(w4);
    b += large_1(g) + choose(g, h, a) + ROUNDS[38] + w6;
    f += b;
    b += large_0(c) + majority(c, d, e);
    w7 += small_0(w8) + w0 + small_1(w5);
    a += large_1(f) + choose(f, g, h) + ROUNDS[39] + w7;
    e += a;
    a += large_0(b) + majority(b, c, d);
    w8 += small_0(w9) + w1 + small_1(w6);
    h += large_1(e) + choose(e, f, g) + ROUNDS[40] + w8;
    d += h;
    h += large_0(a) + majority(a, b, c);
    w9 += small_0(w10) + w2 + small_1(w7);
    g += large_1(d) + choose(d, e, f) + ROUNDS[41] + w9;
    c += g;
    g += large_0(h) + majority(h, a, b);
    w10 += small_0(w11) + w3 + small_1(w8);
    f += large_1(c) + choose(c, d, e) + ROUNDS[42] + w10;
    b += f;
    f += large_0(g) + majority(g, h, a);
    w11 += small_0(w12) + w4 + small_1(w9);
    e += large_1(b) + choose(b, c, d) + ROUNDS[43] + w11;
    a += e;
    e += large_0(f) + majority(f, g, h);
    w12 += small_0(w13) + w5 + small_1(w10);
    d += large_1(a) + choose(a, b, c) + ROUNDS[44] + w12;
    h += d;
    d += large_0(e) + majority(e, f, g);
    w13 += small_0(w14) + w6 + small_1(w11);
    c += large_1(h) + choose(h, a, b) + ROUNDS[45] + w13;
    g += c;
    c += large_0(d) + majority(d, e, f);
    w14 += small_0(w15) + w7 + small_1(w12);
    b += large_1(g) + choose(g, h, a) + ROUNDS[46] + w14;
    f += b;
    b += large_0(c) + majority(c, d, e);
    w15 += small_0(w0) + w8 + small_1(w13);
    a += large_1(f) + choose(f, g, h) + ROUNDS[47] + w15;
    e += a;
    a += large_0(b) + majority(b, c, d);

    // Rounds 48 to 63.
    w0 += small_0(w1) + w9 + small_1(w14);
    h += large_1(e) + choose(e, f, g) + ROUNDS[48] + w0;
    d += h;
    h += large_0(a) + majority(a, b, c);
    w1 += small_0(w2) + w10 + small_1(w15);
    g += large_1(d) + choose(d, e, f) + ROUNDS[49] + w1;
    c += g;
    g += large_0(h) + majority(h, a, b);
    w2 += small_0(w3) + w11 + small_1(w0);
    f += large_1(c) + choose(c, d, e) + ROUNDS[50] + w2;
    b += f;
    f += large_0(g) + majority(g, h, a);
    w3 += small_0(w4) + w12 + small_1(w1);
    e += large_1(b) + choose(b, c, d) + ROUNDS[51] + w3;
    a += e;
    e += large_0(f) + majority(f, g, h);
    w4 += small_0(w5) + w13 + small_1(w2);
    d += large_1(a) + choose(a, b, c) + ROUNDS[52] + w4;
    h += d;
    d += large_0(e) + majority(e, f, g);
    w5 += small_0(w6) + w14 + small_1(w3);
    c += large_1(h) + choose(h, a, b) + ROUNDS[53] + w5;
    g += c;
    c += large_0(d) + majority(d, e, f);
    w6 += small_0(w7) + w15 + small_1(w4);
    b += large_1(g) + choose(g, h, a) + ROUNDS[54] + w6;
    f += b;
    b += large_0(c) + majority(c, d, e);
    w7 += small_0(w8) + w0 + small_1(w5);
    a += large_1(f) + choose(f, g, h) + ROUNDS[55] + w7;
    e += a;
    a += large_0(b) + majority(b, c, d);
    w8 += small_0(w9) + w1 + small_1(w6);
    h += large_1(e) + choose(e, f, g) + ROUNDS[56] + w8;
    d += h;
    h += large_0(a) + majority(a, b, c);
    w9 += small_0(w10) + w2 + small_1(w7);
    g += large_1(d) + choose(d, e, f) + ROUNDS[57] + w9;
    c += g;
    g += large_0(h) + majority(h, a, b);
    w10 += small_0(w11) + w3 + small_1(w8);
    f += large_1(c) + choose(c, d, e) + ROUNDS[58] + w10;
    b += f;
    f += large_0(g) + majority(g, h, a);
    w11 += small_0(w12) + w4 + small_1(w9);
    e += large_1(b) + choose(b, c, d) + ROUNDS[59] + w11;
    a += e;
    e += large_0(f) + majority(f, g, h);
    w12 += small_0(w13) + w5 + small_1(w10);
    d += large_1(a) + choose(a, b, c) + ROUNDS[60] + w12;
    h += d;
    d += large_0(e) + majority(e, f, g);
    w13 += small_0(w14) + w6 + small_1(w11);
    c += large_1(h) + choose(h, a, b) + ROUNDS[61] + w13;
    g += c;
    c += large_0(d) + majority(d, e, f);
    w14 += small_0(w15) + w7 + small_1(w12);
    b += large_1(g) + choose(g, h, a) + ROUNDS[62] + w14;
    f += b;
    b += large_0(c) + majority(c, d, e);
    w15 += small_0(w0) + w8 + small_1(w13);
    a += large_1(f) + choose(f, g, h) + ROUNDS[63] + w15;
    e += a;
    a += large_0(b) + majority(b, c, d);

    return Digest(before.abcd + vec4(a, b, c, d), before.efgh + vec4(e, f, g, h));
}
