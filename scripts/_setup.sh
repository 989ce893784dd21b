# What demo, test and check share: a virtual environment with the project in it, and a Java that Spark runs on.
#
#   source scripts/_setup.sh
#   setup         # the project
#   setup dev     # the project and its tools
#
# Afterwards the current folder is the checkout, .venv/bin comes first on PATH and JAVA_HOME is set. What is missing is
# installed through apt-get where the user may; otherwise one line says what to install and the exit code is 2.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$1"
    exit 2
}

# step TEXT COMMAND… : run quietly, one line with seconds; on failure the end of what the command said.
step() {
    local text=$1 log started=$SECONDS
    shift
    log=$(mktemp)
    printf '  %s …' "$text" >&2
    if "$@" >"$log" 2>&1 </dev/null; then
        say " $((SECONDS - started)) s"
        rm -f "$log"
    else
        say " failed"
        tail -n 15 "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# As root, or through sudo where it asks for no password.
privileged() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null && privileged true 2>/dev/null
}

apt_install() {
    privileged apt-get update -q || true # a stale list may still do
    privileged env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# debian PURPOSE PACKAGE… : install, or say what to install and stop.
debian() {
    local purpose=$1
    shift
    local advice="$purpose is missing. Install it and start again, on Debian: sudo apt-get install $*"
    may_install || fail "$advice"
    step "Installing $*" apt_install "$@" || fail "$advice"
}

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.10 or newer is missing. Install it and start again, on Debian: sudo apt-get install python3"
}

# The home of the first Java 17 or 21 among JAVA_HOME, PATH and where Debian puts them.
java_home() {
    local java
    for java in "${JAVA_HOME:+$JAVA_HOME/bin/}java" java /usr/lib/jvm/*-17-*/bin/java /usr/lib/jvm/*-21-*/bin/java; do
        "$java" -XshowSettings:properties -version 2>&1 | awk -F ' = ' '
            $1 ~ / java.home$/ { home = $2 }
            $1 ~ / java.specification.version$/ { version = $2 }
            END { if (version != 17 && version != 21) exit 1; print home }' && return
    done
    return 1
}

# Debian 12 has Java 17 alone; later ones have 21.
java_package() {
    (
        . /etc/os-release
        case ${VERSION_ID:-} in 12*) echo openjdk-17-jre-headless ;; *) echo openjdk-21-jre-headless ;; esac
    )
}

# The stamp says what was installed from where; a checkout that moved or changed its needs is installed again.
make_venv() {
    local extra=$1 python needs stamp=.venv/installed
    needs="$ROOT $(sha256sum <pyproject.toml)"
    if [ -x .venv/bin/python ] && [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$needs" ] && grep -qx "extra $extra" "$stamp"; then
        return
    fi
    python=$(find_python) || exit 2
    if ! .venv/bin/python -c '' 2>/dev/null || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        "$python" -c 'import venv, ensurepip' 2>/dev/null || debian "Python's venv module" python3-venv
        step "Making .venv with $("$python" -V)" "$python" -m venv --clear .venv || fail "No virtual environment could be made in $ROOT/.venv"
    fi
    rm -f "$stamp"
    step "Installing Python packages (0.9 GB the first time)" .venv/bin/python -m pip install \
        --disable-pip-version-check -q -e ".${extra:+[$extra]}" ||
        fail "The Python packages could not be installed. With a network, or with a mirror in pip's settings, start again."
    { echo "$needs"; echo "extra "; echo "extra $extra"; } >"$stamp"
}

setup() {
    local home
    make_venv "${1:-}"
    home=$(java_home) || {
        debian "A Java 17 or 21 runtime" "$(java_package)"
        home=$(java_home) || fail "The installed Java does not start: try java -version"
    }
    export JAVA_HOME=$home
    export PATH=$ROOT/.venv/bin:$PATH
}

# Server binaries for tests and benchmarks; they start servers of their own from them.
postgresql_server() {
    compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || debian "A PostgreSQL server (only its programs)" postgresql
}

# What tests put before those servers: a pooler, and certificates.
server_companions() {
    [ -n "$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer)" ] || debian "PgBouncer" pgbouncer
    command -v openssl >/dev/null || debian "The openssl command" openssl
}

# The JDBC drivers that tests give to Spark, fetched once into a folder of this user's.
jdbc_drivers() {
    export DBAGENT_TEST_JARS=${DBAGENT_TEST_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/dbagent-test-jars}
    step "JDBC drivers for Spark" python -m tests.drivers "$DBAGENT_TEST_JARS" ||
        fail "The JDBC drivers could not be fetched. With a network, or with a mirror in Spark's own settings, start again."
}

# MariaDB's programs. The package starts its service; the tests' servers are others, with folders and ports of their own.
mariadb_server() {
    [ -n "$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mariadbd)" ] || debian "A MariaDB server (only its programs)" mariadb-server
}
