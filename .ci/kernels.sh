# To be sourced: the integrity kernels on instruction sets that this processor has and hasn't, under valgrind, and
# on a graphics adapter. What a machine can't run shows as ignored, with the reason.

# The build of `cargo test --workspace`, so that nothing is built again. That ran these tests once; of them, the
# one of 4 GiB takes minutes and depends on no instruction set.
backends=(cargo test --workspace --release --locked --test backends)

# Each backend without the sets that it could also use, and each choice of the quickest one.
masked_backends() {
    local mask
    for mask in sha avx512f sha,avx512f sha,avx512f,avx2; do
        printf -- '-- without %s\n' "$mask"
        VEXFS_CPU_MASK=$mask timeout --verbose 300 "${backends[@]}" -- --skip 4_gib
    done
}

# Finds what is read out of bounds, or before it was written. Valgrind hides SHA and AVX-512 from the program:
# that leaves AVX2, and the sha2 crate without the SHA instructions that it uses elsewhere whatever is masked; so
# there is no build with its software backend. Random batches would take minutes.
backends_in_valgrind() {
    local runner="['valgrind', '--quiet', '--error-exitcode=9']"
    timeout --verbose 600 "${backends[@]}" --config "target.'cfg(all())'.runner = $runner" \
        -- --skip 4_gib --skip random_batches
}

# On an emulator, and on one thread: with more of them qemu-user 7.2 hangs. No clippy is here for this compiler, so
# its own warnings must do.
backends_on_aarch64() {
    local runner="qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu"
    if [ -z "$aarch64_rustc" ]; then
        not_run "the backends on aarch64: what builds and emulates them is not to be had as packages"
        return
    fi
    RUSTC=$aarch64_rustc RUSTFLAGS="-D warnings" \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=$runner \
        timeout --verbose 900 cargo test --package vexfs-kernels --release --locked --test backends \
        --target aarch64-unknown-linux-gnu --target-dir target/aarch64 \
        -- --test-threads 1 --skip 4_gib
}

# On Mesa's adapter made of software, which has to be there; the variable for Mesa keeps it from complaining
# that there is no display. First the kernels, then whole journals, through the flow and on the command line. In the
# workspace, so that what has nothing to do with a GPU is there already. What drives one takes minutes to optimise.
gpu() {
    local crate quickly=("${quickly_built[@]}")
    for crate in naga wgpu wgpu-core wgpu-hal; do
        quickly+=(--config "profile.release.package.$crate.opt-level=1")
    done
    local tests=(cargo test --workspace --features vexfs-replay/gpu --release --locked "${quickly[@]}")
    NODEVICE_SELECT=1 VEXFS_GPU_TESTS=required timeout --verbose 600 "${tests[@]}" --lib --test gpu
    NODEVICE_SELECT=1 timeout --verbose 600 "${tests[@]}" --test offload
}
