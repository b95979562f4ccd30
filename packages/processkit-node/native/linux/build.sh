#!/bin/sh
# Builds the Linux host for every architecture that has a compiler here, and records what came out.
#
#   build.sh                 builds into bin/, and writes SHA256SUMS and the client's table of hashes
#   build.sh check           builds elsewhere and compares with what is committed; says what it cannot build
#   build.sh sanitized FILE  builds FILE for this machine with a C library, AddressSanitizer and UBSan, for tests
#   build.sh analyze         looks for faults with the static analyzers of gcc and clang; fails where one finds any
#   build.sh fuzz [SECONDS]  fuzzes what parses the bytes of others with libFuzzer, requests from valid ones on, so long
#                            for each of the two targets; needs clang
#
# The result depends on sources, flags and compiler version, and on nothing else of the machine: no path, date or
# build id gets into it. `check` compares only what the compiler named in COMPILER has built.
set -eu
cd "$(dirname "$0")"

# One architecture per line: its name in Node, and its compiler.
targets='x64 gcc
arm64 aarch64-linux-gnu-gcc'

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion -Werror'
shape='-std=gnu11 -Os -ffreestanding -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables
  -ffunction-sections -fdata-sections -fno-ident -fno-tree-loop-distribute-patterns -ffile-prefix-map=src/='
link='-nostdlib -static -no-pie -Wl,--build-id=none -Wl,--gc-sections -Wl,-z,noexecstack -Wl,-z,norelro
  -Wl,-z,noseparate-code -s'

version_of() { "$1" -dumpfullversion 2>/dev/null || true; }

# $1: compiler, $2: architecture, $3: result
compile() {
  extra=
  [ "$2" != arm64 ] || extra='-mno-outline-atomics'
  # shellcheck disable=SC2086 # the lists are to be split
  "$1" $shape $warnings $extra src/*.c -o "$3" $link
}

# For each target: calls "$1 architecture compiler".
each_target() {
  echo "$targets" | while read -r arch compiler; do "$1" "$arch" "$compiler" || exit 1; done
}

build_one() {
  if ! command -v "$2" >/dev/null; then
    echo "processkit-host-$1: not built, because there is no $2" >&2
    return 1
  fi
  compile "$2" "$1" "bin/processkit-host-$1"
  chmod 755 "bin/processkit-host-$1"
  echo "processkit-host-$1 $(version_of "$2")" >>bin/COMPILER
}

check_one() {
  name=processkit-host-$1
  wanted=$(sed -n "s/^$name //p" bin/COMPILER)
  have=$(version_of "$2")
  if [ -z "$have" ]; then
    echo "$name: not compared, because there is no $2"
  elif [ "$have" != "$wanted" ]; then
    echo "$name: not compared, because it was built by version $wanted of $2 and this is $have"
  else
    compile "$2" "$1" "$scratch/$name"
    if ! cmp -s "$scratch/$name" "bin/$name"; then
      echo "$name: differs from what its sources give" >&2
      return 1
    fi
    echo "$name: is what its sources give"
  fi
}

write_hashes() {
  (cd bin && sha256sum processkit-host-* >SHA256SUMS)
  {
    echo '/**'
    echo ' * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.'
    echo ' */'
    echo 'export const hashes: Readonly<Record<string, string>> = {'
    sed 's/^\([0-9a-f]*\)  \(.*\)$/  "\2": "\1"/; $!s/$/,/' bin/SHA256SUMS
    echo '}'
  } >../../src/internal/host/hostHashes.ts
}

check_hashes() {
  (cd bin && sha256sum -c SHA256SUMS)
  while read -r hash name; do
    if ! grep -q "\"$name\": \"$hash\"" ../../src/internal/host/hostHashes.ts; then
      echo "$name: the client expects another hash" >&2
      return 1
    fi
  done <bin/SHA256SUMS
}

# $1: target, $2: seconds, then: sources that it does not include. What it finds is left where it says.
fuzz_one() {
  target=$1 seconds=$2
  shift 2
  clang -g -O1 -DPROCESSKIT_HOSTED -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    "fuzz/$target.c" "$@" src/text.c -o "$scratch/$target"
  mkdir "$scratch/$target-corpus"
  [ ! -d "fuzz/seeds/$target" ] || cp "fuzz/seeds/$target"/* "$scratch/$target-corpus"
  "$scratch/$target" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 "$scratch/$target-corpus"
}

case ${1-build} in
build)
  mkdir -p bin
  : >bin/COMPILER
  each_target build_one
  write_hashes
  ls -l bin
  ;;
check)
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  check_hashes
  each_target check_one
  ;;
sanitized)
  # shellcheck disable=SC2086
  ${CC-gcc} -std=gnu11 -g -O1 -DPROCESSKIT_HOSTED -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer $warnings src/*.c -o "$2"
  ;;
analyze)
  for source in src/*.c; do
    echo "$source"
    gcc -std=gnu11 -O1 -DPROCESSKIT_HOSTED -fanalyzer -Werror -c "$source" -o /dev/null
    clang --analyze -std=gnu11 -DPROCESSKIT_HOSTED -Xclang -analyzer-werror -Xclang -analyzer-output=text "$source"
  done
  ;;
fuzz)
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  fuzz_one request "${2-30}" src/request.c
  fuzz_one process "${2-30}"
  ;;
*)
  echo "usage: build.sh [check | sanitized FILE | analyze | fuzz [SECONDS]]" >&2
  exit 2
  ;;
esac
