#!/bin/sh
# Brings what `make run` and `make test` need and this machine lacks: system packages (Debian, as root or through sudo), the npm parts in
# tools/node_modules, Apache Kafka's jars in tools/kafka/lib, the Python packages of the example and of the tests in tools/.venv. Takes a
# moment when nothing is missing. What it cannot bring it names, one line each with how to get it, and exits 1. It asks for commands, not
# packages: a node, java or mvn from elsewhere is as good.
set -eu
cd "$(dirname "$0")/.."
this="$PWD/scripts/setup.sh"
PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

say() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
hash_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
# `version node` prints the first number of the first version that `node --version` names.
version() { "$1" "${2:---version}" 2>&1 | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p' | head -n 1; }
has_postgres() { have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
has_library() { have pkg-config && pkg-config --exists "$1"; }
npm_hash() { hash_of tools/package-lock.json tools/package.json; }
kafka_hash() { hash_of tools/kafka/pom.xml; }
python_hash() { hash_of tools/python/requirements.txt; }
has_anvil() { [ -n "${SOUK_ANVIL:-}" ] || [ -x tools/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil ]; }
npm_is_current() { has_anvil && [ "$(cat tools/node_modules/.souk-lock 2>/dev/null)" = "$(npm_hash)" ]; }
python_is_current() { [ -x tools/.venv/bin/python ] && [ "$(cat tools/.venv/.souk-requirements 2>/dev/null)" = "$(python_hash)" ]; }
has_venv() { have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }
kafka_is_current() { [ "$(cat tools/kafka/lib/.souk-pom 2>/dev/null)" = "$(kafka_hash)" ]; }

# One setup at a time in a checkout.
if have flock && [ -z "${SOUK_SETUP_LOCKED:-}" ]; then
    SOUK_SETUP_LOCKED=1 exec flock tools "$this"
fi

# The Debian packages of everything that is not there.
missing_packages() {
    have cc && have c++ && have make || echo build-essential
    have cmake || echo cmake
    have mold || echo mold
    have pkg-config || echo pkg-config
    has_library openssl || echo libssl-dev
    has_library zlib || echo zlib1g-dev
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    has_postgres || echo postgresql
    have setpriv || echo util-linux
    have node || echo nodejs
    have java || [ -n "${JAVA_HOME:-}" ] || echo default-jre-headless
    npm_is_current || have npm || echo npm
    kafka_is_current || have mvn || echo maven
    python_is_current || has_venv || echo python3-venv
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "$@" >&2
}

# Debian's postgresql makes and starts a cluster of the system's own. Souk has no use for it, so none is made; the switch for that is put
# back afterwards, and a machine that has PostgreSQL already is left as it is.
install_postgres_alone() {
    switch=/etc/postgresql-common/createcluster.conf
    apt_install postgresql-common
    as_root cp -p "$switch" "$switch.souk-setup"
    trap 'as_root mv -f "$switch.souk-setup" "$switch"' EXIT
    echo 'create_main_cluster = false' | as_root tee "$switch" >/dev/null
    apt_install postgresql
    as_root mv -f "$switch.souk-setup" "$switch"
    trap - EXIT
}

install_packages() {
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    if ! have apt-get; then
        say "missing: ${packages% } (names of Debian 12 packages): install them with this system's package manager"
        exit 1
    elif [ "$(id -u)" != 0 ] && ! have sudo; then
        say "missing: ${packages% }: run as root: apt-get install ${packages% }"
        exit 1
    fi
    say "installing ${packages% }"
    as_root true || { say "root is needed, and sudo did not give it; run as root: apt-get install ${packages% }"; exit 1; }
    as_root apt-get update -qq >&2 || say "apt-get update failed, trying with the package lists that are there"
    others=
    for package in $packages; do
        if [ "$package" = postgresql ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            install_postgres_alone
        else
            others="$others $package"
        fi
    done
    # shellcheck disable=SC2086 # a list of words
    [ -z "$others" ] || apt_install $others || { say "apt-get failed: see the lines above"; exit 1; }
    packages=$(missing_packages | tr '\n' ' ')
    [ -z "$packages" ] || { say "still missing after installing: ${packages% }"; exit 1; }
}

# Prints a line for each thing that a package manager does not bring in the version needed.
name_what_is_too_old() {
    if ! have cargo || ! have rustc; then
        echo "Rust 1.95 or newer is missing: install it with rustup (https://rustup.rs)"
    elif ! rustc --version | awk '{ split($2, v, "."); exit !(v[1] > 1 || v[1] == 1 && v[2] + 0 >= 95) }'; then
        echo "Rust 1.95 or newer is needed, $(rustc --version | cut -d' ' -f2) is here: rustup update stable"
    elif ! have cargo-clippy || ! have cargo-fmt; then
        echo "clippy or rustfmt is missing: rustup component add clippy rustfmt"
    fi
    if [ "$(version node)" -lt 18 ]; then
        echo "Node 18 or newer is needed, $(node --version) is here: install one from https://nodejs.org or with nvm, ahead on the PATH"
    fi
    java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    if [ "$(version "$java" -version)" -lt 17 ]; then
        echo "Java 17 or newer is needed, $("$java" -version 2>&1 | head -n 1) is here: install any JRE from 17 and set JAVA_HOME"
    fi
    if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ] && [ -z "${SOUK_ANVIL:-}" ]; then
        echo "anvil comes for Linux on x86_64 only: install Foundry (https://getfoundry.sh) and set SOUK_ANVIL to its anvil"
    fi
}

check_versions() {
    # Programs do not change version in place often; look again when they moved or when this script or a lock file changed.
    stamp=$(hash_of "$this" tools/package-lock.json tools/kafka/pom.xml)
    stamp="$stamp $(command -v rustc node java cargo-clippy cargo-fmt | tr '\n' ' ')${JAVA_HOME:-} ${SOUK_ANVIL:-}"
    [ "$(cat tools/.setup-stamp 2>/dev/null)" != "$stamp" ] || return 0
    old=$(name_what_is_too_old)
    if [ -n "$old" ]; then
        echo "$old" | while read -r line; do say "$line"; done
        exit 1
    fi
    echo "$stamp" >tools/.setup-stamp
}

# Networks fail now and then.
thrice() { "$@" || { sleep 3; "$@"; } || { sleep 10; "$@"; }; }

install_npm_parts() {
    ! npm_is_current || return 0
    say "npm parts: the dev chain, the Solidity compiler, the GraphQL clients"
    # On other machines anvil's binary is of no use, and refused unless forced; SOUK_ANVIL stands in for it there.
    force=
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || force=--force
    thrice npm --prefix tools ci $force --no-progress --loglevel=error >&2 || { say "npm ci failed: see the lines above"; exit 1; }
    has_anvil || { say "npm brought no anvil for this machine: install Foundry (https://getfoundry.sh) and set SOUK_ANVIL"; exit 1; }
    npm_hash >tools/node_modules/.souk-lock
}

install_kafka_jars() {
    ! kafka_is_current || return 0
    say "Apache Kafka's jars"
    rm -rf tools/kafka/lib tools/kafka/lib.new
    thrice mvn -q -B -Dstyle.color=never -f tools/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$PWD/tools/kafka/lib.new" >&2 || { say "Maven failed: see the lines above"; exit 1; }
    kafka_hash >tools/kafka/lib.new/.souk-pom
    mv tools/kafka/lib.new tools/kafka/lib
}

install_python_parts() {
    ! python_is_current || return 0
    say "Python packages: the example client, the validators of exports"
    rm -rf tools/.venv
    python3 -m venv tools/.venv
    thrice tools/.venv/bin/pip install -q --disable-pip-version-check -r tools/python/requirements.txt >&2 ||
        { say "pip failed: see the lines above"; exit 1; }
    python_hash >tools/.venv/.souk-requirements
}

install_packages
check_versions
install_npm_parts
install_kafka_jars
install_python_parts
