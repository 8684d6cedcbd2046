# To be sourced: the packages of Debian that the checks need, beside Rust and git. Installs what is missing,
# and never removes anything for it.

# Valgrind; a graphics adapter made of software; what libFuzzer and the peers of the benchmarks are built with.
needed=(valgrind mesa-vulkan-drivers libvulkan1 g++ libssl-dev pkg-config)
# What coordinations of several machines are tested on, by which its client is generated, and networks to cut.
etcd_needed=(etcd-server protobuf-compiler libprotobuf-dev iproute2)
# What runs the code of ARM: its linker and libraries, and an emulator.
aarch64_needed=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
# A compiler with a standard library for ARM, where the machine's own has none.
aarch64_rust=(rustc-web libstd-rust-web-dev:arm64)

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo --non-interactive "$@"; fi
}

is_installed() {
    dpkg-query --show --showformat '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Installs those of these packages that are missing.
install_missing() {
    local missing=() package
    for package; do is_installed "$package" || missing+=("$package"); done
    if [ ${#missing[@]} -gt 0 ]; then
        update_lists
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-remove --no-install-recommends "${missing[@]}"
    fi
}

# The tests start members of their own; the package's daemon isn't to run for that.
without_etcd_daemon() {
    is_installed etcd-server || as_root ln -sfn /dev/null /etc/systemd/system/etcd.service
}

# Once. A source that doesn't answer may be none that is needed.
update_lists() {
    if [ -z "${are_lists_new-}" ]; then
        as_root apt-get update || true
        are_lists_new=yes
    fi
}

has_aarch64() {
    [ -d "$("$1" --print target-libdir --target aarch64-unknown-linux-gnu)" ]
}

# Whether a compiler is one that the project can be built with.
is_new_enough() {
    local needed_version
    needed_version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    dpkg --compare-versions "$("$1" --version | cut -d ' ' -f 2)" ge "$needed_version"
}

# All that the steps need. Sets `aarch64_rustc` to a compiler for ARM, and `etcd_is_there`: to nothing where the
# packages can't be had, which is all that may fail here.
packages() {
    aarch64_rustc=
    has_aarch64 rustc || as_root dpkg --add-architecture arm64 || true
    install_missing "${needed[@]}"
    without_etcd_daemon
    etcd_is_there=yes
    install_missing "${etcd_needed[@]}" || etcd_is_there=
    if ! install_missing "${aarch64_needed[@]}"; then
        return
    elif has_aarch64 rustc; then
        aarch64_rustc=rustc
    elif install_missing "${aarch64_rust[@]}" && is_new_enough /usr/bin/rustc; then
        aarch64_rustc=/usr/bin/rustc
    fi
}
