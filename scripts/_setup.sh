# What demo, test, check, package and the benchmarks share: a virtual environment with the project in it, a Java that Spark runs
# on, and the programs that some of them need besides.
#
#   source scripts/_setup.sh
#   setup ""                        # the project
#   setup dev postgresql mariadb    # the project and its tools, and these programs: the names of `missing`
#
# Afterwards the current folder is the checkout, .venv/bin comes first on PATH and JAVA_HOME is set. What is missing is
# installed through apt-get where the user may; otherwise one line says all that is to be installed and the exit code is 2.

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

has_venv() {
    .venv/bin/python -c 'import pip' 2>/dev/null
}

# Whether a program is there, those that only administrators usually start among them.
installed() {
    [ -n "$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1")" ]
}

# missing NAME… : the packages that hold what is not there. Tests and benchmarks start servers of their own from these
# programs, with folders and ports of their own; the services that some packages start are not used.
missing() {
    local name python
    for name; do
        case $name in
        venv)
            python=$(find_python) || exit 2
            has_venv || "$python" -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
            ;;
        java) java_home >/dev/null || java_package ;;
        postgresql) compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || echo postgresql ;;
        mariadb) installed mariadbd || echo mariadb-server ;;
        *) installed "$name" || echo "$name" ;; # its package is called like the program
        esac
    done
}

# provide NAME… : install what is missing, or say what to install and stop.
provide() {
    local lacks advice
    lacks=$(missing "$@") || exit 2
    [ -n "$lacks" ] || return 0
    lacks=${lacks//$'\n'/ }
    advice="Something is missing. Install it and start again, on Debian: sudo apt-get install $lacks"
    may_install || fail "$advice"
    # shellcheck disable=SC2086
    step "Installing $lacks" apt_install $lacks || fail "$advice"
}

# The stamp says what was installed from where; a checkout that moved or changed its needs is installed again.
make_venv() {
    local extra=$1 python needs stamp=.venv/installed
    needs="$ROOT $(sha256sum <pyproject.toml)"
    if [ -x .venv/bin/python ] && [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$needs" ] && grep -qx "extra $extra" "$stamp"; then
        return
    fi
    python=$(find_python) || exit 2
    if ! has_venv; then
        step "Making .venv with $("$python" -V)" "$python" -m venv --clear .venv || fail "No virtual environment could be made in $ROOT/.venv"
    fi
    rm -f "$stamp"
    step "Installing Python packages (0.9 GB the first time)" .venv/bin/python -m pip install \
        --disable-pip-version-check -q -e ".${extra:+[$extra]}" ||
        fail "The Python packages could not be installed. With a network, or with a mirror in pip's settings, start again."
    { echo "$needs"; echo "extra "; echo "extra $extra"; } >"$stamp"
}

# setup EXTRA NAME… : EXTRA is one of pyproject.toml's, or nothing.
setup() {
    local home
    provide venv java "${@:2}"
    make_venv "$1"
    home=$(java_home) || fail "The installed Java does not start: try java -version"
    export JAVA_HOME=$home
    export PATH=$ROOT/.venv/bin:$PATH
}

# The JDBC drivers that tests give to Spark, fetched once into a folder of this user's.
jdbc_drivers() {
    export DBAGENT_TEST_JARS=${DBAGENT_TEST_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/dbagent-test-jars}
    step "JDBC drivers for Spark" python -m tests.drivers "$DBAGENT_TEST_JARS" ||
        fail "The JDBC drivers could not be fetched. With a network, or with a mirror in Spark's own settings, start again."
}
