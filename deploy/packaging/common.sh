# Sourced by `deb` and `tarball`: what both packages hold, and where it comes from. Two runs on one commit write the same bytes.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PACKAGING=$ROOT/deploy/packaging
BINARY=$ROOT/.build/release/proxyd
OUTPUT=$ROOT/.build/packages
VERSION=""

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Options of both: --proxyd BINARY, --output FOLDER, --version VERSION.
options() {
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || fail "$1 takes a value"
        case $1 in
            --proxyd) BINARY=$2 ;;
            --output) OUTPUT=$2 ;;
            --version) VERSION=$2 ;;
            *) fail "there is no option $1; there are --proxyd, --output and --version" ;;
        esac
        shift 2
    done
    [ -x "$BINARY" ] || fail "there is no $BINARY: make build"
    BINARY=$(realpath "$BINARY")
    [ -n "$VERSION" ] || VERSION=$("$BINARY" --version | sed -n 's/^proxyd //p')
    [[ $VERSION =~ ^[0-9][A-Za-z0-9.+~]*$ ]] || fail "'$VERSION' is no version"
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || date +%s)}
    umask 022
    mkdir -p "$OUTPUT"
    TREE=$(mktemp -d)
    trap 'rm -rf "$TREE"' EXIT
    chmod 0755 "$TREE"
}

# What the binary loads may be libc alone: `not_linked_in` names the rest, as the file names of libraries.
not_linked_in() {
    LC_ALL=C readelf -d "$BINARY" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libgcc_s|libstdc\+\+|ld-linux.*)\.so\.' || true
}

# The binary without what only a debugger reads.
put_binary() {
    install -D -m 0755 "$BINARY" "$1"
    strip --strip-all --remove-section=.comment "$1"
}

# A shell's completions, which the binary writes.
completions() {
    "$BINARY" completions "$1" 2>/dev/null || "$BINARY" --generate-completion-script "$1"
}

put_completions() {
    mkdir -p "$1/bash-completion/completions" "$1/zsh/vendor-completions" "$1/fish/vendor_completions.d"
    completions bash | sed '1{/^#!/d}' > "$1/bash-completion/completions/proxyd"
    completions zsh > "$1/zsh/vendor-completions/_proxyd"
    completions fish > "$1/fish/vendor_completions.d/proxyd.fish"
}

# Man pages, as far as there are any.
put_man() {
    local page section
    for page in "$ROOT"/docs/reference/*.[1-8]; do
        [ -e "$page" ] || continue
        section=${page##*.}
        mkdir -p "$1/man$section"
        gzip -9n < "$page" > "$1/man$section/$(basename "$page").gz"
    done
}

# The licenses of what is linked in, the bill of materials, and the examples.
put_documents() {
    mkdir -p "$1/examples"
    python3 "$PACKAGING/licenses" --output "$1" --version "$VERSION" >/dev/null
    cp "$ROOT/etc/proxy.yaml" "$ROOT/etc/prices.yaml" "$ROOT"/etc/examples/*.yaml "$1/examples/"
    cp "$ROOT/deploy/README.md" "$1/README.md"
}

# Nothing in a package is newer than the commit it was made of.
settle() {
    find "$TREE" -type d -exec chmod 0755 {} +
    find "$TREE" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}
