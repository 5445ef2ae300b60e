#!/usr/bin/env bash
# cargo-fuzz has every crate tell libFuzzer where it went. What there is to learn is how our own code reads; in the crates below it,
# arithmetic for the most part, telling takes nine tenths of the time, so they are compiled without.
set -euo pipefail
compiler=$1
shift
arguments=()
for argument in "$@"; do
  case $argument in
    -Cpasses=sancov-module | -Cllvm-args=-sanitizer-coverage-*)
      [[ -z ${CARGO_PRIMARY_PACKAGE:-} ]] || arguments+=("$argument")
      ;;
    *) arguments+=("$argument") ;;
  esac
done
exec "$compiler" "${arguments[@]}"
